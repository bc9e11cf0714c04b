//! OpenMetrics as text.

use wire::exposition::Format;

use super::exposition_prometheus::{before, check};
use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let cases = seeds::parts("wire/tests/bodies/exposition_openmetrics.txt", "====\n");
    let mut seeds: Vec<_> = cases.iter().map(|case| before(case, "----\n")).collect();
    seeds.push(seeds::growing("", "a_total{b=\"c\"} 1 1 # {d=\"e\"} 1\n", "# EOF\n"));
    seeds
}

pub fn run(data: &[u8]) {
    check(&input::grown(data), Format::OpenMetrics);
}
