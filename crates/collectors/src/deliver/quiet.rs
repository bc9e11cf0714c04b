use std::time::Duration;

use base::Clock;
use parking_lot::Mutex;

/// From one line to the next.
const EVERY: Duration = Duration::from_secs(60);

/// Lets a thing be said once a minute.
#[derive(Debug, Default)]
pub(crate) struct Quiet(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    last: Option<Duration>,
    untold: u64,
}

impl Quiet {
    /// Whether it may be said; then how often it was not since it was said last.
    pub(crate) fn turn(&self, clock: &Clock) -> Option<u64> {
        let now = clock.monotonic();
        let mut said = self.0.lock();
        if said.last.is_some_and(|last| now < last + EVERY) {
            said.untold += 1;
            return None;
        }
        said.last = Some(now);
        Some(std::mem::take(&mut said.untold))
    }
}
