use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::stream::BoxStream;
use object_store::ObjectStore;

use crate::layout::{Layout, layouts, number};
use crate::manifest::Version;
use crate::memtable::Chunk;
use crate::scan::{self, ScanOptions};
use crate::store::Inner;
use crate::{FileEntry, StoreError, TableDef};

/// One moment of all tables: what it shows never changes, and files that it needs stay.
#[derive(Clone)]
pub struct Snapshot {
    inner: Arc<Inner>,
    version: Arc<Version>,
    /// Rows in memory, in the order of [`crate::tables`].
    memory: Arc<Vec<Vec<Arc<Chunk>>>>,
    /// When samples changed last.
    mark: u64,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("version", &self.version.number).finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(crate) fn new(inner: &Arc<Inner>) -> Self {
        let state = inner.state.read();
        let chunks = |table: usize| {
            let frozen = state.flushing.iter().flat_map(|frozen| frozen.memory.tables[table].chunks());
            frozen.chain(state.active.tables[table].chunks()).cloned().collect()
        };
        let memory = Arc::new((0..layouts().len()).map(chunks).collect());
        let mark = state.late.mark();
        Self { inner: Arc::clone(inner), version: Arc::clone(&state.version), memory, mark }
    }

    /// A moment of the samples, for [`Store::samples_since`](crate::Store::samples_since).
    pub const fn mark(&self) -> u64 {
        self.mark
    }

    /// The table of that name, if there is one.
    pub fn table(&self, name: &str) -> Option<TableSnapshot> {
        Some(TableSnapshot { snapshot: self.clone(), table: number(name)? })
    }

    /// The number of the manifest's version.
    pub fn version(&self) -> u64 {
        self.version.number
    }
}

/// One moment of a table.
#[derive(Clone, Debug)]
pub struct TableSnapshot {
    snapshot: Snapshot,
    table: usize,
}

impl TableSnapshot {
    /// The table's definition.
    pub fn def(&self) -> &'static TableDef {
        self.layout().def
    }

    /// The table's columns.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.layout().schema)
    }

    /// The rows in memory in order of arrival, all of them: of a keyed table and of samples also
    /// those that newer ones replace.
    pub fn memory(&self) -> Vec<RecordBatch> {
        self.chunks().iter().map(|chunk| chunk.batch.clone()).collect()
    }

    /// The files, by bucket and age, the oldest first. They stay as long as this snapshot lives.
    pub fn files(&self) -> &[FileEntry] {
        self.snapshot.version.tables.get(self.table).map_or(&[], |files| files)
    }

    /// Where the files are.
    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.snapshot.inner.objects)
    }

    /// The rows of the table, from memory and files.
    ///
    /// Of a keyed table and of samples only the newest row of each key, in the order of the sort
    /// columns, without those that say that nothing has the key any more. Of others every row, in
    /// no promised order. A damaged file is set aside and named in [`crate::Store::warnings`]; the
    /// rest is given.
    ///
    /// The stream gives [`StoreError::Objects`] if the object store cannot be read now.
    pub fn scan(&self, options: ScanOptions) -> BoxStream<'static, Result<RecordBatch, StoreError>> {
        scan::scan(self.clone(), options)
    }

    pub(crate) fn layout(&self) -> &'static Layout {
        &layouts()[self.table]
    }

    pub(crate) fn chunks(&self) -> &[Arc<Chunk>] {
        &self.snapshot.memory[self.table]
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.snapshot.inner
    }
}
