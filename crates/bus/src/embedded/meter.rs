use metrics::{Counter, Gauge, Histogram};
use model::Offset;

/// What a shard's writer counts.
pub(super) struct Meter {
    appends: Counter,
    records: Counter,
    bytes: Counter,
    group: Histogram,
    held: Gauge,
    next: Gauge,
    /// Seconds that each fsync took.
    pub fsync: Histogram,
    /// Appends answered with `Unavailable`.
    pub unavailable: Counter,
}

impl Meter {
    pub fn new(log: &str, shard: u32) -> Self {
        let labels = [("log", log.to_owned()), ("shard", shard.to_string())];
        Self {
            appends: metrics::counter!("steadfast_log_appends_total", &labels),
            records: metrics::counter!("steadfast_log_records_total", &labels),
            bytes: metrics::counter!("steadfast_log_append_bytes_total", &labels),
            group: metrics::histogram!("steadfast_log_group_records", &labels),
            held: metrics::gauge!("steadfast_log_bytes", &labels),
            next: metrics::gauge!("steadfast_log_next_offset", &labels),
            fsync: metrics::histogram!("steadfast_log_fsync_seconds", &labels),
            unavailable: metrics::counter!("steadfast_log_unavailable_total", &labels),
        }
    }

    /// A group of `records` from `appends` was made durable with `bytes`; the shard now has `held`.
    pub fn committed(&self, appends: usize, records: usize, bytes: usize, held: u64, next: Offset) {
        self.appends.increment(appends as u64);
        self.records.increment(records as u64);
        self.bytes.increment(bytes as u64);
        self.group.record(records as f64);
        self.size(held, next);
    }

    /// How large the shard is.
    pub fn size(&self, held: u64, next: Offset) {
        self.held.set(held as f64);
        self.next.set(next.0 as f64);
    }
}

/// Counts how often a segment could not be removed that nobody needs.
pub(super) fn remove_errors(log: &str, shard: u32) -> Counter {
    let labels = [("log", log.to_owned()), ("shard", shard.to_string())];
    metrics::counter!("steadfast_log_remove_errors_total", &labels)
}
