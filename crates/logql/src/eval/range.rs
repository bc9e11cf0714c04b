//! Aggregations over time.

use super::keys::{By, Keys};
use super::window::Window;
use super::{Evaluator, Line, Steps};
use crate::ast::{Conversion, Grouping, RangeAggregation, RangeOp};
use crate::error::QueryError;
use crate::labels::{Label, Labels};
use crate::matcher::MatchOp;
use crate::plan::{Direction, selection};
use crate::stages::{Condition, ERROR, Pipeline, Work, conditions, unwrapped};
use crate::text::{parse_bytes, parse_float, parse_go_duration};

/// A series and the numbers that are in its window now.
struct Open {
    window: Window,
    active: bool,
    points: Vec<(usize, f64)>,
}

/// All series of an aggregation, at the step that is next.
struct Windows<'a, 'e> {
    evaluator: &'e Evaluator<'a>,
    op: RangeOp,
    param: Option<f64>,
    seconds: f64,
    series: Vec<Open>,
    active: Vec<usize>,
    next: usize,
}

impl Windows<'_, '_> {
    /// Answers the steps before `step`.
    fn advance(&mut self, step: usize) -> Result<(), QueryError> {
        while self.next < step {
            if self.active.is_empty() {
                self.next = step;
                return Ok(());
            }
            self.answer()?;
            self.next += 1;
        }
        Ok(())
    }

    fn answer(&mut self) -> Result<(), QueryError> {
        let budget = &self.evaluator.budget;
        budget.ask()?;
        let (step, op, seconds) = (self.next, self.op, self.seconds);
        let mut answered = 0;
        let series = &mut self.series;
        self.active.retain(|number| {
            let Some(open) = series.get_mut(*number) else { return false };
            budget.release(open.window.leave(step));
            match open.window.result(op, seconds) {
                Some(value) => {
                    open.points.push((step, value));
                    answered += 1;
                    true
                }
                None => {
                    open.active = false;
                    false
                }
            }
        });
        budget.hold(answered)
    }

    fn add(&mut self, number: usize, until: usize, ts: i64, value: f64) -> Result<(), QueryError> {
        if number >= self.series.len() {
            self.evaluator.budget.series(number + 1)?;
            let (op, param) = (self.op, self.param);
            let open = || Open { window: Window::new(op, param), active: false, points: Vec::new() };
            self.series.resize_with(number + 1, open);
        }
        let Some(open) = self.series.get_mut(number) else { return Ok(()) };
        if !open.active {
            open.active = true;
            self.active.push(number);
        }
        self.evaluator.budget.hold(open.window.add(until, ts, value))
    }
}

/// How a line becomes a number.
enum Measure {
    One,
    Bytes,
    Label { label: String, conversion: Conversion, filters: Vec<Condition> },
}

impl Measure {
    fn new(aggregation: &RangeAggregation) -> Result<Self, String> {
        Ok(match &aggregation.source.unwrap {
            Some(unwrap) => Self::Label {
                label: unwrap.label.clone(),
                conversion: unwrap.conversion,
                filters: conditions(&unwrap.filters)?,
            },
            None if matches!(aggregation.op, RangeOp::BytesOverTime | RangeOp::BytesRate) => Self::Bytes,
            None => Self::One,
        })
    }

    fn of(&self, line: &str, work: &mut Work) -> Option<f64> {
        match self {
            Self::One => Some(1.0),
            Self::Bytes => Some(line.len() as f64),
            Self::Label { label, conversion, filters } => {
                unwrapped(work, label, |text| convert(*conversion, text), filters)
            }
        }
    }

    fn names(&self, out: &mut Vec<String>) {
        if let Self::Label { label, filters, .. } = self {
            out.push(label.clone());
            filters.iter().for_each(|condition| condition.names(out));
        }
    }
}

fn convert(conversion: Conversion, text: &str) -> Result<f64, String> {
    match conversion {
        Conversion::Float => parse_float(text),
        Conversion::Duration | Conversion::DurationSeconds => parse_go_duration(text).map(|nanos| nanos as f64 / 1e9),
        Conversion::Bytes => parse_bytes(text).map(|bytes| bytes as f64),
    }
}

