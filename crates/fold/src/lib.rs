//! Folds: deterministic state machines over a shard of the state log, and the host that drives them.

mod documents;
mod error;
mod fold;

pub use documents::{DocumentRef, Documents, Found, Side};
pub use error::FoldError;
pub use fold::{Fold, Outputs};
