//! What Kayenta's API keeps: it is on the state log before it is answered, and in the table `canary_objects`.

mod index;
mod problem;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use base::{Clock, Limit};
use bus::Log;
use futures::TryStreamExt;
use model::rows::CanaryObject;
use model::{Batch, LogKind, Offset, Row};
use parking_lot::{RwLock, RwLockReadGuard};
use store::{ScanOptions, Store};
use tokio::sync::{Mutex, OnceCell, Semaphore};

pub use index::{Index, Kind, Summary};
pub use problem::Problem;

/// What the objects are about on the log: they are in one shard.
const KEY: &str = "kayenta";
/// Bytes of one document.
pub const DOCUMENT: Limit = Limit::new("kayenta.document_bytes", 8 << 20);
/// How long an answer waits until what was kept can be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Executions that are fetched and judged at once; others wait.
const RUNS: usize = 4;
/// Requests of judges that are answered at once; others wait.
const JUDGEMENTS: usize = 2;

/// How long an execution waits for a store that is behind: one that has just been opened reads what it has missed.
const CATCHES_UP: Duration = Duration::from_secs(600);
/// Until a log or a store that is away is asked again meanwhile.
const AGAIN: Duration = Duration::from_secs(5);

/// What Kayenta's API stands on.
pub struct Canaries {
    pub shelf: Shelf,
    /// What is asked about.
    telemetry: Option<Arc<dyn Log>>,
    pub runs: Semaphore,
    /// Who has a slot may be cut off: the work goes on with it.
    pub judgements: Arc<Semaphore>,
}

impl Canaries {
    pub fn new(log: Arc<dyn Log>, telemetry: Option<Arc<dyn Log>>, store: Store, clock: Clock) -> Self {
        let shelf = Shelf::new(log, store, clock);
        Self { shelf, telemetry, runs: Semaphore::new(RUNS), judgements: Arc::new(Semaphore::new(JUDGEMENTS)) }
    }

    /// Ends once queries see what the telemetry log has now. A store that is behind looks as if an arm had no data, or less; one that
    /// is away for a moment, as the log may be, is no reason to give up a canary of a day.
    pub async fn caught_up(&self) -> Result<(), Problem> {
        let (clock, mut away) = (&self.shelf.clock, None);
        let until = clock.monotonic() + CATCHES_UP;
        while let Some(left) = until.checked_sub(clock.monotonic()).filter(|left| !left.is_zero()) {
            match clock.timeout(left, self.sees_all()).await {
                Ok(Err(problem)) if problem.passes() => {
                    tracing::warn!(problem = problem.message, "a canary waits for the log and the store");
                    away = Some(problem);
                    clock.sleep(AGAIN.min(left)).await;
                }
                Ok(done) => return done,
                Err(_) => break,
            }
        }
        let seconds = CATCHES_UP.as_secs();
        let late = || Problem::later(format!("the store is behind the telemetry log for more than {seconds} s"));
        Err(away.unwrap_or_else(late))
    }

    async fn sees_all(&self) -> Result<(), Problem> {
        let Some(log) = &self.telemetry else { return Ok(()) };
        for shard in 0..log.shards() {
            let (start, end) = log.bounds(shard).await?;
            if let Some(last) = end.0.checked_sub(1).filter(|last| *last >= start.0) {
                self.shelf.store.wait_for(LogKind::Telemetry, shard, Offset(last)).await?;
            }
        }
        Ok(())
    }
}

/// An object that is to be kept.
#[derive(Clone, Debug)]
pub struct Object {
    pub kind: Kind,
    pub id: String,
    pub summary: Summary,
    /// JSON.
    pub document: String,
}

/// What is kept.
pub struct Shelf {
    log: Arc<dyn Log>,
    store: Store,
    clock: Clock,
    index: OnceCell<RwLock<Index>>,
    /// Held while something is kept, so that two changes do not miss each other.
    writing: Mutex<()>,
}

impl Shelf {
    fn new(log: Arc<dyn Log>, store: Store, clock: Clock) -> Self {
        Self { log, store, clock, index: OnceCell::new(), writing: Mutex::new(()) }
    }

