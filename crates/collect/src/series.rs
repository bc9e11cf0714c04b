use std::collections::HashMap;
use std::time::Duration;

use base::Limit;
use model::SeriesId;
use model::rows::{Sample, Series};

/// A series is announced again after this time, so that it stays known.
const AGAIN: Duration = Series::ANNOUNCED_EVERY;

/// Series of one collector.
const SERIES: Limit = Limit::new("collect_series", 100_000);

/// Which series a collector has announced, and when.
#[derive(Default)]
pub(crate) struct Announced(HashMap<SeriesId, Duration>);

impl Announced {
    /// What of `series` must be announced at `now`. Series over the limit are refused.
    pub(crate) fn due(&mut self, series: Vec<Series>, now: Duration) -> Vec<Series> {
        series.into_iter().filter(|series| self.is_due(series.series_id, now)).collect()
    }

    /// The samples whose series are announced.
    pub(crate) fn admitted(&self, samples: Vec<Sample>) -> Vec<Sample> {
        samples.into_iter().filter(|sample| self.0.contains_key(&sample.series_id)).collect()
    }

    /// These could not be announced: they stay due.
    pub(crate) fn forget(&mut self, series: &[Series]) {
        series.iter().for_each(|series| _ = self.0.remove(&series.series_id));
    }

    fn is_due(&mut self, id: SeriesId, now: Duration) -> bool {
        let last = self.0.get(&id).copied();
        if last.is_some_and(|last| now.saturating_sub(last) < AGAIN) {
            return false;
        }
        if last.is_none() && self.0.len() as u64 >= SERIES.max() {
            // Series that nobody has announced for two rounds are gone.
            self.0.retain(|_, last| now.saturating_sub(*last) < 2 * AGAIN);
            if SERIES.check(self.0.len() as u64 + 1).is_err() {
                return false;
            }
        }
        self.0.insert(id, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use base::Timestamp;
    use model::Labels;

    use super::*;

    #[test]
    fn a_series_is_announced_once_an_hour() {
        let labels = Labels::new();
        let id = Series::id("up", &labels);
        let series =
            || vec![Series { time: Timestamp::ZERO, series_id: id, metric: "up".to_owned(), labels: labels.clone() }];
        let mut announced = Announced::default();
        let counts = [0, 60, 3599, 3600, 3601].map(|secs| announced.due(series(), Duration::from_secs(secs)).len());
        assert_eq!(counts, [1, 0, 0, 1, 0]);
        let sample = |series_id| Sample { series_id, ts: Timestamp::ZERO, value: 1.0 };
        assert_eq!(announced.admitted(vec![sample(id), sample(SeriesId::default())]).len(), 1);
    }
}
