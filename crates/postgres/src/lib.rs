//! PostgreSQL's wire: SQL from psql, drivers and Grafana, over the snapshots and within the limits
//! of all queries.
//!
//! Messages are read by a reader of our own, since no byte of a client may be trusted: what is cut
//! short or says that it is huge ends its connection, and nothing else. Rows are written as they
//! come, a batch at a time, so that an answer of any size takes as much memory as a small one.

mod cancel;
mod column;
mod config;
mod decode;
mod encode;
mod entrance;
mod error;
mod failure;
mod portal;
mod reply;
mod request;
mod server;
mod session;
mod settings;
mod shared;
mod users;
mod wire;

pub use config::{PostgresConfig, UserConfig};
pub use error::PostgresError;
pub use server::{Parts, Server};
pub use users::Token;
