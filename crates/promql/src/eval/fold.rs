use hashbrown::HashMap;

use super::aggregate::group_labels;
use super::elementwise::comes_one_by_one;
use super::series::{Lent, samples_in, samples_of};
use super::{Evaluator, Steps};
use crate::annotations::{Combining, Note};
use crate::error::QueryError;
use crate::functions::aggregates::{Gathered, Problem};
use crate::labels::Labels;
use crate::parser::ast::{Aggregate, AggregateOp, Span};
use crate::value::{Point, Series};

impl Evaluator<'_> {
    /// An aggregation that takes in one series after the other. What a selector gives, or a function of
    /// its ranges, is never there for all series at once, nor is what is made of it value by value.
    pub(super) fn eval_fold(&self, aggregate: &Aggregate, steps: Steps) -> Result<Vec<Series>, QueryError> {
        let mut fold = Fold::new(aggregate, steps);
        if comes_one_by_one(&aggregate.expr) {
            self.each_series(&aggregate.expr, steps, &mut |series: Lent<'_>| fold.add(self, &series))?;
        } else {
            let mut input = self.eval_vector(&aggregate.expr, steps)?;
            let samples = samples_in(&input);
            input.iter_mut().try_for_each(|series| fold.add(self, &Lent::of(series)))?;
            self.release(samples);
        }
        fold.finish(self, aggregate.expr.bare().span)
    }
}

/// The groups of an aggregation.
struct Fold<'a> {
    aggregate: &'a Aggregate,
    steps: Steps,
    places: HashMap<Labels, usize>,
    groups: Vec<Group>,
}

struct Group {
    labels: Labels,
    drops_name: bool,
    /// The labels of its first series.
    first: Labels,
    gathered: Gathered,
    /// Samples that it counts as.
    held: usize,
}

impl<'a> Fold<'a> {
    fn new(aggregate: &'a Aggregate, steps: Steps) -> Self {
        Self { aggregate, steps, places: HashMap::new(), groups: Vec::new() }
    }

    fn add(&mut self, evaluator: &Evaluator<'_>, series: &Lent<'_>) -> Result<(), QueryError> {
        let labels = group_labels(series.labels, &self.aggregate.grouping, self.aggregate.without);
        let place = match self.places.get(&labels) {
            Some(place) => *place,
            None => self.begin(evaluator, labels, series.labels)?,
        };
        let Some(group) = self.groups.get_mut(place) else { return Ok(()) };
        group.drops_name |= series.drops_name;
        let mut steps = self.steps.times().enumerate();
        let mut more = 0;
        for point in series.points.iter() {
            let Some((step, _)) = steps.find(|(_, t)| *t == point.t) else { break };
            more += group.gathered.add(step, &point.value);
        }
        group.held += more;
        evaluator.hold(more)
    }

    /// Begins a group, with the labels of its first series.
    fn begin(&mut self, evaluator: &Evaluator<'_>, labels: Labels, first: &Labels) -> Result<usize, QueryError> {
        let held = self.steps.count();
        evaluator.hold(held)?;
        self.places.insert(labels.clone(), self.groups.len());
        let gathered = Gathered::new(self.aggregate.op, self.steps.count());
        self.groups.push(Group { labels, drops_name: false, first: first.clone(), gathered, held });
        Ok(self.groups.len() - 1)
    }

    fn finish(self, evaluator: &Evaluator<'_>, span: Span) -> Result<Vec<Series>, QueryError> {
        let (op, steps) = (self.aggregate.op, self.steps);
        let mut found = Vec::with_capacity(self.groups.len());
        for mut group in self.groups {
            let mut points = Vec::new();
            let name = group.first.metric_name();
            for (step, t) in steps.times().enumerate() {
                let value = group.gathered.finish(step, |problem| evaluator.note(told(problem, op, span, name)));
                points.extend(value.map(|value| Point { t, value }));
            }
            evaluator.release(group.held);
            evaluator.hold(samples_of(&points))?;
            if !points.is_empty() {
                found.push(Series { labels: group.labels, points, drops_name: group.drops_name });
            }
        }
        Ok(found)
    }
}

/// What is told of a problem.
pub(super) fn told(problem: Problem, op: AggregateOp, span: Span, name: &str) -> Note {
    match problem {
        Problem::HistogramIgnored => Note::histogram_ignored(span, op.as_str()),
        Problem::Mixed => Note::mixed_in_aggregation(span),
        Problem::MixedSchemas => Note::mixed_schemas(span, name),
        Problem::ResetCollision => Note::reset_collision(span, Combining::Aggregation),
        Problem::BoundsReconciled => Note::bounds_reconciled(span, Combining::Aggregation),
    }
}
