use std::collections::VecDeque;

/// Intervals that the centre is taken from.
const WINDOW: usize = 7;

/// The middle of an arm of late: the median of its points, the one at hand included.
#[derive(Clone, Debug, Default)]
pub(super) struct Centre {
    recent: VecDeque<f64>,
}

impl Centre {
    /// Takes a point; gives the middle.
    pub(super) fn next(&mut self, value: f64) -> f64 {
        if self.recent.len() == WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(value);
        let mut all: Vec<f64> = self.recent.iter().copied().collect();
        all.sort_unstable_by(f64::total_cmp);
        let half = all.len() / 2;
        let at = |n: usize| all.get(n).copied().unwrap_or(0.0);
        if all.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.saturating_sub(1)), at(half)) }
    }
}
