//! The manifest: which files a version has, and up to where the logs are in them.
//!
//! Version `n` is the object `manifest/<n, 20 digits>.json`, written once and never changed:
//! `{"crc32":"<8 hexadecimal digits>","manifest":<body>}`, the checksum being that of the bytes of
//! the body. Who creates version `n + 1` first has committed it (a conditional put).

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{Limit, Timestamp};
use model::{Dedup, LogKind, Offset};
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use crate::{FileEntry, StoreError, layout, tables};

/// The format that this code writes, and the newest that it reads. In format 1 a file has no [`FileEntry::announced`] and
/// no [`FileEntry::order`].
const FORMAT: u32 = 2;
/// Bytes of a file in an object, about.
const ENTRY_BYTES: usize = 320;
const HEAD: usize = r#"{"crc32":"00000000","manifest":"#.len();

/// A shard of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ShardKey {
    pub log: LogKind,
    pub shard: u32,
}

/// How far a shard is in the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// The offset from which the log is read on.
    pub next: Offset,
    /// That of the version before: as long as the log is kept from here, the loss of the newest
    /// manifest loses no row.
    pub floor: Offset,
    /// Which outputs of folds were seen.
    pub dedup: Dedup,
}

/// Damaged files that a version names, the newest; each says what is wrong with it for as long.
pub(crate) const NAMED: Limit = Limit::new("store.set_aside", 1_000);

/// A damaged file that no version has any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetAside {
    pub file: FileEntry,
    pub problem: String,
    pub at: Timestamp,
}

/// Why the object of a version cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It is not what was written.
    Damaged(String),
    /// A later release wrote it.
    Newer(String),
}

/// One version of all tables; never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub number: u64,
    /// Which process committed it.
    pub writer: String,
    pub created: Timestamp,
    /// The next [`FileEntry::seq`].
    pub next_seq: u64,
    pub shards: BTreeMap<ShardKey, Position>,
    /// Which logs those are of: [`bus::Log::identity`]. Of one that has none, or of a store that no flush has moved since this is
    /// known, there is nothing.
    pub logs: BTreeMap<LogKind, String>,
    /// In the order of [`tables`]; each by bucket, seq and part.
    pub tables: Vec<Arc<[FileEntry]>>,
    /// Files of tables that this program does not know.
    pub others: Vec<FileEntry>,
    pub set_aside: Vec<SetAside>,
}

#[derive(Serialize, Deserialize)]
struct Body<F, S> {
    format: u32,
    version: u64,
    writer: String,
    created: Timestamp,
    next_seq: u64,
    shards: Vec<Shard>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    logs: BTreeMap<String, String>,
    files: Vec<F>,
    set_aside: Vec<S>,
}

#[derive(Deserialize)]
struct Format {
    format: u32,
}

#[derive(Serialize, Deserialize)]
struct Shard {
    log: String,
    shard: u32,
    next: Offset,
    floor: Offset,
    dedup: Dedup,
}

impl Version {
    /// No files, no offsets: the version before the first.
    pub fn empty() -> Self {
        Self {
            number: 0,
            writer: String::new(),
            created: Timestamp::ZERO,
            next_seq: 1,
            shards: BTreeMap::new(),
            logs: BTreeMap::new(),
            tables: tables().iter().map(|_| Arc::from([])).collect(),
            others: Vec::new(),
            set_aside: Vec::new(),
        }
    }

    /// Where version `number` is.
    pub fn path(number: u64) -> Path {
        Path::from(format!("manifest/{number:020}.json"))
    }

    /// The number in a path that [`Self::path`] made.
    pub fn number_of(path: &Path) -> Option<u64> {
        let digits = path.filename()?.strip_suffix(".json")?;
        (digits.len() == 20).then(|| digits.parse().ok()).flatten()
    }

