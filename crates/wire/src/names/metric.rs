use super::units::{clean, suffixes};
use super::{NameError, Strategy};

/// What of a metric's type its name shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A gauge: with the unit `1` its name ends with `_ratio`.
    Gauge,
    /// A sum that only rises: its name ends with `_total`.
    Counter,
    /// Anything else.
    Other,
}

pub(super) fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

/// The name of a metric.
///
/// # Errors
/// A name of which nothing is left.
pub fn metric_name(name: &str, unit: &str, kind: Kind, strategy: Strategy) -> Result<String, NameError> {
    let made = match (strategy.escapes(), strategy.adds_suffixes()) {
        (true, true) => normalized(name, unit, kind),
        (true, false) => escaped(name),
        (false, true) => with_suffixes(name, unit, kind),
        (false, false) => name.to_owned(),
    };
    let only_underscores = strategy.escapes() && made != name && made.chars().all(|c| c == '_');
    if made.is_empty() || only_underscores { Err(NameError(name.to_owned())) } else { Ok(made) }
}

fn escaped(name: &str) -> String {
    let parts = name.split(|c| !is_name_char(c) && c != '_').filter(|part| !part.is_empty());
    not_a_digit_first(parts.collect::<Vec<_>>().join("_"))
}

fn not_a_digit_first(name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn normalized(name: &str, unit: &str, kind: Kind) -> String {
    let mut words: Vec<&str> = name.split(|c| !is_name_char(c)).filter(|word| !word.is_empty()).collect();
    let (main, per) = suffixes(unit);
    let (main, per) = (clean(main), clean(&per));
    let per = if per == "per_" { "" } else { per.strip_suffix('_').unwrap_or(&per) };
    let per = if words.contains(&per) { "" } else { per };
    let main = if words.contains(&main.as_str()) { "" } else { main.as_str() };
    let main = if per.is_empty() { main } else { main.strip_suffix('_').unwrap_or(main) };
    words.extend([main, per].into_iter().filter(|word| !word.is_empty()));
    let last = match kind {
        Kind::Counter => Some("total"),
        Kind::Gauge if unit == "1" => Some("ratio"),
        _ => None,
    };
    if let Some(last) = last {
        words.retain(|word| *word != last);
        words.push(last);
    }
    not_a_digit_first(words.join("_"))
}

/// Each suffix comes once, at the end: what the name already has of them goes first, from the outside in.
fn with_suffixes(name: &str, unit: &str, kind: Kind) -> String {
    let (main, per) = suffixes(unit);
    let ratio = if unit == "1" && kind == Kind::Gauge { "ratio" } else { "" };
    let total = if kind == Kind::Counter { "total" } else { "" };
    let outer = [ratio, total, &per];
    let mut out = outer.into_iter().fold(name, without).to_owned();
    if !main.is_empty() && !out.ends_with(main) {
        out.push('_');
        out.push_str(main);
    }
    for suffix in outer.into_iter().rev().filter(|suffix| !suffix.is_empty()) {
        out.push('_');
        out.push_str(suffix);
    }
    out
}

/// `name` without `suffix` and what is before it, whatever that is, unless nothing else would be left.
fn without<'a>(name: &'a str, suffix: &str) -> &'a str {
    let Some(rest) = name.strip_suffix(suffix).filter(|rest| !suffix.is_empty() && rest.len() > 1) else { return name };
    let end = rest.char_indices().next_back().map_or(0, |(at, _)| at);
    rest.get(..end).unwrap_or(name)
}
