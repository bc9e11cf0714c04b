//! Sums of numbers without any rounding.
//!
//! A finite number is a whole multiple of a power of two. As multiples of the lowest such power among
//! them, the numbers of a series add up in whole numbers, and the sum of a range is the difference of two
//! sums. What Neumaier's summation keeps apart is then known exactly too. Let each of `n` numbers be a
//! multiple of `u` and less than `m`. A running sum stays below `2nm`, so an addition is rounded by at most
//! `2nm * 2^-53`, by a multiple of `u`. As long as `n` such errors are below `2^53 * u`, so if
//! `2 * n^2 * m / u <= 2^106`, the compensation is exact after each step: running sum and compensation
//! together are the exact sum.

use crate::functions::ranges::Place;

/// Digits of a float's significand.
const DIGITS: i32 = 53;
/// Powers of two from here to there are neither subnormal nor, with what is added to them, infinite.
const LOWEST: i32 = -1022;
const HIGHEST: i32 = 1000;

/// The exact sums of a series, from its first number to each.
pub(super) struct Exact<'a> {
    sums: &'a [i128],
    /// All numbers are multiples of this.
    unit: f64,
    /// One divided by it.
    per_unit: f64,
    /// Whether no sum of a range is ever rounded.
    is_whole: bool,
}

impl<'a> Exact<'a> {
    /// The sums, if numbers in ranges of at most `longest` are known to add up as said above.
    pub(super) fn of(values: &[f64], longest: usize, room: &'a mut Vec<i128>) -> Option<Self> {
        let (unit, top) = extent(values)?;
        let (range, all) = (bits(longest), bits(values.len()));
        let fits = unit >= LOWEST && top + range < HIGHEST;
        if !fits || top - unit + 2 * range + 1 > 2 * DIGITS || top - unit + all > 126 {
            return None;
        }
        room.clear();
        room.push(0);
        let mut sum = 0;
        for value in values {
            sum += multiple(*value, unit);
            room.push(sum);
        }
        let is_whole = top - unit + range <= DIGITS;
        Some(Self { sums: room, unit: power(unit), per_unit: power(-unit), is_whole })
    }

    /// Whether the compensation of a sum is always zero.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The exact sum of a range, rounded once: running sum and compensation added up.
    pub(super) fn sum(&self, place: &Place) -> f64 {
        self.units(place) as f64 * self.unit
    }

    /// The compensation that belongs to the running sum of a range.
    pub(super) fn rest(&self, place: &Place, running: f64) -> f64 {
        (self.units(place) - (running * self.per_unit) as i128) as f64 * self.unit
    }

    fn units(&self, place: &Place) -> i128 {
        let until = |sample: usize| self.sums.get(sample).copied().unwrap_or(0);
        until(place.floats.1) - until(place.floats.0)
    }
}

/// The highest power of two of which all numbers are multiples, and a power above all of them, as
/// exponents; nothing if some number is not finite.
fn extent(values: &[f64]) -> Option<(i32, i32)> {
    let (mut unit, mut top) = (i32::MAX, i32::MIN);
    for value in values {
        if !value.is_finite() {
            return None;
        }
        let (significand, exponent) = parts(*value);
        if significand != 0 {
            unit = unit.min(exponent + significand.trailing_zeros() as i32);
            top = top.max(exponent + 64 - significand.leading_zeros() as i32);
        }
    }
    Some(if unit > top { (0, 0) } else { (unit, top) })
}

/// A number without its sign: a whole number, and by which power of two it is multiplied.
fn parts(value: f64) -> (u64, i32) {
    let bits = value.to_bits();
    let (biased, fraction) = (((bits >> 52) & 0x7ff) as i32, bits & ((1 << 52) - 1));
    if biased == 0 { (fraction, -1074) } else { (fraction | (1 << 52), biased - 1075) }
}

fn multiple(value: f64, unit: i32) -> i128 {
    let (significand, exponent) = parts(value);
    let shift = exponent - unit;
    let size = i128::from(significand);
    // Zero has an exponent too, which means nothing.
    let size = match shift {
        _ if size == 0 => 0,
        0.. => size << shift,
        _ => size >> -shift,
    };
    if value.is_sign_negative() { -size } else { size }
}

/// A power of two within the bounds above.
fn power(exponent: i32) -> f64 {
    f64::from_bits(u64::try_from(exponent + 1023).unwrap_or(0) << 52)
}

/// Numbers up to this are below two to the power of so many.
fn bits(count: usize) -> i32 {
    (usize::BITS - count.leading_zeros()) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_multiples_of_their_lowest_digit() {
        assert_eq!(extent(&[1.0, 0.75, 6.0]), Some((-2, 3)));
        assert_eq!(extent(&[0.0, -0.0]), Some((0, 0)));
        assert_eq!(extent(&[1.0, f64::NAN]), None);
        assert_eq!((multiple(0.75, -2), multiple(-6.0, -2), multiple(0.0, -2)), (3, -24, 0));
        assert_eq!((power(0), power(-1022), power(1022)), (1.0, f64::MIN_POSITIVE, 2f64.powi(1022)));
    }

    #[test]
    fn what_may_not_add_up_is_refused() {
        let mut room = Vec::new();
        assert!(Exact::of(&[1.0, 2.0, 3.0], 3, &mut room).is_some_and(|exact| exact.is_whole()));
        assert!(Exact::of(&[0.1, 100.0], 2, &mut room).is_some_and(|exact| !exact.is_whole()));
        assert!(Exact::of(&[1e-100, 1e100], 2, &mut room).is_none());
        assert!(Exact::of(&[f64::MAX, 1.0], 2, &mut room).is_none());
        assert!(Exact::of(&[f64::MAX, f64::MAX], 2, &mut room).is_none());
        assert!(Exact::of(&[f64::MIN_POSITIVE / 2.0], 1, &mut room).is_none());
    }
}
