use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use futures::{StreamExt, TryStreamExt, stream};
use model::Key;

use crate::file::FileScan;
use crate::filter::{Filter, KeySet, Share};
use crate::layout::{Layout, layouts, number};
use crate::memtable::Chunk;
use crate::{ScanOptions, Store, StoreError};

/// Files that are read at once.
const FILES_AT_ONCE: usize = 4;

impl Store {
    /// The rows of `table` with one of `keys` in the first sort column: of a table that keeps
    /// every row all of them, of another the newest of each key. Rows of one key come in order of
    /// age; rows in memory are found by an index.
    ///
    /// # Errors
    /// [`StoreError::NoTable`]; [`StoreError::NoKey`] if the first sort column holds no keys;
    /// [`StoreError::Objects`] if files cannot be read now.
    pub async fn lookup(&self, table: &str, keys: &[Key]) -> Result<Vec<RecordBatch>, StoreError> {
        let number = number(table).ok_or_else(|| StoreError::NoTable(table.to_owned()))?;
        let layout = &layouts()[number];
        let Some(key) = layout.key else { return Err(StoreError::NoKey(layout.def.name)) };
        if !layout.indexed() {
            let options = ScanOptions { keys: Some(keys.to_vec()), ..ScanOptions::default() };
            let snapshot = self.snapshot().table(table).ok_or_else(|| StoreError::NoTable(table.to_owned()))?;
            return snapshot.scan(options).try_collect().await;
        }
        let keys = KeySet::new(keys.to_vec());
        let (version, found) = {
            let state = self.0.state.read();
            let frozen = state.flushing.iter().flat_map(|frozen| frozen.memory.tables[number].find(&keys.sorted));
            let found: Vec<_> = frozen.chain(state.active.tables[number].find(&keys.sorted)).collect();
            (Arc::clone(&state.version), found)
        };
        let mut files: Vec<_> = version.tables[number].iter().filter(|file| file.may_hold(&keys.sorted)).collect();
        files.sort_by_key(|file| (file.seq, file.bucket, file.part));
        let columns = (0..layout.schema.fields().len()).collect();
        let scan = FileScan {
            layout,
            columns,
            lean: Vec::new(),
            keys: Some(keys.clone()),
            time: None,
            share: Share::default(),
            texts: Arc::default(),
            batch_rows: 1_024,
        };
        let filter = Filter { keys: Some((key, keys)), time: None };
        let open = files.into_iter().map(|file| {
            let rows = scan.clone().lenient(Arc::clone(&self.0), file.clone());
            let filter = filter.clone();
            rows.map(move |batch| filter.apply(batch?)).try_collect::<Vec<_>>()
        });
        let mut rows: Vec<RecordBatch> =
            stream::iter(open.collect::<Vec<_>>()).buffered(FILES_AT_ONCE).try_concat().await?;
        rows.retain(|batch| batch.num_rows() > 0);
        rows.extend(gather(layout, &found)?);
        Ok(rows)
    }
}

/// Rows of chunks as one batch.
fn gather(layout: &Layout, found: &[(Arc<Chunk>, usize)]) -> Result<Option<RecordBatch>, StoreError> {
    if found.is_empty() {
        return Ok(None);
    }
    let mut chunks: Vec<&Arc<Chunk>> = Vec::new();
    let mut places = Vec::with_capacity(found.len());
    for (chunk, row) in found {
        if chunks.last().is_none_or(|last| !Arc::ptr_eq(last, chunk)) {
            chunks.push(chunk);
        }
        places.push((chunks.len() - 1, *row));
    }
    let batches: Vec<&RecordBatch> = chunks.iter().map(|chunk| &chunk.batch).collect();
    Ok(Some(interleave_record_batch(&batches, &places)?.with_schema(Arc::clone(&layout.schema))?))
}
