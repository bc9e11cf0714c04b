//! A log in memory that can be away, and `ingest` over it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Limit};
use bus::{BusError, Log, Records};
use ingest::{Ingest, IngestConfig};
use model::rows::{Exemplar, HistogramPoint, LogLine, Metadata, Sample, Series};
use model::{Batch, Offset, Row, SeriesId, Stream};
use store::{LocalObjects, Store, StoreConfig};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Memory {
    batches: Mutex<Vec<Batch>>,
    /// Rows of a batch at most, if there is a limit.
    pub(crate) most: Mutex<Option<usize>>,
    pub(crate) appended: Notify,
    pub(crate) away: Mutex<u32>,
    /// A shard that is away.
    pub(crate) broken: Mutex<Option<u32>>,
    /// A stream of which no row is ever taken.
    pub(crate) never: Mutex<Option<Stream>>,
    /// How often something was to be appended.
    pub(crate) tried: Mutex<u32>,
    /// While a test holds this, an append does not return.
    pub(crate) stuck: tokio::sync::Mutex<()>,
}

#[async_trait]
impl Log for Memory {
    fn shards(&self) -> u32 {
        2
    }

    async fn append(&self, shard: u32, batches: Vec<Batch>) -> Result<Offset, BusError> {
        *self.tried.lock().unwrap() += 1;
        drop(self.stuck.lock().await);
        let mut away = self.away.lock().unwrap();
        if *away > 0 || *self.broken.lock().unwrap() == Some(shard) {
            *away = away.saturating_sub(1);
            let (log, problem) = ("telemetry".to_owned(), "full disk".to_owned());
            return Err(BusError::Unavailable { log, problem, retry_after: Duration::from_secs(1) });
        }
        let rows = batches.iter().map(|batch| batch.data.num_rows()).max().unwrap_or(0) as u64;
        let never = *self.never.lock().unwrap();
        let never = batches.iter().any(|batch| Some(batch.stream) == never).then_some(0);
        if let Some(most) = never.or(*self.most.lock().unwrap()) {
            let source = Limit::new("test_rows", most as u64).check(rows);
            source.map_err(|source| BusError::TooLarge { log: "telemetry".to_owned(), source })?;
        }
        self.batches.lock().unwrap().extend(batches);
        self.appended.notify_waiters();
        Ok(Offset(0))
    }

    fn read(&self, _: u32, _: Offset) -> Records {
        Box::pin(futures::stream::pending())
    }

    async fn bounds(&self, _: u32) -> Result<(Offset, Offset), BusError> {
        Ok((Offset(0), Offset(0)))
    }

    async fn truncate(&self, _: u32, _: Offset) -> Result<(), BusError> {
        Ok(())
    }
}

impl Memory {
    fn rows<R: Row>(&self) -> Vec<R> {
        let batches = self.batches.lock().unwrap();
        batches
            .iter()
            .filter(|batch| batch.stream == R::STREAM)
            .flat_map(|batch| R::decode(&batch.data).unwrap())
            .collect()
    }

    fn names(&self) -> BTreeMap<SeriesId, String> {
        let name = |series: Series| {
            let labels: Vec<String> = series
                .labels
                .iter()
                .filter(|(name, _)| !matches!(name.as_str(), "job" | "instance"))
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            (series.series_id, format!("{}{labels}", series.metric))
        };
        self.rows::<Series>().into_iter().map(name).collect()
    }

    /// All samples of a series, as seconds and value.
    pub(crate) fn of(&self, series: &str) -> Vec<(i64, String)> {
        let names = self.names();
        let is_it = |id: &SeriesId| names.get(id).is_some_and(|name| name == series);
        let stale = |value: f64| value.to_bits() == scrape::STALE;
        let shown = |value: f64| if stale(value) { "stale".to_owned() } else { value.to_string() };
        let samples = self.rows::<Sample>().into_iter().filter(|sample| is_it(&sample.series_id));
        let histograms = self.rows::<HistogramPoint>().into_iter().filter(|point| is_it(&point.series_id));
        let shape = |point: HistogramPoint| {
            if stale(point.sum) {
                "stale".to_owned()
            } else {
                format!("{} in {:?}", point.count, point.positive_indexes)
            }
        };
        let mut all: Vec<(i64, String)> =
            samples.map(|sample| (sample.ts.millis() / 1000, shown(sample.value))).collect();
        all.extend(histograms.map(|point| (point.ts.millis() / 1000, shape(point))));
        all
    }

    /// The times of all samples of a series that are numbers, in milliseconds.
    pub(crate) fn times(&self, series: &str) -> Vec<i64> {
        let names = self.names();
        let is_it = |sample: &Sample| names.get(&sample.series_id).is_some_and(|name| name == series);
        self.rows::<Sample>().into_iter().filter(is_it).map(|sample| sample.ts.millis()).collect()
    }

    /// How often the series of a metric were named.
    pub(crate) fn named(&self, metric: &str) -> usize {
        self.rows::<Series>().iter().filter(|series| series.metric == metric).count()
    }

    /// Names of all series but those about targets, and ids of series that were announced.
    pub(crate) fn series(&self) -> Vec<String> {
        let about = |name: &String| name == "up" || name.starts_with("scrape_");
        let mut names: Vec<String> = self.names().into_values().filter(|name| !about(name)).collect();
        names.sort();
        names
    }

    pub(crate) fn logs(&self) -> Vec<LogLine> {
        self.rows()
    }

    pub(crate) fn exemplars(&self) -> Vec<Exemplar> {
        self.rows()
    }

    pub(crate) fn metadata(&self) -> Vec<Metadata> {
        self.rows()
    }
}

/// `ingest` over a log.
pub(crate) async fn ingest(log: &Arc<Memory>, folder: &std::path::Path, clock: &Clock) -> Ingest {
    let objects = Arc::new(LocalObjects::new(folder).unwrap());
    let store = Store::open(StoreConfig::default(), objects, clock.clone()).await.unwrap();
    let config = IngestConfig { max_decoded_bytes: 1 << 20, ..IngestConfig::default() };
    Ingest::new(config, Arc::clone(log) as Arc<dyn Log>, store, clock.clone())
}