    /// Every file, of known tables and others.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.tables.iter().flat_map(|files| files.iter()).chain(&self.others)
    }

    /// The latest time of a row in files of these tables.
    pub fn newest(&self, tables: &[&str]) -> Option<Timestamp> {
        self.files().filter(|file| tables.contains(&file.table.as_str())).map(|file| file.max_ts).max()
    }

    /// Takes out files that `keep` does not want, and puts `add` in their places. Gives how many were taken out. What is known
    /// of the tables of which nothing changes is not copied.
    pub fn replace_files(&mut self, keep: impl Fn(&FileEntry) -> bool, add: Vec<FileEntry>) -> usize {
        let mut by_table: Vec<Vec<FileEntry>> = tables().iter().map(|_| Vec::new()).collect();
        let mut removed = self.others.len();
        self.others.retain(&keep);
        removed -= self.others.len();
        for file in add {
            match layout::number(&file.table) {
                Some(table) => by_table[table].push(file),
                None => self.others.push(file),
            }
        }
        for (files, added) in self.tables.iter_mut().zip(by_table) {
            let gone = files.iter().filter(|file| !keep(file)).count();
            removed += gone;
            if gone > 0 || !added.is_empty() {
                let kept = files.iter().filter(|file| keep(file)).cloned();
                *files = ordered(kept.chain(added).collect());
            }
        }
        removed
    }

    /// The object of this version.
    ///
    /// # Errors
    /// Only if it cannot be written as JSON, which would be a bug.
    pub fn encode(&self) -> Result<Vec<u8>, StoreError> {
        let shard = |(key, position): (&ShardKey, &Position)| Shard {
            log: key.log.as_str().to_owned(),
            shard: key.shard,
            next: position.next,
            floor: position.floor,
            dedup: position.dedup.clone(),
        };
        let body = Body {
            format: FORMAT,
            version: self.number,
            writer: self.writer.clone(),
            created: self.created,
            next_seq: self.next_seq,
            shards: self.shards.iter().map(shard).collect(),
            logs: self.logs.iter().map(|(log, id)| (log.as_str().to_owned(), id.clone())).collect(),
            files: self.files().collect::<Vec<&FileEntry>>(),
            set_aside: self.set_aside.iter().collect::<Vec<&SetAside>>(),
        };
        // In one piece of memory, since with very many files it is large.
        let named = body.files.len() + body.set_aside.len() + 1;
        let mut bytes = Vec::with_capacity(HEAD + named * ENTRY_BYTES);
        bytes.resize(HEAD, b' ');
        serde_json::to_writer(&mut bytes, &body)
            .map_err(|error| StoreError::corrupt(Self::path(self.number), error))?;
        let (head, body) = bytes.split_at_mut(HEAD);
        head.copy_from_slice(head_of(body).as_bytes());
        bytes.push(b'}');
        Ok(bytes)
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// Says what is wrong with the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        let damaged = |problem: &str| Unreadable::Damaged(problem.to_owned());
        let body = bytes.get(HEAD..bytes.len().saturating_sub(1)).ok_or_else(|| damaged("it is too short"))?;
        if &bytes[..HEAD] != head_of(body).as_bytes() || bytes.last() != Some(&b'}') {
            return Err(damaged("its checksum is wrong"));
        }
        let Format { format } = serde_json::from_slice(body).map_err(|error| damaged(&error.to_string()))?;
        if format > FORMAT {
            return Err(Unreadable::Newer(format!("its format is {format}, this program reads up to {FORMAT}")));
        }
        let body: Body<FileEntry, SetAside> =
            serde_json::from_slice(body).map_err(|error| damaged(&error.to_string()))?;
        let mut version = Self {
            number: body.version,
            writer: body.writer,
            created: body.created,
            next_seq: body.next_seq,
            set_aside: body.set_aside,
            ..Self::empty()
        };
        let kind = |name: &str| {
            let log = [LogKind::Telemetry, LogKind::State].into_iter().find(|log| log.as_str() == name);
            log.ok_or_else(|| damaged(&format!("there is no log `{name}`")))
        };
        for (log, id) in body.logs {
            version.logs.insert(kind(&log)?, id);
        }
        for shard in body.shards {
            let log = kind(&shard.log)?;
            let position = Position { next: shard.next, floor: shard.floor, dedup: shard.dedup };
            version.shards.insert(ShardKey { log, shard: shard.shard }, position);
        }
        version.replace_files(|_| true, body.files);
        Ok(version)
    }
}

