//! Durations as Go writes them: `1h30m`, `1.5h`, `250ms`.

/// The one text for all texts of the same length: seconds with a fraction, `5400s`. `None` if it is
/// no duration.
pub fn canonical(text: &str) -> Option<String> {
    let (negative, mut rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    if rest == "0" {
        return Some("0s".to_owned());
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let digits =
            rest.find(|c: char| !c.is_ascii_digit() && c != '.').filter(|digits| *digits > 0 && *digits < 20)?;
        let (number, after) = rest.split_at(digits);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let unit = nanos_of(unit)?;
        let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let size = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        nanos = nanos.checked_add(whole.checked_mul(unit)?)?.checked_add(part.checked_mul(unit)? / size)?;
        rest = after;
    }
    if text.is_empty() || text == "-" {
        return None;
    }
    let (seconds, below) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let fraction = if below == 0 { String::new() } else { format!(".{below:09}").trim_end_matches('0').to_owned() };
    let sign = if negative && nanos != 0 { "-" } else { "" };
    Some(format!("{sign}{seconds}{fraction}s"))
}

fn nanos_of(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn equal_lengths_have_one_text() {
        for (texts, expected) in [
            (&["1h30m", "90m", "5400s", "1.5h", "1h30m0s"][..], "5400s"),
            (&["250ms", "0.25s", ".25s", "250000us"], "0.25s"),
            (&["0", "0s", "-0s", "0h0m"], "0s"),
            (&["-1m"], "-60s"),
        ] {
            for text in texts {
                assert_eq!(canonical(text).as_deref(), Some(expected), "{text}");
            }
        }
        for text in ["", "-", "1", "h", "1d", "1h-3m", "1..5s", "99999999999999999999h"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
