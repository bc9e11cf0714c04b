use std::time::Duration;

use yaml::{Node, Problem};

use crate::duration;

/// A duration such as `1h30m`.
pub(super) fn span(node: &Node, key: &str) -> Result<Duration, Problem> {
    duration::parse(&node.text(key)?).map_err(|message| Problem::new(node.place, key, message))
}

/// A number, not negative.
pub(super) fn count(node: &Node, key: &str) -> Result<u64, Problem> {
    node.whole(key).map(|count| count as u64)
}

/// Bytes such as `10MB`, by powers of two; 0 is any number.
pub(super) fn bytes(node: &Node, key: &str) -> Result<u64, Problem> {
    let text = node.text(key)?;
    let wrong = || Problem::new(node.place, key, format!("{text:?} is not a size such as 512KB or 10MB"));
    if text == "0" {
        return Ok(0);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "B" => 0,
        "KB" | "KiB" => 10,
        "MB" | "MiB" => 20,
        "GB" | "GiB" => 30,
        "TB" | "TiB" => 40,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}
