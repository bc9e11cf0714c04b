//! The records of a selection, in order of time.

use std::sync::Arc;

use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;
use base::Timestamp;
use futures::TryStreamExt;
use logql::{Entries, Metadata, Row, Selection, StorageError};
use store::ScanOptions;

use super::columns::{Columns, NAMES};
use super::conditions::Conditions;
use super::streams::{Numbers, label_name};
use super::windows::Windows;
use super::{Source, Unread, Wanted, is_backward};

/// A record that is held.
#[derive(Clone, Copy)]
struct Place {
    ts: i64,
    batch: u32,
    row: u32,
    stream: u32,
}

/// See the module.
pub(super) struct Found<'a> {
    source: &'a Source,
    numbers: Numbers,
    wanted: Wanted,
    conditions: Conditions,
    windows: Windows,
    backward: bool,
    held: Vec<Arc<Columns>>,
    order: std::vec::IntoIter<Place>,
    current: Option<Current>,
}

/// The structured metadata of the record that was lent last.
struct Current {
    columns: Arc<Columns>,
    row: usize,
}

impl Metadata for Current {
    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.columns.visit(self.row, &mut |name, value| visit(&label_name(name), value));
    }
}

impl<'a> Found<'a> {
    pub(super) fn new(source: &'a Source, selection: &Selection<'_>) -> Self {
        let backward = is_backward(selection.direction);
        Self {
            source,
            numbers: Numbers::new(selection.matchers),
            wanted: Wanted::new(&selection.texts),
            conditions: Conditions::new(selection),
            windows: Windows::new(selection.from, selection.to, backward),
            backward,
            held: Vec::new(),
            order: Vec::new().into_iter(),
            current: None,
        }
    }

    /// Reads the next part that has records; says whether there is one.
    fn read_on(&mut self) -> Result<bool, Unread> {
        while let Some((from, to)) = self.windows.peek() {
            self.held.clear();
            match self.read(from, to) {
                Ok(mut places) => {
                    self.windows.done(places.len());
                    if places.is_empty() {
                        continue;
                    }
                    match self.backward {
                        true => places.sort_by_key(|place| std::cmp::Reverse(place.ts)),
                        false => places.sort_by_key(|place| place.ts),
                    }
                    self.order = places.into_iter();
                    return Ok(true);
                }
                Err(Unread::TooLarge(exceeded)) if !self.windows.smaller() => return Err(exceeded.into()),
                Err(Unread::TooLarge(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn read(&mut self, from: i64, to: i64) -> Result<Vec<Place>, Unread> {
        let Some(table) = &self.source.table else { return Ok(Vec::new()) };
        let schema = table.schema();
        let projection = NAMES.iter().filter_map(|name| schema.index_of(name).ok()).collect();
        let time = (Timestamp::from_nanos(from), Timestamp::from_nanos(to.saturating_sub(1)));
        let texts = self.conditions.of(&schema);
        let options = ScanOptions { projection: Some(projection), time: Some(time), texts, ..ScanOptions::default() };
        let (mut batches, mut places, mut bytes) = (table.scan(options), Vec::new(), 0);
        while let Some(batch) = self.source.handle.block_on(batches.try_next())? {
            if self.source.deadline.is_over() {
                return Err(Unread::Late);
            }
            let columns = Columns::of(&batch)?;
            let (wanted, numbers) = (&self.wanted, &mut self.numbers);
            let rows = (0..columns.rows()).filter(|row| wanted.are_in(columns.line(*row)));
            let picked: Vec<(u32, u32)> =
                rows.filter_map(|row| Some((row as u32, numbers.of(&columns.senders, row)? as u32))).collect();
            if picked.is_empty() {
                continue;
            }
            // Without the rows that are not wanted.
            let rows = UInt32Array::from_iter_values(picked.iter().map(|(row, _)| *row));
            let kept = take_record_batch(&batch, &rows).map_err(store::StoreError::from)?;
            bytes += kept.get_array_memory_size() as u64;
            self.source.held.check(bytes)?;
            let kept = Columns::of(&kept)?;
            let number = self.held.len() as u32;
            let place = |(row, (_, stream)): (usize, &(u32, u32))| Place {
                ts: kept.time(row),
                batch: number,
                row: row as u32,
                stream: *stream,
            };
            places.extend(picked.iter().enumerate().map(place));
            self.held.push(Arc::new(kept));
        }
        Ok(places)
    }
}

impl Entries for Found<'_> {
    fn next(&mut self) -> Result<Option<Row<'_>>, StorageError> {
        if self.order.as_slice().is_empty() && !self.read_on()? {
            return Ok(None);
        }
        let Some(place) = self.order.next() else { return Ok(None) };
        let (stream, row) = (place.stream as usize, place.row as usize);
        let Some(columns) = self.held.get(place.batch as usize) else { return Ok(None) };
        let current = &*self.current.insert(Current { columns: Arc::clone(columns), row });
        let Some(labels) = self.numbers.labels().get(stream) else { return Ok(None) };
        Ok(Some(Row { stream, labels, ts: place.ts, line: current.columns.line(row), metadata: current }))
    }
}
