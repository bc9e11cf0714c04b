//! The only texts that match.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::{Error, parsed, translate};

/// With more texts than this, or more bytes of them, they are compared by the expression.
const MAX_TEXTS: usize = 1_000;
const MAX_BYTES: usize = 64 << 10;

/// The texts that an expression matches as a whole, in order, if these are few: those of `a|b[0-2]` are four. Nothing is said of
/// others.
///
/// # Errors
/// See [`Error`]: what is no expression.
pub fn alternatives(pattern: &str) -> Result<Option<Vec<String>>, Error> {
    let parsed = translate::translated(pattern).and_then(|translated| parsed(&translated))?;
    let Some(mut texts) = texts(&parsed) else { return Ok(None) };
    texts.sort_unstable();
    texts.dedup();
    Ok(Some(texts))
}

/// The depth is bounded by that of what is parsed.
fn texts(part: &Hir) -> Option<Vec<String>> {
    match part.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(literal) => Some(vec![str::from_utf8(&literal.0).ok()?.to_owned()]),
        HirKind::Class(Class::Unicode(class)) => {
            let count: usize = class.iter().map(|range| range.len()).sum();
            let each = || class.iter().flat_map(|range| range.start()..=range.end());
            (count <= MAX_TEXTS).then(|| each().map(String::from).collect())
        }
        HirKind::Capture(group) => texts(&group.sub),
        HirKind::Alternation(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(texts(part)?);
                within(&all)?;
            }
            Some(all)
        }
        HirKind::Concat(parts) => {
            let mut all = vec![String::new()];
            for part in parts {
                all = joined(&all, &texts(part)?)?;
            }
            Some(all)
        }
        HirKind::Repetition(repeated) if (repeated.min, repeated.max) == (0, Some(1)) => {
            let mut all = texts(&repeated.sub)?;
            all.push(String::new());
            within(&all)?;
            Some(all)
        }
        HirKind::Class(Class::Bytes(_)) | HirKind::Look(_) | HirKind::Repetition(_) => None,
    }
}

/// Each text followed by each of the others.
fn joined(texts: &[String], others: &[String]) -> Option<Vec<String>> {
    let bytes = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
    let count = texts.len() * others.len();
    if count > MAX_TEXTS || bytes(texts) * others.len() + bytes(others) * texts.len() > MAX_BYTES {
        return None;
    }
    Some(texts.iter().flat_map(|text| others.iter().map(move |other| format!("{text}{other}"))).collect())
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
        let long = "a".repeat(MAX_BYTES / 4);
        assert_eq!(alternatives(&format!("({long}|{long}b)(c|d)?")).unwrap(), None);
    }
}
