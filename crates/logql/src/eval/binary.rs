//! Operators.

use hashbrown::HashMap;

use super::{Evaluator, Found, Line};
use crate::ast::{Binary, BinaryOp, Cardinality, Matching};
use crate::error::QueryError;
use crate::labels::{Label, Labels};

/// The labels by which a series is matched with the other side.
fn signature(labels: &Labels, matching: &Matching) -> Labels {
    labels.filtered(|name| matching.labels.iter().any(|known| known == name) == matching.on)
}

/// What an operator gives: none where a comparison filters.
fn apply(binary: &Binary, left: f64, right: f64, kept: f64) -> Option<f64> {
    let value = binary.op.compute(left, right);
    match binary.op {
        BinaryOp::Compare(_) if !binary.returns_bool => (value != 0.0).then_some(kept),
        _ => Some(value),
    }
}

impl Evaluator<'_> {
    pub(super) fn binary(&self, binary: &Binary) -> Result<Found, QueryError> {
        let (left, right) = (self.eval(&binary.left)?, self.eval(&binary.right)?);
        self.budget.ask()?;
        Ok(match (left, right) {
            (Found::Scalar(left), Found::Scalar(right)) => Found::Scalar(binary.op.compute(left, right)),
            (Found::Lines(lines), Found::Scalar(number)) => {
                Found::Lines(mapped(lines, |value| apply(binary, value, number, value)))
            }
            (Found::Scalar(number), Found::Lines(lines)) => {
                Found::Lines(mapped(lines, |value| apply(binary, number, value, value)))
            }
            (Found::Lines(left), Found::Lines(right)) if binary.op.is_set() => {
                Found::Lines(self.set(binary, left, right)?)
            }
            (Found::Lines(left), Found::Lines(right)) => Found::Lines(self.matched(binary, &left, &right)?),
        })
    }

    /// `and`, `or` and `unless`.
    fn set(&self, binary: &Binary, left: Vec<Line>, right: Vec<Line>) -> Result<Vec<Line>, QueryError> {
        let present = |lines: &[Line]| {
            let mut present: HashMap<Labels, Vec<bool>> = HashMap::new();
            for line in lines {
                let steps = present.entry(signature(&line.labels, &binary.matching)).or_default();
                if steps.is_empty() {
                    self.hold_flags()?;
                }
                steps.resize(self.steps.count(), false);
                for (step, _) in &line.points {
                    if let Some(step) = steps.get_mut(*step) {
                        *step = true;
                    }
                }
            }
            Ok::<_, QueryError>(present)
        };
        let filtered = |mut lines: Vec<Line>, other: &HashMap<Labels, Vec<bool>>, wanted: bool| {
            lines.retain_mut(|line| {
                let steps = other.get(&signature(&line.labels, &binary.matching));
                let there = |step: usize| steps.and_then(|steps| steps.get(step)).copied().unwrap_or(false);
                line.points.retain(|(step, _)| there(*step) == wanted);
                !line.points.is_empty()
            });
            lines
        };
        match binary.op {
            BinaryOp::And => Ok(filtered(left, &present(&right)?, true)),
            BinaryOp::Unless => Ok(filtered(left, &present(&right)?, false)),
            _ => {
                let mut lines = filtered(right, &present(&left)?, false);
                lines.splice(0..0, left);
                merged(lines)
            }
        }
    }

    /// A byte is held for each step.
    fn hold_flags(&self) -> Result<(), QueryError> {
        self.budget.hold(self.steps.count().div_ceil(size_of::<(usize, f64)>()))
    }

    /// An arithmetic or comparison operator between series.
    fn matched(&self, binary: &Binary, left: &[Line], right: &[Line]) -> Result<Vec<Line>, QueryError> {
        let matching = &binary.matching;
        let swapped = matching.cardinality == Cardinality::OneToMany;
        // From here on the side of many is the first.
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let ones = self.side_of_one(matching, one, swapped)?;
        let mut out = Results { places: HashMap::new(), by_labels: HashMap::new(), lines: Vec::new() };
        let mut used: HashMap<Labels, Vec<bool>> = HashMap::new();
        for (place, line) in many.iter().enumerate() {
            let key = signature(&line.labels, matching);
            let Some(others) = ones.get(&key) else { continue };
            let used = used.entry(key).or_default();
            if used.is_empty() {
                self.hold_flags()?;
            }
            used.resize(self.steps.count(), false);
            for (step, value) in &line.points {
                let Some((other, other_value)) = others.get(*step).copied().flatten() else { continue };
                let twice = used.get_mut(*step).is_some_and(|used| std::mem::replace(used, true));
                if twice && matching.cardinality == Cardinality::OneToOne {
                    return Err(fail(
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
                    ));
                }
                let (a, b) = if swapped { (other_value, *value) } else { (*value, other_value) };
                let Some(result) = apply(binary, a, b, a) else { continue };
                let other_labels = one.get(other).map(|line| &line.labels);
                let labels = || result_labels(matching, &line.labels, other_labels);
                let Some(line) = out.line((place, other), labels) else { continue };
                if line.has(*step) {
                    return Err(fail("multiple matches for labels: grouping labels must ensure unique matches"));
                }
                line.points.push((*step, result));
            }
        }
        let mut lines = out.lines;
        lines.retain_mut(|line| {
            line.points.sort_unstable_by_key(|(step, _)| *step);
            !line.points.is_empty()
        });
        self.budget.hold(lines.iter().map(|line| line.points.len()).sum())?;
        Ok(lines)
    }

    /// For each match group and step the only series of the side of one, and its number.
    fn side_of_one(
        &self,
        matching: &Matching,
        one: &[Line],
        swapped: bool,
    ) -> Result<HashMap<Labels, Steps>, QueryError> {
        let mut ones: HashMap<Labels, Steps> = HashMap::new();
        for (place, line) in one.iter().enumerate() {
            let key = signature(&line.labels, matching);
            let steps = ones.entry(key).or_default();
            if steps.is_empty() {
                self.budget.hold(self.steps.count())?;
            }
            steps.resize(self.steps.count(), None);
            for (step, value) in &line.points {
                let Some(slot) = steps.get_mut(*step) else { continue };
                if let Some((other, _)) = slot.replace((place, *value)) {
                    let side = if swapped { "left" } else { "right" };
                    let other = one.get(other).map_or_else(Labels::empty, |line| line.labels.clone());
                    let group = signature(&line.labels, matching);
                    return Err(fail(&format!(
                        "found duplicate series on the {side} hand-side for the match group {group}: [{other}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                        line.labels
                    )));
                }
            }
        }
        Ok(ones)
    }
}

