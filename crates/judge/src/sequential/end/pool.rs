//! What one metric of a canary remembers tells what the others may.
//!
//! With a chance of [`ALIKE`] a metric is taken to remember what another one does, each of them alike: its prior is then the
//! mean of what their own data make of theirs, else the usual one. What is long in one metric and not in the others is
//! believed half as much as if it stood alone, which its own data make up for.

/// How far it is believed that two metrics of a canary remember alike.
const ALIKE: f64 = 0.5;

/// What all metrics show of what they remember.
#[derive(Debug)]
pub(super) struct Pool {
    prior: Vec<f64>,
    sum: Vec<f64>,
    n: f64,
}

impl Pool {
    /// Of each memory how far it is believed before there are data, and of each metric how far after.
    pub(super) fn new<'a>(prior: Vec<f64>, posteriors: impl Iterator<Item = &'a [f64]>) -> Self {
        let mut pool = Self { sum: vec![0.0; prior.len()], prior, n: 0.0 };
        for posterior in posteriors {
            pool.sum.iter_mut().zip(posterior).for_each(|(sum, part)| *sum += part);
            pool.n += 1.0;
        }
        pool
    }

    /// How far each memory of a metric is believed; `own` is its own part of the pool, if it has one.
    pub(super) fn beliefs(&self, own: Option<&[f64]>) -> Vec<f64> {
        let others = self.n - f64::from(u8::from(own.is_some()));
        if others < 1.0 {
            return self.prior.clone();
        }
        let own = own.into_iter().flatten().copied().chain(std::iter::repeat(0.0));
        let mean = self.sum.iter().zip(own).map(|(sum, own)| (sum - own).max(0.0) / others);
        self.prior.iter().zip(mean).map(|(prior, mean)| (1.0 - ALIKE) * prior + ALIKE * mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_believes_others_and_not_itself() {
        let each = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]];
        let pool = Pool::new(vec![0.6, 0.4], each.iter().map(<[f64; 2]>::as_slice));
        let near =
            |found: Vec<f64>, wanted: f64| (found[0] - wanted).abs() < 1e-12 && (found[1] + wanted - 1.0).abs() < 1e-12;
        assert!(near(pool.beliefs(Some(&each[0])), 0.3));
        assert!(near(pool.beliefs(Some(&each[1])), 0.55));
        assert!(near(pool.beliefs(None), 0.3 + 0.5 / 3.0));
        let alone = Pool::new(vec![0.6, 0.4], each.iter().take(1).map(<[f64; 2]>::as_slice));
        assert_eq!(alone.beliefs(Some(&each[0])), [0.6, 0.4]);
    }
}
