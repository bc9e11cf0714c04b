use std::collections::VecDeque;

/// Differences that the memory is measured on.
const WINDOW: usize = 240;
/// Intervals that the belief of no memory weighs.
const WEIGHT: f64 = 6.0;
/// Standard errors that are added; a little memory more or less changes little near 0, and all near 1.
const ERRORS: f64 = 1.5;
/// More would leave no evidence at all.
const MOST: f64 = 0.98;

/// How much a series remembers: the coefficient of the autoregression of first order, measured on the
/// series about its own mean, with the bias of a short series taken out (Kendall, 1954).
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    recent: VecDeque<f64>,
    coefficient: f64,
}

impl Memory {
    pub(super) fn add(&mut self, value: f64) {
        if self.recent.len() == WINDOW {
            self.recent.pop_front();
        }
        self.recent.push_back(value);
        let n = self.recent.len() as f64;
        let shrunk = n * measured(&self.recent) / (n + WEIGHT);
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

fn measured(values: &VecDeque<f64>) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let centred = || values.iter().map(|value| value - mean);
    let square: f64 = centred().map(|value| value * value).sum();
    if values.len() < 4 || square <= 0.0 {
        return 0.0;
    }
    let first = centred().zip(centred().skip(1)).map(|(a, b)| a * b).sum::<f64>() / square;
    (first + (1.0 + 3.0 * first) / n).clamp(0.0, MOST)
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
}
