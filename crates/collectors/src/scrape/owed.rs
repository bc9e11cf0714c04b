//! Scrapes of which nothing could be written: that they failed is written late, with the next one that can be.

use std::collections::VecDeque;

use base::Limit;
use ingest::{KnownPoint, KnownSeries};
use scrape::Cache;

use super::answer::{Report, Reports, gone};

/// Scrapes of a target that are remembered; of more the oldest are forgotten.
const KEPT: Limit = Limit::new("scrape.owed_reports", 240);

/// Milliseconds that markers come behind the first of these scrapes: what a log that has failed has of it all the same is not
/// written over.
const BEHIND: i64 = 1;

/// See the module: the time of each, milliseconds since the epoch, and what is to be told.
#[derive(Default)]
pub(super) struct Owed(VecDeque<(i64, Report)>);

impl Owed {
    pub(super) fn push(&mut self, time_ms: i64, report: Report) {
        if KEPT.check(self.0.len() as u64 + 1).is_err() {
            self.0.pop_front();
        }
        self.0.push_back((time_ms, report));
    }

    /// It is written.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What is told of these scrapes, and that since the first of them the series of the target were not there.
    pub(super) fn points<'a>(&self, cache: &Cache<KnownSeries>, reports: &Reports) -> Vec<KnownPoint<'a>> {
        let first = self.0.front().map(|(time_ms, _)| *time_ms + BEHIND);
        let markers = first
            .map(|time_ms| cache.present().map(move |(series, histogram)| gone(series.clone(), histogram, time_ms)));
        let told = self.0.iter().flat_map(|(time_ms, report)| reports.of(report, *time_ms));
        markers.into_iter().flatten().chain(told).collect()
    }
}
