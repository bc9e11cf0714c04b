//! What is told of a scrape, as series of the target.

use std::time::Duration;

use ingest::{Ingest, KnownPoint, KnownSeries, KnownValue};
use scrape::{Rules, STALE};

/// The series about a target.
pub(super) struct Reports {
    up: KnownSeries,
    duration: KnownSeries,
    scraped: KnownSeries,
    kept: KnownSeries,
    added: KnownSeries,
}

/// What is told; by default, of a scrape that was not made.
#[derive(Clone, Copy, Default)]
pub(super) struct Report {
    pub up: bool,
    pub duration: Duration,
    pub scraped: u64,
    pub kept: u64,
    pub added: u64,
}

impl Reports {
    pub(super) fn new(rules: &Rules, ingest: &Ingest) -> Self {
        let series = |metric| ingest.series(rules.report(metric));
        Self {
            up: series("up"),
            duration: series("scrape_duration_seconds"),
            scraped: series("scrape_samples_scraped"),
            kept: series("scrape_samples_post_metric_relabeling"),
            added: series("scrape_series_added"),
        }
    }

    pub(super) fn of<'a>(&self, report: &Report, time_ms: i64) -> [KnownPoint<'a>; 5] {
        let [scraped, kept, added] = [report.scraped, report.kept, report.added].map(|count| count as f64);
        self.points(
            time_ms,
            [f64::from(report.up), report.duration.as_secs_f64(), scraped, kept, added].map(f64::to_bits),
        )
    }

    /// That there is no target any more.
    pub(super) fn stale<'a>(&self, time_ms: i64) -> [KnownPoint<'a>; 5] {
        self.points(time_ms, [STALE; 5])
    }

    fn points<'a>(&self, time_ms: i64, bits: [u64; 5]) -> [KnownPoint<'a>; 5] {
        let [up, duration, scraped, kept, added] = bits.map(KnownValue::Float);
        [(&self.up, up), (&self.duration, duration), (&self.scraped, scraped), (&self.kept, kept), (&self.added, added)]
            .map(|(series, value)| KnownPoint { series: series.clone(), time_ms, start_ms: 0, value })
    }
}

/// That a series is gone.
pub(super) fn gone<'a>(series: KnownSeries, histogram: bool, time_ms: i64) -> KnownPoint<'a> {
    let value = if histogram { KnownValue::StaleHistogram } else { KnownValue::Float(STALE) };
    KnownPoint { series, time_ms, start_ms: 0, value }
}
