//! PostgreSQL's wire, with the tokens and the certificate of the HTTP port.

use std::sync::Arc;

use base::Clock;
use postgres::{Parts, PostgresConfig, Server, Token};
use query::{Engine, Rights};

use crate::{AppError, Config, Role};

/// As a handshake names the protocol.
const PROTOCOL: &[u8] = b"postgresql";

/// Whether this process has the port.
pub(crate) fn is_wanted(config: &Config) -> bool {
    let unasked = config.postgres == PostgresConfig::default();
    config.postgres.enabled && (!unasked || config.has(Role::Watching))
}

/// The port, open, if this process has one.
///
/// # Errors
/// Names the address, the user or the file that is in the way.
pub(crate) async fn bind(config: &Config, engine: &Arc<Engine>, clock: &Clock) -> Result<Option<Server>, AppError> {
    let unasked = config.postgres == PostgresConfig::default();
    if !is_wanted(config) {
        return Ok(None);
    }
    let server = &config.server;
    let tls = server.tls.as_ref().map(|tls| tls.acceptor(&[PROTOCOL])).transpose()?;
    let mut tokens = Vec::new();
    for token in &server.tokens {
        let secret = token.secret.resolve();
        let secret = secret.map_err(|error| AppError::part(format!("server.tokens.{}", token.name), error))?;
        let rights = Rights::new(token.tables.as_deref(), token.scopes.as_deref());
        let rights = rights.map_err(|error| AppError::part(format!("server.tokens.{}.tables", token.name), error))?;
        tokens.push(Token { name: token.name.clone(), secret, rights });
    }
    let parts = Parts { engine: Arc::clone(engine), clock: clock.clone(), tokens, tls };
    let server = match Server::bind(config.postgres.clone(), parts).await {
        // Nobody asked for this port: another process may have it.
        Err(error) if unasked => {
            tracing::warn!(%error, "PostgreSQL clients are not listened for; `postgres.listen` sets another port");
            return Ok(None);
        }
        bound => bound?,
    };
    tracing::info!(address = %server.addr(), "Listening for PostgreSQL clients on");
    Ok(Some(server))
}
