//! Groups of rules that are evaluated over series in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::RwLock;
use promql::parser::ast::Expr;
use promql::{Data, Labels, Memory, Options, Sample, Value, instant, stale_marker};

use crate::rule::{Group, Kind, Query, Rule};
use crate::state::{Output, RuleError, RuleState, evaluate, record};
use crate::template::Expander;

/// Series that rules read and write.
pub(super) type Shared = Arc<RwLock<Memory>>;

/// A rule with what it remembers.
struct Running {
    rule: Rule,
    text: String,
    expr: Arc<Expr>,
    state: RuleState,
    /// The series that it wrote last.
    written: BTreeSet<Labels>,
}

/// A group with what its rules remember.
pub(super) struct RunningGroup {
    offset: i64,
    limit: usize,
    rules: Vec<Running>,
    /// Names of alerts of rules that ask SQL.
    left_out: BTreeSet<String>,
}

/// A rule that failed.
pub(super) struct Failed {
    pub rule: String,
    pub error: RuleError,
}

impl RunningGroup {
    pub(super) fn new(group: &Group) -> Self {
        let (mut rules, mut left_out) = (Vec::new(), BTreeSet::new());
        for rule in &group.rules {
            match (&rule.query, &rule.kind) {
                (Query::Promql { text, expr }, _) => rules.push(Running::new(rule, text, expr)),
                (Query::Sql(_), Kind::Alerting(alerting)) => {
                    left_out.insert(alerting.alert.clone());
                }
                (Query::Sql(_), Kind::Recording { .. }) => {}
            }
        }
        Self { offset: group.offset(), limit: group.limit, rules, left_out }
    }

    /// Whether alerts of that name may come of a rule that is not evaluated.
    pub(super) fn leaves_out(&self, alert: &str) -> bool {
        self.left_out.contains(alert)
    }

    /// Evaluates all rules in order at a time in milliseconds.
    pub(super) fn evaluate(&mut self, memory: &Shared, t: i64, expander: &Expander) -> Vec<Failed> {
        let mut failed = Vec::new();
        let at = t - self.offset;
        for running in &mut self.rules {
            match running.evaluate(memory, t, at, self.limit, expander) {
                Ok(outputs) => running.write(memory, at, outputs),
                Err(error) => {
                    failed.push(Failed { rule: running.rule.name().to_owned(), error });
                    running.write(memory, at, Vec::new());
                }
            }
        }
        failed
    }

    /// The states of alerting rules with a name.
    pub(super) fn states<'a>(&'a self, alert: &'a str) -> impl Iterator<Item = &'a RuleState> {
        let alerting = |running: &&Running| matches!(running.rule.kind, Kind::Alerting(_));
        self.rules
            .iter()
            .filter(alerting)
            .filter(move |running| running.rule.name() == alert)
            .map(|running| &running.state)
    }
}

impl Running {
    fn new(rule: &Rule, text: &str, expr: &Arc<Expr>) -> Self {
        let (text, expr) = (text.to_owned(), Arc::clone(expr));
        Self { rule: rule.clone(), text, expr, state: RuleState::default(), written: BTreeSet::new() }
    }

    fn evaluate(
        &mut self,
        memory: &Shared,
        t: i64,
        at: i64,
        limit: usize,
        expander: &Expander,
    ) -> Result<Vec<Output>, RuleError> {
        let answer = instant(&*memory.read(), &Options::default(), &self.text, &self.expr, at);
        let vector = vector(answer.map_err(|error| RuleError::Query(error.to_string()))?.data)?;
        match &self.rule.kind {
            Kind::Recording { record: name } => record(&self.rule, name, &vector, limit),
            Kind::Alerting(alerting) => evaluate(&self.rule, alerting, &mut self.state, t, &vector, limit, expander),
        }
    }

    /// Writes samples, and ends series that were written before and are no longer.
    fn write(&mut self, memory: &Shared, t: i64, outputs: Vec<Output>) {
        let mut memory = memory.write();
        let mut append = |labels: &Labels, value| memory.append(labels, [Sample { t, start: 0, value }]);
        let mut written = BTreeSet::new();
        for Output { labels, value } in outputs {
            append(&labels, value);
            written.insert(labels);
        }
        for labels in self.written.difference(&written) {
            append(labels, Value::Float(stale_marker()));
        }
        self.written = written;
    }
}

/// What rules take from an answer: the values of a vector, or a number as a series without labels.
pub(super) fn vector(data: Data) -> Result<Vec<(Labels, Value)>, RuleError> {
    match data {
        Data::Vector(series) => Ok(series
            .into_iter()
            .filter_map(|series| series.points.into_iter().next().map(|point| (series.labels, point.value)))
            .collect()),
        Data::Scalar(value) => Ok(vec![(Labels::empty(), Value::Float(value))]),
        Data::String(_) | Data::Matrix(_) => Err(RuleError::Query("rule result is not a vector or scalar".into())),
    }
}
