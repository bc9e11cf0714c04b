use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use base::SecretRef;
use serde::Deserialize;

use crate::PostgresError;

/// PostgreSQL's wire: SQL from psql, drivers and Grafana.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresConfig {
    /// Whether it is listened for: where nothing is set here, by a process that watches, if the port is free.
    pub enabled: bool,
    /// Address and port. Beyond loopback only with users. TLS is offered with the certificate of `server.tls`.
    pub listen: SocketAddr,
    /// Who may ask, beside the names of `server.tokens` with those tokens as passwords. Without any, everybody who
    /// reaches the port may.
    pub users: Vec<UserConfig>,
    /// Connections at once; more are refused with 53300.
    pub max_connections: usize,
    /// Bytes of a client's message.
    pub max_message_bytes: u64,
    /// After so long without a message a connection is ended.
    #[serde(with = "base::duration")]
    pub idle_timeout: Duration,
    /// What a statement may take, if that is less than `query.timeout`; a session may set `statement_timeout` below it.
    #[serde(with = "base::duration")]
    pub statement_timeout: Duration,
}

/// A user and where the password is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserConfig {
    /// The user's name.
    pub name: String,
    /// Where the password is.
    pub secret: SecretRef,
    /// The tables and views that may be read; without, all.
    #[serde(default)]
    pub tables: Option<Vec<String>>,
    /// The scopes (`provider/scope`) whose rows may be read; all without. A table whose rows have none is read only if `tables` names it.
    #[serde(default)]
    pub scopes: Option<Vec<String>>,
}

impl Default for PostgresConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5433)),
            users: Vec::new(),
            max_connections: 100,
            max_message_bytes: 4 << 20,
            idle_timeout: Duration::from_secs(1_800),
            statement_timeout: Duration::from_secs(30),
        }
    }
}

impl PostgresConfig {
    /// Refuses an address that everybody could reach, if nobody has to say who they are.
    ///
    /// # Errors
    /// [`PostgresError::Open`].
    pub fn check(&self, tokens: usize) -> Result<(), PostgresError> {
        let open = self.users.is_empty() && tokens == 0;
        match self.enabled && open && !self.listen.ip().is_loopback() {
            true => Err(PostgresError::Open { listen: self.listen }),
            false => Ok(()),
        }
    }
}