/// By which labels lines become series. An aggregation around it that only wants some of them says so.
fn grouping(aggregation: &RangeAggregation, outer: Option<&Grouping>) -> By {
    if aggregation.op == RangeOp::AbsentOverTime {
        return By::Only(Vec::new());
    }
    let own = aggregation.grouping.as_ref().or(outer);
    let unwrapped = aggregation.source.unwrap.as_ref().map(|unwrap| unwrap.label.clone());
    match (own.map(By::grouping), unwrapped) {
        (Some(By::Without(mut names)), Some(label)) => {
            names.push(label);
            By::Without(names)
        }
        (Some(by), _) => by,
        (None, Some(label)) => By::Without(vec![label]),
        (None, None) => By::All,
    }
}

impl<'a> Evaluator<'a> {
    pub(super) fn range(&self, expr: &RangeAggregation, outer: Option<&Grouping>) -> Result<Vec<Line>, QueryError> {
        let failed = QueryError::Failed;
        let source = &expr.source;
        let steps = self.steps.earlier(source.offset);
        let from = steps.at(0).saturating_sub(source.range).saturating_add(1);
        let wanted = selection(&source.logs, from, steps.last().saturating_add(1), Direction::Forward);
        let pipeline = Pipeline::new(&source.logs, self.options.now).map_err(failed)?;
        let measure = Measure::new(expr).map_err(failed)?;
        let by = grouping(expr, outer);
        let (mut work, tolerant) = place_to_work(&pipeline, &measure, &by);
        let mut keys = Keys::new(by);
        let mut windows = Windows {
            evaluator: self,
            op: expr.op,
            param: expr.param,
            seconds: source.range as f64 / 1e9,
            series: Vec::new(),
            active: Vec::new(),
            next: 0,
        };
        let mut entries = self.storage.select(&wanted)?;
        while let Some(row) = entries.next()? {
            self.budget.read(row.line)?;
            let Some((first, until)) = steps.of_entry(row.ts, source.range) else { continue };
            windows.advance(first)?;
            let line = pipeline.run(&mut work, row.labels, row.metadata, row.ts, row.line);
            self.budget.spend(work.cost())?;
            let Some(line) = line else { continue };
            let Some(value) = measure.of(&line, &mut work) else { continue };
            if let Some(error) = work.error().filter(|_| !tolerant) {
                return Err(QueryError::Pipeline { error: error.to_owned(), series: work.labels(|_| true) });
            }
            self.budget.keep();
            let number = keys.number(&work, row.stream);
            self.budget.labels(keys.news())?;
            windows.add(number, until, row.ts, value)?;
        }
        windows.advance(steps.count())?;
        let series = windows.series.into_iter().zip(keys.into_labels());
        let lines: Vec<Line> = series
            .filter(|(open, _)| !open.points.is_empty())
            .map(|(open, labels)| Line { labels, points: open.points })
            .collect();
        if expr.op == RangeOp::AbsentOverTime { self.absent(expr, &lines, steps) } else { Ok(lines) }
    }

    /// 1 at the steps at which nothing is there, with the labels that the selector says.
    fn absent(&self, expr: &RangeAggregation, present: &[Line], steps: Steps) -> Result<Vec<Line>, QueryError> {
        let mut there = present.iter().flat_map(|line| &line.points).map(|(step, _)| *step).peekable();
        let absent = (0..steps.count()).filter(|step| there.next_if_eq(step).is_none());
        let points: Vec<(usize, f64)> = absent.map(|step| (step, 1.0)).collect();
        self.budget.hold(points.len())?;
        let matchers = &expr.source.logs.matchers;
        let said = matchers.iter().filter(|matcher| {
            let names = matchers.iter().filter(|other| other.name == matcher.name).count();
            matcher.op == MatchOp::Equal && names == 1
        });
        let labels: Vec<Label> = said.map(|matcher| (matcher.name.clone(), matcher.value.clone())).collect();
        Ok(if points.is_empty() { Vec::new() } else { vec![Line { labels: Labels::new(labels), points }] })
    }
}

/// A place to work in that keeps only the labels that are of use, and whether the query says what it
/// does with errors.
fn place_to_work(pipeline: &Pipeline, measure: &Measure, by: &By) -> (Work, bool) {
    let (mut names, any) = pipeline.needed();
    measure.names(&mut names);
    if let By::Only(groups) | By::Without(groups) = by {
        names.extend(groups.iter().cloned());
    }
    let tolerant = names.iter().any(|name| name == ERROR);
    let wanted = (matches!(by, By::Only(_)) && !any).then_some(names);
    (Work::new(wanted), tolerant)
}
