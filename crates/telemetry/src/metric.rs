use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::TelemetryError;

/// Buckets of the histograms of times, in seconds: from an fsync on a good disk to a slow provider.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// The process's metrics.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Starts to record what every crate measures through the `metrics` macros.
    ///
    /// # Errors
    /// If it was started before.
    pub fn start() -> Result<Self, TelemetryError> {
        let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
        let builder = builder.map_err(|_| TelemetryError::Twice("metrics"))?;
        let metrics = builder.install_recorder().map(Self).map_err(|_| TelemetryError::Twice("metrics"))?;
        meanings().for_each(describe);
        PROCESS.iter().copied().for_each(describe);
        Ok(metrics)
    }

    /// All of them in Prometheus' text format, with what the system says of the process.
    pub fn render(&self) -> String {
        measure_process();
        // Its parts of a second are in no counter of the recorder.
        self.0.render().replace("# TYPE process_cpu_seconds_total gauge", "# TYPE process_cpu_seconds_total counter")
    }

    /// Keeps the histograms small: to be called every few seconds.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

/// A metric: name, kind, meaning.
type Meaning = (&'static str, &'static str, &'static str);

/// What the system says of the process.
const PROCESS: [Meaning; 3] = [
    ("process_cpu_seconds_total", "gauge", "Total user and system CPU time spent in seconds."),
    ("process_resident_memory_bytes", "gauge", "Resident memory size in bytes."),
    ("process_open_fds", "gauge", "Number of open file descriptors."),
];

/// The page on metrics, which a test of the project keeps to what the code measures: what is said there is said here.
const PAGE: &str = include_str!("../../../docs/metrics.md");

fn meanings() -> impl Iterator<Item = Meaning> {
    PAGE.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.strip_suffix('|')?.splitn(5, '|').map(str::trim);
        let (name, kind, meaning) = (cells.next()?, cells.next()?, cells.nth(2)?);
        Some((name.trim_end_matches('`'), kind, meaning))
    })
}

fn describe((name, kind, meaning): Meaning) {
    match kind {
        "counter" => metrics::describe_counter!(name, meaning),
        "histogram" => metrics::describe_histogram!(name, meaning),
        _ => metrics::describe_gauge!(name, meaning),
    }
}

/// `process_*`, as Prometheus' client libraries name them.
fn measure_process() {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return };
    // The fields after the command's name, which may hold anything: see proc_pid_stat(5).
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let number = |n: usize| fields.get(n).and_then(|field| field.parse::<f64>().ok());
    const TICKS_PER_SECOND: f64 = 100.0;
    const PAGE: f64 = 4096.0;
    if let (Some(user), Some(system), Some(pages)) = (number(11), number(12), number(21)) {
        metrics::gauge!("process_cpu_seconds_total").set((user + system) / TICKS_PER_SECOND);
        metrics::gauge!("process_resident_memory_bytes").set(pages * PAGE);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds").set(files.count() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_of_the_page_has_a_kind_and_a_meaning() {
        let rows = PAGE.lines().filter(|line| line.starts_with("| `steadfast_")).count();
        assert!(rows > 100 && meanings().count() == rows, "{rows} rows");
        for (name, kind, meaning) in meanings() {
            assert!(
                ["counter", "gauge", "histogram"].contains(&kind) && meaning.ends_with(['.', ')']),
                "{name}: {kind}: {meaning}"
            );
        }
    }

    #[test]
    fn renders_what_was_measured_and_the_process() {
        let metrics = Metrics::start().unwrap();
        metrics::counter!("steadfast_test_total").increment(2);
        metrics::histogram!("steadfast_test_seconds").record(0.003);
        let text = metrics.render();
        assert!(text.contains("steadfast_test_total 2"), "{text}");
        assert!(text.contains("steadfast_test_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
        metrics::counter!("steadfast_queries_total", "outcome" => "syntax").increment(1);
        metrics::histogram!("steadfast_canary_seconds").record(0.003);
        let text = metrics.render();
        for lines in [
            "# HELP steadfast_canary_seconds How long the queries of one interval of a canary took.\n# TYPE steadfast_canary_seconds histogram\n",
            "# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.\n# TYPE process_cpu_seconds_total counter\n",
            "# TYPE steadfast_queries_total counter\nsteadfast_queries_total{outcome=\"syntax\"} 1\n",
        ] {
            assert!(text.contains(lines), "{lines} is not in {text}");
        }
        assert!(matches!(Metrics::start(), Err(TelemetryError::Twice("metrics"))));
    }
}
