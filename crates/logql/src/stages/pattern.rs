//! Patterns such as `<ip> - <_> "<method>`: captures with texts between them.

use memchr::memmem::Finder;

use super::work::Work;
use crate::labels::is_label_name;

#[derive(Clone, Debug)]
enum Part {
    Text(Box<Finder<'static>>),
    /// A capture; none for `<_>`.
    Capture(Option<String>),
}

/// A pattern.
#[derive(Clone, Debug)]
pub(crate) struct Pattern(Vec<Part>);

impl Pattern {
    /// One that sets labels.
    pub(crate) fn parser(text: &str) -> Result<Self, String> {
        let pattern = Self::parse(text)?;
        let names: Vec<&str> = pattern.names().collect();
        if names.is_empty() {
            return Err("at least one capture is required".to_owned());
        }
        let twice = names.iter().enumerate().find(|(at, name)| names.iter().take(*at).any(|other| other == *name));
        match twice {
            Some((_, name)) => Err(format!("duplicate capture name ({name}): invalid expression")),
            None => Ok(pattern),
        }
    }

    /// One that lines are compared with.
    pub(crate) fn filter(text: &str) -> Result<Self, String> {
        let pattern = Self::parse(text)?;
        if pattern.names().next().is_some() {
            return Err("named captures are not allowed".to_owned());
        }
        Ok(pattern)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Capture(Some(name)) => Some(name.as_str()),
            _ => None,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
        while let Some(c) = rest.chars().next() {
            let capture = rest.strip_prefix('<').and_then(|tail| tail.split_once('>'));
            match capture.filter(|(name, _)| is_label_name(name)) {
                Some((name, after)) => {
                    if literal.is_empty() && matches!(parts.last(), Some(Part::Capture(_))) {
                        return Err(format!("found consecutive capture '<{name}>': invalid expression"));
                    }
                    push_text(&mut parts, &mut literal);
                    parts.push(Part::Capture((name != "_").then(|| name.to_owned())));
                    rest = after;
                }
                None => {
                    literal.push(c);
                    rest = rest.get(c.len_utf8()..).unwrap_or_default();
                }
            }
        }
        push_text(&mut parts, &mut literal);
        Ok(Self(parts))
    }

    /// The texts in it.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.needle()),
            Part::Capture(_) => None,
        })
    }

    /// Whether a whole line is such; a capture takes one byte at least.
    pub(crate) fn matches(&self, line: &str) -> bool {
        let Some(last) = self.0.last().filter(|_| !line.is_empty()) else {
            return line.is_empty() && self.0.is_empty();
        };
        let mut rest = line.as_bytes();
        for (at, part) in self.0.iter().enumerate() {
            let Part::Text(text) = part else { continue };
            match text.find(rest) {
                Some(found) if (at == 0) == (found == 0) => {
                    rest = rest.get(found + text.needle().len()..).unwrap_or_default();
                }
                _ => return false,
            }
        }
        matches!(last, Part::Capture(_)) != rest.is_empty()
    }

    /// Sets the labels that it finds, up to a text that is not there: the capture before it takes the rest.
    pub(super) fn run(&self, line: &str, work: &mut Work) -> Result<(), String> {
        let (mut parts, mut rest) = (self.0.as_slice(), line);
        if line.is_empty() {
            return Ok(());
        }
        if let Some((Part::Text(text), after)) = parts.split_first() {
            if !rest.as_bytes().starts_with(text.needle()) {
                return Ok(());
            }
            rest = rest.get(text.needle().len()..).unwrap_or_default();
            parts = after;
        }
        while let Some((Part::Capture(name), after)) = parts.split_first() {
            let (found, tail, more) = match after.split_first() {
                Some((Part::Text(text), after)) => match text.find(rest.as_bytes()) {
                    Some(found) => {
                        let (value, tail) = rest.split_at(found);
                        (value, tail.get(text.needle().len()..).unwrap_or_default(), after)
                    }
                    None => (rest, "", &[][..]),
                },
                _ => (rest, "", &[][..]),
            };
            if let Some(name) = name {
                work.extract(name, found)?;
            }
            (rest, parts) = (tail, more);
        }
        Ok(())
    }
}

fn push_text(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Text(Box::new(Finder::new(literal.as_bytes()).into_owned())));
        literal.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_compared_as_a_whole() {
        for (pattern, line, expected) in [
            ("<_>foo<_>", "a foo b", true),
            ("<_>foo<_>", "foo b", false),
            ("foo<_>", "foo b", true),
            ("foo<_>", "a foo b", false),
            ("<_>foo", "a foo", true),
            ("<_>foo", "a foo b", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(Pattern::filter(pattern).unwrap().matches(line), expected, "{pattern} {line}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for (pattern, problem) in [
            ("foo", "at least one capture is required"),
            ("<_>", "at least one capture is required"),
            ("<a><b>", "found consecutive capture '<b>': invalid expression"),
            ("<a> <a>", "duplicate capture name (a): invalid expression"),
        ] {
            assert_eq!(Pattern::parser(pattern).unwrap_err(), problem);
        }
        assert!(Pattern::filter("<a>").is_err());
    }
}