/// What an object begins with.
fn head_of(body: &[u8]) -> String {
    format!(r#"{{"crc32":"{:08x}","manifest":"#, crc32fast::hash(body))
}

fn ordered(mut files: Vec<FileEntry>) -> Arc<[FileEntry]> {
    files.sort_by_key(|file| (file.bucket, file.seq, file.part));
    files.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version() -> Version {
        let mut version = Version { number: 7, writer: "w".to_owned(), ..Version::empty() };
        let file = |table: &str, seq| FileEntry {
            path: format!("data/{table}/{seq}.parquet"),
            table: table.to_owned(),
            seq,
            part: 0,
            level: 0,
            bucket: 3,
            rows: 1,
            bytes: 2,
            raw_bytes: 3,
            min_ts: Timestamp::ZERO,
            max_ts: Timestamp::MAX,
            min_key: Some(model::Key([0x0a; 16])),
            max_key: None,
            crc32: 9,
            announced: (table == "samples").then(|| crate::Days::of(Timestamp::ZERO, Timestamp::from_secs(seq as i64))),
            order: 1,
        };
        let files = vec![file("samples", 2), file("samples", 1), file("from_the_future", 3)];
        assert_eq!(version.replace_files(|_| true, files), 0);
        let position = Position { next: Offset(5), floor: Offset(4), dedup: Dedup::default() };
        version.shards.insert(ShardKey { log: LogKind::State, shard: 1 }, position);
        version.logs.insert(LogKind::State, "0a".to_owned());
        version
    }

    #[test]
    fn a_version_is_read_as_it_was_written() {
        let version = version();
        assert_eq!(Version::decode(&version.encode().unwrap()).unwrap(), version);
        assert_eq!(version.files().map(|file| file.seq).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(Version::number_of(&Version::path(7)), Some(7));
    }

    #[test]
    fn files_are_taken_out_and_put_in_and_tables_without_change_are_the_same() {
        let before = version();
        let mut version = before.clone();
        let new = FileEntry { table: "logs".to_owned(), ..before.files().next().unwrap().clone() };
        assert_eq!(version.replace_files(|file| file.seq != 3, vec![new]), 1);
        assert_eq!(
            version.files().map(|file| (&*file.table, file.seq)).collect::<Vec<_>>(),
            [("samples", 1), ("samples", 2), ("logs", 1)]
        );
        let table = layout::number("samples").unwrap();
        assert!(Arc::ptr_eq(&version.tables[table], &before.tables[table]));
        assert_eq!(version.replace_files(|file| file.table == "logs", Vec::new()), 2);
        assert_eq!(version.files().map(|file| &*file.table).collect::<Vec<_>>(), ["logs"]);
    }

    #[test]
    fn a_version_of_before_says_of_no_log_which_it_is() {
        let version = Version { logs: BTreeMap::new(), ..version() };
        let bytes = version.encode().unwrap();
        assert!(!String::from_utf8(bytes.clone()).unwrap().contains("\"logs\""));
        assert_eq!(Version::decode(&bytes).unwrap(), version);
    }

    #[test]
    fn a_changed_or_torn_object_is_refused() {
        let bytes = version().encode().unwrap();
        for n in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[n] ^= 0x04;
            assert!(Version::decode(&changed).is_err(), "byte {n}");
            assert!(Version::decode(&bytes[..n]).is_err(), "cut at {n}");
        }
    }
}
