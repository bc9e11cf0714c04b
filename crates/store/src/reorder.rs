//! Files whose rows are in an order that their table had in an earlier release.

use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::TryStreamExt;

use crate::change::Change;
use crate::commit::commit;
use crate::file::FileScan;
use crate::filter::Share;
use crate::layout::{Layout, layouts};
use crate::rows::Order;
use crate::store::Inner;
use crate::write::Written;
use crate::{FileEntry, Store, StoreError, flush, rows, scan, write};

/// Rows of a batch that is read.
const ROWS: usize = 8_192;
/// How a warning about files begins that are not in order yet.
const NOT_YET: &str = "files of an earlier release cannot be put in order";

impl Store {
    /// [`Self::reorder`] at the start. What finds no room then is left to [`Self::tidy`], which makes some, since what is old or
    /// needed by nobody goes only after the grace period; meanwhile each question about such files sorts their rows.
    ///
    /// # Errors
    /// But for [`StoreError::Objects`] those of [`Self::reorder`].
    pub(crate) async fn reorder_or_warn(&self) -> Result<(), StoreError> {
        match self.reorder().await {
            Err(StoreError::Objects { source, .. }) => {
                self.0.warnings.replace(NOT_YET, format!("{NOT_YET} now, it is tried again: {source}"));
                Ok(())
            }
            other => other,
        }
    }

    /// Writes files anew whose rows are not in their table's order, one after the other and each a part at a time. A
    /// damaged one is set aside.
    ///
    /// # Errors
    /// [`StoreError::Objects`] if the object store cannot be read or written now; what was committed stays.
    pub(crate) async fn reorder(&self) -> Result<(), StoreError> {
        let inner = &self.0;
        loop {
            let _one = inner.merging.lock().await;
            let version = Arc::clone(&inner.state.read().version);
            let mut tables = layouts().iter().zip(&version.tables);
            // The oldest first: what is written anew is newer than all else.
            let other = tables.find_map(|(layout, files)| {
                let file =
                    files.iter().filter(|file| !layout.in_order(file)).min_by_key(|file| (file.seq, file.part))?;
                Some((layout, file.clone()))
            });
            let Some((layout, file)) = other else {
                inner.warnings.end(NOT_YET);
                return Ok(());
            };
            tracing::info!(path = file.path, rows = file.rows, "a file of an earlier release is put in order");
            let (mut add, began) = (Vec::new(), inner.doubts.begin());
            if let Err(error) = write_in_order(inner, layout, &file, &mut add).await {
                flush::remove(inner, &add).await;
                match error {
                    StoreError::Corrupt { path, problem } if path == file.path => {
                        inner.set_aside(&file, &problem, began).await?
                    }
                    error => return Err(error),
                }
                continue;
            }
            let change = Change { add, remove: vec![file.path], rewritten: true, ..Change::default() };
            match commit(inner, &change).await {
                Ok(()) => {}
                // Another process was faster.
                Err(StoreError::Conflict { .. }) => flush::remove_unnamed(inner, &change.add).await,
                Err(error) => return Err(error),
            }
        }
    }
}

/// Writes the rows of `file` as sorted runs, each of a part of them; `add` are the files stored so far, also on an error.
async fn write_in_order(
    inner: &Arc<Inner>,
    layout: &'static Layout,
    file: &FileEntry,
    add: &mut Vec<FileEntry>,
) -> Result<(), StoreError> {
    let columns: Vec<usize> = (0..layout.schema.fields().len()).collect();
    let order = scan::order(layout, &columns);
    let files = FileScan {
        layout,
        columns,
        lean: Vec::new(),
        keys: None,
        time: None,
        texts: Arc::default(),
        share: Share::default(),
        batch_rows: ROWS,
    };
    let mut batches = files.strict(Arc::clone(inner), file.clone());
    let (mut part, mut bytes, mut run): (Vec<RecordBatch>, _, _) = (Vec::new(), 0, 0);
    loop {
        let batch = batches.try_next().await?;
        let ended = batch.is_none();
        if let Some(batch) = batch {
            bytes += rows::bytes(&batch);
            part.push(batch);
        }
        if ended || bytes >= inner.config.compaction_memory_bytes {
            for mut written in sorted_files(inner, layout, &part, &order)? {
                (written.entry.seq, written.entry.level) = (run, file.level);
                add.push(written.store(inner).await?);
            }
            part.clear();
            (bytes, run) = (0, run + 1);
        }
        if ended {
            return Ok(());
        }
    }
}

fn sorted_files(
    inner: &Inner,
    layout: &'static Layout,
    part: &[RecordBatch],
    order: &Order,
) -> Result<Vec<Written>, StoreError> {
    let path = || write::new_path(inner, layout.def.name);
    let sorted = rows::Sorted::new(&layout.schema, part, order)?;
    let mut files = write::Files::new(layout, &inner.config, &path, sorted.len());
    sorted.blocks(write::WRITE_ROWS).try_for_each(|block| files.write(&block?))?;
    files.finish()
}
