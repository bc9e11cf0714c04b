//! What the store is to folds and to the notifier, which do not know it.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use fold::{DocumentRef, FoldError, Found, Side};
use model::{Fingerprint, Key, LogKind, Offset};
use notify::NotifyError;
use store::Store;

/// Checkpoints and documents in the store.
#[derive(Clone)]
pub(crate) struct InStore(pub Store);

#[async_trait]
impl fold::Checkpoints for InStore {
    async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, FoldError> {
        self.0.load(name).await.map_err(|error| fold_error("load a checkpoint", &error))
    }

    async fn save(&self, name: &str, state: Vec<u8>) -> Result<(), FoldError> {
        self.0.save(name, state).await.map_err(|error| fold_error("save a checkpoint", &error))
    }

    async fn remove(&self, name: &str) -> Result<(), FoldError> {
        self.0.remove(name).await.map_err(|error| fold_error("remove a part of a checkpoint", &error))
    }
}

#[async_trait]
impl notify::Checkpoints for InStore {
    async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, NotifyError> {
        self.0
            .load(name)
            .await
            .map_err(|error| NotifyError::Store { name: name.to_owned(), problem: error.to_string() })
    }

    async fn save(&self, name: &str, bytes: Vec<u8>) -> Result<(), NotifyError> {
        self.0
            .save(name, bytes)
            .await
            .map_err(|error| NotifyError::Store { name: name.to_owned(), problem: error.to_string() })
    }
}

#[async_trait]
impl fold::Documents for InStore {
    async fn fetch(
        &self,
        shard: u32,
        upto: Offset,
        refs: &[DocumentRef],
    ) -> Result<HashMap<DocumentRef, Found>, FoldError> {
        let mut found = HashMap::new();
        if refs.is_empty() {
            return Ok(found);
        }
        if let Some(last) = upto.0.checked_sub(1) {
            let waited = self.0.wait_for(LogKind::State, shard, Offset(last)).await;
            waited.map_err(|error| fold_error("wait for the store", &error))?;
        }
        // The history forgets after its retention; what is current is also in the other table.
        for (side, tables) in
            [(Side::Live, ["resource_history", "resources"]), (Side::Declared, ["desired_history", "desired"])]
        {
            for table in tables {
                let missing: Vec<DocumentRef> =
                    refs.iter().filter(|r| r.side == side && !found.contains_key(*r)).copied().collect();
                self.find(table, &missing, upto, &mut found).await?;
            }
        }
        Ok(found)
    }
}

impl InStore {
    async fn find(
        &self,
        table: &str,
        refs: &[DocumentRef],
        upto: Offset,
        found: &mut HashMap<DocumentRef, Found>,
    ) -> Result<(), FoldError> {
        if refs.is_empty() {
            return Ok(());
        }
        let mut keys: Vec<Key> = refs.iter().map(|reference| reference.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let batches = self.0.lookup(table, &keys).await.map_err(|error| fold_error("look up documents", &error))?;
        let mut newest: HashMap<DocumentRef, i64> = HashMap::new();
        for batch in &batches {
            let Some(columns) = Columns::of(batch) else {
                return Err(FoldError::Store {
                    what: "look up documents",
                    problem: format!("{table} has other columns"),
                });
            };
            for reference in refs {
                for n in columns.rows(reference, upto) {
                    let offset = columns.offset(n);
                    if newest.get(reference).is_none_or(|known| offset >= *known) {
                        newest.insert(*reference, offset);
                        found.insert(*reference, columns.found(n));
                    }
                }
            }
        }
        Ok(())
    }
}

/// The columns of `live` or `declared` rows in a table.
struct Columns<'a> {
    batch: &'a RecordBatch,
    offsets: &'a arrow::array::Int64Array,
    by_key: HashMap<[u8; 16], Vec<usize>>,
    prints: &'a arrow::array::FixedSizeBinaryArray,
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        let keys = batch.column_by_name("key")?.as_fixed_size_binary_opt()?;
        let mut by_key: HashMap<[u8; 16], Vec<usize>> = HashMap::new();
        for n in 0..keys.len() {
            by_key.entry(keys.value(n).try_into().ok()?).or_default().push(n);
        }
        Some(Self {
            batch,
            offsets: batch.column_by_name("log_offset")?.as_primitive_opt::<Int64Type>()?,
            by_key,
            prints: batch.column_by_name("fingerprint")?.as_fixed_size_binary_opt()?,
        })
    }

    /// The rows of that version before that offset.
    fn rows(&self, reference: &DocumentRef, upto: Offset) -> impl Iterator<Item = usize> + '_ {
        let any = reference.fingerprint == Fingerprint::ABSENT;
        let (print, upto) = (reference.fingerprint.0, i64::try_from(upto.0).unwrap_or(i64::MAX));
        let rows = self.by_key.get(&reference.key.0).map(Vec::as_slice).unwrap_or_default();
        rows.iter().copied().filter(move |&n| (any || self.prints.value(n) == print) && self.offset(n) < upto)
    }

    fn offset(&self, n: usize) -> i64 {
        self.offsets.value(n)
    }

    fn found(&self, n: usize) -> Found {
        Found {
            id: self.text("id", n).unwrap_or_default(),
            document: self.text("document", n),
            text: self.text("text", n),
            actor: self.text("actor", n),
            revision: self.text("revision", n),
            file: self.text("file", n),
            line: self.column("line").and_then(|line| {
                line.as_primitive_opt::<Int64Type>().filter(|line| line.is_valid(n)).map(|line| line.value(n))
            }),
        }
    }

    fn text(&self, name: &str, n: usize) -> Option<String> {
        let column = self.column(name)?.as_string_opt::<i32>()?;
        column.is_valid(n).then(|| column.value(n).to_owned())
    }

    fn column(&self, name: &str) -> Option<&'a ArrayRef> {
        self.batch.column_by_name(name)
    }
}

fn fold_error(what: &'static str, problem: &dyn std::fmt::Display) -> FoldError {
    FoldError::Store { what, problem: problem.to_string() }
}
