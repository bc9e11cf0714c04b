use std::collections::VecDeque;

/// Sizes that the scale is taken from.
const SIZES: usize = 240;

/// The distance of quartiles of a normal distribution, in standard deviations.
const QUARTILES: f64 = 1.349;
/// So many distances of their quartiles are above the median of sizes where the series is not off zero.
const AT_ZERO: f64 = 0.9;

/// The usual size of differences so far, the one at hand included: signs say nothing of sizes, so that
/// this is no peeking.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    recent: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl Sizes {
    /// The difference in units of the robust standard deviation (median size / 0.6745).
    pub(super) fn scaled(&mut self, difference: f64) -> f64 {
        let size = difference.abs();
        if size > 0.0 {
            self.add(size);
        }
        let scale = self.sorted.get(self.sorted.len() / 2).copied().unwrap_or(0.0) / 0.6745;
        if scale > 0.0 { (difference / scale).clamp(-1e3, 1e3) } else { 0.0 }
    }

    /// How much likelier the sign of the difference is than the other, as half of the logarithm of the odds, if sizes are
    /// those of a normal series that is off zero: `mu d/sigma^2`, both from the quartiles of sizes. Sizes that are close
    /// together tell of a difference that has one sign.
    pub(super) fn odds(&self, difference: f64) -> f64 {
        let part = |of: usize| self.sorted.get(self.sorted.len() * of / 4).copied().unwrap_or(0.0);
        let (middle, wide) = (part(2), part(3) - part(1));
        if middle <= 0.0 {
            return 0.0;
        }
        let (wide, difference) = (wide / middle, difference / middle);
        let off = (1.0 - (AT_ZERO * wide).powi(2)).max(0.0).sqrt();
        let variance = (wide / QUARTILES).powi(2) + 1.0 / self.sorted.len() as f64;
        (off * difference / variance).clamp(-1e3, 1e3)
    }

    fn add(&mut self, size: f64) {
        if self.recent.len() == SIZES
            && let Some(old) = self.recent.pop_front()
            && let Ok(at) = self.sorted.binary_search_by(|other| other.total_cmp(&old))
        {
            self.sorted.remove(at);
        }
        self.recent.push_back(size);
        let at = self.sorted.binary_search_by(|other| other.total_cmp(&size)).unwrap_or_else(|at| at);
        self.sorted.insert(at, size);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_of_sizes_and_forgets() {
        let mut sizes = Sizes::default();
        assert_eq!(sizes.scaled(0.0), 0.0);
        assert!((sizes.scaled(-2.0) + 0.6745).abs() < 1e-12);
        (0..SIZES).for_each(|_| _ = sizes.scaled(1.0));
        assert_eq!(sizes.sorted, vec![1.0; SIZES]);
    }

    #[test]
    fn sizes_close_together_tell_of_one_sign() {
        let odds = |of: fn(f64) -> f64| {
            let mut sizes = Sizes::default();
            (0..41).for_each(|n| _ = sizes.scaled(of(f64::from(n) / 20.0 - 1.0)));
            (sizes.odds(of(0.0).max(1.0)), sizes.odds(-of(0.0).max(1.0)))
        };
        let (even, off) = (odds(|part| 3.0 * part.powi(3)), odds(|part| 10.0 + part));
        assert_eq!(even, (0.0, 0.0));
        assert!(off.0 > 5.0 && off.1 == -off.0, "{off:?}");
        assert_eq!(Sizes::default().odds(1.0), 0.0);
    }
}
