//! Answers of targets, in all formats: the same answer twice has nothing new, and nothing of one that cannot be
//! read counts.

use std::path::Path;
use std::sync::LazyLock;

use scrape::config::parse;
use scrape::{Cache, Labels, Outcome, Pass, Rules, STALE, Value, targets};
use wire::exposition::Format;

use super::exposition_prometheus::before;
use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (n, file) in ["exposition_prometheus.txt", "exposition_openmetrics.txt"].iter().enumerate() {
        for case in seeds::parts(&format!("wire/tests/bodies/{file}"), "====\n") {
            seeds.push([&[n as u8], before(&case, "----\n").as_slice()].concat());
        }
    }
    seeds.push([&[2], seeds::file("wire/tests/bodies/exposition.bin").as_slice()].concat());
    seeds.push(seeds::growing("\0", "a{b=\"c\"} 1\n", "a 2\n"));
    seeds
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let text = "scrape_configs:\n- job_name: j\n  scrape_native_histograms: true\n  always_scrape_classic_histograms: true\n  \
                static_configs: [{targets: [a], labels: {b: target}}]\n";
    let read = parse(text, Path::new("/")).unwrap_or_else(|problems| panic!("{problems:?}"));
    Rules::new(&read.jobs[0], &targets(&read.jobs[0].statics, &read.jobs[0]).active[0])
});

const NOW: i64 = 1_700_000_000_000;

fn scrape<'a>(cache: &mut Cache<Labels>, body: &'a [u8], format: Format, now: i64) -> Outcome<'a, Labels> {
    let key = |labels: Labels| labels;
    let mut pass = Pass::new(cache, &RULES, &key, now);
    let error = pass.read(body, format).err().map(|error| error.to_string());
    let (outcome, settle) = pass.end(error);
    settle.into(cache, true);
    outcome
}

pub fn run(data: &[u8]) {
    let data = &*input::grown(data);
    let (choice, body) = input::choice(data);
    let format = [Format::Prometheus, Format::OpenMetrics, Format::Protobuf][usize::from(choice) % 3];
    let mut cache = Cache::default();
    let first = scrape(&mut cache, body, format, NOW);
    assert!(first.added <= first.kept && first.kept <= first.scraped, "{first:?}");
    if let Some(error) = &first.error {
        assert!(first.points.is_empty() && first.exemplars.is_empty() && !error.is_empty(), "{first:?}");
        return;
    }
    for point in &first.points {
        assert_eq!(point.series.get("job").map(String::as_str), Some("j"));
        assert!(point.series.values().all(|value| !value.is_empty()));
    }
    let again = scrape(&mut cache, body, format, NOW + 1000);
    assert_eq!((again.added, again.error.as_ref()), (0, None), "{again:?}");
    assert_eq!((again.scraped, again.kept), (first.scraped, first.kept));
    // Then the target is gone, and every series ends once.
    let empty: &[u8] = if format == Format::OpenMetrics { b"# EOF\n" } else { b"" };
    let gone = scrape(&mut cache, empty, format, NOW + 2000);
    let stale = |value: &Value<'_>| matches!(value, Value::Float(STALE) | Value::StaleHistogram);
    assert!(gone.points.iter().all(|point| stale(&point.value)) && gone.points.len() as u64 <= first.kept);
    assert!(scrape(&mut cache, empty, format, NOW + 3000).points.is_empty());
}