type Steps = Vec<Option<(usize, f64)>>;

fn fail(message: &str) -> QueryError {
    QueryError::Failed(message.to_owned())
}

struct Results {
    /// Where the result of a pair of series is.
    places: HashMap<(usize, usize), usize>,
    by_labels: HashMap<Labels, usize>,
    lines: Vec<Line>,
}

impl Results {
    fn line(&mut self, pair: (usize, usize), labels: impl FnOnce() -> Labels) -> Option<&mut Line> {
        let Self { places, by_labels, lines } = self;
        let place = *places.entry(pair).or_insert_with(|| {
            *by_labels.entry(labels()).or_insert_with_key(|labels| {
                lines.push(Line { labels: labels.clone(), points: Vec::new() });
                lines.len() - 1
            })
        });
        lines.get_mut(place)
    }
}

/// The labels of a result.
fn result_labels(matching: &Matching, many: &Labels, one: Option<&Labels>) -> Labels {
    if matching.cardinality == Cardinality::OneToOne {
        return signature(many, matching);
    }
    let own = many.iter().filter(|(name, _)| !matching.include.iter().any(|included| **included == **name)).cloned();
    let included = matching.include.iter().filter_map(|name| {
        let value = one?.find(name).filter(|value| !value.is_empty())?;
        Some((name.as_str().into(), value.clone()))
    });
    Labels::new(own.chain(included).collect::<Vec<Label>>())
}

fn mapped(mut lines: Vec<Line>, change: impl Fn(f64) -> Option<f64>) -> Vec<Line> {
    lines.retain_mut(|line| {
        line.points.retain_mut(|(_, value)| match change(*value) {
            Some(changed) => {
                *value = changed;
                true
            }
            None => false,
        });
        !line.points.is_empty()
    });
    lines
}

/// Series with the same labels put together.
pub(super) fn merged(lines: Vec<Line>) -> Result<Vec<Line>, QueryError> {
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut out: Vec<Line> = Vec::with_capacity(lines.len());
    for line in lines {
        match places.get(&line.labels).and_then(|place| out.get_mut(*place)) {
            Some(known) => known.points.extend(line.points),
            None => {
                places.insert(line.labels.clone(), out.len());
                out.push(line);
            }
        }
    }
    for line in &mut out {
        line.points.sort_by_key(|(step, _)| *step);
        let twice = line.points.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b));
        if twice {
            return Err(fail("vector cannot contain metrics with the same labelset"));
        }
    }
    Ok(out)
}
