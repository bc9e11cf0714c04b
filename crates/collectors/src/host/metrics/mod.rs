//! Measurements of the host under the names that node_exporter gives them.

mod disks;
mod filesystems;
mod kernel;

use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Timestamp};
use collect::{CollectError, Collector, Cover, Cx};
use model::Labels;
use model::rows::{Sample, Series};

use super::{HostConfig, Place, input};
use crate::{Build, Plugin};

pub(crate) const PLUGIN: Plugin = Plugin {
    name: "host.metrics",
    doc: "CPU, memory, file systems, disks, networks and load, named as node_exporter names them.",
    kinds: &[],
    build: Build::Host(build),
};

/// A file system that does not answer in this time (a server that is away) is left out.
const PATIENCE: Duration = Duration::from_secs(5);

fn build(config: &HostConfig, place: &Place) -> Option<Box<dyn Collector>> {
    let metrics = Metrics { place: place.clone(), interval: config.metrics.interval };
    config.metrics.enabled.then(|| Box::new(metrics) as Box<dyn Collector>)
}

struct Metrics {
    place: Place,
    interval: Duration,
}

/// One value: name, labels without `instance`, value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) metric: String,
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) value: f64,
}

impl Point {
    pub(crate) fn new(metric: impl Into<String>, labels: &[(&'static str, &str)], value: f64) -> Self {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { metric: metric.into(), labels, value }
    }
}

#[async_trait]
impl Collector for Metrics {
    fn name(&self) -> &'static str {
        PLUGIN.name
    }

    fn scope(&self) -> &str {
        self.place.scope()
    }

    fn covers(&self) -> Vec<Cover> {
        Vec::new()
    }

    async fn run(&mut self, cx: &mut dyn Cx) -> Result<(), CollectError> {
        let (clock, shutdown) = (cx.clock().clone(), cx.shutdown().clone());
        let start = clock.monotonic();
        let mut rounds: u32 = 0;
        loop {
            let points = self.measure(&clock).await?;
            let (series, samples) = self.rows(clock.now(), points);
            cx.metrics(series, samples).await?;
            if rounds == 0 {
                cx.complete().await?;
            }
            // By a grid, so that the time that a round takes does not add up.
            rounds += 1;
            let due = start + self.interval.saturating_mul(rounds);
            let wait = due.saturating_sub(clock.monotonic());
            if wait.is_zero() {
                rounds = ((clock.monotonic() - start).as_nanos() / self.interval.as_nanos().max(1)) as u32;
            }
            if shutdown.or(clock.sleep(wait.max(Duration::from_millis(100)))).await.is_none() {
                return Ok(());
            }
        }
    }
}

impl Metrics {
    async fn measure(&self, clock: &Clock) -> Result<Vec<Point>, CollectError> {
        let place = self.place.clone();
        let panicked = || CollectError::Source { what: "/proc".to_owned(), problem: "reading it panicked".to_owned() };
        let mut points = base::blocking(move || kernel_points(&place)).await.ok_or_else(panicked)??;
        let place = self.place.clone();
        let disks = base::blocking(move || filesystems::points(&place));
        match clock.timeout(PATIENCE, disks).await {
            Ok(disks) => points.extend(disks.unwrap_or_default()),
            Err(_) => tracing::warn!("a file system does not answer: this round has no sizes of file systems"),
        }
        Ok(points)
    }

    fn rows(&self, time: Timestamp, points: Vec<Point>) -> (Vec<Series>, Vec<Sample>) {
        let row = |point: Point| {
            let mut labels: Labels = point.labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            labels.insert("instance".to_owned(), self.place.host().to_owned());
            let series_id = Series::id(&point.metric, &labels);
            let series = Series { time, series_id, metric: point.metric, labels };
            (series, Sample { series_id, ts: time, value: point.value })
        };
        points.into_iter().map(row).unzip()
    }
}

/// What the kernel says in `/proc`. Files that a kernel or a container does not have are left out.
///
/// # Errors
/// If there is no `/proc` at all.
fn kernel_points(place: &Place) -> Result<Vec<Point>, CollectError> {
    let stat_path = place.path("/proc/stat");
    let stat = input::text(&stat_path).map_err(|error| input::failed(&stat_path, error))?;
    let text = |path: &str| input::text(&place.path(path)).unwrap_or_default();
    let mut points = kernel::stat(&stat);
    points.extend(kernel::memory(&text("/proc/meminfo")));
    points.extend(kernel::load(&text("/proc/loadavg")));
    points.extend(kernel::network(&text("/proc/net/dev")));
    points.extend(disks::points(&text("/proc/diskstats")));
    Ok(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_has_the_basic_measurements() {
        let points = kernel_points(&Place::new(None, None)).unwrap();
        for name in ["node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_load1", "node_boot_time_seconds"] {
            assert!(points.iter().any(|point| point.metric == name && point.value >= 0.0), "{name}");
        }
    }
}
