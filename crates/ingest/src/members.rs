//! A JSON document as members with paths.

use std::borrow::Cow;

use wire::json::{JsonError, Parser, Shape};

use crate::IngestError;

/// How deep members are named by their path; what is deeper is JSON.
const DEPTH: usize = 8;

/// Members of members by their path, `host.name`, in order of these: texts as they are, everything else as it is
/// written. Of two with one path the last counts, and `null` is nothing.
#[derive(Debug, Default)]
pub(crate) struct Members<'a> {
    all: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    is_lossy: bool,
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MembersError {
    /// It is no JSON object.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The paths take more than there is room for: what an object is called once is in the path of each of its members.
    #[error(transparent)]
    Paths(IngestError),
}

/// Members that are being read.
struct Reading<'a, F> {
    found: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Bytes of paths that were copied, and whether there is room for so many.
    paths: u64,
    room: F,
    exceeded: Option<IngestError>,
}

impl<'a> Members<'a> {
    /// Reads `document`, of which `is_lossy` says whether it was not UTF-8; what is borrowed is copied only if it has escapes. `room`
    /// says whether there is room for so many bytes of paths.
    ///
    /// # Errors
    /// See [`MembersError`].
    pub fn read(
        document: &'a str,
        is_lossy: bool,
        room: impl FnMut(u64) -> Result<(), IngestError>,
    ) -> Result<Self, MembersError> {
        let mut parser = Parser::of(document);
        let mut reading = Reading { found: Vec::new(), paths: 0, room, exceeded: None };
        let read = reading.object(&mut parser, "", DEPTH);
        if let Some(exceeded) = reading.exceeded {
            return Err(MembersError::Paths(exceeded));
        }
        read?;
        parser.end()?;
        let mut found = reading.found;
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        found.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                std::mem::swap(next, kept);
            }
            same
        });
        Ok(Self { all: found, is_lossy: is_lossy || parser.replaced() })
    }

    /// Whether something of the document was no Unicode: U+FFFD is in its place.
    pub fn is_lossy(&self) -> bool {
        self.is_lossy
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.all.binary_search_by(|(other, _)| other.as_ref().cmp(name)).ok()
    }

    /// Takes the first of `names` that is there and whose text `is_it` knows.
    pub fn take_if<T>(&mut self, names: &[&str], is_it: impl Fn(&str) -> Option<T>) -> Option<T> {
        let known = |at: usize| Some((at, is_it(&self.all.get(at)?.1)?));
        let (at, value) = names.iter().filter_map(|name| self.place(name)).find_map(known)?;
        self.all.remove(at);
        Some(value)
    }

    /// Takes the first of `names` that is there.
    pub fn take(&mut self, names: &[&str]) -> Option<Cow<'a, str>> {
        self.take_unless(names, &[])
    }

    /// Takes the first of `names` that is there; one of those that are `kept` stays, and what it says is copied.
    pub fn take_unless(&mut self, names: &[&str], kept: &[&str]) -> Option<Cow<'a, str>> {
        let (at, name) = names.iter().find_map(|name| Some((self.place(name)?, name)))?;
        if kept.contains(name) { self.all.get(at).map(|(_, value)| value.clone()) } else { Some(self.all.remove(at).1) }
    }

    /// What is left, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))
    }
}

impl<'a, F: FnMut(u64) -> Result<(), IngestError>> Reading<'a, F> {
    fn object(&mut self, parser: &mut Parser<'a>, path: &str, depth: usize) -> Result<(), JsonError> {
        parser.object(|parser, key| {
            let path = if path.is_empty() { key.clone() } else { Cow::Owned(self.path(parser, path, key)?) };
            let value = match parser.shape()? {
                Shape::Object if depth > 1 => return self.object(parser, &path, depth - 1),
                Shape::Null => return parser.null(),
                Shape::String => parser.string()?,
                _ => Cow::Borrowed(parser.raw()?),
            };
            self.found.push((path, value));
            Ok(())
        })
    }

    /// The path of a member of the object at `path`, if there is room for it.
    fn path(&mut self, parser: &Parser<'a>, path: &str, key: &str) -> Result<String, JsonError> {
        self.paths += (path.len() + key.len() + 1) as u64;
        match (self.room)(self.paths) {
            Ok(()) => Ok(format!("{path}.{key}")),
            Err(exceeded) => {
                // It ends the reading; what is told is the limit.
                self.exceeded = Some(exceeded);
                Err(JsonError { at: parser.at(), path: "$".to_owned(), message: "paths are too long".into() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: base::Limit = base::Limit::new("room", 1_000);

    fn read(document: &str) -> Result<Members<'_>, MembersError> {
        Members::read(document, false, |bytes| Ok(ROOM.check(bytes)?))
    }

    fn members(document: &str) -> Vec<(String, String)> {
        let members = read(document).unwrap();
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
            assert_eq!(read(document).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn what_is_said_once_and_would_be_in_each_path_has_a_limit() {
        let document = |members: usize| {
            let inner: Vec<String> = (0..members).map(|n| format!(r#""{n}": 1"#)).collect();
            format!(r#"{{"{}": {{{}}}}}"#, "x".repeat(98), inner.join(", "))
        };
        assert_eq!(members(&document(10)).len(), 10);
        let refused = read(&document(11)).unwrap_err();
        assert!(matches!(&refused, MembersError::Paths(IngestError::Rows(limit)) if limit.name == "room"), "{refused}");
    }

    #[test]
    fn what_is_no_unicode_is_said() {
        for (document, expected) in [
            (&b"{\"a\":\"\xe9\"}"[..], true),
            (&br#"{"a":"\ud83d"}"#[..], true),
            ("{\"a\":\"\u{fffd}\"}".as_bytes(), false),
        ] {
            let text = wire::utf8::lossy(document);
            let members = Members::read(&text, matches!(text, Cow::Owned(_)), |_| Ok(())).unwrap();
            assert_eq!((members.iter().next(), members.is_lossy()), (Some(("a", "\u{fffd}")), expected));
        }
    }

    #[test]
    fn members_are_taken_by_the_first_name_that_is_there() {
        let mut members = read(r#"{"ts": "1", "time": "2", "level": "loud", "x": "y"}"#).unwrap();
        assert_eq!(members.take(&["none", "time", "ts"]).as_deref(), Some("2"));
        assert_eq!(members.take(&["none"]), None);
        assert_eq!(members.take_unless(&["none", "x", "level"], &["x"]).as_deref(), Some("y"), "it stays");
        assert_eq!(members.take_if(&["level"], |text| (text == "info").then_some(())), None);
        assert_eq!(members.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["level", "ts", "x"]);
        let first = |text: &str| text.starts_with(['1', 'y']).then(|| text.to_owned());
        assert_eq!(
            members.take_if(&["none", "level", "x", "ts"], first).as_deref(),
            Some("y"),
            "the first that is known"
        );
        assert_eq!(members.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["level", "ts"]);
    }
}
