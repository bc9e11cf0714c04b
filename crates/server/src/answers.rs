//! The room for answers that are made as a whole, and wait in memory until their clients have taken them.

use std::sync::Arc;

use base::{Exceeded, Limit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The setting.
const NAME: &str = "max_answer_bytes";
/// Bytes that are counted as one.
const UNIT: u64 = 1 << 10;

/// The room.
pub struct Answers {
    limit: Limit,
    room: Arc<Semaphore>,
}

/// Room for an answer, until it is dropped.
pub struct Held {
    bytes: u64,
    _room: OwnedSemaphorePermit,
}

/// Why there is no room for an answer.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is too large by itself: ask for less.
    #[error("the answer is too large: {0} bytes")]
    Large(#[from] Exceeded),
    /// Others wait: try again.
    #[error(
        "this answer of {bytes} bytes and those that wait for their clients exceed the limit max_answer_bytes = {most}"
    )]
    Full {
        /// What it takes.
        bytes: u64,
        /// What all may take.
        most: u64,
    },
}

impl Answers {
    /// Room for so many bytes.
    pub fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { limit: Limit::new(NAME, bytes), room: Arc::new(Semaphore::new(units)) }
    }

    /// Room for an answer of so many bytes.
    pub fn hold(&self, bytes: u64) -> Result<Held, Refused> {
        self.limit.check(bytes)?;
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(units) else {
            metrics::counter!("steadfast_limit_exceeded_total", "limit" => NAME).increment(1);
            return Err(Refused::Full { bytes, most: self.limit.max() });
        };
        metrics::gauge!("steadfast_http_answer_bytes").increment(bytes as f64);
        Ok(Held { bytes, _room: room })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        metrics::gauge!("steadfast_http_answer_bytes").decrement(self.bytes as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_share_a_room_and_leave_it() {
        let answers = Answers::new(100 << 10);
        let first = answers.hold(60 << 10).ok();
        assert!(first.is_some());
        assert!(matches!(answers.hold(41 << 10), Err(Refused::Full { .. })));
        assert!(matches!(answers.hold(200 << 10), Err(Refused::Large(_))));
        assert!(answers.hold(40 << 10).is_ok());
        drop(first);
        assert!(answers.hold(100 << 10).is_ok());
    }
}
