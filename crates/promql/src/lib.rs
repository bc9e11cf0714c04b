//! PromQL as Prometheus 3.14 evaluates it, with what 3.16 has mended: expressions, native histograms, the engine over any
//! [`Storage`], and the language of its test scripts.
//!
//! Pure: no I/O, no clock, no threads. What takes long asks a callback whether it may go on.

mod annotations;
mod dates;
mod error;
mod eval;
mod functions;
pub mod histogram;
pub mod labels;
pub mod matcher;
mod memory;
pub mod parser;
pub mod script;
mod shortest;
mod storage;
pub mod text;
mod value;
mod xxhash;

pub use annotations::{Annotation, Severity};
pub use error::QueryError;
pub use eval::{Answer, Limits, Options, Steps, instant, looks_back, range};
pub use histogram::Histogram;
pub use labels::Labels;
pub use matcher::{MatchOp, Matcher};
pub use memory::{Memory, Sample};
pub use parser::{ParseError, parse};
pub use storage::{
    FloatSample, HistogramSample, Prepare, Prepared, PreparedSet, SelectHints, SeriesSet, Storage, StorageError,
    StoredSeries,
};
pub use value::{Data, Point, STALE_BITS, Series, Value, is_stale, stale_marker};
