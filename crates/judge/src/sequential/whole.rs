//! Whole numbers of which nobody says what they are: events that were counted, or a level that was rounded?

use crate::request::MetricSetPair;

/// The largest number that is taken as a count unasked, where exposures say that it may be one.
const MOST: f64 = 10_000.0;
/// From so many an interval on, in both arms, a level will do: it learns how much it varies, and needs no margin for what
/// counts of much traffic do beside chance.
const MANY: f64 = 50.0;
/// Fewer numbers other than 0 may have a common divisor by chance.
const FEWEST: usize = 8;
/// Events vary as a Poisson process does at least; by so many standard errors less is none.
const ERRORS: f64 = 3.0;

/// Whether they are taken as counts: whole, from 0 on, few, in steps of one, and not steadier than chance.
pub(super) fn are_counts(pair: &MetricSetPair) -> bool {
    let points = || pair.control.iter().chain(&pair.experiment).copied().filter(|value| value.is_finite());
    let whole = points().all(|value| value >= 0.0 && value.fract() == 0.0 && value <= MOST);
    if !whole || pair.exposures.is_some() {
        return whole;
    }
    let many = mean(&pair.control).min(mean(&pair.experiment)) >= MANY;
    let coarse = points().filter(|value| *value > 0.0).count() >= FEWEST && divisor(points()) > 1;
    !many && !coarse && !steady([&pair.control, &pair.experiment])
}

/// The mean; NaN of nothing, which is no bound for another.
fn mean(values: &[f64]) -> f64 {
    let known = values.iter().filter(|value| value.is_finite());
    let (sum, n) = known.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}

/// The greatest that all have in common.
fn divisor(values: impl Iterator<Item = f64>) -> u32 {
    let common = |mut a: u32, mut b: u32| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    values.fold(0, |all, value| common(all, value as u32))
}

/// Whether neighbours differ by less than events do: `F = sum (x_t - x_(t-1))^2 / sum (x_t + x_(t-1))` is 1 for a Poisson
/// process, with a variance of about `(3 + 1.5/mean)/n`.
fn steady(arms: [&Vec<f64>; 2]) -> bool {
    let (mut squares, mut sums, mut n) = (0.0, 0.0, 0.0);
    for values in arms {
        for (before, now) in values.iter().zip(values.iter().skip(1)).filter(|(a, b)| a.is_finite() && b.is_finite()) {
            squares += (now - before).powi(2);
            sums += now + before;
            n += 1.0;
        }
    }
    sums > 0.0 && squares / sums < 1.0 - ERRORS * ((3.0 + 3.0 * n / sums) / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are(of: impl Fn(usize) -> f64) -> bool {
        let (control, experiment) = ((0..60).map(&of).collect(), (60..120).map(&of).collect());
        are_counts(&MetricSetPair { control, experiment, ..Default::default() })
    }

    #[test]
    fn events_are_counts_and_rounded_levels_are_not() {
        let scattered = |n: usize| (n.wrapping_mul(2_654_435_761) >> 7) % 11;
        assert!(are(|n| scattered(n) as f64) && are(|n| (scattered(n) / 9) as f64) && are(|_| 0.0));
        assert!(!are(|n| 40.0 + (scattered(n) % 5) as f64), "steadier than chance");
        assert!(!are(|n| 10.0 * scattered(n) as f64), "in tens");
        assert!(!are(|n| 50.0 + 3.0 * scattered(n) as f64), "many");
        assert!(!are(|n| scattered(n) as f64 + 0.5) && !are(|n| scattered(n) as f64 - 5.0));
    }

    #[test]
    fn exposures_say_that_they_are_counts() {
        let (control, experiment) = (vec![900.0; 60], vec![90.0; 60]);
        let exposures = Some((vec![9.0; 60], vec![1.0; 60]));
        assert!(are_counts(&MetricSetPair { control, experiment, exposures, ..Default::default() }));
    }
}
