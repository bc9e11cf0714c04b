use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::TimestampNanosecondType;
use base::Timestamp;
use model::Key;

use crate::{StoreError, map, rows};

/// Keys to look for.
#[derive(Clone, Debug)]
pub(crate) struct KeySet {
    pub sorted: Arc<[Key]>,
    set: Arc<HashSet<Key>>,
}

impl KeySet {
    pub fn new(mut keys: Vec<Key>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self { set: Arc::new(keys.iter().copied().collect()), sorted: keys.into() }
    }

    /// Which rows of a column have one of the keys; all of a column that holds none.
    pub fn mask(&self, column: &dyn Array) -> BooleanArray {
        let wanted = |n| rows::keys(column).is_none_or(|keys| self.set.contains(&rows::key(keys, n)));
        BooleanArray::new(BooleanBuffer::collect_bool(column.len(), wanted), None)
    }
}

/// One of several shares of a scan, which are read side by side and have every row once together: row groups go round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    part: u64,
    of: u64,
    shift: u64,
}

impl Share {
    /// The share with this number, from 0, of so many, which are 1 at least.
    pub const fn new(part: usize, of: usize) -> Self {
        Self { part: part as u64, of: if of == 0 { 1 } else { of as u64 }, shift: 0 }
    }

    pub(crate) const fn is_first(self) -> bool {
        self.part == 0
    }

    /// Files of one row group go round, too.
    pub(crate) const fn of_file(self, seq: u64) -> Self {
        Self { shift: seq, ..self }
    }

    /// Whether it has the row group with this number in its file.
    pub(crate) const fn has(self, group: usize) -> bool {
        self.shift.wrapping_add(group as u64) % self.of == self.part
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::new(0, 1)
    }
}

/// A condition on the text in a column. A row that has none there does not satisfy it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTest {
    /// The column, by its number in the table.
    pub column: usize,
    /// Of a column of maps: the key whose value is meant.
    pub key: Option<String>,
    /// What its text has to be.
    pub text: Text,
}

impl TextTest {
    /// Which rows of the column satisfy it; all of a column that holds nothing of the kind.
    pub(crate) fn mask(&self, column: &dyn Array) -> BooleanArray {
        match &self.key {
            None => self.text.mask(column),
            Some(key) => {
                let values = map::values_of(column, key);
                values.map_or_else(|| self.text.mask(column), |values| self.text.mask(&values))
            }
        }
    }
}

/// What a text has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// One of these: see [`Text::one_of`].
    OneOf(TextSet),
    /// A text that one of these is a part of.
    Holding(Vec<String>),
}

/// Texts to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextSet {
    /// Each once.
    sorted: Vec<String>,
}

impl TextSet {
    fn contains(&self, text: &str) -> bool {
        self.sorted.binary_search_by(|wanted| wanted.as_str().cmp(text)).is_ok()
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, String> {
        self.sorted.iter()
    }
}

impl Text {
    /// One of `texts`, which need not be in order.
    pub fn one_of(mut texts: Vec<String>) -> Self {
        texts.sort_unstable();
        texts.dedup();
        Self::OneOf(TextSet { sorted: texts })
    }

    fn is(&self, text: &str) -> bool {
        match self {
            Text::OneOf(all) => all.contains(text),
            Text::Holding(parts) => parts.iter().any(|part| text.contains(part.as_str())),
        }
    }

    /// Which rows of a column satisfy it; all of a column that holds no texts.
    fn mask(&self, column: &dyn Array) -> BooleanArray {
        let texts = column.as_string_opt::<i32>();
        let wanted = |n| texts.is_none_or(|texts| texts.is_valid(n) && self.is(texts.value(n)));
        BooleanArray::new(BooleanBuffer::collect_bool(column.len(), wanted), None)
    }
}

/// Which rows of a batch are wanted; the columns are numbers of that batch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    pub keys: Option<(usize, KeySet)>,
    /// First and last time, both included.
    pub time: Option<(usize, Timestamp, Timestamp)>,
}

impl Filter {
    /// Only the part about keys, and only the part about times.
    pub fn split(self) -> (Self, Self) {
        (Self { keys: self.keys, time: None }, Self { keys: None, time: self.time })
    }

    /// The rows wanted.
    pub fn apply(&self, mut batch: RecordBatch) -> Result<RecordBatch, StoreError> {
        if let Some((column, wanted)) = &self.keys {
            let wanted = wanted.mask(batch.column(*column));
            batch = rows::select(batch, |n| wanted.value(n))?;
        }
        if let Some((column, first, last)) = self.time {
            let column = Arc::clone(batch.column(column));
            if let Some(times) = column.as_primitive_opt::<TimestampNanosecondType>() {
                batch = rows::select(batch, |n| (first.nanos()..=last.nanos()).contains(&times.value(n)))?;
            }
        }
        Ok(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_any_order_and_each_once() {
        let texts = ["shop", "", "cart", "shop", "Zoo"];
        let one_of = Text::one_of(texts.map(str::to_owned).to_vec());
        assert!(texts.iter().all(|text| one_of.is(text)));
        assert!(["sho", "shops", "a", "zoo"].iter().all(|text| !one_of.is(text)));
        assert_eq!(one_of, Text::one_of(["", "Zoo", "cart", "shop"].map(str::to_owned).to_vec()));
    }
}
