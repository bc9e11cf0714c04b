use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Limit};
use opentelemetry::trace::{Link, SpanKind, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use parking_lot::Mutex;

/// Names of traces that are told apart; those beyond share one bucket.
const NAMES: Limit = Limit::new("telemetry.trace_names", 1024);

/// Lets so many traces of a name begin in a second: what is rare is always seen, what is frequent costs little.
#[derive(Clone, Debug)]
pub(crate) struct PerName {
    clock: Clock,
    per_second: f64,
    buckets: Arc<Mutex<HashMap<String, Bucket>>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Duration,
}

impl PerName {
    pub(crate) fn new(clock: Clock, per_second: f64) -> Self {
        Self { clock, per_second: per_second.max(0.0), buckets: Arc::default() }
    }

    fn takes(&self, name: &str) -> bool {
        if self.per_second == 0.0 {
            return false;
        }
        let (now, full) = (self.clock.monotonic(), self.per_second.max(1.0));
        let mut buckets = self.buckets.lock();
        let known = buckets.contains_key(name) || (buckets.len() as u64) < NAMES.max();
        let bucket =
            buckets.entry(if known { name } else { "" }.to_owned()).or_insert(Bucket { tokens: full, at: now });
        let passed = now.saturating_sub(bucket.at).as_secs_f64();
        *bucket = Bucket { tokens: passed.mul_add(self.per_second, bucket.tokens).min(full), at: now };
        let taken = bucket.tokens >= 1.0;
        bucket.tokens -= f64::from(u8::from(taken));
        taken
    }
}

impl ShouldSample for PerName {
    fn should_sample(
        &self,
        _parent: Option<&Context>,
        _trace: TraceId,
        name: &str,
        _kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let decision = if self.takes(name) { SamplingDecision::RecordAndSample } else { SamplingDecision::Drop };
        SamplingResult { decision, attributes: Vec::new(), trace_state: TraceState::default() }
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;

    use super::*;

    #[test]
    fn each_name_has_its_own_rate() {
        let (clock, time) = Clock::simulated(Timestamp::from_nanos(0));
        let sampler = PerName::new(clock, 2.0);
        let taken = |name| (0..10).filter(|_| sampler.takes(name)).count();
        assert_eq!((taken("often"), taken("rare")), (2, 2));
        time.advance(Duration::from_millis(500));
        assert_eq!(taken("often"), 1);
        time.advance(Duration::from_secs(3600));
        assert_eq!(taken("often"), 2, "what was not used is not kept");
    }

    #[test]
    fn nothing_begins_at_a_rate_of_none_and_names_are_bounded() {
        let (clock, _time) = Clock::simulated(Timestamp::from_nanos(0));
        assert!(!PerName::new(clock.clone(), 0.0).takes("x"));
        let sampler = PerName::new(clock, 1.0);
        (0..5000).for_each(|name| {
            sampler.takes(&name.to_string());
        });
        assert!(sampler.buckets.lock().len() as u64 <= NAMES.max() + 1);
    }
}
