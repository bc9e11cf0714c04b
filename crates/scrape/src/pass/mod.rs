//! What an answer becomes: series, samples, and markers of those that are gone.

mod cache;
mod take;

pub use cache::Cache;
pub use take::{Pass, Settle};

use crate::config::Job;
use crate::read::Value;
use crate::relabel::Rule;
use crate::{Attach, LabelLimits, Labels, Target};

/// The bits of a stale marker: a value that says that the series is gone.
pub const STALE: u64 = 0x7ff0_0000_0000_0002;

/// A sample of a series.
#[derive(Clone, Debug)]
pub struct Point<'a, K> {
    /// The series.
    pub series: K,
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    /// When counting began, milliseconds since the epoch; 0 if that is not known, or not asked for ([`Rules::created`]). A
    /// native histogram says it itself.
    pub start_ms: i64,
    /// The value.
    pub value: Value<'a>,
}

/// An exemplar of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar<K> {
    /// The series.
    pub series: K,
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    /// Bits of the value.
    pub value: u64,
    /// Its labels.
    pub labels: Labels,
}

/// What a family of metrics is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its name.
    pub metric: String,
    /// Its type, as Prometheus' API names it; empty if it was not said.
    pub kind: String,
    /// Its unit.
    pub unit: String,
    /// What it says.
    pub help: String,
}

/// How the answers of a target are taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The target's labels.
    pub attach: Attach,
    /// Relabelling of samples.
    pub relabel: Vec<Rule>,
    /// Limits of labels.
    pub labels: LabelLimits,
    /// Samples that may be left after relabelling; 0 is any number.
    pub samples: u64,
    /// Times of samples are theirs.
    pub honor_timestamps: bool,
    /// Samples that have their own times become stale too.
    pub track_timestamps_staleness: bool,
    /// Native histograms are kept.
    pub native_histograms: bool,
    /// Classic ones too, where there is a native one.
    pub classic_too: bool,
    /// When counting began is told with samples, and `_created` of OpenMetrics is no series.
    pub created: bool,
}

impl Rules {
    /// Those of a target of a job; `created` is no setting of a job, and off.
    pub fn new(job: &Job, target: &Target) -> Self {
        Self {
            attach: Attach::new(&target.labels, job.honor_labels),
            relabel: job.metric_relabel.clone(),
            labels: job.limits.labels,
            samples: job.limits.samples,
            honor_timestamps: job.honor_timestamps,
            track_timestamps_staleness: job.track_timestamps_staleness,
            native_histograms: job.native_histograms,
            classic_too: job.classic_too,
            created: false,
        }
    }

    /// The labels of a series about the target itself, such as `up`.
    pub fn report(&self, metric: &str) -> Labels {
        let mut labels = Labels::from([(crate::METRIC_NAME.to_owned(), metric.to_owned())]);
        Attach { labels: self.attach.labels.clone(), honor: false }.to(&mut labels);
        labels
    }
}

/// What a scrape gives.
#[derive(Clone, Debug)]
pub struct Outcome<'a, K> {
    /// Samples, and markers of series that are gone.
    pub points: Vec<Point<'a, K>>,
    /// Exemplars.
    pub exemplars: Vec<Exemplar<K>>,
    /// What is new of families.
    pub metadata: Vec<Metadata>,
    /// Samples that the target sent.
    pub scraped: u64,
    /// Samples that were left after relabelling.
    pub kept: u64,
    /// Series that were not there before.
    pub added: u64,
    /// Samples that were left out: a second one of a series and time.
    pub duplicates: u64,
    /// Samples that were left out: too far in the future.
    pub out_of_bounds: u64,
    /// Why the scrape failed.
    pub error: Option<String>,
}
