//! Which zone, version or endpoint carries the evidence.

use crate::evidence::Effect;
use crate::request::{MetricConfig, MetricSetPair, Request, Settings, Thresholds};
use crate::{JudgeError, sequential};

/// Segments of a metric.
const MOST: usize = 10_000;

/// A part of the traffic, with the data of the metric in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Its name, as `zone=eu-1`.
    pub name: String,
    /// Its data.
    pub pair: MetricSetPair,
}

/// What a segment shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Which.
    pub name: String,
    /// The logarithm of the e-value that the canary is worse in it.
    pub ln_fail: f64,
    /// The change in it.
    pub effect: Effect,
    /// Its part of what all segments have more than the baseline; 0 where it has not.
    pub part: f64,
    /// Whether it is named as worse: of those that are, `alpha` at most are so by chance on average.
    pub worse: bool,
}

/// Looks at each segment alone; the one with most evidence comes first. Which of them are worse is told
/// by the e-BH procedure (Wang and Ramdas, 2022), which holds however the segments hang together.
///
/// # Errors
/// Names the segment whose data cannot be paired.
pub fn localise(config: &MetricConfig, segments: &[Segment], settings: Settings) -> Result<Vec<Found>, JudgeError> {
    if segments.len() > MOST {
        return Err(JudgeError::field("segments", format!("there are {}, at most {MOST} are taken", segments.len())));
    }
    let excess = |pair: &MetricSetPair| {
        let sum = |values: &[f64]| values.iter().filter(|value| value.is_finite()).sum::<f64>();
        (sum(&pair.experiment) - sum(&pair.control)).max(0.0)
    };
    let all: f64 = segments.iter().map(|segment| excess(&segment.pair)).sum();
    let look = |segment: &Segment| {
        let (ln_fail, effect) = one(config, segment, settings)?;
        let part = if all > 0.0 { excess(&segment.pair) / all } else { 0.0 };
        Ok(Found { name: segment.name.clone(), ln_fail, effect, part, worse: false })
    };
    let mut found: Vec<Found> = segments.iter().map(look).collect::<Result<_, JudgeError>>()?;
    found.sort_by(|a, b| b.ln_fail.total_cmp(&a.ln_fail).then_with(|| a.name.cmp(&b.name)));
    let worse = e_bh(&found.iter().map(|found| found.ln_fail).collect::<Vec<_>>(), settings.alpha);
    found.iter_mut().take(worse).for_each(|found| found.worse = true);
    Ok(found)
}

fn one(config: &MetricConfig, segment: &Segment, settings: Settings) -> Result<(f64, Effect), JudgeError> {
    let request = Request {
        judge: None,
        settings,
        group_weights: Default::default(),
        thresholds: Thresholds { pass: 100.0, marginal: 0.0 },
        metrics: vec![(MetricConfig { muted: false, ..config.clone() }, segment.pair.clone())],
    };
    let wrong = |error: JudgeError| JudgeError::field(&segment.name, error);
    let answer = sequential::judge(&request).map_err(wrong)?;
    let evidence = answer.results.into_iter().next().and_then(|result| result.evidence);
    let evidence = evidence.ok_or_else(|| JudgeError::field(&segment.name, "has no data"))?;
    Ok((evidence.ln_e_fail.0, evidence.effect))
}

/// How many of the largest e-values stand: the largest `k` with `k E_k / K >= 1/alpha`. `ln` falls.
pub fn e_bh(ln: &[f64], alpha: f64) -> usize {
    let all = (ln.len() as f64).ln();
    let stands = |(n, ln): &(usize, &f64)| ((n + 1) as f64).ln() + **ln - all >= (1.0 / alpha).ln();
    ln.iter().enumerate().filter(stands).map(|(n, _)| n + 1).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Direction;

    #[test]
    fn the_largest_e_values_that_stand_together() {
        assert_eq!(e_bh(&[5.0, 4.0, 0.0, -1.0], 0.05), 2);
        assert_eq!(e_bh(&[4.0, 3.9, 3.8, 3.7], 0.05), 4, "none would stand alone");
        assert_eq!((e_bh(&[], 0.05), e_bh(&[2.0], 0.05)), (0, 0));
    }

    #[test]
    fn the_zone_that_is_worse_comes_first_and_alone_is_named() {
        let segment = |name: &str, by: f64| Segment {
            name: name.to_owned(),
            pair: MetricSetPair {
                control: (0..40).map(|n| f64::from(5 + n % 3)).collect(),
                experiment: (0..40).map(|n| (f64::from(5 + (n + 1) % 3) * by).round()).collect(),
                ..MetricSetPair::default()
            },
        };
        let config = MetricConfig { direction: Direction::Increase, ..MetricConfig::new("errors") };
        let segments = [segment("zone=a", 1.0), segment("zone=b", 3.0), segment("zone=c", 1.0)];
        let found = localise(&config, &segments, Settings::default()).unwrap();
        let worse: Vec<(&str, bool)> = found.iter().map(|found| (found.name.as_str(), found.worse)).collect();
        assert_eq!(worse[0], ("zone=b", true));
        assert!(!worse[1].1 && !worse[2].1 && found[0].part > 0.95 && found[0].effect.low.0 > 0.5);
        let mut broken = segments.to_vec();
        broken[2].pair.control.pop();
        assert!(
            localise(&config, &broken, Settings::default()).is_err_and(|error| error.to_string().starts_with("zone=c"))
        );
    }
}
