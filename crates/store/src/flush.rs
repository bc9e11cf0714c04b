//! From rows in memory to files, without a moment in which a reader sees a row twice or not at all.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::commit::commit;
use crate::layout::{Layout, layouts};
use crate::point_merge::PointMerge;
use crate::series::OF_SERIES;
use crate::state::Frozen;
use crate::store::Inner;
use crate::{FileEntry, Store, StoreError, points, rows, scan, write};

/// Rows of each batch of samples that are merged at once.
const MERGED_ROWS: usize = 8_192;
/// How a warning about a flush that failed begins.
pub(crate) const FAILED: &str = "rows in memory cannot be written to files";

impl Store {
    /// Writes what is in memory to files and commits them. Gives whether there was anything.
    ///
    /// # Errors
    /// [`StoreError::Objects`] on a full disk and the like: the rows stay in memory and visible,
    /// and the next call tries again.
    pub async fn flush(&self) -> Result<bool, StoreError> {
        let inner = &self.0;
        let _one = inner.writing.lock().await;
        let Some(frozen) = inner.state.write().freeze() else { return Ok(false) };
        let started = inner.clock.monotonic();
        let tried = frozen.change();
        let was_tried = tried.is_some();
        let change = match tried {
            Some(change) => change,
            None => {
                let files = write_all(inner, &frozen).await?;
                *frozen.written.lock() = Some(files);
                frozen.change().unwrap_or_default()
            }
        };
        if let Err(error) = commit(inner, &change).await {
            match error {
                // The first attempt may have been committed all the same.
                StoreError::Superseded { version } if was_tried => inner.leave(&change.add, version),
                StoreError::Superseded { .. } => remove_unnamed(inner, &change.add).await,
                _ => {}
            }
            return Err(error);
        }
        let (count, rows) = (change.add.len(), frozen.memory.rows());
        inner.warnings.end(FAILED);
        inner.moved.send_replace(());
        inner.untidy.notify_one();
        metrics::counter!("steadfast_store_flushes_total").increment(1);
        metrics::counter!("steadfast_store_flushed_rows_total").increment(rows);
        let took = inner.clock.monotonic().saturating_sub(started);
        metrics::histogram!("steadfast_store_flush_seconds").record(took.as_secs_f64());
        tracing::debug!(rows, files = count, took_ms = took.as_millis(), "flushed");
        Ok(true)
    }
}

/// Writes the files of every table that has rows; after an error those written are removed.
#[tracing::instrument(name = "flush", skip_all)]
async fn write_all(inner: &Arc<Inner>, frozen: &Arc<Frozen>) -> Result<Vec<FileEntry>, StoreError> {
    let mut files = Vec::new();
    for table in 0..frozen.memory.tables.len() {
        if let Err(error) = write_table(inner, frozen, table, &mut files).await {
            remove(inner, &files).await;
            return Err(error);
        }
    }
    Ok(files)
}

async fn write_table(
    inner: &Arc<Inner>,
    frozen: &Arc<Frozen>,
    table: usize,
    files: &mut Vec<FileEntry>,
) -> Result<(), StoreError> {
    if frozen.memory.tables[table].rows() == 0 {
        return Ok(());
    }
    let (writer, rows) = (Arc::clone(inner), Arc::clone(frozen));
    let handle = tokio::runtime::Handle::current();
    let encode = move || {
        let layout = &layouts()[table];
        let batches: Vec<_> = rows.memory.tables[table].chunks().iter().map(|chunk| chunk.batch.clone()).collect();
        let path = || write::new_path(&writer, layout.def.name);
        let count = rows.memory.tables[table].rows() as usize;
        let mut files = write::Files::new(layout, &writer.config, &path, count);
        let in_order = |batch: &RecordBatch| points::Columns::of(batch).is_some_and(|columns| columns.is_sorted());
        if layout.points && batches.iter().all(in_order) {
            handle.block_on(merged(layout, batches, &mut files))?;
        } else {
            let all: Vec<usize> = (0..layout.schema.fields().len()).collect();
            let sorted = rows::Sorted::new(&layout.schema, &batches, &scan::order(layout, &all))?;
            sorted.blocks(write::WRITE_ROWS).try_for_each(|block| files.write(&block?))?;
        }
        files.finish()
    };
    let is_of_series = OF_SERIES.contains(&layouts()[table].def.name);
    for mut written in base::blocking(encode).await.ok_or(StoreError::Ending)?? {
        written.entry.announced = is_of_series.then(|| frozen.memory.announced.clone());
        files.push(written.store(inner).await?);
    }
    Ok(())
}

/// Writes batches of samples, each in order and the oldest first, without a copy of all of them.
async fn merged(layout: &Layout, batches: Vec<RecordBatch>, files: &mut write::Files<'_>) -> Result<(), StoreError> {
    let inputs = batches.into_iter().map(|batch| scan::slices(batch, MERGED_ROWS)).collect();
    let mut merge = PointMerge::new(Arc::clone(&layout.schema), inputs).await?;
    while let Some(batch) = merge.next().await? {
        files.write(&batch)?;
    }
    Ok(())
}

/// Removes those of the files that no version has named.
pub(crate) async fn remove_unnamed(inner: &Inner, files: &[FileEntry]) {
    let version = Arc::clone(&inner.state.read().version);
    let named: HashSet<&str> = version.files().map(|file| file.path.as_str()).collect();
    let was_named = |path: &str| named.contains(path) || inner.garbage.lock().has(path);
    let unnamed: Vec<FileEntry> = files.iter().filter(|file| !was_named(&file.path)).cloned().collect();
    remove(inner, &unnamed).await;
}

/// Removes files that no version names. What stays is found as an orphan later.
pub(crate) async fn remove(inner: &Inner, files: &[FileEntry]) {
    for file in files {
        let _ = inner.objects.delete(&Path::from(file.path.as_str())).await;
    }
}
