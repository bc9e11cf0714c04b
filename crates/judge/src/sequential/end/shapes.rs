//! Shapes of a change, over the intervals of a run.

/// What a change may look like, and what part of a check's share each has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// From the start.
    Whole,
    /// Over the last part of the run.
    Last(f64),
    /// Rising from the start.
    Ramp,
}

/// Of a level: a change that is there all the time is the most usual.
pub(super) const LEVEL: [(Shape, f64); 9] = [
    (Shape::Whole, 0.24),
    (Shape::Last(0.6), 0.04),
    (Shape::Last(0.45), 0.04),
    (Shape::Last(0.35), 0.05),
    (Shape::Last(0.27), 0.05),
    (Shape::Last(0.2), 0.05),
    (Shape::Last(0.15), 0.05),
    (Shape::Last(0.1), 0.04),
    (Shape::Ramp, 0.2),
];
/// Of a level without what is far off.
pub(super) const CLOSE_LEVEL: [(Shape, f64); 1] = [(Shape::Whole, 0.24)];
/// Of a spread.
pub(super) const SPREAD: [(Shape, f64); 2] = [(Shape::Whole, 0.75), (Shape::Last(0.4), 0.25)];
/// Of counts.
pub(super) const COUNTS: [(Shape, f64); 5] = [
    (Shape::Whole, 0.6),
    (Shape::Last(0.5), 0.12),
    (Shape::Last(0.3), 0.1),
    (Shape::Last(0.18), 0.1),
    (Shape::Last(0.1), 0.08),
];
/// Of all metrics together.
pub(super) const TOGETHER: [(Shape, f64); 4] =
    [(Shape::Whole, 0.6), (Shape::Last(0.5), 0.1), (Shape::Last(0.25), 0.1), (Shape::Ramp, 0.2)];

impl Shape {
    /// The intervals of it, of so many.
    pub(super) fn first(self, n: usize) -> usize {
        match self {
            Self::Last(part) => n - (((n as f64) * part).round() as usize).clamp(1.min(n), n),
            _ => 0,
        }
    }

    /// Its values.
    pub(super) fn values(self, n: usize) -> Vec<f64> {
        let first = self.first(n);
        let at = |t: usize| match self {
            Self::Ramp => (t + 1) as f64,
            _ => f64::from(u8::from(t >= first)),
        };
        (0..n).map(at).collect()
    }
}
