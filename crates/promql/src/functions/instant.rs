use std::f64::consts::{LN_2, PI};

use crate::histogram::{Histogram, kahan};

/// A function of one number.
pub(crate) fn of_number(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => asinh,
        "acosh" => acosh,
        "atanh" => f64::atanh,
        "rad" => |degrees| degrees * (PI / 180.0),
        "deg" => |radians| radians * (180.0 / PI),
        "sgn" => |value| {
            if value < 0.0 {
                -1.0
            } else if value > 0.0 {
                1.0
            } else {
                value
            }
        },
        _ => return None,
    })
}

/// A function of one native histogram.
pub(crate) fn of_histogram(name: &str) -> Option<fn(&Histogram) -> f64> {
    Some(match name {
        "histogram_count" => |histogram| histogram.count,
        "histogram_sum" => |histogram| histogram.sum,
        "histogram_avg" => |histogram| histogram.sum / histogram.count,
        "histogram_stddev" => |histogram| variance(histogram).sqrt(),
        "histogram_stdvar" => variance,
        _ => return None,
    })
}

/// The variance of observations, all of a bucket taken to lie at its middle.
fn variance(histogram: &Histogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let (mut sum, mut rest) = (0.0, 0.0);
    for range in histogram.ranges().into_iter().filter(|range| range.count != 0.0) {
        let middle = if histogram.is_custom() {
            (range.upper + range.lower) / 2.0
        } else if range.lower <= 0.0 && range.upper >= 0.0 {
            0.0
        } else {
            let middle = (range.upper * range.lower).sqrt();
            if range.upper < 0.0 { -middle } else { middle }
        };
        let delta = middle - mean;
        (sum, rest) = kahan(range.count * delta * delta, sum, rest);
    }
    (sum + rest) / histogram.count
}

/// A number rounded to the nearest multiple of another; what is in the middle goes up.
pub(crate) fn round(value: f64, nearest: f64) -> f64 {
    // A multiplication by the inverse is less inexact than a division.
    let inverse = 1.0 / nearest;
    (value * inverse + 0.5).floor() / inverse
}

/// A number brought between two others, the lower first; none if the higher is below it.
pub(crate) fn clamp(value: f64, lowest: f64, highest: f64) -> Option<f64> {
    if highest < lowest { None } else { Some(greater(lowest, lesser(highest, value))) }
}

/// From here on the square of a number hides the one that is added to it, and then has no room.
const LARGE: f64 = (1 << 28) as f64;

fn asinh(value: f64) -> f64 {
    let size = value.abs();
    if size > LARGE { (size.ln() + LN_2).copysign(value) } else { value.asinh() }
}

fn acosh(value: f64) -> f64 {
    if value > LARGE { value.ln() + LN_2 } else { value.acosh() }
}

/// The greater of two numbers; what is no number wins over all but infinity. A zero with a sign is the lesser one.
pub(crate) fn greater(a: f64, b: f64) -> f64 {
    let infinite = a == f64::INFINITY || b == f64::INFINITY;
    match (a.is_nan() || b.is_nan(), a == b) {
        (true, _) if !infinite => f64::NAN,
        (_, true) if a.is_sign_negative() => b,
        (_, true) => a,
        _ => a.max(b),
    }
}

/// The lesser of two numbers; what is no number wins over all but negative infinity.
pub(crate) fn lesser(a: f64, b: f64) -> f64 {
    let infinite = a == f64::NEG_INFINITY || b == f64::NEG_INFINITY;
    match (a.is_nan() || b.is_nan(), a == b) {
        (true, _) if !infinite => f64::NAN,
        (_, true) if a.is_sign_negative() => a,
        (_, true) => b,
        _ => a.min(b),
    }
}
