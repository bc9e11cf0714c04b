use std::time::Duration;

use base::Limit;
use serde::Deserialize;

use crate::Limits;

/// How the host works; the defaults are right for one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostConfig {
    /// A checkpoint is saved at least this often while there is something new.
    pub save_every: Duration,
    /// And after this many records.
    pub save_records: u64,
    /// How long a shutdown waits for requests in flight and for receipts.
    pub drain: Duration,
    /// Bytes of payloads that one receiver may have waiting; past it, intents wait and are sent in
    /// their stripped form (summary, severity, key, link, the labels of a group's alerts): none is lost.
    pub held: Limit,
    /// Receipts of a shard that may wait for the log; past it nothing is sent.
    pub receipts: Limit,
    /// The longest pause that a provider can ask for.
    pub max_pause: Duration,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            save_every: Duration::from_secs(10),
            save_records: 10_000,
            drain: Duration::from_secs(10),
            held: Limit::new("notify.held_bytes", 64 << 20),
            receipts: Limit::new("notify.receipts", 10_000),
            max_pause: Duration::from_secs(3600),
        }
    }
}

/// What a configuration may change of a receiver; what is not set is as the provider documents it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReceiverConfig {
    /// Incidents that may have a request in flight at once (limit `notify.in_flight`).
    pub in_flight: u32,
    /// Requests that may go at once.
    pub burst: Option<u32>,
    /// Requests a second after that.
    pub per_second: Option<f64>,
    /// How long one request may take.
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    /// How long a provider that takes a notification for processing has to say that it was good;
    /// after that it counts as not delivered, and the receiver's fallback is told.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub prove_within: Duration,
    /// Notifications that may wait. An incident that opens while so many do is told of in one more, the receiver's digest (limit `notify.digest_after`).
    pub digest_after: usize,
}

fn duration<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    base::duration::deserialize(deserializer).map(Some)
}

impl Default for ReceiverConfig {
    fn default() -> Self {
        Self {
            in_flight: 16,
            burst: None,
            per_second: None,
            timeout: None,
            prove_within: Duration::from_secs(120),
            digest_after: 500,
        }
    }
}

impl ReceiverConfig {
    /// The provider's limits with what this changes; values that make no sense are ignored.
    pub fn apply(&self, mut limits: Limits) -> Limits {
        let positive = |value: &f64| value.is_finite() && *value > 0.0;
        limits.burst = self.burst.unwrap_or(limits.burst).max(1);
        limits.per_second = self.per_second.filter(positive).unwrap_or(limits.per_second);
        limits.timeout = self.timeout.filter(|timeout| !timeout.is_zero()).unwrap_or(limits.timeout);
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_changes_what_it_names_and_refuses_what_it_does_not_know() {
        let provider = Limits {
            burst: 5,
            per_second: 2.0,
            first_backoff: Duration::from_secs(1),
            pause: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
        };
        let config: ReceiverConfig = serde_json::from_str(r#"{"burst": 9, "timeout": "500ms"}"#).unwrap();
        let limits = config.apply(provider);
        assert_eq!((limits.burst, limits.per_second, limits.timeout), (9, 2.0, Duration::from_millis(500)));
        assert_eq!(ReceiverConfig { per_second: Some(f64::NAN), ..config }.apply(provider).per_second, 2.0);
        assert!(serde_json::from_str::<ReceiverConfig>(r#"{"bursts": 9}"#).is_err());
    }
}
