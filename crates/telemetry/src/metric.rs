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
        builder.install_recorder().map(Self).map_err(|_| TelemetryError::Twice("metrics"))
    }

    /// All of them in Prometheus' text format, with what the system says of the process.
    pub fn render(&self) -> String {
        measure_process();
        self.0.render()
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
    fn renders_what_was_measured_and_the_process() {
        let metrics = Metrics::start().unwrap();
        metrics::counter!("steadfast_test_total").increment(2);
        metrics::histogram!("steadfast_test_seconds").record(0.003);
        let text = metrics.render();
        assert!(text.contains("steadfast_test_total 2"), "{text}");
        assert!(text.contains("steadfast_test_seconds_bucket{le=\"0.005\"} 1"), "{text}");
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
        assert!(matches!(Metrics::start(), Err(TelemetryError::Twice("metrics"))));
    }
}
