use std::collections::VecDeque;

/// Intervals that are remembered.
const WINDOW: usize = 512;
/// The shortest and the longest stretch that counts as of late.
const LATE: (usize, usize) = (8, 120);
/// How much likelier "no more" must be than "as before".
const ODDS: f64 = 3.0;

/// Whether what was seen has healed. A canary that was worse while it warmed up and no longer is should
/// not be stopped: of late, "no difference" is then likelier than "the difference from before".
#[derive(Clone, Debug, Default)]
pub(super) struct Healing {
    recent: VecDeque<f64>,
}

impl Healing {
    /// The next difference; above 0 where the canary is worse.
    pub(super) fn add(&mut self, difference: f64) {
        if self.recent.len() == WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(difference);
    }

    /// Whether it has healed; `inflation` is by how much sums of differences vary more than if each stood
    /// alone.
    pub(super) fn healed(&self, inflation: f64) -> bool {
        let late = (self.recent.len() / 4).clamp(LATE.0, LATE.1);
        let Some(early) = self.recent.len().checked_sub(late).filter(|early| *early >= LATE.0) else { return false };
        let mean = |values: &mut dyn Iterator<Item = &f64>, n: usize| values.sum::<f64>() / n as f64;
        let before = mean(&mut self.recent.iter().take(early), early);
        let now = mean(&mut self.recent.iter().skip(early), late);
        let square: f64 = self.recent.iter().skip(early).map(|value| (value - now).powi(2)).sum();
        let variance = square / (late as f64 - 1.0) * inflation.max(1.0);
        let gain = late as f64 * (before * before - 2.0 * before * now) / 2.0;
        before > 0.0 && gain > 0.0 && gain >= ODDS.ln() * variance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healed(values: impl Iterator<Item = f64>) -> bool {
        let mut healing = Healing::default();
        values.enumerate().for_each(|(n, value)| healing.add(value + if n % 2 == 0 { 0.1 } else { -0.1 }));
        healing.healed(1.0)
    }

    #[test]
    fn only_what_is_over_has_healed() {
        let bump = |from: usize, to: usize| (0..60).map(move |n| if n >= from && n < to { 0.8 } else { 0.0 });
        assert!(healed(bump(0, 8)) && healed(bump(0, 30)));
        assert!(!healed(bump(0, 60)) && !healed(bump(40, 60)) && !healed(bump(0, 0)));
        assert!(!healed(bump(0, 8).take(12)), "too soon to say");
    }
}
