//! Compares what an evaluation gave with what it should have given.

use super::commands::Times;
use super::expect::Expected;
use super::notation::{Notation, written};
use crate::histogram::{Buckets, Histogram};
use crate::labels::Labels;
use crate::value::{Data, Point, Series, Value, is_stale};

/// Floats may differ by so much of their sum.
const TOLERANCE: f64 = 1e-6;

/// Whether two floats are as good as equal.
pub(super) fn floats_agree(a: f64, b: f64) -> bool {
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan() && is_stale(a) == is_stale(b);
    }
    if a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

fn buckets_agree(a: &Buckets, b: &Buckets) -> bool {
    let all = a.iter().chain(b.iter()).map(|bucket| bucket.index);
    all.into_iter().all(|index| floats_agree(a.count_of(index), b.count_of(index)))
}

fn histograms_agree(expected: &Histogram, got: &Histogram, hinted: bool) -> bool {
    expected.schema == got.schema
        && floats_agree(expected.count, got.count)
        && floats_agree(expected.sum, got.sum)
        && expected.zero_threshold == got.zero_threshold
        && floats_agree(expected.zero_count, got.zero_count)
        && expected.custom_values == got.custom_values
        && buckets_agree(&expected.positive, &got.positive)
        && buckets_agree(&expected.negative, &got.negative)
        && (!hinted || expected.reset_hint == got.reset_hint)
}

pub(super) fn values_agree(expected: &Value, got: &Value, hinted: bool) -> bool {
    match (expected, got) {
        (Value::Float(expected), Value::Float(got)) => floats_agree(*expected, *got),
        (Value::Histogram(expected), Value::Histogram(got)) => histograms_agree(expected, got, hinted),
        _ => false,
    }
}

/// A series as it would be written.
fn shown(labels: &Labels, points: &[Point]) -> String {
    let values: Vec<String> =
        points.iter().map(|point| format!("{}@{}", written(&point.value), seconds(point.t))).collect();
    format!("{labels} {}", values.join(" "))
}

fn seconds(t: i64) -> String {
    crate::text::float(t as f64 / 1000.0)
}

/// What is wrong with an answer.
pub(super) fn check(expected: &Expected<'_>, times: Times, data: &Data) -> Result<(), String> {
    match data {
        Data::String(got) => match &expected.text {
            Some(text) if **text == **got => Ok(()),
            Some(text) => Err(format!("expected string {text:?}\ngot string {got:?}")),
            None => Err(format!("expected no string\ngot string {got:?}")),
        },
        Data::Scalar(got) => match expected.scalar {
            Some(scalar) if floats_agree(scalar, *got) => Ok(()),
            Some(scalar) => {
                Err(format!("expected scalar {}\ngot scalar {}", crate::text::float(scalar), crate::text::float(*got)))
            }
            None => Err(format!("expected no scalar\ngot scalar {}", crate::text::float(*got))),
        },
        Data::Vector(series) => {
            if expected.text.is_some() || expected.scalar.is_some() {
                return Err("expected a scalar or string\ngot an instant vector".into());
            }
            if expected.matrix.is_some() {
                return Err("expected a range vector\ngot an instant vector".into());
            }
            check_series(expected, times, series)
        }
        Data::Matrix(series) => check_series(expected, expected.matrix.unwrap_or(times), series),
    }
}

fn check_series(expected: &Expected<'_>, times: Times, got: &[Series]) -> Result<(), String> {
    for (at, series) in got.iter().enumerate() {
        let place = expected.series.iter().position(|(_, notation)| notation.labels == series.labels);
        let Some(place) = place else {
            return Err(format!("expected no series {}\ngot {}", series.labels, shown(&series.labels, &series.points)));
        };
        if expected.ordered && place != at {
            return Err(format!("expected {} at position {}\ngot it at position {}", series.labels, place + 1, at + 1));
        }
    }
    for (line, notation) in &expected.series {
        let points = expected_points(notation, times);
        let Some(series) = got.iter().find(|series| series.labels == notation.labels) else {
            if points.is_empty() {
                continue;
            }
            return Err(format!("expected (line {}) {}\ngot no such series", line.number, line.text));
        };
        let agree = points.len() == series.points.len()
            && points.iter().zip(&series.points).all(|((expected, hinted), got)| {
                expected.t == got.t && values_agree(&expected.value, &got.value, *hinted)
            });
        if !agree {
            let got = shown(&series.labels, &series.points);
            return Err(format!("expected (line {}) {}\ngot {got}", line.number, line.text));
        }
    }
    Ok(())
}

/// The points that are written down, with whether their hint counts.
fn expected_points(notation: &Notation, times: Times) -> Vec<(Point, bool)> {
    let (start, step) = match times {
        Times::Instant(time) => (time, 0),
        Times::Range { start, step, .. } => (start, step),
    };
    let values = notation.values.iter().zip(&notation.hinted).zip(0..);
    values
        .filter_map(|((value, hinted), at)| {
            let value = value.clone()?;
            Some((Point { t: start + step * at, value }, *hinted))
        })
        .collect()
}
