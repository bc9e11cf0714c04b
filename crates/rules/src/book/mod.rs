//! What a running process knows of its rules: groups, the states of their alerts, and what others
//! were told of these.
//!
//! A state machine without I/O or clock: definitions and what queries found go in, what is to be told
//! comes out. Times are milliseconds since the epoch.

mod definition;
mod group;
mod rule;
mod told;
mod track;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use definition::{Definition, Flapping, Missing, MissingPolicy, Settings};
pub use group::RunningGroup;
pub use rule::{Health, RunningRule, Unknown};
pub use told::{Decided, Outcome, Told};

use crate::template::Answers;

/// What the query of a rule found.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The rule file.
    pub file: String,
    /// The group.
    pub group: String,
    /// The rule's place in it.
    pub rule: usize,
    /// The reading of the files that it was evaluated by.
    pub generation: i64,
    /// The time that it was evaluated at.
    pub t: i64,
    /// How long it took, in seconds.
    pub took: f64,
    /// What it found, or why there is no answer.
    pub result: Result<Vec<(promql::Labels, promql::Value)>, String>,
    /// How many series each selector found when the rule last had an answer, and finds now.
    pub inputs: BTreeMap<String, (u64, u64)>,
    /// What templates asked.
    pub queries: Answers,
}

/// Groups by file and name.
#[derive(Clone, Debug, Default)]
pub struct Book(BTreeMap<(String, String), RunningGroup>);

/// A state that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Unreadable(#[from] serde_json::Error);

impl Book {
    /// A group is, or stays, as `definition` has it. Rules with the name and labels of before keep their
    /// state; alerts of those that are gone end.
    pub fn define(&mut self, generation: i64, definition: Definition, t: i64) -> Outcome {
        let mut outcome = Outcome::default();
        match self.0.get_mut(&definition.key()) {
            Some(group) => group.redefine(generation, definition, t, &mut outcome),
            None => {
                self.0.insert(definition.key(), RunningGroup::new(generation, definition));
            }
        }
        outcome
    }

    /// All groups of that generation were told of: others are gone, and their alerts end.
    pub fn close(&mut self, generation: i64, t: i64) -> Outcome {
        let mut outcome = Outcome::default();
        self.0.retain(|_, group| {
            let stays = group.is_of(generation);
            if !stays {
                group.end(t, &mut outcome);
            }
            stays
        });
        outcome
    }

    /// Takes what a rule's query found. What is of a definition that no longer holds changes nothing.
    pub fn evaluated(&mut self, evaluation: Evaluation) -> Outcome {
        let t = evaluation.t;
        self.evaluated_at(evaluation, t)
    }

    /// The same where it is `t` meanwhile, since the clock that the evaluation's time is of was set back: what waits for a
    /// time goes on.
    pub fn evaluated_at(&mut self, evaluation: Evaluation, t: i64) -> Outcome {
        let mut outcome = Outcome::default();
        let key = (evaluation.file.clone(), evaluation.group.clone());
        if let Some(group) = self.0.get_mut(&key) {
            group.evaluated(evaluation, t, &mut outcome);
        }
        outcome
    }

    /// Its groups, in order of file and name.
    pub fn groups(&self) -> impl Iterator<Item = &RunningGroup> {
        self.0.values()
    }

    /// A group.
    pub fn group(&self, file: &str, name: &str) -> Option<&RunningGroup> {
        self.0.get(&(file.to_owned(), name.to_owned()))
    }

    /// All of it as JSON.
    ///
    /// # Errors
    /// None: there are only texts and numbers in it.
    pub fn save(&self) -> Result<String, Unreadable> {
        Ok(serde_json::to_string(&Saved { groups: self.0.values().collect() })?)
    }

    /// Takes back what [`Self::save`] gave.
    ///
    /// # Errors
    /// It is damaged or of another version.
    pub fn restored(text: &str) -> Result<Self, Unreadable> {
        let Saved { groups } = serde_json::from_str::<Saved<RunningGroup>>(text)?;
        Ok(Self(groups.into_iter().map(|group| (group.definition().key(), group)).collect()))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved<G> {
    groups: Vec<G>,
}
