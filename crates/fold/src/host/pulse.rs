use std::time::Duration;

use base::{Clock, Timestamp};

/// While the embedded log is ahead of the clock its time passes more slowly by this share.
const SLOWER: u32 = 64;

/// What time it is on the log, as far as its records tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    /// See [`super::HostConfig::log_goes_on`].
    goes_on: bool,
    /// The time of the last record, and when it was read, on the clock that never goes back.
    time: Timestamp,
    read: Duration,
}

impl Pulse {
    pub const fn new(goes_on: bool) -> Self {
        Self { goes_on, time: Timestamp::ZERO, read: Duration::ZERO }
    }

    /// A record of that time was read now.
    pub const fn see(&mut self, time: Timestamp, now: Duration) {
        (self.time, self.read) = (time, now);
    }

    /// The time that a record would have now, or an earlier one.
    pub fn now(&self, clock: &Clock) -> Timestamp {
        let wall = clock.now();
        if !self.goes_on {
            return wall;
        }
        let since = clock.monotonic().saturating_sub(self.read);
        wall.max(self.time.plus(since - since / SLOWER))
    }
}
