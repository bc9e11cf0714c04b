/// Intervals that the centre is taken from.
const WINDOW: usize = 7;

/// The middle of an arm of late: the median of its points, the one at hand included.
#[derive(Clone, Debug, Default)]
pub(super) struct Centre {
    recent: [f64; WINDOW],
    seen: usize,
}

impl Centre {
    /// Takes a point; gives the middle.
    pub(super) fn next(&mut self, value: f64) -> f64 {
        let place = self.seen % WINDOW;
        if let Some(oldest) = self.recent.get_mut(place) {
            *oldest = value;
        }
        self.seen += 1;
        let mut sorted = self.recent;
        let all = sorted.get_mut(..self.seen.min(WINDOW)).unwrap_or_default();
        all.sort_unstable_by(f64::total_cmp);
        let half = all.len() / 2;
        let at = |n: usize| all.get(n).copied().unwrap_or(0.0);
        if all.len() % 2 == 1 { at(half) } else { f64::midpoint(at(half.saturating_sub(1)), at(half)) }
    }
}
