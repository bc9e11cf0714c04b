use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::{ServerError, TlsConfig};

/// HTTP/2, as a handshake names it.
pub const HTTP2: &[u8] = b"h2";

impl TlsConfig {
    /// Reads the certificate and the key, for a port that speaks one of `protocols`.
    ///
    /// # Errors
    /// [`ServerError::Tls`] names the file.
    pub fn acceptor(&self, protocols: &[&[u8]]) -> Result<TlsAcceptor, ServerError> {
        let certs = certificates(&self.cert)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| problem(&self.key, error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| problem(&self.cert, error))?
            .with_no_client_auth()
            .with_single_cert(certs, key)
            .map_err(|error| problem(&self.key, format!("does not fit {}: {error}", self.cert.display())))?;
        tls.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(tls)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| problem(path, error))?;
    let certs = read.collect::<Result<Vec<_>, _>>().map_err(|error| problem(path, error))?;
    if certs.is_empty() { Err(problem(path, "no certificate is in it")) } else { Ok(certs) }
}

fn problem(path: &Path, problem: impl ToString) -> ServerError {
    ServerError::Tls { path: path.to_owned(), problem: problem.to_string() }
}
