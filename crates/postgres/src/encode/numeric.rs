//! PostgreSQL's binary numeric: digits of base 10,000.

use crate::reply::Out;

const NEGATIVE: i16 = 0x4000;

/// Writes the decimal digits `text` (`-12.5`).
pub fn write(text: &str, out: &mut Out<'_>) {
    let (sign, digits) = text.strip_prefix('-').map_or((0, text), |digits| (NEGATIVE, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let padding = (4 - whole.len() % 4) % 4;
    let padded = format!("{}{whole}{fraction}", "0".repeat(padding));
    let mut groups: Vec<i16> = padded.as_bytes().chunks(4).map(group).collect();
    let mut weight = ((whole.len() + padding) / 4) as i16 - 1;
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    weight = if groups.is_empty() { 0 } else { weight - leading as i16 };
    out.put_i16(groups.len() as i16);
    out.put_i16(weight);
    out.put_i16(if groups.is_empty() { 0 } else { sign });
    out.put_i16(fraction.len() as i16);
    groups.into_iter().for_each(|group| out.put_i16(group));
}

/// Four digits, the missing ones of the last group zeros.
fn group(digits: &[u8]) -> i16 {
    let digit = |n: usize| digits.get(n).map_or(0, |digit| i16::from(digit.wrapping_sub(b'0') % 10));
    (0..4).fold(0, |value, n| value * 10 + digit(n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Reply;

    fn words(text: &str) -> Vec<i16> {
        let mut reply = Reply::default();
        reply.message(b'D', |out| write(text, out));
        reply.bytes()[5..].chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn digits_are_grouped_by_four_around_the_point() {
        for (text, expected) in [
            ("0", vec![0, 0, 0, 0]),
            ("1", vec![1, 0, 0, 0, 1]),
            ("-12.5", vec![2, 0, NEGATIVE, 1, 12, 5000]),
            ("10000", vec![1, 1, 0, 0, 1]),
            ("18446744073709551615", vec![5, 4, 0, 0, 1844, 6744, 737, 955, 1615]),
            ("0.00012", vec![2, -1, 0, 5, 1, 2000]),
        ] {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}
