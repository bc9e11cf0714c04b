//! What a commit changes, as plain data.

use std::collections::{BTreeMap, HashSet};

use model::Offset;

use crate::manifest::{NAMED, Position, SetAside, ShardKey, Version};
use crate::{FileEntry, StoreError};

/// How far a flush moves a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Where the shard was in the files when its rows were read: they may be put behind nothing else.
    pub from: Offset,
    pub to: Position,
}

/// What a version has that the one before it has not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub add: Vec<FileEntry>,
    pub remove: Vec<String>,
    /// Set by a flush: how far the logs that it has records of are in the files, and that the rows in memory can go. The
    /// files added are newer than all others.
    pub flushed: Option<BTreeMap<ShardKey, Moved>>,
    /// Whether the files added are newer than all others without being of a flush. Their [`FileEntry::seq`] is
    /// counted from the first.
    pub rewritten: bool,
}

impl Change {
    /// The version after `base`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if `base` has not what is removed; [`StoreError::Superseded`] if a shard is elsewhere in it
    /// than where the rows of a flush begin.
    pub fn on(&self, base: &Version, asides: &[SetAside]) -> Result<Version, StoreError> {
        let remove: HashSet<&str> = self.remove.iter().map(String::as_str).collect();
        let is_newest = self.rewritten || self.flushed.is_some();
        let seq = |file: &FileEntry| if is_newest { base.next_seq + file.seq } else { file.seq };
        let last = self.add.iter().map(seq).max().unwrap_or(0).max(base.next_seq);
        let add = self.add.iter().map(|file| FileEntry { seq: seq(file), ..file.clone() }).collect();
        let mut version = Version { number: base.number + 1, next_seq: last + 1, ..base.clone() };
        if version.replace_files(|file| !remove.contains(file.path.as_str()), add) != remove.len() {
            let gone = |path: &&String| base.files().all(|file| file.path != **path);
            let path = self.remove.iter().find(gone).cloned().unwrap_or_default();
            return Err(StoreError::Conflict { version: base.number, path });
        }
        for (key, moved) in self.flushed.iter().flatten() {
            if next(base, key).unwrap_or(Offset(0)) != moved.from {
                return Err(StoreError::Superseded { version: base.number });
            }
            version.shards.insert(*key, moved.to.clone());
        }
        for (key, position) in &mut version.shards {
            position.floor = base.shards.get(key).map_or(position.floor, |base| base.next);
        }
        Ok(version.without(asides))
    }

    /// Whether a version has something by it that no other has.
    pub const fn adds(&self) -> bool {
        !self.add.is_empty() || self.flushed.is_some()
    }

    /// Whether `version` has this change already: a commit whose answer was lost. Of one that adds nothing it is not known.
    pub fn is_in(&self, version: &Version) -> bool {
        let added = self.add.is_empty() || {
            let mut missing: HashSet<&str> = self.add.iter().map(|file| file.path.as_str()).collect();
            version.files().any(|file| missing.remove(file.path.as_str()) && missing.is_empty())
        };
        let moved = self.flushed.iter().flatten().all(|(key, moved)| next(version, key) == Some(moved.to.next));
        added && moved && self.adds()
    }
}

impl Version {
    /// This version with damaged files moved out of their tables.
    pub fn without(mut self, asides: &[SetAside]) -> Self {
        let damaged: HashSet<&str> = asides.iter().map(|aside| aside.file.path.as_str()).collect();
        if !damaged.is_empty() {
            self.replace_files(|file| !damaged.contains(file.path.as_str()), Vec::new());
        }
        self.set_aside.retain(|aside| !damaged.contains(aside.file.path.as_str()));
        self.set_aside.extend_from_slice(asides);
        let over = (self.set_aside.len() as u64).saturating_sub(NAMED.max());
        self.set_aside.drain(..usize::try_from(over).unwrap_or(0));
        self
    }
}

/// Up to where a shard is in the files of a version.
pub(crate) fn next(version: &Version, key: &ShardKey) -> Option<Offset> {
    version.shards.get(key).map(|position| position.next)
}
