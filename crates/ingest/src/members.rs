//! A JSON document as members with paths.

use std::borrow::Cow;

use wire::json::{JsonError, Parser, Shape};

/// How deep members are named by their path; what is deeper is JSON.
const DEPTH: usize = 8;

/// Members of members by their path, `host.name`, in order of these: texts as they are, everything else as it is
/// written. Of two with one path the last counts, and `null` is nothing.
#[derive(Debug, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Members<'a> {
    /// Reads `document`; what is borrowed is copied only if it has escapes.
    pub fn read(document: &'a [u8]) -> Result<Self, JsonError> {
        let mut parser = Parser::new(document)?;
        let mut found = Vec::new();
        object(&mut parser, "", DEPTH, &mut found)?;
        parser.end()?;
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        found.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                std::mem::swap(next, kept);
            }
            same
        });
        Ok(Self(found))
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.0.binary_search_by(|(other, _)| other.as_ref().cmp(name)).ok()
    }

    /// Takes the first of `names` that is there and whose text `is_it` knows.
    pub fn take_if<T>(&mut self, names: &[&str], is_it: impl Fn(&str) -> Option<T>) -> Option<T> {
        let at = names.iter().find_map(|name| self.place(name))?;
        let value = self.0.get(at).and_then(|(_, text)| is_it(text))?;
        self.0.remove(at);
        Some(value)
    }

    /// Takes the first of `names` that is there.
    pub fn take(&mut self, names: &[&str]) -> Option<Cow<'a, str>> {
        let at = names.iter().find_map(|name| self.place(name))?;
        Some(self.0.remove(at).1)
    }

    /// What is left, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

fn object<'a>(
    parser: &mut Parser<'a>,
    path: &str,
    depth: usize,
    found: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>,
) -> Result<(), JsonError> {
    parser.object(|parser, key| {
        let path = if path.is_empty() { key.clone() } else { Cow::Owned(format!("{path}.{key}")) };
        let value = match parser.shape()? {
            Shape::Object if depth > 1 => return object(parser, &path, depth - 1, found),
            Shape::Null => return parser.null(),
            Shape::String => parser.string()?,
            _ => Cow::Borrowed(parser.raw()?),
        };
        found.push((path, value));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(document: &str) -> Vec<(String, String)> {
        let members = Members::read(document.as_bytes()).unwrap();
        members.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn members_of_members_have_paths() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            members(r#" {"e": "te\nxt", "d": ["x", 1.0], "a": {"c": null, "b": 1e3, "": true}} "#),
            [pair("a.", "true"), pair("a.b", "1e3"), pair("d", r#"["x", 1.0]"#), pair("e", "te\nxt")]
        );
    }

    #[test]
    fn the_last_of_a_path_counts() {
        assert_eq!(
            members(r#"{"a.b": 1, "x": 0, "a": {"b": 2, "b": 3}}"#),
            [("a.b".to_owned(), "3".to_owned()), ("x".to_owned(), "0".to_owned())]
        );
    }

    #[test]
    fn what_is_deep_is_json() {
        let document = format!("{}1{}", r#"{"a":"#.repeat(10), "}".repeat(10));
        assert_eq!(members(&document), [("a.a.a.a.a.a.a.a".to_owned(), r#"{"a":{"a":1}}"#.to_owned())]);
    }

    #[test]
    fn what_is_no_object_says_where() {
        for (document, expected) in [
            ("[1]", "$ at byte 0: `{` is missing"),
            (r#"{"a": {"b": tru}}"#, "$.a.b at byte 12: `false` is missing"),
            ("{} 1", "$ at byte 3: text behind the value"),
            (r#"{"a": "x"#, "$.a at byte 8: a string does not end"),
        ] {
            assert_eq!(Members::read(document.as_bytes()).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn members_are_taken_by_the_first_name_that_is_there() {
        let mut members = Members::read(br#"{"ts": "1", "time": "2", "level": "loud", "x": "y"}"#).unwrap();
        assert_eq!(members.take(&["none", "time", "ts"]).as_deref(), Some("2"));
        assert_eq!(members.take(&["none"]), None);
        assert_eq!(members.take_if(&["level"], |text| (text == "info").then_some(())), None);
        assert_eq!(members.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["level", "ts", "x"]);
    }
}
