//! Blue-green: two whole versions, of which one takes over.

use crate::request::{Arms, MetricSetPair};
use crate::{JudgeError, shifted};

/// Both versions serve at the same time, in parts that may move: `requests` of blue and green in each
/// interval. Judged like a canary.
///
/// # Errors
/// If the series differ in length.
pub fn side_by_side(
    name: &str,
    (blue, green): (&[f64], &[f64]),
    requests: Option<(&[f64], &[f64])>,
) -> Result<MetricSetPair, JudgeError> {
    let fits = requests.is_none_or(|(a, b)| a.len() == blue.len() && b.len() == blue.len());
    if blue.len() != green.len() || !fits {
        return Err(JudgeError::field(name, "blue, green and their requests differ in length"));
    }
    Ok(MetricSetPair {
        name: name.to_owned(),
        control: blue.to_vec(),
        experiment: green.to_vec(),
        exposures: requests.map(|(blue, green)| (blue.to_vec(), green.to_vec())),
        ..MetricSetPair::default()
    })
}

/// One series over a switch.
#[derive(Clone, Debug, PartialEq)]
pub struct BeforeAfter {
    /// The intervals after the switch, against as many before it.
    pub pair: MetricSetPair,
    /// What is to be said with every verdict.
    pub risk: String,
}

/// Green took over from blue at interval `switch`: the intervals after it are compared with as many right
/// before it. What came still earlier, cut in two the same way, tells how much the series wanders between
/// two such stretches when nothing is switched.
///
/// # Errors
/// If nothing is before or after the switch.
pub fn before_after(name: &str, series: &[f64], switch: usize, step_millis: i64) -> Result<BeforeAfter, JudgeError> {
    let length = series.len().saturating_sub(switch).min(switch);
    if length == 0 {
        return Err(JudgeError::field(name, format!("nothing is before or after interval {switch}")));
    }
    let cut = |end: usize| Some(series.get(end.checked_sub(length)?..end)?.to_vec());
    let missing = || JudgeError::field(name, "the series is too short");
    let (control, experiment) = (cut(switch).ok_or_else(missing)?, cut(switch + length).ok_or_else(missing)?);
    let earlier = |n: usize| switch.checked_sub(n * length).and_then(cut);
    let history: Option<Arms> = earlier(2).zip(earlier(1));
    let apart = i64::try_from(length).unwrap_or(i64::MAX).saturating_mul(step_millis);
    let pair = MetricSetPair { name: name.to_owned(), control, experiment, history, ..MetricSetPair::default() };
    Ok(BeforeAfter { pair, risk: shifted::risk(apart) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{MetricConfig, Request, Settings, Thresholds};
    use crate::{Judge, request::Direction};

    fn verdict(pair: MetricSetPair) -> String {
        let config = MetricConfig { direction: Direction::Increase, ..MetricConfig::new(&pair.name) };
        let request = Request {
            judge: None,
            settings: Settings::default(),
            group_weights: Default::default(),
            thresholds: Thresholds { pass: 95.0, marginal: 75.0 },
            metrics: vec![(config, pair)],
        };
        Judge::Sequential.judge(&request).unwrap().score.classification
    }

    fn noise(n: u32) -> f64 {
        f64::from(n.wrapping_mul(2_654_435_761) >> 16) / 65_536.0
    }

    #[test]
    fn a_switch_that_raises_a_level_is_seen_and_one_that_does_not_is_not() {
        let series =
            |by: f64| (0..160).map(|n| (100.0 + 10.0 * noise(n)) * if n < 120 { 1.0 } else { by }).collect::<Vec<_>>();
        let of = |by: f64| before_after("latency", &series(by), 120, 60_000).unwrap();
        assert_eq!(of(1.5).pair.control.len(), 40);
        assert_eq!(of(1.5).pair.history.as_ref().map(|(a, b)| (a.len(), b.len())), Some((40, 40)));
        assert!(of(1.5).risk.contains("40 minutes before"));
        assert_eq!((verdict(of(1.5).pair).as_str(), verdict(of(1.0).pair) == "Fail"), ("Fail", false));
        assert!(before_after("latency", &[1.0; 5], 5, 1).is_err() && before_after("latency", &[1.0; 5], 0, 1).is_err());
    }

    #[test]
    fn moving_weights_are_no_effect() {
        let requests: (Vec<f64>, Vec<f64>) =
            (0..60).map(|n| (1000.0 - 10.0 * f64::from(n), 50.0 + 10.0 * f64::from(n))).unzip();
        let errors = |requests: &[f64], by: f64| requests.iter().map(|n| (n * 0.01 * by).round()).collect::<Vec<_>>();
        let of = |by: f64| {
            let arms = (errors(&requests.0, 1.0), errors(&requests.1, by));
            side_by_side("errors", (&arms.0, &arms.1), Some((&requests.0, &requests.1))).unwrap()
        };
        assert_ne!(verdict(of(1.0)), "Fail");
        assert_eq!(verdict(of(3.0)), "Fail");
        assert!(side_by_side("errors", (&[1.0], &[]), None).is_err());
    }
}
