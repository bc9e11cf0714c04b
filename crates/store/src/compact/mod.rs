//! Compaction: a streaming merge of sorted files, in memory that does not depend on their size.

mod pick;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use futures::{StreamExt, stream};

use self::pick::Job;
use crate::change::Change;
use crate::commit::commit;
use crate::damage::check_whole;
use crate::file::FileScan;
use crate::filter::Share;
use crate::layout::{Layout, layouts};
use crate::merge::Merge;
use crate::point_merge::PointMerge;
use crate::store::Inner;
use crate::write::{FileWriter, new_path};
use crate::{Days, FileEntry, Store, StoreError, flush, scan};

/// Rows of an input batch, at least and at most.
const BATCH_ROWS: (usize, usize) = (16, 8_192);

impl Store {
    /// Does the most urgent compaction, if there is one. Gives whether there was.
    ///
    /// A damaged input is set aside with a warning; what was written until then is removed.
    ///
    /// # Errors
    /// [`StoreError::Objects`] if the object store cannot be read or written now.
    pub async fn compact(&self) -> Result<bool, StoreError> {
        let inner = &self.0;
        let one = Arc::clone(&inner.merging).lock_owned().await;
        let version = Arc::clone(&inner.state.read().version);
        let Some(job) = pick::pick(&inner.config, &version) else { return Ok(false) };
        drop(version);
        let (worker, handle) = (Arc::clone(inner), tokio::runtime::Handle::current());
        let given_up = Arc::new(AtomicBool::new(false));
        let _guard = GiveUp(Arc::clone(&given_up));
        // A merge is mostly computing: it must not hold up the tasks that read the logs.
        let work = move || {
            let merged = handle.block_on(merge(&worker, job, &given_up));
            drop(one);
            merged
        };
        let merged = base::blocking(work).await.ok_or(StoreError::Ending)?;
        inner.untidy.notify_one();
        match merged {
            Ok(()) => Ok(true),
            Err(StoreError::Conflict { version, path }) => {
                tracing::info!(version, path, "a compaction was overtaken");
                Ok(true)
            }
            Err(error) => Err(error),
        }
    }
}

/// Ends a merge whose caller no longer waits for it: at the process's end, for one.
struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tracing::instrument(name = "compaction", skip_all)]
async fn merge(inner: &Arc<Inner>, job: Job, given_up: &AtomicBool) -> Result<(), StoreError> {
    let (started, began) = (inner.clock.monotonic(), inner.doubts.begin());
    let mut outputs = Vec::new();
    let layout = &layouts()[job.table];
    if let Err(error) = write(inner, layout, &job, &mut outputs, given_up).await {
        flush::remove(inner, &outputs).await;
        let StoreError::Corrupt { path, problem } = &error else { return Err(error) };
        let Some(file) = job.runs.iter().flatten().find(|file| file.path == *path) else { return Err(error) };
        return inner.set_aside(file, problem, began).await;
    }
    let inputs: Vec<&FileEntry> = job.runs.iter().flatten().collect();
    let sum = |files: &[&FileEntry], of: fn(&FileEntry) -> u64| files.iter().map(|file| of(file)).sum::<u64>();
    let (rows, bytes) = (sum(&inputs, |file| file.rows), sum(&inputs, |file| file.bytes));
    let change =
        Change { add: outputs, remove: inputs.iter().map(|file| file.path.clone()).collect(), ..Change::default() };
    if let Err(error) = commit(inner, &change).await {
        if matches!(error, StoreError::Conflict { .. }) {
            flush::remove_unnamed(inner, &change.add).await;
        }
        return Err(error);
    }
    let table = layout.def.name;
    metrics::counter!("steadfast_store_compactions_total", "table" => table).increment(1);
    metrics::counter!("steadfast_store_compacted_bytes_total", "table" => table).increment(bytes);
    let took_ms = inner.clock.monotonic().saturating_sub(started).as_millis();
    tracing::debug!(table, inputs = inputs.len(), outputs = change.add.len(), rows, bytes, took_ms, "compacted");
    Ok(())
}

