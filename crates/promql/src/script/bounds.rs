//! `load_with_nhcb`: native histograms with the bounds of classic ones.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::histogram::{CUSTOM_SCHEMA, Histogram};
use crate::labels::{BUCKET, Labels, METRIC_NAME};
use crate::memory::{Memory, Sample};
use crate::text::parse_float;
use crate::value::Value;

/// The buckets, count and sum of one classic histogram at one time.
#[derive(Debug, Default)]
struct Parts {
    /// Bounds with the counts of what is not above them.
    buckets: Vec<(f64, f64)>,
    count: Option<f64>,
    sum: Option<f64>,
    start: i64,
}

/// Makes histograms of the classic series that were loaded, and stores them too.
pub(super) fn convert(memory: &mut Memory, loaded: &[Labels]) {
    let mut histograms: HashMap<Labels, Vec<(i64, Parts)>> = HashMap::new();
    let mut order: Vec<Labels> = Vec::new();
    for labels in loaded {
        let Some((name, part)) = part_of(labels) else { continue };
        let target = labels.without_one(BUCKET).with(METRIC_NAME, name);
        if !histograms.contains_key(&target) {
            order.push(target.clone());
        }
        let times = histograms.entry(target).or_default();
        for sample in memory.samples(labels) {
            let Value::Float(value) = sample.value else { continue };
            let at = times.iter().position(|(t, _)| *t == sample.t).unwrap_or(times.len());
            if at == times.len() {
                times.push((sample.t, Parts::default()));
            }
            let Some((_, parts)) = times.get_mut(at) else { continue };
            parts.start = sample.start;
            match part {
                Part::Bucket(bound) => parts.buckets.push((bound, value)),
                Part::Count => parts.count = Some(value),
                Part::Sum => parts.sum = Some(value),
            }
        }
    }
    for labels in order {
        let times = histograms.remove(&labels).unwrap_or_default();
        let bucketed = times.into_iter().filter(|(_, parts)| !parts.buckets.is_empty());
        let samples = bucketed.map(|(t, parts)| {
            let start = parts.start;
            Sample { t, start, value: Value::Histogram(Arc::new(histogram(parts))) }
        });
        memory.append(&labels, samples.collect::<Vec<_>>());
    }
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Bucket(f64),
    Count,
    Sum,
}

fn part_of(labels: &Labels) -> Option<(&str, Part)> {
    let name = labels.metric_name();
    if let Some(base) = name.strip_suffix("_bucket") {
        return parse_float(labels.get(BUCKET)).map(|bound| (base, Part::Bucket(bound)));
    }
    name.strip_suffix("_count")
        .map(|base| (base, Part::Count))
        .or_else(|| name.strip_suffix("_sum").map(|base| (base, Part::Sum)))
}

fn histogram(mut parts: Parts) -> Histogram {
    parts.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    parts.buckets.dedup_by(|(a, _), (b, _)| a == b);
    let total = parts.count.or_else(|| parts.buckets.last().map(|(_, count)| *count)).unwrap_or(0.0);
    let finite: Vec<(f64, f64)> = parts.buckets.into_iter().filter(|(bound, _)| bound.is_finite()).collect();
    let mut below = 0.0;
    let counts: Vec<f64> = finite
        .iter()
        .map(|(_, count)| *count)
        .chain([total])
        .map(|count| {
            let within = count - below;
            below = count;
            within
        })
        .collect();
    let mut histogram = Histogram {
        schema: CUSTOM_SCHEMA,
        count: total,
        sum: parts.sum.unwrap_or(0.0),
        custom_values: finite.iter().map(|(bound, _)| *bound).collect(),
        positive: counts.into_iter().zip(0..).map(|(count, index)| (index, count)).collect(),
        ..Histogram::default()
    };
    histogram.compact();
    histogram
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_become_counts_between_bounds() {
        let mut memory = Memory::default();
        let mut loaded = Vec::new();
        for (bound, count) in [("1", 2.0), ("2", 5.0), ("+Inf", 9.0)] {
            let labels = Labels::new([("__name__", "h_bucket"), ("le", bound)]);
            memory.append(&labels, [Sample { t: 0, start: 0, value: Value::Float(count) }]);
            loaded.push(labels);
        }
        convert(&mut memory, &loaded);
        let samples = memory.samples(&Labels::new([("__name__", "h")]));
        let shown: Vec<String> = samples.iter().map(|sample| super::super::notation::written(&sample.value)).collect();
        assert_eq!(shown, ["{{schema:-53 count:9 custom_values:[1 2] buckets:[2 3 4]}}"]);
    }
}
