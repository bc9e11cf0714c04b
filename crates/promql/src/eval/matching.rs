use hashbrown::{HashMap, HashSet};

use super::binary::{combine, renames};
use super::series::{Cursors, merged, samples_in};
use super::{Evaluator, Steps};
use crate::annotations::Note;
use crate::error::QueryError;
use crate::labels::{Builder, Labels, METRIC_NAME};
use crate::parser::ast::{Binary, Cardinality, Matching, Span};
use crate::value::{Point, Series, Value};

/// The labels of a series by which it is matched with the other side.
pub(super) fn signature(labels: &Labels, matching: &Matching) -> Labels {
    if matching.on { labels.only(&matching.labels) } else { labels.without(&matching.labels).without_one(METRIC_NAME) }
}

/// Which series of both sides belong together: a number for each match group.
pub(super) struct Signatures {
    pub left: Vec<usize>,
    pub right: Vec<usize>,
    pub groups: Vec<Labels>,
}

impl Signatures {
    pub(super) fn new(left: &[Series], right: &[Series], matching: &Matching) -> Self {
        let mut numbers: HashMap<Labels, usize> = HashMap::new();
        let mut groups = Vec::new();
        let mut number = |series: &Series| {
            let labels = signature(&series.labels, matching);
            *numbers.entry(labels).or_insert_with_key(|labels| {
                groups.push(labels.clone());
                groups.len() - 1
            })
        };
        let left = left.iter().map(&mut number).collect();
        let right = right.iter().map(&mut number).collect();
        Self { left, right, groups }
    }
}

/// The result of matching, series by series.
struct Matched<'a> {
    binary: &'a Binary,
    many: &'a [Series],
    one: &'a [Series],
    signatures: Signatures,
    /// Where the result of a pair of series is; no series stands for a filled value.
    places: HashMap<(Option<usize>, Option<usize>, usize), usize>,
    /// Where the result of these labels (and whether they lose their name) is.
    by_labels: HashMap<(Labels, bool), usize>,
    out: Vec<Series>,
    /// Bytes of labels of one side that series of the other got, since they were last counted.
    copied: usize,
}

impl Evaluator<'_> {
    /// An arithmetic or comparison operator between two vectors.
    pub(super) fn eval_matched(
        &self,
        binary: &Binary,
        span: Span,
        left: Vec<Series>,
        right: Vec<Series>,
        steps: Steps,
    ) -> Result<Vec<Series>, QueryError> {
        let matching = &binary.matching;
        let swapped = matching.cardinality == Cardinality::OneToMany;
        // From here on the side of many is the first.
        let (many, one) = if swapped { (&right, &left) } else { (&left, &right) };
        let signatures = Signatures::new(many, one, matching);
        let (places, by_labels) = (HashMap::new(), HashMap::new());
        let mut matched = Matched { binary, many, one, signatures, places, by_labels, out: Vec::new(), copied: 0 };
        let (mut many_cursors, mut one_cursors) = (Cursors::new(many), Cursors::new(one));
        for t in steps.times() {
            self.check_time()?;
            let many_values: Vec<_> = many_cursors.values(t).collect();
            let one_values: Vec<_> = one_cursors.values(t).collect();
            let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
            if (many_values.is_empty() && one_values.is_empty())
                || ((many_values.is_empty() || one_values.is_empty()) && !fills)
            {
                continue;
            }
            self.match_step(&mut matched, t, &many_values, &one_values, swapped, span)?;
            self.hold_labels(std::mem::take(&mut matched.copied))?;
        }
        let out = std::mem::take(&mut matched.out);
        self.release(samples_in(&left) + samples_in(&right));
        self.hold(samples_in(&out))?;
        // Series of different groups may get the same labels.
        merged(out)
    }

    fn match_step(
        &self,
        matched: &mut Matched<'_>,
        t: i64,
        many: &[(usize, &Value)],
        one: &[(usize, &Value)],
        swapped: bool,
        span: Span,
    ) -> Result<(), QueryError> {
        let matching = &matched.binary.matching;
        let mut ones: HashMap<usize, (usize, &Value)> = HashMap::with_capacity(one.len());
        for (place, value) in one {
            let group = matched.signatures.right.get(*place).copied().unwrap_or(0);
            if let Some((other, _)) = ones.insert(group, (*place, value)) {
                return Err(matched.duplicate(group, other, *place, swapped));
            }
        }
        let mut step = Step { t, span, swapped, seen: HashMap::new(), note: None };
        // A fill value stands for the side that is matched second or first here, whichever it was
        // written for: that is how Prometheus has it.
        let (fill_many, fill_one) = (matching.fill_left.map(Value::Float), matching.fill_right.map(Value::Float));
        for (place, value) in many {
            let group = matched.signatures.left.get(*place).copied().unwrap_or(0);
            match (ones.get(&group), &fill_one) {
                (Some((other, other_value)), _) => {
                    matched.join(&mut step, group, (Some(*place), value), (Some(*other), other_value))?;
                }
                (None, Some(fill)) => matched.join(&mut step, group, (Some(*place), value), (None, fill))?,
                (None, None) => {}
            }
        }
        if let Some(fill) = &fill_many {
            for (place, value) in one {
                let group = matched.signatures.right.get(*place).copied().unwrap_or(0);
                if !step.seen.contains_key(&group) {
                    matched.join(&mut step, group, (None, fill), (Some(*place), value))?;
                }
            }
        }
        // Of what was found at one time, the last is told, as Prometheus does.
        if let Some(note) = step.note {
            self.note(note);
        }
        Ok(())
    }
}