/// Writes the merge of the job's runs; `outputs` are the files stored so far, also on an error.
async fn write(
    inner: &Arc<Inner>,
    layout: &'static Layout,
    job: &Job,
    outputs: &mut Vec<FileEntry>,
    given_up: &AtomicBool,
) -> Result<(), StoreError> {
    let inputs: Vec<&FileEntry> = job.runs.iter().flatten().collect();
    for file in &inputs {
        check_whole(inner, file).await?;
    }
    let mut merge = open(inner, layout, job).await?;
    let total: u64 = inputs.iter().map(|file| file.rows).sum();
    let seq = inputs.iter().map(|file| file.seq).max().unwrap_or(0);
    let level = inputs.iter().map(|file| file.level).max().unwrap_or(0) + 1;
    let bucket = inputs.first().map_or(0, |file| file.bucket);
    let announced = announced(&inputs);
    let mut output: Option<FileWriter> = None;
    let (mut rows, mut part) = (0, 0);
    loop {
        if given_up.load(Ordering::Relaxed) {
            return Err(StoreError::Ending);
        }
        let batch = merge.next().await?;
        let ended = batch.is_none();
        if let Some(batch) = batch {
            rows += batch.num_rows() as u64;
            let writer = match &mut output {
                Some(writer) => writer,
                None => output.insert(FileWriter::new(layout, &inner.config, total, &batch)?.with_pieces()),
            };
            writer.write(&batch)?;
        }
        if let Some(full) = output.take_if(|writer| ended || writer.size() >= inner.config.target_file_bytes) {
            let mut written = full.finish(new_path(inner, layout.def.name), bucket, level)?.part(part);
            written.entry.seq = seq;
            written.entry.announced.clone_from(&announced);
            outputs.push(written.store(inner).await?);
            part += 1;
        }
        if ended {
            break;
        }
    }
    if !layout.def.unique() && rows != total {
        let problem = format!("a compaction made {rows} rows of {total}");
        return Err(StoreError::Columns { table: layout.def.name, problem });
    }
    Ok(())
}

/// The days on which the series of all rows were announced, if they are known of all.
fn announced(inputs: &[&FileEntry]) -> Option<Days> {
    let mut all = Days::default();
    for file in inputs {
        all.extend(file.announced.as_ref()?);
    }
    Some(all)
}

/// The rows of a job in order.
enum Merged {
    Rows(Box<Merge>),
    Points(PointMerge),
}

impl Merged {
    async fn next(&mut self) -> Result<Option<RecordBatch>, StoreError> {
        match self {
            Self::Rows(merge) => merge.next().await,
            Self::Points(merge) => merge.next().await,
        }
    }
}

async fn open(inner: &Arc<Inner>, layout: &'static Layout, job: &Job) -> Result<Merged, StoreError> {
    let columns: Vec<usize> = (0..layout.schema.fields().len()).collect();
    let row_bytes = job.runs.iter().flatten().map(FileEntry::row_bytes).max().unwrap_or(1);
    let share = inner.config.compaction_memory_bytes / job.runs.len().max(1) / row_bytes;
    let batch_rows = share.clamp(BATCH_ROWS.0, BATCH_ROWS.1);
    let order = scan::order(layout, &columns);
    let files = FileScan {
        layout,
        columns,
        lean: Vec::new(),
        keys: None,
        time: None,
        texts: Arc::default(),
        share: Share::default(),
        batch_rows,
    };
    let input = |run: &Vec<FileEntry>| {
        let (files, inner) = (files.clone(), Arc::clone(inner));
        let rows = stream::iter(run.clone()).flat_map(move |file| files.clone().strict(Arc::clone(&inner), file));
        rows.boxed()
    };
    let inputs = job.runs.iter().map(input).collect();
    let schema = Arc::clone(&layout.schema);
    if layout.points {
        return PointMerge::new(schema, inputs).await.map(Merged::Points);
    }
    Ok(Merged::Rows(Box::new(Merge::new(schema, order, job.all, BATCH_ROWS.1, inputs).await?)))
}