    /// What is kept, as of now.
    pub async fn index(&self) -> Result<RwLockReadGuard<'_, Index>, Problem> {
        Ok(self.loaded().await?.read())
    }

    async fn loaded(&self) -> Result<&RwLock<Index>, Problem> {
        self.index.get_or_try_init(async || Ok(RwLock::new(self.load().await?))).await
    }

    /// Reads the table once it has all of the log.
    async fn load(&self) -> Result<Index, Problem> {
        let shard = self.shard();
        let (_, end) = self.log.bounds(shard).await?;
        if let Some(last) = end.0.checked_sub(1) {
            self.store.wait_for(LogKind::State, shard, Offset(last)).await?;
        }
        let mut index = Index::default();
        let Some(table) = self.store.snapshot().table("canary_objects") else { return Ok(index) };
        let schema = table.schema();
        let columns = ["kind", "id", "summary", "bytes"].iter().filter_map(|name| schema.index_of(name).ok());
        let mut batches = table.scan(ScanOptions { projection: Some(columns.collect()), ..ScanOptions::default() });
        while let Some(batch) = batches.try_next().await? {
            let text = |name| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
            let bytes = batch.column_by_name("bytes").and_then(|column| column.as_primitive_opt::<Int64Type>());
            let (Some(kinds), Some(ids), Some(summaries), Some(bytes)) =
                (text("kind"), text("id"), text("summary"), bytes)
            else {
                return Err(Problem::internal("the table canary_objects has other columns"));
            };
            for n in 0..batch.num_rows() {
                index.apply(kinds.value(n), ids.value(n), Some((summaries.value(n), bytes.value(n))));
            }
        }
        Ok(index)
    }

    /// The document of an object.
    pub async fn get(&self, kind: Kind, id: &str) -> Result<String, Problem> {
        if self.index().await?.get(kind, id).is_none() {
            return Err(Problem::unknown(kind.title(), id));
        }
        for batch in self.store.lookup("canary_objects", &[kind.key(id)]).await? {
            if let Some(row) = CanaryObject::decode(&batch).map_err(Problem::internal)?.pop() {
                return Ok(row.document);
            }
        }
        // It is on the log, or it would not be in the index.
        Err(Problem::later(format!("{} '{}' cannot be read yet: the store is behind", kind.title(), id.escape_debug())))
    }

    /// Keeps objects, all or none, if `check` agrees; the oldest that are no longer needed go for them.
    pub async fn put(
        &self,
        objects: Vec<Object>,
        check: impl FnOnce(&Index) -> Result<(), Problem> + Send,
    ) -> Result<(), Problem> {
        for object in &objects {
            DOCUMENT.check(object.document.len() as u64).map_err(Problem::large)?;
        }
        let index = self.loaded().await?;
        let _one_at_a_time = self.writing.lock().await;
        let mut rows = Vec::new();
        {
            let index = index.read();
            check(&index)?;
            let bytes = objects.iter().map(|object| object.document.len() as u64).sum();
            rows.extend(index.surplus(objects.len(), bytes).into_iter().map(|(kind, id)| self.gone(kind, id)));
        }
        rows.extend(objects.into_iter().map(|object| self.row(object)));
        self.append(rows, index).await
    }

    /// Forgets an object.
    pub async fn remove(&self, kind: Kind, id: &str) -> Result<(), Problem> {
        let index = self.loaded().await?;
        let _one_at_a_time = self.writing.lock().await;
        if index.read().get(kind, id).is_none() {
            return Err(Problem::unknown(kind.title(), id));
        }
        self.append(vec![self.gone(kind, id.to_owned())], index).await
    }

    async fn append(&self, rows: Vec<CanaryObject>, index: &RwLock<Index>) -> Result<(), Problem> {
        let (gone, there): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| !row.present);
        let small = (!gone.is_empty()).then_some(gone.as_slice());
        let parts = small.into_iter().chain(there.chunks(1));
        let batches =
            parts.map(|rows| Batch::of(KEY, rows)).collect::<Result<Vec<_>, _>>().map_err(Problem::internal)?;
        let shard = self.shard();
        let offset = self.log.append(shard, batches).await?;
        for row in gone.iter().chain(&there) {
            let there = row.present.then_some((row.summary.as_str(), row.bytes));
            index.write().apply(&row.kind, &row.id, there);
        }
        // It is durable; what is not seen in time is seen later.
        let seen = self.store.wait_for(LogKind::State, shard, offset);
        if !matches!(self.clock.timeout(PATIENCE, seen).await, Ok(Ok(()))) {
            tracing::warn!(%offset, "what was posted to Kayenta's API is answered before it can be read: the store is behind");
        }
        Ok(())
    }

    fn shard(&self) -> u32 {
        model::shard_of(KEY, self.log.shards())
    }

    fn row(&self, object: Object) -> CanaryObject {
        let Object { kind, id, summary, document } = object;
        CanaryObject {
            time: self.clock.now(),
            kind: kind.as_str().to_owned(),
            key: kind.key(&id),
            id,
            present: true,
            // Texts and numbers only: it cannot fail.
            summary: serde_json::to_string(&summary).unwrap_or_default(),
            bytes: i64::try_from(document.len()).unwrap_or(i64::MAX),
            document,
        }
    }

    fn gone(&self, kind: Kind, id: String) -> CanaryObject {
        let object = Object { kind, id, summary: Summary::default(), document: String::new() };
        CanaryObject { present: false, ..self.row(object) }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use base::Timestamp;
    use bus::{Embedded, EmbeddedConfig};
    use store::{LocalObjects, StoreConfig};

    use super::*;

    #[tokio::test]
    async fn what_is_kept_and_cannot_be_read_yet_is_to_be_asked_for_again() {
        let dir = tempfile::tempdir().unwrap();
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(1_000_000));
        let objects = Arc::new(LocalObjects::new(&dir.path().join("store")).unwrap());
        // Nobody feeds it.
        let store = Store::open(StoreConfig::default(), objects, clock.clone()).await.unwrap();
        let log = EmbeddedConfig::new(dir.path().join("log"), "state");
        let log = Arc::new(Embedded::open(log, clock.clone()).unwrap());
        let shelf = Shelf::new(log, store, clock);
        let summary = Summary::default();
        let object = Object { kind: Kind::Canary, id: "posted".to_owned(), summary, document: "{}".to_owned() };
        let put = std::pin::pin!(shelf.put(vec![object], |_| Ok(())));
        let time = std::pin::pin!(async {
            loop {
                simulation.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        });
        match futures::future::select(put, time).await {
            futures::future::Either::Left((kept, _)) => kept.unwrap(),
            futures::future::Either::Right(((), _)) => panic!("time has no end"),
        }
        let problem = shelf.get(Kind::Canary, "posted").await.unwrap_err();
        assert_eq!((problem.status, problem.passes()), (StatusCode::SERVICE_UNAVAILABLE, true));
        let problem = shelf.get(Kind::Canary, "another").await.unwrap_err();
        assert_eq!((problem.status, problem.passes()), (StatusCode::NOT_FOUND, false));
    }
}
