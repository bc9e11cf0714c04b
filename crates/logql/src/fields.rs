//! Which fields lines have.

use std::collections::BTreeMap;

use hashbrown::HashSet;

use crate::ast::{LogExpr, Logfmt, Stage};
use crate::labels::Labels;
use crate::metadata::Metadata;
use crate::stages::{Category, ERROR, ERROR_DETAILS, Pipeline, Work};
use crate::text::{parse_bytes, parse_float, parse_go_duration};

/// Fields that are kept at most.
const MAX_FIELDS: usize = 1_000;
/// Values of a field that are told apart.
const MAX_VALUES: usize = 10_000;
/// Bytes of names and values that are kept; of a value that there is no room for only the field is known.
const MAX_BYTES: usize = 64 << 20;

/// What the values of a field look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// Anything.
    String,
    /// Whole numbers.
    Int,
    /// Numbers.
    Float,
    /// `true` or `false`.
    Boolean,
    /// `1m30s`
    Duration,
    /// `20MB`
    Bytes,
}

impl FieldType {
    /// The narrowest type that a value has.
    pub fn of(value: &str) -> Self {
        if value.parse::<i64>().is_ok() {
            Self::Int
        } else if parse_float(value).is_ok() {
            Self::Float
        } else if matches!(value, "t" | "T" | "true" | "TRUE" | "True" | "f" | "F" | "false" | "FALSE" | "False") {
            Self::Boolean
        } else if parse_go_duration(value).is_ok() {
            Self::Duration
        } else if parse_bytes(value).is_ok() {
            Self::Bytes
        } else {
            Self::String
        }
    }
}

/// A field, as Loki's `detected_fields` tells it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Field {
    /// The label that it becomes.
    pub label: String,
    /// What its first value looks like.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// How many different values were seen; no more are counted than are told apart (10,000).
    pub cardinality: usize,
    /// `json` or `logfmt`; none for structured metadata.
    pub parsers: Option<Vec<&'static str>>,
}

#[derive(Debug)]
struct Seen {
    kind: FieldType,
    values: HashSet<Box<str>>,
    parsers: Vec<&'static str>,
}

/// Collects the fields of lines.
#[derive(Debug)]
pub struct Fields {
    parsers: Vec<(&'static str, Pipeline)>,
    work: Work,
    seen: BTreeMap<String, Seen>,
    /// Bytes of `seen`.
    bytes: usize,
}

impl Default for Fields {
    fn default() -> Self {
        let strict = Logfmt { strict: true, ..Logfmt::default() };
        let stages = [("json", Stage::Json(Vec::new())), ("logfmt", Stage::Logfmt(strict))];
        let parsers = stages.into_iter().filter_map(|(name, stage)| {
            let logs = LogExpr { matchers: Vec::new(), stages: vec![stage] };
            Some((name, Pipeline::new(&logs, 0).ok()?))
        });
        Self { parsers: parsers.collect(), work: Work::default(), seen: BTreeMap::new(), bytes: 0 }
    }
}

impl Fields {
    /// Looks at a line of a stream.
    pub fn add(&mut self, labels: &Labels, metadata: &dyn Metadata, line: &str) {
        let mut parsed_by = None;
        for (name, parser) in &self.parsers {
            // A line with an error shows no fields of its own, but its metadata.
            parser.run(&mut self.work, labels, metadata, 0, line);
            if self.work.error().is_none() {
                parsed_by = Some(*name);
                break;
            }
        }
        let (seen, bytes) = (&mut self.seen, &mut self.bytes);
        self.work.each(|category, name, value| match category {
            Category::Metadata => *bytes += note(seen, name, value, None, *bytes < MAX_BYTES),
            Category::Parsed if parsed_by.is_some() && name != ERROR && name != ERROR_DETAILS => {
                *bytes += note(seen, name, value, parsed_by, *bytes < MAX_BYTES);
            }
            Category::Parsed | Category::Stream => {}
        });
    }

    /// The fields in order of their names, so many at most.
    pub fn finish(self, limit: usize) -> Vec<Field> {
        let fields = self.seen.into_iter().take(limit).map(|(label, seen)| Field {
            label,
            kind: seen.kind,
            cardinality: seen.values.len(),
            parsers: (!seen.parsers.is_empty()).then_some(seen.parsers),
        });
        fields.collect()
    }

    /// The values of a field, sorted, so many at most.
    pub fn values(&self, label: &str, limit: usize) -> Vec<String> {
        let seen = self.seen.get(label);
        let mut values: Vec<String> =
            seen.iter().flat_map(|seen| seen.values.iter().map(ToString::to_string)).collect();
        values.sort_unstable();
        values.truncate(limit);
        values
    }
}

/// Takes a value in, if there is room; gives how many bytes more are kept.
fn note(
    seen: &mut BTreeMap<String, Seen>,
    name: &str,
    value: &str,
    parser: Option<&'static str>,
    has_room: bool,
) -> usize {
    let mut kept = if seen.contains_key(name) { 0 } else { name.len() };
    if kept > 0 && (seen.len() >= MAX_FIELDS || !has_room) {
        return 0;
    }
    let new = || Seen { kind: FieldType::of(value), values: HashSet::new(), parsers: Vec::new() };
    let field = match seen.get_mut(name) {
        Some(field) => field,
        None => seen.entry(name.to_owned()).or_insert_with(new),
    };
    if has_room && field.values.len() < MAX_VALUES && !field.values.contains(value) {
        field.values.insert(value.into());
        kept += value.len();
    }
    if let Some(parser) = parser.filter(|parser| !field.parsers.contains(parser)) {
        field.parsers.push(parser);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_values_is_bounded() {
        let mut fields = Fields::default();
        let long = "x".repeat(3 << 20);
        for n in 0..30 {
            fields.add(&Labels::empty(), &Labels::empty(), &format!("{{\"v\":\"{n}{long}\",\"n\":{n}}}"));
        }
        assert!(fields.bytes < MAX_BYTES + (4 << 20));
        let found = fields.values("v", 100).len();
        assert!((20..30).contains(&found) && fields.finish(10).len() == 2, "{found}");
    }

    #[test]
    fn fields_have_types_cardinalities_and_parsers() {
        let mut fields = Fields::default();
        let labels = Labels::new([("app", "a")]);
        let metadata = Labels::new([("trace", "x1")]);
        fields.add(&labels, &metadata, r#"{"app":"b","took":"1m3s","n":1,"ok":true,"size":"20MB","f":1.5}"#);
        fields.add(&labels, &metadata, "n=2 msg=\"a b\"");
        fields.add(&labels, &metadata, "plain text with no pairs");
        let found: Vec<_> = fields
            .finish(100)
            .into_iter()
            .map(|field| (field.label, field.kind, field.cardinality, field.parsers.unwrap_or_default().join("+")))
            .collect();
        let expected = [
            ("app_extracted", FieldType::String, 1, "json"),
            ("f", FieldType::Float, 1, "json"),
            ("msg", FieldType::String, 1, "logfmt"),
            ("n", FieldType::Int, 2, "json+logfmt"),
            ("ok", FieldType::Boolean, 1, "json"),
            ("size", FieldType::Bytes, 1, "json"),
            ("took", FieldType::Duration, 1, "json"),
            ("trace", FieldType::String, 1, ""),
        ];
        assert_eq!(found, expected.map(|(name, kind, count, by)| (name.to_owned(), kind, count, by.to_owned())));
    }
}
