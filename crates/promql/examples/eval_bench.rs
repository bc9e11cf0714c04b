//! How long expressions take over many series in memory, one thread:
//! `cargo run --release -p promql --example eval_bench [SERIES] [RANGE_S] [STEP_S] [INTERVAL_S]`,
//! 10,000 series over 6 hours in steps of a minute, with a sample every 15 s, if nothing is said.
//!
//! Counters are whole numbers that are reset now and then, gauges have all digits of a float. Seconds are
//! those of the processor, which others do not lengthen as much. The memory is what the evaluation needs at
//! most beside the samples.

#![allow(clippy::print_stdout, reason = "a benchmark")]

use std::sync::Arc;

use promql::{
    Answer, Data, FloatSample, Labels, Matcher, Options, QueryError, SelectHints, SeriesSet, Steps, Storage,
    StorageError, StoredSeries, parse, range,
};

const QUERIES: [&str; 12] = [
    "sum by (x) (rate(counter[5m]))",
    "rate(counter[5m])",
    "sum by (x) (gauge)",
    "sum(increase(counter[1h]))",
    "avg_over_time(gauge[1h])",
    "avg by (x) (avg_over_time(gauge[1h]))",
    "avg by (x) (avg_over_time(counter[1h]))",
    "sum by (x) (sum_over_time(gauge[1h]))",
    "max by (x) (max_over_time(gauge[1h]))",
    "max by (x) (stddev_over_time(gauge[1h]))",
    "max by (x) (quantile_over_time(0.9, gauge[1h]))",
    "topk(5, sum by (x) (rate(counter[5m])))",
];
/// Groups of series by the label `x`.
const GROUPS: usize = 100;
/// So long before the first step are samples.
const BEFORE: i64 = 3_600_000;

/// Series of one metric.
struct Samples(Vec<StoredSeries>);

impl Storage for Samples {
    fn select(&self, matchers: &[Matcher], _: &SelectHints) -> Result<SeriesSet<'_>, StorageError> {
        let matching = |series: &&StoredSeries| matchers.iter().all(|matcher| matcher.matches_labels(&series.labels));
        let found: Vec<StoredSeries> = self.0.iter().filter(matching).cloned().collect();
        Ok(Box::new(found.into_iter().map(Ok)))
    }
}

fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 11
}

fn series(metric: &str, at: usize, end: i64, interval: i64) -> StoredSeries {
    let mut state = 0x9e37_79b9_7f4a_7c15 ^ (at as u64 + 1);
    let mut last = 0.0;
    let samples = (-BEFORE / interval..=end / interval).map(|n| {
        let value = random(&mut state);
        last = match (metric, value % 500) {
            ("counter", 0) => 0.0,
            ("counter", more) => last + more as f64,
            _ => value as f64 / (1u64 << 53) as f64 * 100.0,
        };
        FloatSample { t: BEFORE + n * interval + (at % 1000) as i64, start: 0, value: last }
    });
    let labels =
        [("__name__", metric.to_owned()), ("instance", format!("host-{at}")), ("x", (at % GROUPS).to_string())];
    StoredSeries { labels: Labels::new(labels), floats: samples.collect(), histograms: Arc::new([]) }
}

fn ask(storage: &Samples, query: &str, steps: Steps) -> Result<Answer, QueryError> {
    let expr = parse(query).map_err(|error| QueryError::Failed(error.to_string()))?;
    range(storage, &Options::default(), query, &expr, steps)
}

/// Seconds that this thread has run on a processor; 0 where nobody counts them.
fn seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// Megabytes of this process, by the name of a line of `/proc/self/status`; 0 where there is none.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).and_then(|line| line.split_whitespace().nth(1));
    line.and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() {
    let args: Vec<i64> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let arg = |at: usize, default: i64| args.get(at).copied().unwrap_or(default).max(1);
    let (count, length, step, interval) = (arg(0, 10_000), arg(1, 21_600), arg(2, 60), arg(3, 15));
    let steps = Steps::range(BEFORE, BEFORE + length * 1000, step * 1000);
    println!("{count} series, {length} s in {} steps, a sample every {interval} s", steps.count());
    for metric in ["counter", "gauge"] {
        let all = (0..usize::try_from(count).unwrap_or(0)).map(|at| series(metric, at, length * 1000, interval * 1000));
        let storage = Samples(all.collect());
        for query in QUERIES.into_iter().filter(|query| query.contains(metric)) {
            // The highest mark begins anew; where that is not allowed it is that of all so far.
            let _ = std::fs::write("/proc/self/clear_refs", "5");
            let (before, start) = (memory("VmRSS"), seconds());
            let answer = ask(&storage, query, steps);
            let took = seconds() - start;
            let more = memory("VmHWM").saturating_sub(before);
            let found = match &answer {
                Ok(Answer { data: Data::Matrix(series), .. }) => format!("{} series", series.len()),
                Ok(_) => "no matrix".to_owned(),
                Err(error) => error.to_string(),
            };
            println!("{took:8.3} s {more:6} MB  {found:>13}  {query}");
        }
    }
}
