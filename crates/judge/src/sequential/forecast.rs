/// How evidence grows, and when it will be enough.
#[derive(Clone, Debug, Default)]
pub(super) struct Forecast {
    n: f64,
    now: f64,
    /// The evidence at the last two powers of two, so that growth is over half of the run at least.
    marks: [(f64, f64); 2],
}

impl Forecast {
    pub(super) fn add(&mut self, ln: f64) {
        self.n += 1.0;
        self.now = ln;
        if (self.n as u64).is_power_of_two() {
            self.marks = [self.marks[1], (self.n, ln)];
        }
    }

    /// Intervals until the logarithm reaches what is needed; nothing if it does not grow.
    pub(super) fn intervals(&self, needed: f64) -> Option<f64> {
        if self.now >= needed {
            return Some(0.0);
        }
        let (since, then) = self.marks[0];
        let slope = (self.now - then) / (self.n - since);
        (slope > 1e-6 && self.n > since).then(|| ((needed - self.now) / slope).ceil())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_evenly_is_foreseen_and_what_does_not_grow_is_not() {
        let (mut grows, mut rests) = (Forecast::default(), Forecast::default());
        for n in 1..=20 {
            grows.add(0.1 * f64::from(n));
            rests.add(-1.0);
        }
        assert_eq!(grows.intervals(3.0), Some(10.0));
        assert_eq!((grows.intervals(1.0), rests.intervals(3.0)), (Some(0.0), None));
    }
}
