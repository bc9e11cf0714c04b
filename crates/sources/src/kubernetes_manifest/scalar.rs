use serde_json::{Number, Value};

/// What a scalar without quotes is, as Kubernetes' clients read it: YAML 1.1, so that `on` is true
/// and `0644` is 420.
///
/// # Errors
/// If JSON has no such number.
pub(super) fn read(text: &str) -> Result<Value, String> {
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "y" | "Y" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "n" | "N" => Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" | "-.Inf" | "-.INF" => {
            return Err(format!("`{text}` is no number that JSON knows"));
        }
        _ => number(text).unwrap_or_else(|| Value::from(text)),
    })
}

fn number(text: &str) -> Option<Value> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return None;
    }
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if let Some(magnitude) = whole(digits) {
        let value = i128::from(magnitude) * if negative { -1 } else { 1 };
        let int = i64::try_from(value).map(Value::from);
        return int.or_else(|_| u64::try_from(value).map(Value::from)).ok();
    }
    is_float(digits)
        .then(|| plain.trim_start_matches('+').parse().ok().and_then(Number::from_f64).map(Value::Number))?
}

fn whole(digits: &str) -> Option<u64> {
    let of = |digits: &str, base| {
        let all = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
        if all { u64::from_str_radix(digits, base).ok() } else { None }
    };
    match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => of(&digits[2..], 16),
        [b'0', b'b' | b'B', ..] => of(&digits[2..], 2),
        [b'0', b'o' | b'O', ..] => of(&digits[2..], 8),
        [b'0', _, ..] => of(&digits[1..], 8),
        _ => of(digits, 10),
    }
}

/// Digits with a point, an exponent, or both.
fn is_float(digits: &str) -> bool {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).map_or((digits, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.is_none_or(|exponent| {
        let exponent = exponent.trim_start_matches(['+', '-']);
        !exponent.is_empty() && all(exponent)
    });
    all(whole) && all(fraction) && !(whole.is_empty() && fraction.is_empty()) && exponent
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_are_what_kubernetes_reads() {
        let cases = [
            ("on", json!(true)),
            ("NO", json!(false)),
            ("y", json!(true)),
            ("~", json!(null)),
            ("0644", json!(420)),
            ("0o644", json!(420)),
            ("0x1F", json!(31)),
            ("0b11", json!(3)),
            ("1_000", json!(1000)),
            ("-5", json!(-5)),
            ("+5", json!(5)),
            ("0", json!(0)),
            ("0899", json!(899.0)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("1e3", json!(1000.0)),
            ("1.27.0", json!("1.27.0")),
            ("1e", json!("1e")),
            ("100m", json!("100m")),
            ("12:30", json!("12:30")),
            ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
            ("2026-11-25", json!("2026-11-25")),
            (".", json!(".")),
            ("-", json!("-")),
            ("yesterday", json!("yesterday")),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        assert!(read("-.inf").is_err());
    }
}
