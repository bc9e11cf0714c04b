use serde::{Deserialize, Serialize};

use super::rule::{RunningRule, Turn};
use super::{Definition, Evaluation, Outcome};
use crate::rule::Rule;

/// A group with what its rules remember.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunningGroup {
    definition: Definition,
    /// The reading that the definition is from.
    since: i64,
    /// The last reading that had it.
    seen: i64,
    rules: Vec<RunningRule>,
}

impl RunningGroup {
    pub(super) fn new(generation: i64, definition: Definition) -> Self {
        let rules = definition.group.rules.iter().map(|_| RunningRule::default()).collect();
        Self { definition, since: generation, seen: generation, rules }
    }

    pub(super) const fn is_of(&self, generation: i64) -> bool {
        self.seen == generation
    }

    /// Its definition.
    pub const fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Its rules in order, each with what it remembers.
    pub fn rules(&self) -> impl Iterator<Item = (&Rule, &RunningRule)> {
        self.definition.group.rules.iter().zip(&self.rules)
    }

    /// What the rule in that place remembers.
    pub fn rule(&self, place: usize) -> Option<&RunningRule> {
        self.rules.get(place)
    }

    pub(super) fn redefine(&mut self, generation: i64, definition: Definition, t: i64, outcome: &mut Outcome) {
        self.seen = generation;
        // After a step back of the clock a later reading may have a smaller number.
        self.since = self.since.min(generation);
        if same(&self.definition, &definition) {
            return;
        }
        self.since = generation;
        let old = std::mem::replace(&mut self.definition, definition);
        let mut left: Vec<(Rule, RunningRule)> = old.group.rules.iter().cloned().zip(self.rules.drain(..)).collect();
        for rule in &self.definition.group.rules {
            let same = left.iter().position(|(other, _)| is_one(other, rule));
            self.rules.push(same.map_or_else(RunningRule::default, |at| left.remove(at).1));
        }
        for (rule, mut running) in left {
            running.end(Turn { definition: &old, rule: &rule, t }, outcome);
        }
    }

    /// It is gone.
    pub(super) fn end(&mut self, t: i64, outcome: &mut Outcome) {
        for (rule, running) in self.definition.group.rules.iter().zip(&mut self.rules) {
            running.end(Turn { definition: &self.definition, rule, t }, outcome);
        }
    }

    pub(super) fn evaluated(&mut self, evaluation: Evaluation, t: i64, outcome: &mut Outcome) {
        let (rule, running) = (self.definition.group.rules.get(evaluation.rule), self.rules.get_mut(evaluation.rule));
        let (Some(rule), Some(running)) = (rule, running) else { return };
        if evaluation.generation < self.since {
            return;
        }
        let t = running.time(t);
        running.evaluated(Turn { definition: &self.definition, rule, t }, evaluation, outcome);
    }
}

/// Whether two definitions say the same, in the same places.
fn same(one: &Definition, other: &Definition) -> bool {
    let text = |definition: &Definition| serde_json::to_string(definition).ok();
    text(one) == text(other)
}

/// Whether a rule is another version of a rule: it has its name, kind and labels.
fn is_one(one: &Rule, other: &Rule) -> bool {
    one.name() == other.name()
        && one.labels == other.labels
        && std::mem::discriminant(&one.kind) == std::mem::discriminant(&other.kind)
}
