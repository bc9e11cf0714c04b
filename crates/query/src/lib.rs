//! SQL over the store: DataFusion with the project's tables, views and time travel, strictly
//! read-only and within limits.
//!
//! A query pins one version of every table, so that what it joins belongs together. Parsing and
//! planning run off the runtime's threads; execution streams batch by batch. Every way to ask for
//! too much (text, nesting, memory, time, rows, queries at once) ends in a [`QueryError`] that names
//! the limit, and leaves the engine as it was.

mod answer;
mod arguments;
mod bounded;
mod calls;
mod catalog;
mod chain;
mod check;
mod config;
mod counting;
mod deadline;
mod depth;
mod describe;
mod dynamic;
mod engine;
mod error;
mod explain;
mod expression;
mod functions;
mod growth;
mod join_keys;
mod joined;
mod like;
mod literals;
mod logs;
mod lookups;
mod parameters;
mod places;
mod postgres;
mod prom;
mod pushdown;
mod ranges;
mod rights;
mod rules;
mod scan;
mod session;
mod sizes;
mod table;
mod token;
mod travel;
pub mod value;
mod views;
mod zones;

pub use answer::{Answer, Rows};
pub use config::QueryConfig;
pub use describe::{Described, Table};
pub use engine::{Engine, SqlOptions};
pub use error::{Missing, Position, QueryError};
pub use expression::ExpressionError;
pub use logs::{LogAmount, LogRange, Pattern, Streams};
pub use postgres::{
    POSTGRES_VERSION, PgCopy, PgCopyFormat, PgCursor, PgFetch, PgForced, PgQuery, PgRows, PgScalar, PgSession, PgShape,
    PgStatement, PgType, Postgres,
};
pub use prom::{PromqlOptions, Read, Selection};
pub use rights::{NoTable, Rights};
pub use session::{CATALOG, SCHEMA};
pub use token::{Token, TokenError};
pub use views::View;

/// Functions of tables from modules that stand on the engine.
const TABLES_OF_OTHERS: &[engine::Register] = &[prom::register];

/// The views that the engine adds to the store's tables.
pub fn views() -> &'static [View] {
    views::VIEWS
}
