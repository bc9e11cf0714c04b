//! The shortest decimal digits of a float that read back as itself. Of two that are as near the even one is taken, as Go does and
//! Rust does not.

/// The largest whole numbers of which doubles have every one.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// A finite number: its sign, its digits without zeros at either end, and the power of ten of the first.
struct Digits {
    sign: &'static str,
    digits: String,
    exponent: i32,
}

impl Digits {
    fn of(value: f64) -> Self {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value.abs());
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{part}");
        let digits = all.trim_start_matches('0');
        let exponent = exponent + whole.len() as i32 - 1 - (all.len() - digits.len()) as i32;
        let sign = if value.is_sign_negative() { "-" } else { "" };
        match digits.trim_end_matches('0') {
            "" => Self { sign, digits: "0".to_owned(), exponent: 0 },
            digits => Self { sign, digits: digits.to_owned(), exponent },
        }
    }
}

/// Appends a finite number without an exponent.
pub fn push(out: &mut String, value: f64) {
    use std::fmt::Write as _;
    if value.abs() < WHOLE && value.fract() == 0.0 && !(value == 0.0 && value.is_sign_negative()) {
        let _ = write!(out, "{}", value as i64);
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    if !text.contains('e') {
        out.push_str(text.strip_suffix(".0").unwrap_or(text));
        return;
    }
    let Digits { sign, digits, exponent } = Digits::of(value);
    out.push_str(sign);
    let zeros = |count: usize| std::iter::repeat_n('0', count);
    match usize::try_from(exponent) {
        Err(_) => {
            out.push_str("0.");
            out.extend(zeros(exponent.unsigned_abs() as usize - 1));
            out.push_str(&digits);
        }
        Ok(exponent) if exponent + 1 >= digits.len() => {
            out.push_str(&digits);
            out.extend(zeros(exponent + 1 - digits.len()));
        }
        Ok(exponent) => {
            let (whole, part) = digits.split_at(exponent + 1);
            let _ = write!(out, "{whole}.{part}");
        }
    }
}

/// The power of ten of a finite number's first digit; 0 of zero.
pub fn exponent(value: f64) -> i32 {
    Digits::of(value).exponent
}

/// A finite number with an exponent of two digits or more and its sign.
pub fn with_exponent(value: f64) -> String {
    let Digits { sign, digits, exponent } = Digits::of(value);
    let (first, rest) = digits.split_at(1);
    let (dot, of) = (if rest.is_empty() { "" } else { "." }, if exponent < 0 { '-' } else { '+' });
    format!("{sign}{first}{dot}{rest}e{of}{:0>2}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(value: f64) -> String {
        let mut out = String::new();
        push(&mut out, value);
        out
    }

    #[test]
    fn of_two_digits_that_are_as_near_the_even_one_is_taken() {
        // What Go's `strconv.FormatFloat(value, 'f', -1, 64)` gives.
        for (value, text) in [
            ("1888570120608320.25", "1888570120608320.2"),
            ("1888570120608320.75", "1888570120608320.8"),
            ("2251799813685249.25", "2251799813685249"),
            ("4503599627370497.5", "4503599627370498"),
            ("9007199254740993", "9007199254740992"),
        ] {
            assert_eq!(plain(value.parse().unwrap()), text);
        }
    }

    #[test]
    fn every_text_reads_back_and_is_as_short_as_it_can_be() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        let odd = [
            0.0,
            -0.0,
            f64::MIN_POSITIVE,
            f64::MAX,
            5e-324,
            0.1,
            1e15,
            1e16,
            1e20,
            1e21,
            1e22,
            -1e20,
            9.5,
            1e-6,
            1.5e-7,
        ];
        let whole = [WHOLE, WHOLE - 1.0, -WHOLE, WHOLE + 2.0, 123_456_789_012_345_680.0, 100.0, 1e300];
        let bits: Vec<f64> = (0..50_000).map(|_| f64::from_bits(random())).collect();
        let decimals: Vec<f64> = (0..50_000).map(|n| (random() >> 20) as f64 / 10_f64.powi(n % 20)).collect();
        let all = odd.into_iter().chain(whole).chain(bits).chain(decimals);
        for value in all.filter(|value| value.is_finite()) {
            let (short, rust) = (plain(value), format!("{value}"));
            assert_eq!(short.parse::<f64>().map(f64::to_bits), Ok(value.to_bits()), "{short}");
            assert_eq!(short.len(), rust.len(), "{short} {rust}");
            let rust = format!("{value:e}");
            let (digits, power) = rust.split_once('e').unwrap();
            assert_eq!(exponent(value).to_string(), power, "{rust}");
            let scientific = with_exponent(value);
            assert_eq!(scientific.parse::<f64>().map(f64::to_bits), Ok(value.to_bits()), "{scientific}");
            assert_eq!(scientific.split_once('e').unwrap().0.len(), digits.len(), "{scientific} {rust}");
        }
    }
}
