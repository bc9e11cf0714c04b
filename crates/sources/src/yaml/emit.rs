//! YAML as people would write it: plain where that is clear, blocks for texts of lines, quotes else.

use std::fmt::Write as _;

use serde_json::Value;

/// The longest line that a map is written in.
const LINE: usize = 110;

/// A scalar. Texts that another reader could take for a number, a truth value or nothing are quoted.
pub(crate) fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn is_plain(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_');
    let safe = |c: char| c.is_ascii_alphanumeric() || "/_.@+=~-".contains(c);
    // A version such as 1.22.1-9 or 2:4.13 begins with a digit, and is no number for anyone.
    let version =
        text.starts_with(|c: char| c.is_ascii_digit()) && text.matches('.').count() >= 2 && !text.contains(':');
    (starts || version)
        && text.len() < 100
        && text.chars().all(|c| safe(c) || (c == ':' && starts))
        && !text.ends_with(':')
        && !words.contains(&text.to_ascii_lowercase().as_str())
}

/// A double-quoted scalar on one line.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    text.chars().for_each(|c| escape(c, &mut out));
    out.push('"');
    out
}

/// YAML 1.2, section 5.7: escape sequences of double-quoted scalars.
fn escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_printable(c) => out.push(c),
        c if u32::from(c) <= 0xff => _ = write!(out, "\\x{:02X}", u32::from(c)),
        c if u32::from(c) <= 0xffff => _ = write!(out, "\\u{:04X}", u32::from(c)),
        c => _ = write!(out, "\\U{:08X}", u32::from(c)),
    }
}

/// YAML 1.2, production 1 (`c-printable`), without the byte order mark and line separators that
/// some readers take for line breaks.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
        || c >= '\u{10000}'
}

/// `key: text`, as a block if it has lines.
pub(crate) fn text(key: &str, text: &str, out: &mut String) {
    let is_block = text.trim_end_matches('\n').contains('\n') || (text.ends_with('\n') && text.len() > 1);
    if is_block && text.chars().all(|c| matches!(c, '\n' | '\t') || is_printable(c)) && text.contains(|c| c != '\n') {
        block(key, text, out);
    } else if text.contains('\n') && text.len() > 1 {
        lines(key, text, out);
    } else {
        let _ = writeln!(out, "{key}: {}", scalar(text));
    }
}

/// YAML 1.2, section 8.1: a literal block with indicators for indentation and final line breaks.
fn block(key: &str, text: &str, out: &mut String) {
    let indent = if text.starts_with([' ', '\t', '\n']) { "2" } else { "" };
    let chomp = match (text.ends_with('\n'), text.ends_with("\n\n")) {
        (false, _) => "-",
        (true, false) => "",
        (true, true) => "+",
    };
    let _ = writeln!(out, "{key}: |{indent}{chomp}");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if !line.is_empty() {
            out.push_str("  ");
        }
        out.push_str(line);
        out.push('\n');
    }
}

/// A double-quoted scalar with a line for each line of `text`, for what a block cannot hold.
fn lines(key: &str, text: &str, out: &mut String) {
    let _ = write!(out, "{key}: \"");
    let mut parts = text.split_inclusive('\n').peekable();
    while let Some(part) = parts.next() {
        // White space at the start of a line that continues would be cut, but for an escaped one.
        if part.starts_with(' ') {
            out.push('\\');
        }
        part.chars().for_each(|c| escape(c, out));
        if parts.peek().is_some() {
            out.push_str("\\\n  ");
        }
    }
    out.push_str("\"\n");
}

/// A value that needs no line of its own.
pub(crate) fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{}: {}", scalar(name), flow(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

/// `  name: {a: 1, b: 2}`, or a line for each member if that would be too long.
pub(crate) fn entry<'a>(name: &str, members: impl Iterator<Item = (&'a str, &'a Value)> + Clone, out: &mut String) {
    let name = scalar(name);
    let parts: Vec<String> = members.clone().map(|(name, value)| format!("{name}: {}", flow(value))).collect();
    let line = format!("  {name}: {{{}}}", parts.join(", "));
    // A key of more than 1024 characters is not read inside of a map on one line.
    if name.len() > 1000 {
        let _ = write!(out, "  ? {name}\n  : {{{}}}\n", parts.join(", "));
    } else if line.chars().count() <= LINE || parts.is_empty() {
        let _ = writeln!(out, "{line}");
    } else {
        let _ = writeln!(out, "  {name}:");
        parts.iter().for_each(|part| _ = writeln!(out, "    {part}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_could_misread_is_quoted() {
        for text in ["yes", "No", "1", "1.5", "0644", "", " a", "a: b", "12:30:00", "a #b", "#a", "- a", "*a", "null"] {
            assert!(scalar(text).starts_with('"'), "{text}");
        }
        for text in ["/etc/hosts", "root", "1.22.1-9", "nginx.service", "amd64"] {
            assert_eq!(scalar(text), text);
        }
    }

    #[test]
    fn lines_become_a_block() {
        let mut out = String::new();
        text("content", "a\n\n  b\n", &mut out);
        assert_eq!(out, "content: |\n  a\n\n    b\n");
    }
}
