use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use base::SecretRef;
use serde::Deserialize;

/// The HTTP port.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port. Beyond loopback only with tokens.
    pub listen: SocketAddr,
    /// Where OTLP is taken and Flight SQL answered by gRPC (HTTP/2), 127.0.0.1:4317 for one; nowhere if it is not set.
    pub grpc_listen: Option<SocketAddr>,
    /// Serves HTTPS with this certificate.
    pub tls: Option<TlsConfig>,
    /// Who may ask. Without any, everybody who reaches the port may.
    pub tokens: Vec<TokenConfig>,
    /// Allows to listen beyond loopback without tokens.
    pub insecure: bool,
    /// Where people reach the pages, for links in notifications: `https://steadfast.example.com`.
    pub external_url: Option<String>,
    /// Bytes of a request's body.
    pub max_body_bytes: usize,
    /// Connections at once on each port; more wait to be accepted.
    pub max_connections: usize,
    /// Streams of `/api/drift/watch` and `/loki/api/v1/tail` at once; more are refused.
    pub max_watchers: usize,
    /// Bytes of answers that wait for their clients at once, those of SQL aside, which are made as they are taken. One more is refused.
    pub max_answer_bytes: u64,
    /// Until a request has its answer's first byte.
    #[serde(with = "base::duration")]
    pub request_timeout: Duration,
}

/// A certificate and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The certificate, with those that it is signed by.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A token that allows requests: as `Authorization: Bearer`, or as the password of basic
/// authentication with any user name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// Who has it; the access log names it.
    pub name: String,
    /// Where the token is.
    pub secret: SecretRef,
    /// The scopes (`provider/scope`) whose rows it may see, by `/api/drift` and in SQL only; all without. A table whose rows have none is read only if `tables` names it.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
    /// The tables and views that it may read, in SQL only; all without.
    #[serde(default)]
    pub tables: Option<Vec<String>>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9470)),
            grpc_listen: None,
            tls: None,
            tokens: Vec::new(),
            insecure: false,
            external_url: None,
            max_body_bytes: 1 << 20,
            max_connections: 1_024,
            max_watchers: 64,
            max_answer_bytes: 512 << 20,
            request_timeout: Duration::from_secs(60),
        }
    }
}
