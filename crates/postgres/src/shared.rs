use std::sync::Arc;

use base::{Clock, Shutdown};
use query::Postgres;
use tokio_rustls::TlsAcceptor;

use crate::PostgresConfig;
use crate::cancel::Sessions;
use crate::users::Users;

/// What all sessions share.
pub struct Shared {
    pub postgres: Postgres,
    pub config: PostgresConfig,
    pub clock: Clock,
    pub shutdown: Shutdown,
    pub users: Users,
    pub sessions: Arc<Sessions>,
    pub tls: Option<TlsAcceptor>,
}
