//! What a query has to read, for a store that can leave out what it need not.

use crate::ast::{Expr, LineOp, LogExpr, MetricExpr, Needle, Stage};
use crate::matcher::Matcher;
use crate::stages::Pattern;

/// The order of times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The earliest first.
    Forward,
    /// The latest first.
    #[default]
    Backward,
}

/// Entries that a query reads.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    /// All of which the labels of the stream satisfy.
    pub matchers: &'a [Matcher],
    /// The first time, in nanoseconds since the epoch.
    pub from: i64,
    /// The time after the last.
    pub to: i64,
    /// In which order.
    pub direction: Direction,
    /// For each of these, one of the texts is in every line that the query looks further at. Texts are
    /// never empty.
    pub texts: Vec<Vec<String>>,
}

/// What a query reads for the steps from `start` to `end`, in nanoseconds since the epoch; for a query
/// for lines, from `start` to before `end`.
pub fn plan(expr: &Expr, start: i64, end: i64, direction: Direction) -> Vec<Selection<'_>> {
    match expr {
        Expr::Logs(logs) => vec![selection(logs, start, end, direction)],
        Expr::Metric(metric) => {
            let mut out = Vec::new();
            collect(metric, start, end, &mut out);
            out
        }
    }
}

fn collect<'a>(expr: &'a MetricExpr, start: i64, end: i64, out: &mut Vec<Selection<'a>>) {
    match expr {
        MetricExpr::Range(aggregation) => {
            let source = &aggregation.source;
            let from = start.saturating_sub(source.offset).saturating_sub(source.range).saturating_add(1);
            let to = end.saturating_sub(source.offset).saturating_add(1);
            out.push(selection(&source.logs, from, to, Direction::Forward));
        }
        MetricExpr::Vector(aggregation) => collect(&aggregation.source, start, end, out),
        MetricExpr::LabelReplace(replace) => collect(&replace.source, start, end, out),
        MetricExpr::Binary(binary) => {
            collect(&binary.left, start, end, out);
            collect(&binary.right, start, end, out);
        }
        MetricExpr::Literal(_) | MetricExpr::Constant(_) => {}
    }
}

/// What lines from `from` to before `to` are read for an expression.
pub fn selection(logs: &LogExpr, from: i64, to: i64, direction: Direction) -> Selection<'_> {
    Selection { matchers: &logs.matchers, from, to, direction, texts: texts(&logs.stages) }
}

/// The texts that the filters want before a stage changes the line.
fn texts(stages: &[Stage]) -> Vec<Vec<String>> {
    let changes = |stage: &&Stage| matches!(stage, Stage::LineFormat(_) | Stage::Unpack | Stage::Decolorize);
    let mut out = Vec::new();
    for stage in stages.iter().take_while(|stage| !changes(stage)) {
        let Stage::Line(filter) = stage else { continue };
        if !filter.op.is_positive() {
            continue;
        }
        let mut wanted = filter.alternatives.iter().map(|needle| wanted(filter.op, needle));
        match filter.alternatives.as_slice() {
            [_] => out.extend(wanted.next().unwrap_or_default().into_iter().map(|text| vec![text])),
            // Of each alternative the longest text, as it is the rarest.
            _ => out.extend(wanted.map(|texts| texts.into_iter().max_by_key(String::len)).collect::<Option<Vec<_>>>()),
        }
    }
    out
}

/// The texts all of which an alternative wants.
fn wanted(op: LineOp, needle: &Needle) -> Vec<String> {
    let Needle::Text(text) = needle else { return Vec::new() };
    match op {
        LineOp::Contains if text.is_empty() => Vec::new(),
        LineOp::Contains => vec![text.clone()],
        LineOp::Matches => re2::literals(text),
        LineOp::Pattern => {
            let pattern = Pattern::filter(text).ok();
            let texts = pattern.iter().flat_map(Pattern::texts);
            texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect()
        }
        LineOp::ContainsNot | LineOp::MatchesNot | LineOp::PatternNot => Vec::new(),
    }
}
