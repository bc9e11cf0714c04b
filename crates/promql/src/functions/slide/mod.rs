//! Functions of ranges for all steps of a series of numbers at once.
//!
//! Ranges move forward, so that most of what one holds the one before it held. What comes out is what
//! [`super::ranges`] computes range by range, bit for bit.

mod counters;
mod exact;
mod extremes;
mod lanes;
mod pairs;
mod quantile;
mod sums;
#[cfg(test)]
mod tests;
mod trends;

use std::collections::VecDeque;

use super::ranges::{Place, RangeContext};
use super::rate::{self, Kind};
use super::{regression, resets};
use crate::storage::FloatSample;
use crate::value::{Point, Value};

/// A series of numbers and where the ranges of a query lie in it.
pub(crate) struct Slide<'a> {
    pub context: &'a RangeContext<'a>,
    pub samples: &'a [FloatSample],
    /// In order of the steps. None is empty, and none begins or ends before the one before it.
    pub places: &'a [Place],
    /// The numbers that the function takes, each at all steps.
    pub params: &'a [Vec<f64>],
}

/// Room that serves one series after the other.
#[derive(Default)]
pub(crate) struct Scratch {
    values: Vec<f64>,
    sums: Vec<i128>,
    counts: Vec<u32>,
    queue: VecDeque<usize>,
    resets: Vec<usize>,
    overlaps: Vec<usize>,
}

/// Computes a function for all ranges; the points are added.
pub(crate) type SlideFunction = fn(&Slide<'_>, &mut Scratch, &mut Vec<Point>);

/// The function with a name, if it is one that gains by what ranges have in common, with those numbers.
pub(crate) fn function(name: &str, params: &[Vec<f64>]) -> Option<SlideFunction> {
    Some(match name {
        "rate" => |slide, scratch, out| counters::difference(slide, Kind::RATE, scratch, out),
        "increase" => |slide, scratch, out| counters::difference(slide, Kind::INCREASE, scratch, out),
        "delta" => |slide, scratch, out| counters::difference(slide, Kind::DELTA, scratch, out),
        "irate" => |slide, _, out| counters::instant_difference(slide, true, out),
        "idelta" => |slide, _, out| counters::instant_difference(slide, false, out),
        "resets" => |slide, scratch, out| pairs::count(slide, rate::is_reset, scratch, out),
        "changes" => |slide, scratch, out| pairs::count(slide, resets::is_change, scratch, out),
        "sum_over_time" => sums::sum,
        "avg_over_time" => sums::avg,
        "stddev_over_time" => |slide, scratch, out| sums::variance(slide, f64::sqrt, scratch, out),
        "stdvar_over_time" => |slide, scratch, out| sums::variance(slide, |variance| variance, scratch, out),
        "count_over_time" => |slide, _, out| each(slide, |samples| Some(samples.len() as f64), out),
        "present_over_time" => |slide, _, out| each(slide, |_| Some(1.0), out),
        "first_over_time" => |slide, _, out| each(slide, |samples| samples.first().map(|first| first.value), out),
        "last_over_time" => |slide, _, out| each(slide, |samples| samples.last().map(|last| last.value), out),
        "min_over_time" => extremes::min,
        "max_over_time" => extremes::max,
        "ts_of_min_over_time" => extremes::ts_of_min,
        "ts_of_max_over_time" => extremes::ts_of_max,
        "quantile_over_time" => quantile::quantile,
        "deriv" => trends::deriv,
        "predict_linear" => trends::predict_linear,
        "double_exponential_smoothing" if params.iter().all(|values| is_one_factor(values)) => trends::smoothing,
        _ => return None,
    })
}

/// Whether the numbers are one factor of smoothing at all steps.
fn is_one_factor(values: &[f64]) -> bool {
    let first = values.first().copied().unwrap_or(f64::NAN);
    regression::is_factor(first) && values.iter().all(|value| *value == first)
}

impl Slide<'_> {
    /// The values of the samples side by side.
    fn values<'v>(&self, room: &'v mut Vec<f64>) -> &'v [f64] {
        room.clear();
        room.extend(self.samples.iter().map(|sample| sample.value));
        room
    }
}

/// What the samples of a range give without those of others.
fn each(slide: &Slide<'_>, gives: impl Fn(&[FloatSample]) -> Option<f64>, out: &mut Vec<Point>) {
    for place in slide.places {
        out.extend(gives(place.of_floats(slide.samples)).map(|value| point(place, value)));
    }
}

fn point(place: &Place, value: f64) -> Point {
    Point { t: place.time, value: Value::Float(value) }
}
