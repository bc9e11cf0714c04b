//! The only texts that match.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::{Error, parsed, translate};

/// With more texts than this, or more bytes of them, they are compared by the expression.
const MAX_TEXTS: usize = 1_000;
const MAX_BYTES: usize = 64 << 10;
/// Bytes of texts that are made on the way to them, at most.
const MAX_MADE: usize = 1 << 20;

/// See [`crate::Room::alternatives`].
pub(crate) fn alternatives(pattern: &str) -> Result<Option<Vec<String>>, Error> {
    let parsed = translate::translated(pattern).and_then(|translated| parsed(&translated))?;
    let Some(mut texts) = (Making { left: MAX_MADE }).texts(&parsed) else { return Ok(None) };
    texts.sort_unstable();
    texts.dedup();
    Ok(Some(texts))
}

/// What texts take beside their bytes.
const TEXT: usize = size_of::<String>() + 16;

/// The bytes that they take in memory.
pub(crate) fn size(texts: &[String]) -> usize {
    texts.iter().map(|text| TEXT + text.len()).sum()
}

/// Makes texts, as long as the work is bounded.
struct Making {
    left: usize,
}

impl Making {
    /// The depth is bounded by that of what is parsed.
    fn texts(&mut self, part: &Hir) -> Option<Vec<String>> {
        let made = match part.kind() {
            HirKind::Empty => return Some(vec![String::new()]),
            HirKind::Literal(literal) => vec![str::from_utf8(&literal.0).ok()?.to_owned()],
            HirKind::Class(Class::Unicode(class)) => {
                let count: usize = class.iter().map(|range| range.len()).sum();
                let each = class.iter().flat_map(|range| range.start()..=range.end());
                if count > MAX_TEXTS {
                    return None;
                }
                each.map(String::from).collect()
            }
            HirKind::Capture(group) => return self.texts(&group.sub),
            HirKind::Alternation(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(self.texts(part)?);
                    within(&all)?;
                }
                return Some(all);
            }
            HirKind::Concat(parts) => {
                let mut all = vec![String::new()];
                for part in parts {
                    let others = self.texts(part)?;
                    if others != [""] {
                        all = self.joined(&all, &others)?;
                    }
                }
                return Some(all);
            }
            HirKind::Repetition(repeated) if (repeated.min, repeated.max) == (0, Some(1)) => {
                let mut all = self.texts(&repeated.sub)?;
                all.push(String::new());
                within(&all)?;
                return Some(all);
            }
            HirKind::Class(Class::Bytes(_)) | HirKind::Look(_) | HirKind::Repetition(_) => return None,
        };
        self.left = self.left.checked_sub(size(&made))?;
        Some(made)
    }

    /// Each text followed by each of the others.
    fn joined(&mut self, texts: &[String], others: &[String]) -> Option<Vec<String>> {
        let bytes = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
        let count = texts.len() * others.len();
        let bytes = bytes(texts) * others.len() + bytes(others) * texts.len();
        if count > MAX_TEXTS || bytes > MAX_BYTES {
            return None;
        }
        self.left = self.left.checked_sub(count * TEXT + bytes)?;
        Some(texts.iter().flat_map(|text| others.iter().map(move |other| format!("{text}{other}"))).collect())
    }
}

fn within(texts: &[String]) -> Option<()> {
    (texts.len() <= MAX_TEXTS && texts.iter().map(String::len).sum::<usize>() <= MAX_BYTES).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::whole;

    #[test]
    fn the_texts_are_those_that_the_expression_matches() {
        let cases: [(&str, Option<&[&str]>); 17] = [
            ("", Some(&[""])),
            ("a", Some(&["a"])),
            ("a|b", Some(&["a", "b"])),
            ("b|a|b", Some(&["a", "b"])),
            ("host_1|host_12|host_2", Some(&["host_1", "host_12", "host_2"])),
            ("(?:a|b)[0-2]", Some(&["a0", "a1", "a2", "b0", "b1", "b2"])),
            ("(a|)b?", Some(&["", "a", "ab", "b"])),
            ("(?i:i1)", Some(&["I1", "i1"])),
            (r"a\.b|\*", Some(&["*", "a.b"])),
            ("2|4.*", None),
            ("a+", None),
            ("a{2}", None),
            ("^a$", None),
            (".", None),
            ("[^a]", None),
            (r"\bа", None),
            ("[a-z][a-z][a-z]", None),
        ];
        for (pattern, expected) in cases {
            let found = alternatives(pattern).unwrap();
            let expected = expected.map(|texts| texts.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(found, expected, "{pattern}");
            let regex = whole(pattern).unwrap();
            assert!(found.iter().flatten().all(|text| regex.is_match(text)), "{pattern}");
        }
        assert!(alternatives("(").is_err() && alternatives("a)|(b").is_err());
    }

    #[test]
    fn many_are_left_to_the_expression() {
        let many = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join("|");
        assert_eq!(alternatives(&many(MAX_TEXTS)).unwrap().map(|texts| texts.len()), Some(MAX_TEXTS));
        assert_eq!(alternatives(&many(MAX_TEXTS + 1)).unwrap(), None);
        let many_parts = format!("[0-9][0-9]{}", "[ab]?()".repeat(8_000));
        assert_eq!(alternatives(&many_parts).unwrap(), None);
        let nothing = alternatives(&format!("[0-9][0-9][0-9]{}", "()".repeat(30_000))).unwrap();
        assert_eq!(nothing.map(|texts| texts.len()), Some(1_000));
        let long = "a".repeat(MAX_BYTES / 4);
        assert_eq!(alternatives(&format!("({long}|{long}b)(c|d)?")).unwrap(), None);
    }
}
