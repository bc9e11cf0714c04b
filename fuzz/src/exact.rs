//! Numbers compared by their bits, where NaN is a number like any other.

/// Whether two are the same number; all NaN are.
pub fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}
