use std::time::Duration;

use crate::Rng;

/// Exponential back-off with jitter: attempt `n` waits between half and all of
/// `min(first * 2^n, limit)`.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    limit: Duration,
    attempt: u32,
}

impl Backoff {
    /// Starts at `first`; never waits longer than `limit`.
    pub const fn new(first: Duration, limit: Duration) -> Self {
        Self { first, limit, attempt: 0 }
    }

    /// The wait before the next attempt; each call doubles it.
    pub fn next(&mut self, rng: &Rng) -> Duration {
        let wait = self.at(self.attempt, rng);
        self.attempt = self.attempt.saturating_add(1);
        wait
    }

    /// The wait before attempt `attempt` (0 is the first), for callers that keep the count.
    pub fn at(&self, attempt: u32, rng: &Rng) -> Duration {
        let full = self.first.saturating_mul(2u32.saturating_pow(attempt.min(31))).min(self.limit);
        full / 2 + rng.jitter(full / 2)
    }

    /// After a success: the next wait is the first again.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_limit_with_at_most_half_of_jitter() {
        let rng = Rng::seeded(1);
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5));
        for full in [1, 2, 4, 5, 5] {
            let wait = backoff.next(&rng);
            assert!(wait >= Duration::from_secs(full) / 2 && wait <= Duration::from_secs(full), "{wait:?} for {full}");
        }
        backoff.reset();
        assert!(backoff.next(&rng) <= Duration::from_secs(1));
    }
}
