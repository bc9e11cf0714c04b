use std::collections::BTreeMap;

use crate::labels::Labels;
use crate::plan::{Direction, Selection};
use crate::storage::{Entries, Row, Storage, StorageError};

/// Entries in memory, for tests and benchmarks.
#[derive(Clone, Debug, Default)]
pub struct Memory(BTreeMap<Labels, Vec<Stored>>);

#[derive(Clone, Debug)]
struct Stored {
    ts: i64,
    line: String,
    metadata: Labels,
}

impl Memory {
    /// Adds an entry to a stream; its time in nanoseconds since the epoch.
    pub fn add(&mut self, labels: &Labels, ts: i64, line: impl Into<String>, metadata: Labels) {
        self.0.entry(labels.clone()).or_default().push(Stored { ts, line: line.into(), metadata });
    }
}

impl Storage for Memory {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn Entries + '_>, StorageError> {
        let wanted = |labels: &Labels| selection.matchers.iter().all(|matcher| matcher.matches_labels(labels));
        let streams = self.0.iter().filter(|(labels, _)| wanted(labels));
        let mut rows: Vec<(usize, &Labels, &Stored)> = Vec::new();
        for (stream, (labels, entries)) in streams.enumerate() {
            let within = entries.iter().filter(|entry| (selection.from..selection.to).contains(&entry.ts));
            let has =
                |line: &str| selection.texts.iter().all(|any| any.iter().any(|text| line.contains(text.as_str())));
            rows.extend(within.filter(|entry| has(&entry.line)).map(|entry| (stream, labels, entry)));
        }
        rows.sort_by_key(|(_, _, entry)| entry.ts);
        if selection.direction == Direction::Backward {
            rows.reverse();
        }
        Ok(Box::new(Rows(rows.into_iter())))
    }
}

struct Rows<'a>(std::vec::IntoIter<(usize, &'a Labels, &'a Stored)>);

impl Entries for Rows<'_> {
    fn next(&mut self) -> Result<Option<Row<'_>>, StorageError> {
        let row = self.0.next().map(|(stream, labels, entry)| Row {
            stream,
            labels,
            ts: entry.ts,
            line: &entry.line,
            metadata: &entry.metadata,
        });
        Ok(row)
    }
}
