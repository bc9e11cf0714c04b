use std::collections::VecDeque;

/// Differences that the memory is measured on.
const WINDOW: usize = 240;
/// Intervals that the belief of no memory weighs.
const WEIGHT: f64 = 6.0;
/// Standard errors that are added; a little memory more or less changes little near 0, and all near 1.
const ERRORS: f64 = 1.5;
/// More would leave no evidence at all.
const MOST: f64 = 0.98;
/// A smaller part of the sum of squares is what rounding left.
const ROUNDING: f64 = 1e-13;

/// How much a series remembers: the coefficient of the autoregression of first order, measured on the
/// series about its own mean, with the bias of a short series taken out (Kendall, 1954).
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    recent: VecDeque<f64>,
    sums: Sums,
    /// Points since the sums were made anew.
    moved: usize,
    coefficient: f64,
}

/// Sums over a window, of values less one of them: what is constant then leaves nothing, not a rounding error.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    origin: f64,
    values: f64,
    squares: f64,
    /// Of products of neighbours.
    products: f64,
}

impl Sums {
    fn of(values: &VecDeque<f64>) -> Self {
        let origin = values.front().copied().unwrap_or(0.0);
        let mut sums = Self { origin, ..Self::default() };
        let mut last = None;
        for value in values {
            sums.add(*value, last.replace(*value));
        }
        sums
    }

    fn add(&mut self, value: f64, before: Option<f64>) {
        let off = value - self.origin;
        self.values += off;
        self.squares += off * off;
        self.products += before.map_or(0.0, |before| (before - self.origin) * off);
    }

    fn remove(&mut self, value: f64, after: Option<f64>) {
        let off = value - self.origin;
        self.values -= off;
        self.squares -= off * off;
        self.products -= after.map_or(0.0, |after| (after - self.origin) * off);
    }

    /// The coefficient of so many values, of which the ends are given.
    fn measured(&self, n: f64, (first, last): (f64, f64)) -> f64 {
        let mean = self.values / n;
        let square = self.squares - n * mean * mean;
        if n < 4.0 || square <= ROUNDING * self.squares {
            return 0.0;
        }
        let ends = first + last - 2.0 * self.origin;
        let product = self.products - mean * (2.0 * self.values - ends) + (n - 1.0) * mean * mean;
        let first = product / square;
        (first + (1.0 + 3.0 * first) / n).clamp(0.0, MOST)
    }
}

impl Memory {
    pub(super) fn add(&mut self, value: f64) {
        if self.moved == 0 {
            self.sums = Sums::of(&self.recent);
            if self.recent.is_empty() {
                self.sums.origin = value;
            }
        }
        self.moved = (self.moved + 1) % WINDOW;
        if self.recent.len() == WINDOW
            && let Some(oldest) = self.recent.pop_front()
        {
            self.sums.remove(oldest, self.recent.front().copied());
        }
        self.sums.add(value, self.recent.back().copied());
        self.recent.push_back(value);
        let n = self.recent.len() as f64;
        let ends = (self.recent.front().copied().unwrap_or(value), value);
        let shrunk = n * self.sums.measured(n, ends) / (n + WEIGHT);
        let error = ((1.0 - shrunk * shrunk) / (n + WEIGHT)).sqrt();
        self.coefficient = (shrunk + ERRORS * shrunk * error).clamp(0.0, MOST);
    }

    pub(super) fn coefficient(&self) -> f64 {
        self.coefficient
    }

    /// By how much a sum of the series varies more than if each stood alone.
    pub(super) fn inflation(&self) -> f64 {
        (1.0 + self.coefficient) / (1.0 - self.coefficient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: impl Iterator<Item = f64>) -> f64 {
        let mut memory = Memory::default();
        values.for_each(|value| memory.add(value));
        memory.coefficient()
    }

    #[test]
    fn waves_remember_and_alternation_does_not() {
        assert!(of((0..100).map(|n| (f64::from(n) / 10.0).sin())) > 0.9);
        assert_eq!(of((0..100).map(|n| f64::from(n % 2))), 0.0);
        assert_eq!(of([1.0; 50].into_iter()), 0.0);
    }

    #[test]
    fn what_is_kept_up_is_what_is_measured_anew() {
        let noise = |n: u32| f64::from(n.wrapping_mul(2_654_435_761) >> 16) / 65_536.0 - 0.5;
        let wave = |n: u32| 1.9 + 1e-3 * ((f64::from(n) / 5.0).sin() + noise(n));
        let mut memory = Memory::default();
        for n in 0..1_000 {
            memory.add(wave(n));
            let anew = of((n.saturating_sub(WINDOW as u32 - 1)..=n).map(wave));
            assert!((memory.coefficient() - anew).abs() < 1e-7, "{n}: {} is not {anew}", memory.coefficient());
        }
    }
}
