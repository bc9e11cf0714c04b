use std::time::Duration;

use base::{Backoff, Rng};

use crate::{Limits, ReceiverConfig};

/// Says when a receiver may be sent to: a token bucket, a bound on requests in flight, and a pause
/// after which one request goes alone to find out whether the provider takes them again.
#[derive(Debug)]
pub(super) struct Pacer {
    limits: Limits,
    max_in_flight: u32,
    max_pause: Duration,
    tokens: f64,
    refilled: Duration,
    paused_until: Duration,
    /// As far as the provider has asked for the pause itself.
    asked_until: Duration,
    probing: bool,
    failures: u32,
    in_flight: u32,
}

impl Pacer {
    pub fn new(limits: Limits, config: &ReceiverConfig, max_pause: Duration) -> Self {
        let limits = config.apply(limits);
        Self {
            limits,
            max_in_flight: config.in_flight.max(1),
            max_pause,
            tokens: f64::from(limits.burst),
            refilled: Duration::ZERO,
            paused_until: Duration::ZERO,
            asked_until: Duration::ZERO,
            probing: false,
            failures: 0,
            in_flight: 0,
        }
    }

    /// The same for who goes on after `before`: what is in flight counts, so do the requests of the last
    /// minute, and a pause that the provider has asked for holds. One for a refusal does not: what
    /// was refused may be mended.
    pub fn succeed(self, before: &Self) -> Self {
        Self {
            tokens: before.tokens.min(f64::from(self.limits.burst)),
            refilled: before.refilled,
            paused_until: before.asked_until,
            asked_until: before.asked_until,
            probing: before.probing,
            failures: before.failures,
            in_flight: before.in_flight,
            ..self
        }
    }

    /// When the next request may start; nothing if one in flight has to end first.
    pub fn ready_at(&mut self, now: Duration) -> Option<Duration> {
        let room = if self.probing { 1 } else { self.max_in_flight };
        if self.in_flight >= room {
            return None;
        }
        self.refill(now);
        let token = if self.tokens >= 1.0 { now } else { now + self.until_token() };
        Some(token.max(self.paused_until))
    }

    pub fn start(&mut self, now: Duration) {
        self.refill(now);
        self.tokens -= 1.0;
        self.in_flight += 1;
    }

    /// A request has ended, and the provider answers.
    pub fn answered(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.probing = false;
        self.failures = 0;
    }

    /// A request has ended without an answer that says anything of the receiver as a whole.
    pub fn failed(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The provider wants fewer requests: none until `hint` has passed, or the back-off. Gives the
    /// end of the pause.
    pub fn pause(&mut self, now: Duration, hint: Option<Duration>, rng: &Rng) -> Duration {
        self.asked_until = self.rest(now, hint, rng);
        self.asked_until
    }

    /// The provider refuses the receiver as a whole: no more requests until the back-off has passed.
    /// Gives the end of the pause.
    pub fn refuse(&mut self, now: Duration, rng: &Rng) -> Duration {
        self.rest(now, None, rng)
    }

    fn rest(&mut self, now: Duration, hint: Option<Duration>, rng: &Rng) -> Duration {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.probing = true;
        let backoff = Backoff::new(self.limits.pause, self.limits.max_backoff).at(self.failures, rng);
        // A hint has no jitter below it: it is the earliest time that the provider allows.
        let wait = hint.map_or(backoff, |hint| hint + rng.jitter(hint / 10).min(self.limits.max_backoff));
        self.failures = self.failures.saturating_add(1);
        self.paused_until = self.paused_until.max(now + wait.min(self.max_pause));
        self.paused_until
    }

    /// The wait of one incident after its attempt `n` (from 0) failed.
    pub fn backoff_at(&self, n: u32, rng: &Rng) -> Duration {
        Backoff::new(self.limits.first_backoff, self.limits.max_backoff).at(n, rng)
    }

    pub const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub fn paused(&self, now: Duration) -> bool {
        self.paused_until > now
    }

    pub const fn timeout(&self) -> Duration {
        self.limits.timeout
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.refilled).as_secs_f64();
        self.tokens = (self.tokens + passed * self.limits.per_second).min(f64::from(self.limits.burst));
        self.refilled = now;
    }

    fn until_token(&self) -> Duration {
        let seconds = (1.0 - self.tokens) / self.limits.per_second.max(1e-6);
        // A millisecond more than computed, so that rounding never makes the wait too short.
        Duration::try_from_secs_f64(seconds).unwrap_or(self.max_pause) + Duration::from_millis(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pacer(burst: u32, per_second: f64) -> Pacer {
        let limits = Limits {
            burst,
            per_second,
            first_backoff: Duration::from_secs(1),
            pause: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            timeout: Duration::from_secs(5),
        };
        Pacer::new(limits, &ReceiverConfig { in_flight: 1000, ..ReceiverConfig::default() }, Duration::from_secs(3600))
    }

    const fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn never_more_than_the_burst_and_the_rate_allow_in_any_minute() {
        let mut pacer = pacer(30, 1.5);
        let mut started = Vec::new();
        for time in (0..600_000).step_by(50).map(Duration::from_millis) {
            while pacer.ready_at(time).is_some_and(|at| at <= time) {
                pacer.start(time);
                pacer.answered();
                started.push(time);
            }
        }
        let most = started.iter().map(|&from| started.iter().filter(|&&t| t >= from && t < from + secs(60)).count());
        assert!(most.max().unwrap() <= 120);
        assert!(started.len() > 900, "{}: the rate is used", started.len());
    }

    #[test]
    fn a_pause_is_obeyed_and_then_one_request_goes_alone() {
        let (mut pacer, rng) = (pacer(10, 10.0), Rng::seeded(1));
        pacer.start(secs(1));
        let until = pacer.pause(secs(1), Some(secs(30)), &rng);
        assert!(until >= secs(31) && until <= secs(34), "{until:?}");
        assert_eq!(pacer.ready_at(secs(2)), Some(until));
        pacer.start(until);
        assert_eq!(pacer.ready_at(until), None, "the probe is alone");
        pacer.answered();
        assert_eq!(pacer.ready_at(until), Some(until));
    }

    #[test]
    fn other_limits_change_neither_what_was_sent_nor_what_the_provider_asked_for() {
        let rng = Rng::seeded(1);
        let mut before = pacer(10, 1.0);
        (0..8).for_each(|_| before.start(secs(1)));
        let mut after = pacer(20, 1.0).succeed(&before);
        (0..2).for_each(|_| after.start(secs(1)));
        assert_eq!(after.in_flight(), 10);
        assert!(after.ready_at(secs(1)).is_some_and(|at| at > secs(1)), "the burst was used");

        let until = before.pause(secs(2), Some(secs(60)), &rng);
        assert!(pacer(10, 1.0).succeed(&before).paused(until - secs(1)), "it was asked for");
        let mut before = pacer(10, 1.0);
        before.start(secs(1));
        before.refuse(secs(1), &rng);
        assert!(!pacer(10, 1.0).succeed(&before).paused(secs(1)), "the key may be another one");
    }

    #[test]
    fn no_hint_is_longer_than_the_limit() {
        let (mut pacer, rng) = (pacer(10, 10.0), Rng::seeded(1));
        pacer.start(secs(1));
        assert_eq!(pacer.pause(secs(1), Some(secs(u64::MAX / 4)), &rng), secs(3601));
    }
}
