//! The interval of the shift between two samples by the Mann-Whitney test: normal approximation,
//! corrected for continuity and ties, as R's `wilcox.test` and with it Kayenta's judge.

use super::root;
use crate::describe::sorted;
use crate::special::normal_quantile;

/// The test cannot be made: every point of both arms is tied, or one is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the test has no answer: all points are tied, or one is not finite")]
pub struct NoAnswer;

/// How far the canary is shifted against the baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end. With many ties it may lie below the lower, as in R.
    pub high: f64,
    /// The Hodges-Lehmann estimate.
    pub estimate: f64,
}

/// Two samples in order.
#[derive(Clone, Debug)]
pub struct Samples {
    experiment: Vec<f64>,
    control: Vec<f64>,
}

impl Samples {
    /// Two samples in any order.
    pub fn new(experiment: &[f64], control: &[f64]) -> Self {
        Self { experiment: sorted(experiment), control: sorted(control) }
    }

    /// The sum of the ranks (ties averaged) of `experiment - mu` among both samples, and the sum over
    /// tied groups of `t^3 - t`.
    fn ranks(&self, mu: f64) -> (f64, f64) {
        let (e, c) = (&self.experiment, &self.control);
        let (mut i, mut j, mut sum, mut ties) = (0, 0, 0.0, 0.0);
        loop {
            let value = match (e.get(i).map(|value| value - mu), c.get(j)) {
                (Some(a), Some(b)) => a.min(*b),
                (Some(a), None) => a,
                (None, Some(b)) => *b,
                (None, None) => return (sum, ties),
            };
            let before = i + j;
            let (from_e, from_c) = (i, j);
            while e.get(i).is_some_and(|next| next - mu == value) {
                i += 1;
            }
            while c.get(j).is_some_and(|next| *next == value) {
                j += 1;
            }
            let tied = (i - from_e + j - from_c) as f64;
            if tied == 0.0 {
                return (f64::NAN, f64::NAN); // a value that equals nothing, itself included
            }
            sum += (i - from_e) as f64 * (before as f64 + (tied + 1.0) / 2.0);
            ties += tied * tied * tied - tied;
        }
    }

    /// The standardised rank sum at the shift `mu`, less the normal quantile `z`.
    ///
    /// # Errors
    /// If there is no spread.
    pub fn difference(&self, mu: f64, z: f64) -> Result<f64, NoAnswer> {
        let (n, m) = (self.experiment.len() as f64, self.control.len() as f64);
        let (sum, ties) = self.ranks(mu);
        let w = sum - n * (n + 1.0) / 2.0 - n * m / 2.0;
        let correction = if w == 0.0 { 0.0 } else { 0.5_f64.copysign(w) };
        let all = n + m;
        let sigma = (n * m / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)))).sqrt();
        if sigma > 0.0 { Ok((w - correction) / sigma - z) } else { Err(NoAnswer) }
    }

    /// The interval at a confidence level and the estimate.
    ///
    /// # Errors
    /// If an arm is empty, a point is not finite, or there is no spread.
    pub fn shift(&self, confidence: f64) -> Result<Shift, NoAnswer> {
        let ends = |values: &[f64]| Some((*values.first()?, *values.last()?));
        let (e, c) = (ends(&self.experiment).ok_or(NoAnswer)?, ends(&self.control).ok_or(NoAnswer)?);
        let (low, high) = (e.0 - c.1, e.1 - c.0);
        if !low.is_finite() || !high.is_finite() {
            return Err(NoAnswer);
        }
        let z = normal_quantile((1.0 - confidence) / 2.0);
        Ok(Shift {
            low: self.root(low, high, -z)?,
            high: self.root(low, high, z)?,
            estimate: self.search(low, high, 0.0)?,
        })
    }

    fn root(&self, low: f64, high: f64, z: f64) -> Result<f64, NoAnswer> {
        if self.difference(low, z)? <= 0.0 {
            return Ok(low);
        }
        if self.difference(high, z)? >= 0.0 {
            return Ok(high);
        }
        self.search(low, high, z)
    }

    fn search(&self, low: f64, high: f64, z: f64) -> Result<f64, NoAnswer> {
        let mut failed = None;
        let found = root::search(low, high, |mu| {
            self.difference(mu, z).unwrap_or_else(|error| {
                failed = Some(error);
                0.0 // ends the search
            })
        });
        failed.map_or(Ok(found), Err)
    }
}

/// How much more often a point of `experiment` is above one of `control` than below (ties half):
/// the common language effect size.
pub fn cles(experiment: &[f64], control: &[f64]) -> f64 {
    let (n, m) = (experiment.len() as f64, control.len() as f64);
    let (sum, _) = Samples::new(experiment, control).ranks(0.0);
    (2.0 * sum - n * (n + 1.0)) / (2.0 * n * m)
}
