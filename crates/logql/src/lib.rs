//! LogQL as Grafana Loki evaluates it: queries for lines and for numbers, over any [`Storage`].
//!
//! Pure: no I/O, no clock, no threads. What takes long asks a callback whether it may go on; what a query
//! may take has limits with names.

mod answer;
pub mod ast;
mod error;
mod eval;
mod fields;
mod labels;
mod level;
mod matcher;
mod memory;
mod metadata;
pub mod parser;
mod plan;
mod stages;
mod storage;
mod template;
pub mod text;

pub use answer::{Answer, Data, Entry, Point, Sample, Series, Stats, Stream};
pub use ast::Expr;
pub use error::QueryError;
pub use eval::{Limits, LogQuery, Options, Steps, instant, logs, range};
pub use fields::{Field, FieldType, Fields};
pub use labels::{Label, Labels, is_label_name};
pub use level::detect_level;
pub use matcher::{MatchOp, Matcher, RegexpError};
pub use memory::Memory;
pub use metadata::Metadata;
pub use parser::{ParseError, parse, parse_logs, parse_matchers};
pub use plan::{Direction, Selection, plan, selection};
pub use stages::{Category, ERROR, ERROR_DETAILS, Pipeline, Work};
pub use storage::{Entries, Row, Storage, StorageError};
