//! A baseline from another time, where none runs beside the canary.

/// What is to be said of a baseline that was measured so many milliseconds before the canary (after it, if
/// below 0).
pub fn risk(apart_millis: i64) -> String {
    let minutes = apart_millis.unsigned_abs() / 60_000;
    let when = if apart_millis > 0 { "before" } else { "after" };
    format!(
        "the baseline was measured {minutes} minutes {when} the canary: load, neighbours and dependencies of another time \
         look like an effect of the canary, and the rate of false alarms holds only as far as both times are alike"
    )
}

/// The points of a series `shift` intervals before each of the last `length`: the same canary's time, an
/// hour, a day or a week ago. Nothing if the series does not reach back so far.
pub fn before(series: &[f64], shift: usize, length: usize) -> Option<&[f64]> {
    let end = series.len().checked_sub(shift)?;
    series.get(end.checked_sub(length)?..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_baseline_of_another_time_is_cut_out_and_its_risk_said() {
        let series: Vec<f64> = (0..10).map(f64::from).collect();
        assert_eq!(before(&series, 5, 3), Some(&[2.0, 3.0, 4.0][..]));
        assert_eq!((before(&series, 5, 6), before(&series, 11, 1)), (None, None));
        assert!(risk(3_600_000).starts_with("the baseline was measured 60 minutes before the canary"));
        assert!(risk(-60_000).contains("1 minutes after"));
    }
}
