use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::{ServerError, TlsConfig};

/// HTTP/2, as a handshake names it.
pub const HTTP2: &[u8] = b"h2";

/// Reads the certificate and the key.
pub fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor, ServerError> {
    let certs = certificates(&config.cert)?;
    let key = PrivateKeyDer::from_pem_file(&config.key).map_err(|error| problem(&config.key, error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| problem(&config.cert, error))?
        .with_no_client_auth()
        .with_single_cert(certs, key)
        .map_err(|error| problem(&config.key, format!("does not fit {}: {error}", config.cert.display())))?;
    tls.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ServerError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| problem(path, error))?;
    let certs = read.collect::<Result<Vec<_>, _>>().map_err(|error| problem(path, error))?;
    if certs.is_empty() { Err(problem(path, "no certificate is in it")) } else { Ok(certs) }
}

fn problem(path: &Path, problem: impl ToString) -> ServerError {
    ServerError::Tls { path: path.to_owned(), problem: problem.to_string() }
}
