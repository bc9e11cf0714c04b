//! PostgreSQL's wire, with the tokens and the certificate of the HTTP port.

use std::sync::Arc;

use base::Clock;
use postgres::{Parts, Server, Token};
use query::Engine;

use crate::{AppError, Config};

/// As a handshake names the protocol.
const PROTOCOL: &[u8] = b"postgresql";

/// The port, open, if this process has one.
///
/// # Errors
/// Names the address, the user or the file that is in the way.
pub(crate) async fn bind(config: &Config, engine: &Arc<Engine>, clock: &Clock) -> Result<Option<Server>, AppError> {
    if !config.postgres.enabled {
        return Ok(None);
    }
    let server = &config.server;
    let tls = server.tls.as_ref().map(|tls| tls.acceptor(&[PROTOCOL])).transpose()?;
    let mut tokens = Vec::new();
    for token in &server.tokens {
        let secret = token.secret.resolve();
        let secret = secret.map_err(|error| AppError::part(format!("server.tokens.{}", token.name), error))?;
        tokens.push(Token { name: token.name.clone(), secret, limited: token.scopes.is_some() });
    }
    let parts = Parts { engine: Arc::clone(engine), clock: clock.clone(), tokens, tls };
    let server = Server::bind(config.postgres.clone(), parts).await?;
    tracing::info!(address = %server.addr(), "Listening for PostgreSQL clients on");
    Ok(Some(server))
}
