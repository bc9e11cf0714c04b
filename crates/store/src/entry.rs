use base::Timestamp;
use model::Key;
use serde::{Deserialize, Serialize};

use crate::days::Days;
use crate::received::ANNOUNCED;

/// A Parquet file of a table, as the manifest has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its path in the object store.
    pub path: String,
    /// The table's name.
    pub table: String,
    /// Which rows are newer: those of a file with a greater number win. Files with one number and
    /// bucket are one sorted run, cut into parts.
    pub seq: u64,
    /// Its place in the run.
    pub part: u32,
    /// How often its rows were merged; 0 means written by a flush.
    pub level: u32,
    /// Rows of different buckets are never duplicates: the day, modulo 64. 0 for keyed tables.
    pub bucket: u8,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// About how many bytes its rows take in memory.
    pub raw_bytes: u64,
    /// The earliest value of the table's time column.
    pub min_ts: Timestamp,
    /// The latest.
    pub max_ts: Timestamp,
    /// The lowest value of the first sort column, if that holds keys.
    #[serde(with = "hex_key")]
    pub min_key: Option<Key>,
    /// The highest.
    #[serde(with = "hex_key")]
    pub max_key: Option<Key>,
    /// CRC-32 of the whole file.
    pub crc32: u32,
    /// The days on which the series of its rows were announced, if its table has rows of series and these days are
    /// known: those of a file that an earlier release wrote are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announced: Option<Days>,
    /// Which order its rows are in, by the number of its table.
    #[serde(default)]
    pub order: u32,
}

impl FileEntry {
    /// About how many bytes a row takes in memory, at least one.
    pub fn row_bytes(&self) -> usize {
        usize::try_from(self.raw_bytes / self.rows.max(1)).unwrap_or(usize::MAX).max(1)
    }

    /// Whether a row may have one of the keys, which are sorted.
    pub fn may_hold(&self, keys: &[Key]) -> bool {
        let (Some(min), Some(max)) = (self.min_key, self.max_key) else { return !keys.is_empty() };
        let first = keys.partition_point(|key| *key < min);
        keys.get(first).is_some_and(|key| *key <= max)
    }

    /// The days on which the series of rows at `start` or later may have been announced.
    pub(crate) fn announced_from(&self, start: Timestamp) -> Days {
        let known = self.announced.clone();
        known.unwrap_or_else(|| Days::of(self.min_ts.max(start).minus(ANNOUNCED), Timestamp::MAX))
    }

    /// Whether a row may have a time from `first` to `last`, both included.
    pub fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        self.min_ts <= last && self.max_ts >= first
    }
}

mod hex_key {
    use model::Key;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(key: &Option<Key>, serializer: S) -> Result<S::Ok, S::Error> {
        match key {
            Some(key) => serializer.collect_str(key),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Key>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| text.len() == 32);
        number.map(|n| Some(Key(n.to_be_bytes()))).ok_or_else(|| D::Error::custom("a key is 32 hexadecimal digits"))
    }
}
