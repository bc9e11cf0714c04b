/// A number as Go reads it, but for the forms that Prometheus refuses: hexadecimal, `_`, and what is too large.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let value = text.parse::<f64>().ok()?;
    let named = text.bytes().any(|byte| matches!(byte, b'i' | b'I'));
    (value.is_finite() || value.is_nan() || named).then_some(value)
}

/// A number as Prometheus writes it into `le` and `quantile`: the shortest that means it, with an exponent
/// below 1e-4 and from 1e6 on, else with a point.
pub fn format_float(value: f64) -> String {
    if value == 0.0 {
        return "0.0".to_owned();
    }
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let text = value.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_writes_them() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "0.0"),
            (1.0, "1.0"),
            (-1.0, "-1.0"),
            (0.0001, "0.0001"),
            (0.000_025, "2.5e-05"),
            (128.0, "128.0"),
            (123_456.5, "123456.5"),
            (1e6, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (1e100, "1e+100"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(format_float(value), expected);
        }
    }

    #[test]
    fn what_prometheus_does_not_read_is_no_number() {
        for text in ["", "0x1", "1_0", "1e999", "-1e999", "e", "1e", "infi", " 1"] {
            assert_eq!(parse_float(text), None, "{text}");
        }
        assert_eq!(parse_float("-INF"), Some(f64::NEG_INFINITY));
    }
}
