//! The HTTP port: SQL and drift as APIs, health and metrics, and pages for people.
//!
//! One listener, bound to loopback unless tokens are configured. Everything that a client sends is
//! bounded (connections, headers, body, time), and everything that a page shows is escaped: the
//! contents of files that anybody may have written are among it.

mod access;
mod alerting;
mod alertmanager;
mod answers;
mod api;
mod caller;
mod canary;
mod config;
mod connection;
mod cross_site;
mod error;
mod flight_sql;
mod format;
mod forms;
mod grpc;
mod guard;
mod health;
mod ingest;
mod intake;
mod jaeger;
mod kayenta;
mod loki;
mod page;
mod privilege;
mod prometheus;
mod rows;
mod rules;
mod server;
mod shelf;
mod stall;
mod state;
mod stream;
mod tls;

pub use alerting::{Alerting, Reload};
pub use config::{ServerConfig, TlsConfig, TokenConfig};
pub use error::ServerError;
pub use health::{ComponentState, Health};
pub use intake::{From, Intake, IsSigned, NotTaken, Take};
pub use server::{Parts, Server};
pub use state::Books;
