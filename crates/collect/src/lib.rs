//! What watches: the trait of collectors and the host that runs them, numbers what they see and
//! appends it.

mod collector;
mod error;

pub use collector::{Collector, Cover, Cx, Seen};
pub use error::CollectError;
