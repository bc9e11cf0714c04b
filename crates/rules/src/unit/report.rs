//! What differs, as promtool shows it.

use std::collections::BTreeMap;

use promql::text::{plain_float, quote};
use promql::{Labels, Value};

/// Labels and annotations of an alert.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shown {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

fn pairs(pairs: &BTreeMap<String, String>) -> String {
    let parts: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", promql::labels::label_name(name), quote(value))).collect();
    format!("{{{}}}", parts.join(", "))
}

pub(super) fn alerts(alerts: &[Shown]) -> String {
    if alerts.is_empty() {
        return "[]".into();
    }
    let indent = " ".repeat(12);
    let one = |(at, alert): (usize, &Shown)| {
        let (labels, annotations) = (pairs(&alert.labels), pairs(&alert.annotations));
        format!("{indent}{at}:\n{indent}  Labels:{labels}\n{indent}  Annotations:{annotations}")
    };
    let all: Vec<String> = alerts.iter().enumerate().map(one).collect();
    format!("[\n{}\n{indent}]", all.join(",\n"))
}

pub(super) fn samples(samples: &[(Labels, Value)]) -> String {
    if samples.is_empty() {
        return "nil".into();
    }
    let one = |(labels, value): &(Labels, Value)| match value {
        Value::Float(value) => format!("{labels} {}", plain_float(*value)),
        Value::Histogram(histogram) => format!("{labels} {}", histogram.notation()),
    };
    samples.iter().map(one).collect::<Vec<_>>().join(", ")
}
