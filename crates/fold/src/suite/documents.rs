use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use bus::{BusError, Log};
use model::rows::{Declared, Live};
use model::{Fingerprint, Key, ModelError, Offset, Record, Stream};
use parking_lot::Mutex;

use super::MemoryLog;
use crate::{Checkpoints, DocumentRef, Documents, FoldError, Found, Side};

/// Checkpoints in memory; clones share them.
#[derive(Clone, Default)]
pub struct MemoryCheckpoints(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl MemoryCheckpoints {
    /// What is kept under `name`.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.0.lock().get(name).cloned()
    }

    /// Replaces what is kept under `name`.
    pub fn set(&self, name: &str, state: Vec<u8>) {
        self.0.lock().insert(name.to_owned(), state);
    }

    /// What is kept, by name.
    pub fn all(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().clone()
    }
}

#[async_trait]
impl Checkpoints for MemoryCheckpoints {
    async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, FoldError> {
        Ok(self.get(name))
    }

    async fn save(&self, name: &str, state: Vec<u8>) -> Result<(), FoldError> {
        self.set(name, state);
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), FoldError> {
        self.0.lock().remove(name);
        Ok(())
    }
}

/// Documents as the store has them, looked up in the log itself.
#[derive(Clone)]
pub struct LogDocuments(pub MemoryLog);

#[async_trait]
impl Documents for LogDocuments {
    async fn fetch(
        &self,
        shard: u32,
        upto: Offset,
        refs: &[DocumentRef],
    ) -> Result<HashMap<DocumentRef, Found>, FoldError> {
        let (start, _) = self.0.bounds(shard).await?;
        let mut found = HashMap::new();
        for record in self.0.records(shard).iter().rev() {
            if record.offset >= upto || record.offset < start {
                continue;
            }
            for (side, key, fingerprint, row) in versions(record).map_err(|error| malformed(&error))? {
                for wanted in refs {
                    let same = wanted.fingerprint == Fingerprint::ABSENT || wanted.fingerprint == fingerprint;
                    if (wanted.side, wanted.key) == (side, key) && same {
                        found.entry(*wanted).or_insert_with(|| row.clone());
                    }
                }
            }
        }
        Ok(found)
    }
}

/// The versions in a record, the newest first.
fn versions(record: &Record) -> Result<Vec<(Side, Key, Fingerprint, Found)>, ModelError> {
    let mut versions: Vec<_> = match record.batch.stream {
        Stream::Live => record.rows::<Live>()?.into_iter().map(live).collect(),
        Stream::Declared => record.rows::<Declared>()?.into_iter().map(declared).collect(),
        _ => Vec::new(),
    };
    versions.reverse();
    Ok(versions)
}

fn live(row: Live) -> (Side, Key, Fingerprint, Found) {
    let id = row.id.into();
    let found = Found { id, document: row.document, text: row.text, actor: row.actor, ..Found::default() };
    (Side::Live, row.key, row.fingerprint, found)
}

fn declared(row: Declared) -> (Side, Key, Fingerprint, Found) {
    let found = Found {
        id: row.id.into(),
        document: row.document,
        text: row.text,
        actor: None,
        revision: Some(row.revision),
        file: row.file,
        line: row.line,
    };
    (Side::Declared, row.key, row.fingerprint, found)
}

fn malformed(error: &ModelError) -> FoldError {
    let problem = error.to_string();
    FoldError::Bus(BusError::Closed { log: "memory".to_owned(), problem })
}
