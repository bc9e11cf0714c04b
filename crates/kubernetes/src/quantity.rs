//! Quantities: `100m`, `128Mi`, `1e3`. See the grammar in Kubernetes' `resource.Quantity`.

/// Digits after the point that a quantity may have; Kubernetes rounds up what is finer than nano.
const NANO: u32 = 9;

/// The one text for all texts with this value: `0.1` and `100m` are `100m`, `1024Mi` is `1Gi`,
/// `12000m` is `12`. `None` if it is no quantity.
pub fn canonical(text: &str) -> Option<String> {
    Some(show(nanos(text)?))
}

/// The value in units of 10^-9.
fn nanos(text: &str) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') || number.len() > 30 {
        return None;
    }
    // Thirty digits fit.
    let mantissa = whole.bytes().chain(fraction.bytes()).fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let fraction = u32::try_from(fraction.len()).ok()?;
    let value = match unit(suffix)? {
        Unit::Binary(power) => scale(mantissa.checked_mul(1024_i128.checked_pow(power)?)?, NANO, fraction)?,
        Unit::Decimal(power) if power >= 0 => scale(mantissa, NANO.checked_add(power.unsigned_abs())?, fraction)?,
        Unit::Decimal(power) => scale(mantissa, NANO, fraction.checked_add(power.unsigned_abs())?)?,
    };
    Some(if negative { -value } else { value })
}

/// `mantissa * 10^(up - down)`, rounded away from zero.
fn scale(mantissa: i128, up: u32, down: u32) -> Option<i128> {
    if up >= down {
        return mantissa.checked_mul(10_i128.checked_pow(up - down)?);
    }
    let divisor = 10_i128.checked_pow(down - up)?;
    Some(mantissa / divisor + i128::from(mantissa % divisor != 0))
}

enum Unit {
    /// A power of 1024.
    Binary(u32),
    /// A power of 10.
    Decimal(i32),
}

fn unit(suffix: &str) -> Option<Unit> {
    Some(match suffix {
        "" => Unit::Decimal(0),
        "n" => Unit::Decimal(-9),
        "u" => Unit::Decimal(-6),
        "m" => Unit::Decimal(-3),
        "k" => Unit::Decimal(3),
        "M" => Unit::Decimal(6),
        "G" => Unit::Decimal(9),
        "T" => Unit::Decimal(12),
        "P" => Unit::Decimal(15),
        "E" => Unit::Decimal(18),
        "Ki" => Unit::Binary(1),
        "Mi" => Unit::Binary(2),
        "Gi" => Unit::Binary(3),
        "Ti" => Unit::Binary(4),
        "Pi" => Unit::Binary(5),
        "Ei" => Unit::Binary(6),
        _ => Unit::Decimal(suffix.strip_prefix(['e', 'E'])?.parse().ok().filter(|power: &i32| power.abs() <= 18)?),
    })
}

/// A whole number in the unit of either kind that makes it shortest, else in the coarsest of milli,
/// micro and nano that is exact.
fn show(nanos: i128) -> String {
    const ONE: i128 = 1_000_000_000;
    if nanos % ONE != 0 {
        let (unit, size) = [("m", 1_000_000), ("u", 1_000), ("n", 1)]
            .into_iter()
            .find(|(_, size)| nanos % size == 0)
            .unwrap_or(("n", 1));
        return format!("{}{unit}", nanos / size);
    }
    let value = nanos / ONE;
    let decimal = with_unit(value, 1000, ["", "k", "M", "G", "T", "P", "E"]);
    let binary = with_unit(value, 1024, ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]);
    let length = |(value, unit): (i128, &str)| digits(value) + unit.len();
    let (value, unit) = if length(binary) < length(decimal) { binary } else { decimal };
    format!("{value}{unit}")
}

/// The value in the largest unit in which it is whole.
fn with_unit(mut value: i128, base: i128, units: [&'static str; 7]) -> (i128, &'static str) {
    let mut power = 0;
    while value != 0 && value % base == 0 && power < units.len() - 1 {
        (value, power) = (value / base, power + 1);
    }
    (value, units[power])
}

/// How many digits it has; zero has none.
fn digits(mut value: i128) -> usize {
    let mut digits = 0;
    while value != 0 {
        (value, digits) = (value / 10, digits + 1);
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn equal_values_have_one_text() {
        for (texts, expected) in [
            (&["100m", "0.1", ".1", "0.10", "100000u", "1e-1", "+100m"][..], "100m"),
            (&["1Gi", "1024Mi", "1073741824", "1073741824.0", "1048576Ki"], "1Gi"),
            (&["12", "12000m", "12.0", "0.012k", "12e0"], "12"),
            (&["1500m", "1.5"], "1500m"),
            (&["0", "0m", "-0", "0Gi", "0.0"], "0"),
            (&["0.5Gi", "512Mi"], "512Mi"),
            (&["2k", "2000", "2E3", "2e3"], "2k"),
            (&["1E", "1e18"], "1E"),
            (&["-1.5"], "-1500m"),
            (&["0.1n", "1n"], "1n"),
        ] {
            for text in texts {
                assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_quantity_is_left_alone() {
        for text in
            ["", "-", ".", "1.2.3", "abc", "1mi", "1 Gi", "1e999", "1e", "0x10", "99999999999999999999999999999999"]
        {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
