//! What a series may remember: `D_t = phi D_(t-1) + e_t - psi e_(t-1)`, `e` independent.

/// One memory; with `psi`, a slow wander under noise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Autoregression {
    phi: f64,
    psi: f64,
    /// How far it is believed before there are data.
    pub(super) belief: f64,
}

const fn memory(phi: f64, psi: f64, belief: f64) -> Autoregression {
    Autoregression { phi, psi, belief }
}

/// Those that are bet on at every look.
pub(super) const MEMORIES: [Autoregression; 10] = [
    memory(0.0, 0.0, 0.155),
    memory(0.2, 0.0, 0.155),
    memory(0.4, 0.0, 0.16),
    memory(0.6, 0.0, 0.14),
    memory(0.75, 0.0, 0.12),
    memory(0.85, 0.0, 0.1),
    memory(0.92, 0.0, 0.08),
    memory(0.97, 0.0, 0.04),
    memory(0.8, 0.4, 0.02),
    memory(0.92, 0.5, 0.03),
];

/// How many they are.
pub(super) const KINDS: usize = MEMORIES.len();
const PHI: [f64; KINDS] = coefficients(false);
const PSI: [f64; KINDS] = coefficients(true);

/// One of the two coefficients of each memory.
const fn coefficients(second: bool) -> [f64; KINDS] {
    let (mut out, mut n) = ([0.0; KINDS], 0);
    while n < KINDS {
        let (phi, psi) = MEMORIES[n].coefficients();
        out[n] = if second { psi } else { phi };
        n += 1;
    }
    out
}

/// What is new in a series or a shape, under each memory; `before` is nothing at its first value.
pub(super) fn filter(news: &mut [f64; KINDS], now: f64, before: Option<f64>) {
    let Some(before) = before else {
        *news = MEMORIES.map(|memory| now / memory.scale());
        return;
    };
    for ((news, phi), psi) in news.iter_mut().zip(PHI).zip(PSI) {
        *news = now - phi * before + psi * *news;
    }
}

impl Autoregression {
    /// An autoregression of first order, of which a part `noise` of the variance is noise without memory: the
    /// sum of both remembers as one with `psi`, `psi/(1 + psi^2) = noise phi / c`, `c` the variance of
    /// `D_t - phi D_(t-1)` in that of `D`.
    pub(super) fn noisy(phi: f64, noise: f64, belief: f64) -> Self {
        let (part, whole) = (noise * phi, 1.0 + phi * phi - 2.0 * phi * phi * (1.0 - noise));
        let psi =
            if part > 0.0 { (whole - (whole * whole - 4.0 * part * part).max(0.0).sqrt()) / (2.0 * part) } else { 0.0 };
        Self { phi, psi, belief }
    }

    /// The standard deviation of the series in those of its innovations.
    pub(super) fn scale(&self) -> f64 {
        let Self { phi, psi, .. } = self;
        ((1.0 + psi * psi - 2.0 * phi * psi) / (1.0 - phi * phi)).sqrt()
    }

    /// The coefficients.
    pub(super) const fn coefficients(&self) -> (f64, f64) {
        (self.phi, self.psi)
    }

    /// What is new in a series or a shape: `now` and `before` are its values, `new` what was new before.
    pub(super) fn filter(&self, now: f64, before: Option<f64>, new: f64) -> f64 {
        before.map_or(now / self.scale(), |before| now - self.phi * before + self.psi * new)
    }

    /// All that is new in a series or a shape.
    pub(super) fn news(&self, values: &[f64]) -> Vec<f64> {
        let mut out = Vec::with_capacity(values.len());
        self.news_into(values, &mut out);
        out
    }

    /// The same, in place of what `out` has.
    pub(super) fn news_into(&self, values: &[f64], out: &mut Vec<f64>) {
        let (mut before, mut new) = (None, 0.0);
        out.clear();
        out.extend(values.iter().map(|value| {
            new = self.filter(*value, before, new);
            before = Some(*value);
            new
        }));
    }

    /// The logarithm of the likelihood of `n` differences with the sum of squares of innovations, spread
    /// integrated out; up to what all memories share.
    pub(super) fn ln_likelihood(&self, square: f64, n: f64) -> f64 {
        -self.scale().ln() - 0.5 * n * square.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_over_a_wander_keeps_the_variance_and_the_memory() {
        for (phi, noise) in [(0.5, 0.0), (0.9, 0.5), (0.97, 0.3)] {
            let Autoregression { phi, psi, .. } = Autoregression::noisy(phi, noise, 1.0);
            let variance = (1.0 + psi * psi - 2.0 * phi * psi) / (1.0 - phi * phi);
            let first = (phi - psi) * (1.0 - phi * psi) / (1.0 - phi * phi) / variance;
            assert!((first - (1.0 - noise) * phi).abs() < 1e-9, "{phi} {noise}: {first}");
        }
    }
}
