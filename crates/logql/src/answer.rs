//! Answers, and their JSON as Loki's API has it.

use serde::ser::{Serialize, SerializeMap, SerializeTuple, Serializer};

use crate::labels::Labels;
use crate::text::plain_float;

/// A line of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Nanoseconds since the epoch.
    pub ts: i64,
    /// The line, as the query's stages left it.
    pub line: String,
    /// Labels from structured metadata, if categories were asked for.
    pub metadata: Labels,
    /// Labels that stages set, if categories were asked for.
    pub parsed: Labels,
}

/// Lines with the same labels, in the order that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// The labels.
    pub labels: Labels,
    /// The lines.
    pub entries: Vec<Entry>,
}

/// A number at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Nanoseconds since the epoch.
    pub ts: i64,
    /// The number.
    pub value: f64,
}

/// The numbers of a series, the earliest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Its numbers, one at least.
    pub points: Vec<Point>,
}

/// A number of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its labels.
    pub labels: Labels,
    /// The number.
    pub point: Point,
}

/// What a query found.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Lines.
    Streams {
        /// By their labels.
        streams: Vec<Stream>,
        /// Labels are those of the streams alone, the others stand at each line (`categorize-labels`).
        categorized: bool,
    },
    /// Numbers of several times.
    Matrix(Vec<Series>),
    /// Numbers of one time.
    Vector(Vec<Sample>),
    /// A number without labels.
    Scalar(Point),
}

/// What a query took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Entries that were read.
    pub entries: u64,
    /// Bytes of their lines.
    pub bytes: u64,
    /// Lines that the pipelines kept.
    pub kept: u64,
    /// Lines or numbers in the answer.
    pub returned: u64,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What it found.
    pub data: Data,
    /// What it took.
    pub stats: Stats,
}

/// The member `data` of an answer of `query` and `query_range`.
impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.data {
            Data::Streams { streams, categorized } => {
                map.serialize_entry("resultType", "streams")?;
                if *categorized {
                    map.serialize_entry("encodingFlags", &["categorize-labels"])?;
                }
                map.serialize_entry("result", &Each(streams, *categorized))?;
            }
            Data::Matrix(series) => {
                map.serialize_entry("resultType", "matrix")?;
                map.serialize_entry("result", series)?;
            }
            Data::Vector(samples) => {
                map.serialize_entry("resultType", "vector")?;
                map.serialize_entry("result", samples)?;
            }
            Data::Scalar(point) => {
                map.serialize_entry("resultType", "scalar")?;
                map.serialize_entry("result", point)?;
            }
        }
        map.serialize_entry("stats", &self.stats)?;
        map.end()
    }
}

/// Items, and whether labels have categories.
struct Each<'a, T>(&'a [T], bool);
struct One<'a, T>(&'a T, bool);

impl<'a, T> Serialize for Each<'a, T>
where
    One<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|item| One(item, self.1)))
    }
}

impl Serialize for One<'_, Stream> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("stream", &self.0.labels)?;
        map.serialize_entry("values", &Each(&self.0.entries, self.1))?;
        map.end()
    }
}

impl Serialize for One<'_, Entry> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(entry, categorized) = self;
        let mut tuple = serializer.serialize_tuple(if *categorized { 3 } else { 2 })?;
        tuple.serialize_element(&entry.ts.to_string())?;
        tuple.serialize_element(&entry.line)?;
        if *categorized {
            tuple.serialize_element(&Categories(entry))?;
        }
        tuple.end()
    }
}

struct Categories<'a>(&'a Entry);

impl Serialize for Categories<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, labels) in [("structuredMetadata", &self.0.metadata), ("parsed", &self.0.parsed)] {
            if !labels.is_empty() {
                map.serialize_entry(name, labels)?;
            }
        }
        map.end()
    }
}

/// Seconds with three digits behind the point at most, and the number as a text.
impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(2)?;
        let millis = self.ts.div_euclid(1_000_000);
        if millis % 1000 == 0 {
            tuple.serialize_element(&(millis / 1000))?;
        } else {
            tuple.serialize_element(&(millis as f64 / 1000.0))?;
        }
        tuple.serialize_element(&plain_float(self.value))?;
        tuple.end()
    }
}

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("metric", &self.labels)?;
        map.serialize_entry("values", &self.points)?;
        map.end()
    }
}

impl Serialize for Sample {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("metric", &self.labels)?;
        map.serialize_entry("value", &self.point)?;
        map.end()
    }
}

/// The part of Loki's statistics that is known here.
impl Serialize for Stats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("summary", &Summary(self))?;
        map.end()
    }
}

struct Summary<'a>(&'a Stats);

impl Serialize for Summary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("totalBytesProcessed", &self.0.bytes)?;
        map.serialize_entry("totalLinesProcessed", &self.0.entries)?;
        map.serialize_entry("totalPostFilterLines", &self.0.kept)?;
        map.serialize_entry("totalEntriesReturned", &self.0.returned)?;
        map.end()
    }
}
