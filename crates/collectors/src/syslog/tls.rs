//! TLS for senders: RFC 5425.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio_rustls::TlsAcceptor;

use super::SyslogTlsConfig;

/// What is wrong with a file of the settings `tls`.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct TlsFileError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

fn wrong(file: &Path, problem: impl ToString) -> TlsFileError {
    TlsFileError { file: file.to_owned(), problem: problem.to_string() }
}

/// Reads certificates and the key.
pub(super) fn acceptor(config: &SyslogTlsConfig) -> Result<TlsAcceptor, TlsFileError> {
    let certs = certificates(&config.cert)?;
    let key = PrivateKeyDer::from_pem_file(&config.key).map_err(|error| wrong(&config.key, error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&config.cert, error))?;
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(file)? {
                roots.add(root).map_err(|error| wrong(file, error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| wrong(file, error))?)
        }
    };
    let does_not_fit =
        |error: rustls::Error| wrong(&config.key, format!("does not fit {}: {error}", config.cert.display()));
    let tls = builder.with_single_cert(certs, key).map_err(does_not_fit)?;
    Ok(TlsAcceptor::from(Arc::new(tls)))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| wrong(file, error))?;
    let certs = read.collect::<Result<Vec<_>, _>>().map_err(|error| wrong(file, error))?;
    if certs.is_empty() { Err(wrong(file, "no certificate is in it")) } else { Ok(certs) }
}
