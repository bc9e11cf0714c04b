//! Numbers as Prometheus shows them to people, with four digits.

use go_template::{Value, sprintf};

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];

fn digits(value: f64, unit: &str) -> String {
    sprintf("%.4g%s", &[Value::Float(value), Value::from(unit)])
}

/// Scales down by a base as long as that leaves at least one.
fn scaled(mut value: f64, base: f64, prefixes: &[&'static str]) -> (f64, &'static str) {
    let mut prefix = "";
    for larger in prefixes {
        if value.abs() < base {
            break;
        }
        prefix = larger;
        value /= base;
    }
    (value, prefix)
}

/// Scales up by 1000 as long as it is less than one.
fn scaled_up(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for smaller in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = smaller;
        value *= 1000.0;
    }
    (value, prefix)
}

/// `1.234k`, `12m`.
pub(crate) fn decimal(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return digits(value, "");
    }
    let (value, prefix) = if value.abs() >= 1.0 { scaled(value, 1000.0, &LARGE) } else { scaled_up(value) };
    digits(value, prefix)
}

/// `1.5Gi`.
pub(crate) fn binary(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return digits(value, "");
    }
    let (value, prefix) = scaled(value, 1024.0, &BINARY);
    digits(value, prefix)
}

/// A number of seconds: `1d 2h 3m 4s`, `4.5s`, `10ms`.
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() {
        return digits(seconds, "");
    }
    if seconds.abs() < 1.0 {
        let (value, prefix) = if seconds == 0.0 { (0.0, "") } else { scaled_up(seconds) };
        return digits(value, &format!("{prefix}s"));
    }
    let (sign, value) = if seconds < 0.0 { ("-", -seconds) } else { ("", seconds) };
    let whole = value as i64;
    let (days, hours, minutes, rest) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{}", digits(value, "s")),
        (0, 0, _) => format!("{sign}{minutes}m {rest}s"),
        (0, _, _) => format!("{sign}{hours}h {minutes}m {rest}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {rest}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_as_prometheus_does() {
        for (value, shown) in
            [(0.0, "0"), (1.0, "1"), (1234.567, "1.235k"), (0.012, "12m"), (f64::INFINITY, "+Inf"), (-5e9, "-5G")]
        {
            assert_eq!(decimal(value), shown);
        }
        for (value, shown) in [(1024.0, "1ki"), (1.0, "1"), (1536.0 * 1024.0, "1.5Mi")] {
            assert_eq!(binary(value), shown);
        }
        for (value, shown) in
            [(0.0, "0s"), (0.001, "1ms"), (61.0, "1m 1s"), (90_061.5, "1d 1h 1m 1s"), (12.345_678, "12.35s")]
        {
            assert_eq!(duration(value), shown);
        }
    }
}
