use std::collections::VecDeque;

/// Sizes that the scale is taken from.
const SIZES: usize = 240;

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
}
