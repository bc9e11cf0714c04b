//! Patterns of `to_char` for times: PostgreSQL's, as those that are known here.
//! <https://www.postgresql.org/docs/current/functions-formatting.html>

/// PostgreSQL's patterns and those of strftime, the longer before those that they begin with.
const PATTERNS: &[(&str, &str)] = &[
    ("FMMonth", "%B"),
    ("FMDay", "%A"),
    ("IYYY", "%G"),
    ("YYYY", "%Y"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("Mon", "%b"),
    ("DDD", "%j"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("SS", "%S"),
    ("MS", "%3f"),
    ("US", "%6f"),
    ("MM", "%m"),
    ("DD", "%d"),
    ("Dy", "%a"),
    ("YY", "%y"),
    ("IW", "%V"),
    ("ID", "%u"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("am", "%P"),
    ("pm", "%P"),
    ("TZ", "UTC"),
    ("OF", "+00"),
    ("T", "T"),
    ("Z", "Z"),
];

/// `%Y-%m` of `YYYY-MM`; nothing if there is a pattern in it that is not known, or none of PostgreSQL's.
pub(super) fn known(format: &str) -> Option<String> {
    let (mut out, mut rest, mut found) = (String::new(), format, false);
    while let Some(char) = rest.chars().next() {
        if char == '%' {
            return None;
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = quoted.split_once('"')?;
            out.push_str(text);
            rest = after;
        } else if let Some((pattern, meaning)) = PATTERNS.iter().find(|(pattern, _)| rest.starts_with(pattern)) {
            out.push_str(meaning);
            rest = rest.get(pattern.len()..)?;
            found = true;
        } else if char.is_alphabetic() {
            return None;
        } else {
            out.push(char);
            rest = rest.get(char.len_utf8()..)?;
        }
    }
    found.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn patterns_are_read_as_postgresql_reads_them() {
        for (format, expected) in [
            ("YYYY-MM-DD HH24:MI:SS", Some("%Y-%m-%d %H:%M:%S")),
            ("YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"", Some("%Y-%m-%dT%H:%M:%S.%3fZ")),
            ("IYYY-IW", Some("%G-%V")),
            ("Dy DD Mon", Some("%a %d %b")),
            ("%Y", None),
            ("999", None),
            ("Q", None),
        ] {
            assert_eq!(known(format).as_deref(), expected, "{format}");
        }
    }
}
