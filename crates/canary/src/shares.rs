//! How much of the traffic a canary that was found has had, over time.

use base::Timestamp;
use serde::{Deserialize, Serialize};

/// Changes that are kept; of more the oldest are forgotten, and intervals before have no known share.
const CHANGES: usize = 2_000;

/// Shares, each from its time on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shares(Vec<(Timestamp, Option<f64>)>);

impl Shares {
    /// From now on, and nothing before.
    pub fn since(start: Timestamp, share: Option<f64>) -> Self {
        Self(vec![(start, share)])
    }

    /// It is another one from now on.
    pub fn put(&mut self, now: Timestamp, share: Option<f64>) {
        if self.0.len() >= CHANGES {
            self.0.remove(0);
        }
        // Records are in order of time but for clocks that were set back.
        let now = self.0.last().map_or(now, |(last, _)| now.max(*last));
        self.0.push((now, share));
    }

    /// Forgets what was over before that time.
    pub fn forget(&mut self, before: Timestamp) {
        let over = self.0.iter().skip(1).take_while(|(from, _)| *from <= before).count();
        self.0.drain(..over);
    }

    /// The mean share from one time to another; nothing if it is not known for all of it.
    pub fn mean(&self, from: Timestamp, to: Timestamp) -> Option<f64> {
        let ends = self.0.iter().skip(1).map(|(start, _)| *start).chain([Timestamp::MAX]);
        let (mut sum, mut covered) = (0.0, 0.0);
        for ((start, share), end) in self.0.iter().zip(ends) {
            let length = end.min(to).since((*start).max(from)).as_secs_f64();
            if length > 0.0 {
                sum += (*share)? * length;
                covered += length;
            }
        }
        let all = to.since(from).as_secs_f64();
        (all > 0.0 && covered >= all * (1.0 - 1e-9)).then(|| (sum / covered).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn the_mean_of_an_interval_weighs_shares_by_how_long_they_were() {
        let mut shares = Shares::since(at(100), Some(0.1));
        shares.put(at(130), Some(0.2));
        shares.put(at(200), None);
        shares.put(at(210), Some(0.5));
        let close = |from, to, expected: f64| (shares.mean(at(from), at(to)).unwrap() - expected).abs() < 1e-12;
        assert!(close(100, 130, 0.1) && close(100, 160, 0.15) && close(140, 200, 0.2) && close(300, 400, 0.5));
        for (from, to) in [(90, 110), (190, 205), (150, 300), (120, 120)] {
            assert_eq!(shares.mean(at(from), at(to)), None, "{from} to {to}");
        }
        shares.forget(at(150));
        assert_eq!(shares.0.len(), 3);
        assert_eq!(shares.mean(at(100), at(160)), None);
    }

    #[test]
    fn changes_beyond_the_limit_are_forgotten_from_the_oldest_on() {
        let mut shares = Shares::since(at(0), Some(0.5));
        (1..3_000).for_each(|n| shares.put(at(n), Some(0.5)));
        assert_eq!(shares.0.len(), CHANGES);
        assert_eq!((shares.mean(at(0), at(60)), shares.mean(at(2_000), at(2_060))), (None, Some(0.5)));
    }
}
