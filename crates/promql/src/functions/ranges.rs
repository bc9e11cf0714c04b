use super::{integral, over_time, rate, regression, resets};
use crate::annotations::Note;
use crate::error::QueryError;
use crate::parser::ast::{Extension, Span};
use crate::storage::{FloatSample, HistogramSample};
use crate::value::Value;

/// What a function of ranges knows besides the samples.
pub(crate) struct RangeContext<'a> {
    /// Where the range stands in the query.
    pub span: Span,
    /// Where the first argument stands.
    pub first_span: Span,
    /// Where the second argument stands, if there is one.
    pub second_span: Span,
    /// The name of the metric, though it may be about to go.
    pub name: &'a str,
    /// How samples at the ends are found.
    pub extension: Extension,
    /// The length of the range in milliseconds.
    pub range: i64,
    /// Takes what is worth knowing.
    pub note: &'a dyn Fn(Note),
}

/// The samples of a series in a range.
pub(crate) struct Window<'a> {
    pub floats: &'a [FloatSample],
    pub histograms: &'a [HistogramSample],
    /// The range begins after this time.
    pub start: i64,
    /// The range ends with this time.
    pub end: i64,
    /// The time of evaluation.
    pub time: i64,
}

/// Where a range lies among the samples of its series.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Which step of the query the range is of.
    pub step: usize,
    /// The time of evaluation.
    pub time: i64,
    /// The range ends with this time.
    pub end: i64,
    /// The first of its numbers, and the first behind them.
    pub floats: (usize, usize),
    /// The same of its histograms.
    pub histograms: (usize, usize),
}

impl Place {
    /// How many samples are in the range.
    pub(crate) fn len(&self) -> usize {
        (self.floats.1 - self.floats.0) + (self.histograms.1 - self.histograms.0)
    }

    /// Its part of something that there is for each of the series' numbers.
    pub(crate) fn of_floats<'a, T>(&self, all: &'a [T]) -> &'a [T] {
        all.get(self.floats.0..self.floats.1).unwrap_or_default()
    }

    /// The samples in the range, which is so many milliseconds long.
    pub(crate) fn window<'a>(
        &self,
        floats: &'a [FloatSample],
        histograms: &'a [HistogramSample],
        range: i64,
    ) -> Window<'a> {
        Window {
            floats: self.of_floats(floats),
            histograms: histograms.get(self.histograms.0..self.histograms.1).unwrap_or_default(),
            start: self.end.saturating_sub(range),
            end: self.end,
            time: self.time,
        }
    }
}

/// What a function of ranges gives for one, from the range and the function's numbers.
pub(crate) type RangeFunction = fn(&RangeContext<'_>, &Window<'_>, &[f64]) -> Result<Option<Value>, QueryError>;

/// The function of ranges with a name.
pub(crate) fn function(name: &str) -> Option<RangeFunction> {
    Some(match name {
        "rate" => |context, window, _| Ok(rate::rate(context, window)),
        "increase" => |context, window, _| Ok(rate::increase(context, window)),
        "delta" => |context, window, _| Ok(rate::delta(context, window)),
        "irate" => |context, window, _| Ok(rate::irate(context, window)),
        "idelta" => |context, window, _| Ok(rate::idelta(context, window)),
        "resets" => |context, window, _| Ok(resets::resets(context, window)),
        "changes" => |context, window, _| Ok(resets::changes(context, window)),
        "deriv" => |context, window, _| Ok(regression::deriv(context, window)),
        "predict_linear" => |context, window, params| Ok(regression::predict_linear(context, window, params)),
        "double_exponential_smoothing" => regression::double_exponential_smoothing,
        "integral" => |context, window, params| Ok(integral::integral(context, window, params)),
        "avg_over_time" => |context, window, _| Ok(over_time::avg(context, window)),
        "sum_over_time" => |context, window, _| Ok(over_time::sum(context, window)),
        "count_over_time" => |_, window, _| Ok(over_time::count(window)),
        "present_over_time" => |_, _, _| Ok(Some(Value::Float(1.0))),
        "min_over_time" => |context, window, _| Ok(over_time::min(context, window)),
        "max_over_time" => |context, window, _| Ok(over_time::max(context, window)),
        "first_over_time" => |_, window, _| Ok(over_time::first(window)),
        "last_over_time" => |_, window, _| Ok(over_time::last(window)),
        "stddev_over_time" => |context, window, _| Ok(over_time::stddev(context, window)),
        "stdvar_over_time" => |context, window, _| Ok(over_time::stdvar(context, window)),
        "quantile_over_time" => |context, window, params| Ok(over_time::quantile(context, window, params)),
        "mad_over_time" => |context, window, _| Ok(over_time::mad(context, window)),
        "ts_of_first_over_time" => |_, window, _| Ok(over_time::ts_of_first(window)),
        "ts_of_last_over_time" => |_, window, _| Ok(over_time::ts_of_last(window)),
        "ts_of_min_over_time" => |context, window, _| Ok(over_time::ts_of_min(context, window)),
        "ts_of_max_over_time" => |context, window, _| Ok(over_time::ts_of_max(context, window)),
        _ => return None,
    })
}
