use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use base::Limit;
use datafusion::execution::SendableRecordBatchStream;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, Stream, StreamExt};

use crate::places::Place;
use crate::{QueryConfig, QueryError, explain};

/// An answer that is being computed: its batches come as they are read. Dropping it ends the query.
pub struct Answer {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows. It ends with the first error.
    pub stream: BoxStream<'static, Result<RecordBatch, QueryError>>,
    /// What the reader should know of the tables: quarantined files and the like.
    pub warnings: Vec<String>,
    pub(crate) truncated: Arc<AtomicBool>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// What the reader should know of the tables.
    pub warnings: Vec<String>,
    /// Whether there are more rows than the caller asked for.
    pub truncated: bool,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").field("schema", &self.schema).field("warnings", &self.warnings).finish_non_exhaustive()
    }
}

impl Answer {
    /// Tells, once the stream has ended, whether the caller's own row limit cut it.
    pub fn truncation(&self) -> impl Fn() -> bool + Send + Sync + 'static {
        let truncated = Arc::clone(&self.truncated);
        move || truncated.load(Ordering::Acquire)
    }

    /// Waits for all rows.
    ///
    /// # Errors
    /// What the stream gives, or [`QueryError::Limit`] once the rows take more than `max_bytes`.
    pub async fn collect(mut self, max_bytes: u64) -> Result<Rows, QueryError> {
        let limit = Limit::new("memory_bytes", max_bytes);
        let (mut batches, mut bytes) = (Vec::new(), 0);
        while let Some(batch) = self.stream.next().await {
            let batch = batch?;
            bytes += batch.get_array_memory_size() as u64;
            limit.check(bytes)?;
            batches.push(batch);
        }
        let truncated = self.truncated.load(Ordering::Acquire);
        Ok(Rows { schema: self.schema, batches, warnings: self.warnings, truncated })
    }
}

/// How many rows an answer may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RowLimit {
    /// More is an error.
    Refuse(u64),
    /// The rest is left out, and the answer says so.
    Cut(u64),
}

/// What ends a query before its last row.
pub(crate) struct Guard {
    pub deadline: BoxFuture<'static, ()>,
    pub timeout: Duration,
    pub rows: RowLimit,
    pub config: Arc<QueryConfig>,
    pub truncated: Arc<AtomicBool>,
    /// The query's place among those that may run.
    pub _place: Place,
}

/// `inner` within the limits of `guard`; a panic in it is an error of this query only.
pub(crate) fn guarded(
    inner: SendableRecordBatchStream,
    guard: Guard,
) -> BoxStream<'static, Result<RecordBatch, QueryError>> {
    let inner = AssertUnwindSafe(inner).catch_unwind().boxed();
    Box::pin(Guarded { inner: Some(inner), guard: Some(guard), seen: 0 })
}

type Inner = BoxStream<'static, std::thread::Result<datafusion::error::Result<RecordBatch>>>;

struct Guarded {
    inner: Option<Inner>,
    /// Given up with the stream, so that its place is free for the next query.
    guard: Option<Guard>,
    seen: u64,
}

impl Guarded {
    fn end(&mut self, outcome: &'static str) {
        self.inner = None;
        if self.guard.take().is_some() {
            metrics::counter!("steadfast_queries_total", "outcome" => outcome).increment(1);
        }
    }

    fn fail(&mut self, error: QueryError) -> Poll<Option<Result<RecordBatch, QueryError>>> {
        self.end(error.kind());
        Poll::Ready(Some(Err(error)))
    }

    /// The batch, cut to what is left of the limit.
    fn admit(&mut self, batch: RecordBatch) -> Result<RecordBatch, QueryError> {
        let Some(guard) = &self.guard else { return Ok(batch) };
        let rows = batch.num_rows() as u64;
        match guard.rows {
            RowLimit::Refuse(max) => Limit::new("max_rows", max).check(self.seen + rows)?,
            RowLimit::Cut(max) if self.seen + rows > max => {
                let left = max - self.seen;
                self.seen = max;
                guard.truncated.store(true, Ordering::Release);
                return Ok(batch.slice(0, left as usize));
            }
            RowLimit::Cut(_) => {}
        }
        self.seen += rows;
        Ok(batch)
    }
}

impl Stream for Guarded {
    type Item = Result<RecordBatch, QueryError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let (Some(inner), Some(guard)) = (&mut this.inner, &mut this.guard) else { return Poll::Ready(None) };
        if guard.deadline.as_mut().poll(cx).is_ready() {
            let limit = guard.timeout;
            return this.fail(QueryError::Timeout { limit });
        }
        let config = Arc::clone(&guard.config);
        let truncated = guard.truncated.load(Ordering::Acquire);
        if truncated {
            this.end("ok");
            return Poll::Ready(None);
        }
        match inner.poll_next_unpin(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                this.end("ok");
                Poll::Ready(None)
            }
            Poll::Ready(Some(Ok(Ok(batch)))) => match this.admit(batch) {
                Ok(batch) => Poll::Ready(Some(Ok(batch))),
                Err(error) => this.fail(error),
            },
            Poll::Ready(Some(Ok(Err(error)))) => this.fail(explain::error(&error, &config, &[])),
            Poll::Ready(Some(Err(_))) => this.fail(QueryError::Internal("a panic, please report it".to_owned())),
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.end("cancelled");
    }
}
