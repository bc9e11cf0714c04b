//! Brent's search for a root, step by step as R's `zeroin`: where a function jumps, the answer is
//! what is left of the interval when the search stops, so the steps count.

const EPSILON: f64 = 2.220446e-16;
const TOLERANCE: f64 = 1e-4;
const MAX_STEPS: usize = 1_000;

/// One of the points that hold the root between them, and the function there.
#[derive(Clone, Copy)]
struct Point {
    x: f64,
    y: f64,
}

/// Whether a value is within one unit in the last place of zero.
fn is_zero(y: f64) -> bool {
    y.abs() <= f64::from_bits(1)
}

/// A root of `f` between `low` and `high`.
pub(super) fn search(low: f64, high: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    let mut a = Point { x: low, y: f(low) };
    let mut b = Point { x: high, y: f(high) };
    let mut c = a;
    if is_zero(a.y) {
        return a.x;
    }
    if is_zero(b.y) {
        return b.x;
    }
    for _ in 0..=MAX_STEPS {
        let previous = b.x - a.x;
        if c.y.abs() < b.y.abs() {
            a = b;
            b = c;
            c = a;
        }
        let tolerance = 2.0 * EPSILON * b.x.abs() + TOLERANCE / 2.0;
        let half = (c.x - b.x) / 2.0;
        if half.abs() <= tolerance || is_zero(b.y) {
            return b.x;
        }
        let step = interpolated(a, b, c, previous, tolerance).unwrap_or(half);
        let step = if step.abs() < tolerance { tolerance.copysign(step) } else { step };
        a = b;
        b.x += step;
        b.y = f(b.x);
        if (b.y > 0.0 && c.y > 0.0) || (b.y < 0.0 && c.y < 0.0) {
            c = a;
        }
    }
    b.x
}

/// The step to the root of a line or an inverse parabola through the points, if it is a good one.
fn interpolated(a: Point, b: Point, c: Point, previous: f64, tolerance: f64) -> Option<f64> {
    if previous.abs() < tolerance || a.y.abs() <= b.y.abs() {
        return None;
    }
    let width = c.x - b.x;
    let (mut p, mut q);
    if a.x == c.x {
        let ratio = b.y / a.y;
        p = width * ratio;
        q = 1.0 - ratio;
    } else {
        let (ac, bc, ba) = (a.y / c.y, b.y / c.y, b.y / a.y);
        p = ba * (width * ac * (ac - bc) - (b.x - a.x) * (bc - 1.0));
        q = (ac - 1.0) * (bc - 1.0) * (ba - 1.0);
    }
    if p > 0.0 {
        q = -q;
    } else {
        p = -p;
    }
    let good = p < 0.75 * width * q - (tolerance * q).abs() / 2.0 && p < (previous * q / 2.0).abs();
    good.then(|| p / q)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smooth_and_broken_functions() {
        assert!((search(0.0, 2.0, |x| x * x - 2.0) - 2.0_f64.sqrt()).abs() < 1e-4);
        assert!((search(-1.0, 3.0, |x| if x < 0.7 { -1.0 } else { 5.0 }) - 0.7).abs() < 1e-4);
        assert_eq!(search(1.0, 3.0, |x| x - 1.0), 1.0);
        assert_eq!(search(1.0, 3.0, |x| x - 3.0), 3.0);
    }
}
