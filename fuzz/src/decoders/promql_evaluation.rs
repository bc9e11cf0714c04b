//! PromQL over a few series within limits: what is printed means the same, and limits are kept.

use std::cell::Cell;
use std::sync::LazyLock;

use promql::script::parse_series;
use promql::{Data, Labels, Limits, Memory, Options, Sample, Steps, instant, parse, range, stale_marker};

use super::promql::CASES;
use crate::{input, seeds};

const LIMITS: Limits =
    Limits { samples: 20_000, steps: 200, series: 60, one_label_bytes: 64 << 10, label_bytes: 16 << 20 };
/// How often a query asks whether it may go on.
const ASKED: u32 = 2_000;
const MINUTE: i64 = 60_000;

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::queries(&CASES);
    seeds.extend(seeds::of(&[
        "sum by (job) (rate(requests[5m])) / on(job) group_left(version) build",
        "histogram_quantile(0.9, sum by (le) (rate(seconds_bucket[2m])))",
        "histogram_quantile(0.5, native) + histogram_avg(native - native offset 1m)",
        "max_over_time(up[5m:1m] @ end()) or absent(nothing{a=\"b\"})",
        "label_replace(up, \"a\", \"$1x\", \"job\", \"(.).*\") == bool 1",
        "topk(2, requests) unless quantile(0.5, up) < Inf",
        "sort_desc(count_values(\"v\", up)) and limitk(1, up)",
    ]));
    seeds
}

static SERIES: LazyLock<Memory> = LazyLock::new(|| {
    let mut memory = Memory::default();
    for line in [
        "up{job=\"a\",instance=\"1\"} 1 1 0 _ 1 stale 1+0x10",
        "up{job=\"b\",instance=\"2\"} 0 1 NaN 1 Inf -Inf 1 1 1",
        "requests{job=\"a\",path=\"/\"} 0+10x5 3+7x9",
        "requests{job=\"a\",path=\"/é\"} 1e300 1e308 0 5 5 5",
        "requests{job=\"b\"} 0+1x15",
        "build{job=\"a\",version=\"1.2\"} 1x15",
        "seconds_bucket{job=\"a\",le=\"0.1\"} 0+1x15",
        "seconds_bucket{job=\"a\",le=\"1\"} 0+3x15",
        "seconds_bucket{job=\"a\",le=\"+Inf\"} 0+4x15",
        "native{job=\"a\"} {{schema:1 count:6 sum:9 z_bucket:1 buckets:[1 2 1] n_buckets:[1]}}x8 3 {{schema:0 count:2 sum:1 buckets:[2]}}x4",
    ] {
        let notation = parse_series(line).expect("a series");
        let samples = notation
            .values
            .into_iter()
            .zip(0..)
            .filter_map(|(value, n)| Some(Sample { t: n * MINUTE, start: 0, value: value? }));
        memory.append(&notation.labels, samples);
    }
    let gone = Sample { t: 3 * MINUTE, start: 0, value: promql::Value::Float(stale_marker()) };
    memory.append(&Labels::new([("__name__", "gone")]), [gone]);
    memory
});

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    let Ok(expr) = parse(&text) else { return };
    let printed = expr.to_string();
    let again = parse(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    let asked = Cell::new(0);
    let may_continue = || {
        asked.set(asked.get() + 1);
        asked.get() < ASKED
    };
    let options = Options { limits: LIMITS, may_continue: &may_continue, ..Options::default() };
    let at = |expr| {
        asked.set(0);
        instant(&*SERIES, &options, &text, expr, 7 * MINUTE + 1).map(|answer| answer.data)
    };
    let over = |expr| {
        asked.set(0);
        range(&*SERIES, &options, &text, expr, Steps::range(-MINUTE, 12 * MINUTE, 40_000)).map(|answer| answer.data)
    };
    for (found, same) in [(at(&expr), at(&again)), (over(&expr), over(&again))] {
        match (&found, &same) {
            (Ok(found), Ok(same)) => {
                assert_eq!(format!("{found:?}"), format!("{same:?}"), "{printed}");
                within(found);
            }
            (Err(error), Err(same)) => assert_eq!(error.to_string(), same.to_string(), "{printed}"),
            _ => panic!("{printed}: {found:?} and {same:?}"),
        }
    }
}

fn within(data: &Data) {
    let (Data::Vector(series) | Data::Matrix(series)) = data else { return };
    assert!(series.len() <= LIMITS.series, "{} series", series.len());
    assert!(series.iter().map(|series| series.points.len()).sum::<usize>() <= LIMITS.samples);
    for series in series {
        assert!(series.points.is_sorted_by(|a, b| a.t < b.t), "{series:?}");
        assert!(series.labels.iter().all(|label| !label.value.is_empty()), "{series:?}");
    }
}
