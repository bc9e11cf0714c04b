//! SQL over Arrow Flight: for ADBC, the JDBC driver of Arrow, and whoever else speaks Flight SQL.
//! <https://arrow.apache.org/docs/format/FlightSql.html>
//!
//! Nothing is kept between calls: a ticket and the handle of a prepared statement are the statement
//! itself, with the values that were bound to it. An answer is computed while it is read, within the
//! limits of queries, and ends with the call.

mod answer;
mod catalog;
mod facts;
mod form;
mod handle;
mod service;
mod sql;
mod status;
mod types;
mod values;

use std::sync::Arc;

use base::{Clock, Tasks};
use query::Engine;

pub use service::{Flight, answer, service};

/// Where the calls are, as a route of HTTP.
pub const PATH: &str = "/arrow.flight.protocol.FlightService/{method}";

/// What calls are answered with.
#[derive(Clone)]
pub struct Parts {
    /// Answers SQL.
    pub engine: Arc<Engine>,
    /// The time.
    pub clock: Clock,
    /// Where answers are computed.
    pub tasks: Tasks,
}

/// The token that a call came with, as an extension of its request: who lets calls in puts it there,
/// and a handshake gives it back to be sent as `Authorization: Bearer` from then on.
#[derive(Clone)]
pub struct Bearer(pub String);

impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer(..)")
    }
}