/// Matching at one time.
struct Step {
    t: i64,
    span: Span,
    swapped: bool,
    /// The results of each match group.
    seen: HashMap<usize, HashSet<usize>>,
    note: Option<Note>,
}

/// A series by its place (none: filled in) and its value.
type Side<'a> = (Option<usize>, &'a Value);

impl Matched<'_> {
    /// Puts two series that belong together into the result.
    fn join(&mut self, step: &mut Step, group: usize, many: Side<'_>, one: Side<'_>) -> Result<(), QueryError> {
        let op = self.binary.op;
        let (left, right) = if step.swapped { (one.1, many.1) } else { (many.1, one.1) };
        let note = &mut step.note;
        let Some(combined) = combine(op, left, right, step.span, &mut |found| *note = Some(found)) else {
            return Ok(());
        };
        let place = self.place(many.0, one.0, group);
        let results = step.seen.entry(group).or_default();
        let new = results.insert(place);
        if self.binary.matching.cardinality == Cardinality::OneToOne && results.len() + usize::from(!new) > 1 {
            let message = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
            return Err(QueryError::failed(message));
        }
        if !new {
            let message = "multiple matches for labels: grouping labels must ensure unique matches";
            return Err(QueryError::failed(message));
        }
        let value = if self.binary.returns_bool {
            Value::Float(f64::from(u8::from(combined.keep)))
        } else if combined.keep {
            // A comparison keeps the value of the left side.
            combined.value
        } else {
            return Ok(());
        };
        self.push(place, step.t, value)
    }

    /// Where the result of two series is.
    fn place(&mut self, many: Option<usize>, one: Option<usize>, group: usize) -> usize {
        if let Some(place) = self.places.get(&(many, one, group)) {
            return *place;
        }
        let matching = &self.binary.matching;
        let group_labels = self.signatures.groups.get(group).cloned().unwrap_or_else(Labels::empty);
        // What is filled in has the labels of its group only.
        let labels_of = |side: &[Series], place: Option<usize>| {
            place.and_then(|place| side.get(place)).map_or_else(|| group_labels.clone(), |series| series.labels.clone())
        };
        let mut labels = labels_of(self.many, many);
        if renames(self.binary.op) {
            labels = labels.without_metadata();
        }
        if matching.cardinality == Cardinality::OneToOne {
            labels = if matching.on { labels.only(&matching.labels) } else { labels.without(&matching.labels) };
        }
        if !matching.include.is_empty() {
            let source = labels_of(self.one, one);
            let mut builder = Builder::from(&labels);
            for name in &matching.include {
                let value = source.shared(name);
                self.copied += value.len();
                builder.set(name.clone(), value);
            }
            labels = builder.build();
        }
        let kept = many.and_then(|place| self.many.get(place)).is_some_and(|series| series.drops_name);
        let drops_name = self.binary.returns_bool || (kept && !renames(self.binary.op));
        let out = &mut self.out;
        let place = *self.by_labels.entry((labels.clone(), drops_name)).or_insert_with(|| {
            out.push(Series { labels, points: Vec::new(), drops_name });
            out.len() - 1
        });
        self.places.insert((many, one, group), place);
        place
    }

    fn push(&mut self, place: usize, t: i64, value: Value) -> Result<(), QueryError> {
        let Some(series) = self.out.get_mut(place) else { return Ok(()) };
        if series.points.last().is_some_and(|last| last.t == t) {
            return Err(QueryError::same_labels());
        }
        series.points.push(Point { t, value });
        Ok(())
    }

    fn duplicate(&self, group: usize, a: usize, b: usize, swapped: bool) -> QueryError {
        let side = if swapped { "left" } else { "right" };
        let labels = |place: usize| self.one.get(place).map_or_else(Labels::empty, |series| series.labels.clone());
        let (a, b) = (labels(a), labels(b));
        let (first, second) = if a <= b { (a, b) } else { (b, a) };
        let group = self.signatures.groups.get(group).cloned().unwrap_or_else(Labels::empty);
        QueryError::failed(format!(
            "found duplicate series for the match group {group} on the {side} hand-side of the operation: \
             [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
        ))
    }
}
