//! Columns of texts by name, filled entry by entry, or for many rows at once that have the same.

use std::sync::Arc;

use arrow::array::{ArrayRef, MapArray, StringBuilder, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use model::{Cell, Labels};

/// Entries that are repeated are copied so many rows at once.
const BLOCK: usize = 64;

/// A column of [`Labels`]. A row is ended after its entries.
pub(crate) struct Maps {
    pub keys: StringBuilder,
    pub values: StringBuilder,
    /// Where each row ends; before the first, zero.
    ends: Vec<i32>,
}

impl Maps {
    /// A column with room for so many rows, and with these columns of entries, which are empty.
    pub fn new(rows: usize, keys: StringBuilder, values: StringBuilder) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self { keys, values, ends }
    }

    /// Adds an entry to the row that is ended next.
    pub fn entry(&mut self, name: &str, value: &str) {
        self.keys.append_value(name);
        self.values.append_value(value);
    }

    /// Ends a row.
    pub fn end(&mut self) -> Result<(), ArrowError> {
        let count = arrow::array::ArrayBuilder::len(&self.keys);
        self.ends.push(i32::try_from(count).map_err(|_| ArrowError::OffsetOverflowError(count))?);
        Ok(())
    }

    /// Adds rows that have the same entries.
    pub fn repeat(&mut self, rows: usize, entries: &[(&str, &str)]) -> Result<(), ArrowError> {
        let mut block = (StringBuilder::new(), StringBuilder::new());
        for (name, value) in std::iter::repeat_n(entries, rows.min(BLOCK)).flatten() {
            block.0.append_value(name);
            block.1.append_value(value);
        }
        let block = (block.0.finish(), block.1.finish());
        for first in (0..rows).step_by(BLOCK) {
            let count = BLOCK.min(rows - first) * entries.len();
            self.keys.append_array(&block.0.slice(0, count))?;
            self.values.append_array(&block.1.slice(0, count))?;
        }
        let last = self.ends.last().copied().unwrap_or(0);
        let end = |row: usize| i32::try_from(row * entries.len()).ok().and_then(|count| last.checked_add(count));
        for row in 1..=rows {
            self.ends.push(end(row).ok_or(ArrowError::OffsetOverflowError(row * entries.len()))?);
        }
        Ok(())
    }

    /// The column.
    pub fn finish(mut self) -> Result<ArrayRef, ArrowError> {
        let DataType::Map(field, ordered) = Labels::data_type() else {
            return Err(ArrowError::SchemaError("labels are no map".to_owned()));
        };
        let DataType::Struct(fields) = field.data_type() else {
            return Err(ArrowError::SchemaError("labels have no entries".to_owned()));
        };
        let columns: Vec<ArrayRef> = vec![Arc::new(self.keys.finish()), Arc::new(self.values.finish())];
        let entries = StructArray::try_new(fields.clone(), columns, None)?;
        let ends = OffsetBuffer::new(self.ends.into());
        Ok(Arc::new(MapArray::try_new(field, ends, entries, None, ordered)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maps() -> Maps {
        Maps::new(0, StringBuilder::new(), StringBuilder::new())
    }

    #[test]
    fn rows_that_are_repeated_are_those_that_are_added_one_by_one() {
        let entries = [("a", "1"), ("b", ""), ("a", "ü")];
        for (rows, entries) in [(0, &entries[..]), (1, &entries), (63, &entries[..1]), (200, &entries), (130, &[])] {
            let (mut at_once, mut one_by_one) = (maps(), maps());
            for maps in [&mut at_once, &mut one_by_one] {
                maps.entry("before", "x");
                maps.end().unwrap();
            }
            at_once.repeat(rows, entries).unwrap();
            for _ in 0..rows {
                entries.iter().for_each(|(name, value)| one_by_one.entry(name, value));
                one_by_one.end().unwrap();
            }
            for maps in [&mut at_once, &mut one_by_one] {
                maps.end().unwrap();
            }
            assert_eq!(&at_once.finish().unwrap(), &one_by_one.finish().unwrap(), "{rows} of {entries:?}");
        }
    }
}
