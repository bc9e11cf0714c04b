use std::cmp::Ordering;

/// The order of numbers for quantiles: what is no number is the lowest.
pub(crate) fn order(a: &f64, b: &f64) -> Ordering {
    b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b))
}

/// The quantile of numbers, interpolated between the two nearest. The numbers are brought in order.
pub(crate) fn quantile_of(q: f64, values: &mut [f64]) -> f64 {
    values.sort_by(order);
    quantile_in_order(q, values)
}

/// The same of numbers that are in order.
pub(crate) fn quantile_in_order(q: f64, values: &[f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    if weight == 0.0 {
        // An infinite neighbour, of which nothing is taken, would make it no number.
        return at(lower);
    }
    at(lower) * (1.0 - weight) + at(upper) * weight
}

#[cfg(test)]
mod tests {
    use super::quantile_of;

    #[test]
    fn it_is_interpolated_between_neighbours() {
        assert_eq!(quantile_of(0.5, &mut [3.0, 1.0]), 2.0);
        assert_eq!(quantile_of(0.8, &mut [0.0, 1.0, 2.0]), 1.6);
        assert_eq!(quantile_of(0.8, &mut [0.0, 1.0, f64::NAN]), 0.6000000000000001);
        assert_eq!(quantile_of(0.0, &mut [2.0, f64::INFINITY]), 2.0);
        assert!(quantile_of(0.5, &mut []).is_nan());
        assert_eq!(quantile_of(-1.0, &mut [1.0]), f64::NEG_INFINITY);
    }
}
