//! Doubt: before people are told that fields of an object were modified, its server is asked whether
//! what is declared would change them. The verdict is told at once; its finding waits.
//!
//! An answer counts for what was declared and live when it was asked for, and for nothing else; who
//! wrote it, and how its rollout is, does not matter. What a server refutes is no difference for as long
//! as both are the same.

use std::collections::BTreeMap;

use base::Timestamp;
use model::rows::{Confirmation, Suspect};
use model::{DryRun, FieldChange, FieldReason, Fingerprint, Key, ModelError, Record, ResourceId, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::DriftFold;
use super::changes::Change;
use super::config::ConfirmConfig;
use super::judge::Judgement;
use super::kubernetes;
use super::scope::Scope;

/// Fields of one resource that are asked about at most, and characters of their paths: where more
/// differs, it is no matter of form.
const FIELDS: usize = 64;
const PATHS: usize = 8 << 10;

/// Resources of a scope that are asked about, or whose answer is remembered, at most.
const RESOURCES: usize = 10_000;

/// What people read while an answer is waited for, and after it.
const ASKED: &str = "a dry run is asked";
const CONFIRMED: &str = "confirmed by dry run";
const REFUTED: &str = "refuted by dry run";

/// What is declared, and the tree of what is live.
pub(super) type Pair = (Fingerprint, Fingerprint);

/// What a server was asked about one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Question {
    declared: Fingerprint,
    /// Of the live object's tree, without what is beside it.
    live: Fingerprint,
    /// The fields in doubt.
    paths: Vec<String>,
    /// So long people wait for the answer: from the first change on that they were not told of.
    until: Timestamp,
    answer: Option<Answer>,
    /// While a finding waits: the code of the verdict that people know.
    told: Option<u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Answer {
    outcome: DryRun,
    refuted: Vec<String>,
    why: Option<String>,
    /// Nobody answered in time: one that comes all the same counts.
    late: bool,
}

impl Question {
    fn is_of(&self, pair: Pair) -> bool {
        (self.declared, self.live) == pair
    }

    fn waits(&self) -> bool {
        self.answer.is_none()
    }

    /// Whether it is overdue at that time.
    fn is_due(&self, now: Timestamp) -> bool {
        self.waits() && self.until <= now
    }

    fn takes(&self, row: &Confirmation) -> bool {
        let open = self.answer.as_ref().is_none_or(|answer| answer.late);
        open && (self.declared, self.live) == (row.declared, row.live)
    }

    fn refuted(&self) -> &[String] {
        self.answer.as_ref().map(|answer| answer.refuted.as_slice()).unwrap_or_default()
    }

    fn says(&self) -> Option<String> {
        let answer = self.answer.as_ref()?;
        Some(match (answer.outcome, &answer.why) {
            (DryRun::Confirmed, _) => CONFIRMED.to_owned(),
            (DryRun::Refuted, _) => REFUTED.to_owned(),
            (DryRun::Failed, why) => not_confirmed(why.as_deref().unwrap_or("nobody says why")),
        })
    }
}

fn not_confirmed(why: &str) -> String {
    format!("not confirmed by dry run: {why}")
}

/// What became of the doubt about one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Word {
    /// Its finding waits for an answer.
    pub held: bool,
    /// The code of the verdict that people know.
    pub told: u8,
    /// What the server says, for people.
    pub says: Option<String>,
    /// The fields that it refuted.
    pub refuted: Vec<String>,
    /// What is to be asked.
    pub ask: Option<Suspect>,
}

impl Word {
    /// Adds what is known to a row's evidence.
    pub(super) fn tell(&self, evidence: &mut serde_json::Value) {
        if let Some(says) = &self.says {
            evidence["confirm"] = says.as_str().into();
        }
        if !self.refuted.is_empty() {
            evidence["refuted"] = self.refuted.clone().into();
        }
    }
}

/// A resource that was judged, with what a question about it is made of.
pub(super) struct Doubt<'a> {
    pub config: &'a ConfirmConfig,
    pub scope: &'a str,
    pub id: &'a ResourceId,
    pub key: Key,
    pub pair: Pair,
    pub judgement: &'a Judgement,
    /// The code of the verdict that was told before.
    pub before: u8,
    /// The document that is declared.
    pub declared: Option<&'a str>,
    pub now: Timestamp,
}

impl Doubt<'_> {
    /// The fields that differ in a way that a server may explain.
    fn fields(&self) -> Vec<&FieldChange> {
        let modified = self.judgement.verdict == Some(Verdict::Modified) && self.config.asks(self.scope);
        let fields = self.judgement.fields.iter().filter(|field| is_doubtful(field));
        if modified { fields.collect() } else { Vec::new() }
    }

    /// The question; or why there can be none.
    fn ask(&self, fields: &[&FieldChange]) -> Result<Suspect, &'static str> {
        let document = self.declared.ok_or("what is declared is lost")?;
        let body = kubernetes::read(document).ok_or("it is no object that can be applied")?;
        if body.holds_digest() {
            return Err("it holds secrets, of which only digests are known");
        }
        if fields.len() > FIELDS || fields.iter().map(|field| field.path.len()).sum::<usize>() > PATHS {
            return Err("too many fields differ");
        }
        let fields = fields.iter().map(|field| json!({"path": field.path, "live": field.live})).collect();
        Ok(Suspect {
            time: self.now,
            scope: self.scope.to_owned(),
            id: self.id.clone(),
            key: self.key,
            declared: self.pair.0,
            live: self.pair.1,
            until: self.now.plus(self.config.timeout),
            document: document.to_owned(),
            fields: serde_json::Value::Array(fields).to_string(),
        })
    }
}

/// Whether a dry run can say anything of it.
pub(super) fn is_doubtful(field: &FieldChange) -> bool {
    matches!(field.reason, FieldReason::Modified | FieldReason::Absent)
}

impl Scope {
    /// What the server refuted of the resource as it is.
    pub(super) fn refuted(&self, key: &Key, pair: Pair) -> &[String] {
        self.questions.get(key).filter(|question| question.is_of(pair)).map(Question::refuted).unwrap_or_default()
    }

    /// Decides whether people are told now of a resource that was judged.
    pub(super) fn doubt(&mut self, doubt: &Doubt<'_>) -> Word {
        let known = self.questions.remove(&doubt.key);
        let told = known.as_ref().and_then(|question| question.told).unwrap_or(doubt.before);
        // Who goes on changing an object does not put off its page.
        let held = known.as_ref().filter(|question| question.told.is_some()).map(|question| question.until);
        let known = known.filter(|question| question.is_of(doubt.pair));
        let fields = doubt.fields();
        if fields.is_empty() {
            return self.settle(doubt.key, known, told);
        }
        if let Some(question) = known.filter(|known| fields.iter().all(|field| known.paths.contains(&field.path))) {
            if !question.waits() {
                return self.settle(doubt.key, Some(question), told);
            }
            self.questions.insert(doubt.key, Question { told: Some(told), ..question });
            return Word { held: true, told, says: Some(ASKED.to_owned()), ..Word::default() };
        }
        let full = self.questions.len() >= RESOURCES;
        match doubt.ask(&fields).and_then(|ask| if full { Err("too many are asked about") } else { Ok(ask) }) {
            Ok(ask) => {
                let paths = fields.iter().map(|field| field.path.clone()).collect();
                let (declared, live, until) = (ask.declared, ask.live, held.unwrap_or(ask.until));
                let question = Question { declared, live, paths, until, answer: None, told: Some(told) };
                self.questions.insert(doubt.key, question);
                Word { held: true, told, says: Some(ASKED.to_owned()), refuted: Vec::new(), ask: Some(ask) }
            }
            Err(why) => {
                metrics::counter!("steadfast_drift_confirmations_total", "outcome" => "unasked").increment(1);
                Word { told, says: Some(not_confirmed(why)), ..Word::default() }
            }
        }
    }

    /// Nothing waits any more; what was answered is remembered.
    fn settle(&mut self, key: Key, known: Option<Question>, told: u8) -> Word {
        let Some(question) = known else { return Word { told, ..Word::default() } };
        let (says, refuted) = (question.says(), question.refuted().to_vec());
        self.questions.insert(key, Question { told: None, ..question });
        Word { told, says, refuted, ..Word::default() }
    }
}

impl DriftFold {
    /// The resources of a record of answers that these are about.
    pub(super) fn answered(&self, record: &Record) -> Result<Vec<(String, Vec<Change>)>, ModelError> {
        let mut changes: BTreeMap<String, Vec<Change>> = BTreeMap::new();
        for row in record.rows::<Confirmation>()? {
            let question = self.scopes.get(&row.scope).and_then(|scope| scope.questions.get(&row.key));
            if question.is_some_and(|question| question.takes(&row)) {
                changes.entry(row.scope).or_default().push(Change::look(row.key));
            }
        }
        Ok(changes.into_iter().collect())
    }

    /// Takes answers; those that nobody waits for say nothing.
    pub(super) fn answer(&mut self, record: &Record) -> Result<(), ModelError> {
        for row in record.rows::<Confirmation>()? {
            let question = self.scopes.get_mut(&row.scope).and_then(|scope| scope.questions.get_mut(&row.key));
            let Some(question) = question.filter(|question| question.takes(&row)) else { continue };
            let mut refuted: Vec<String> = serde_json::from_str(&row.refuted).unwrap_or_default();
            refuted.retain(|path| row.outcome != DryRun::Failed && question.paths.contains(path));
            let outcome = match row.outcome {
                DryRun::Failed => DryRun::Failed,
                _ if question.paths.iter().all(|path| refuted.contains(path)) => DryRun::Refuted,
                _ => DryRun::Confirmed,
            };
            count(outcome, refuted.len());
            question.answer = Some(Answer { outcome, refuted, why: row.message, late: false });
        }
        Ok(())
    }

    /// Gives up on answers that have not come.
    pub(super) fn give_up(&mut self, now: Timestamp) {
        let within = format!("no answer within {} s", self.config.confirm.timeout.as_secs_f64());
        for question in self.scopes.values_mut().flat_map(|scope| scope.questions.values_mut()) {
            if question.is_due(now) {
                count(DryRun::Failed, 0);
                let why = Some(within.clone());
                question.answer = Some(Answer { outcome: DryRun::Failed, refuted: Vec::new(), why, late: true });
            }
        }
    }

    /// When it next gives up on an answer.
    pub(super) fn patience(&self) -> Option<Timestamp> {
        let questions = self.scopes.values().flat_map(|scope| scope.questions.values());
        questions.filter(|question| question.waits()).map(|question| question.until).min()
    }
}

/// The resources whose answers are overdue.
pub(super) fn overdue(scope: &Scope, now: Timestamp) -> impl Iterator<Item = Change> + '_ {
    scope.questions.iter().filter(move |(_, question)| question.is_due(now)).map(|(key, _)| Change::look(*key))
}

fn count(outcome: DryRun, refuted: usize) {
    metrics::counter!("steadfast_drift_confirmations_total", "outcome" => outcome.as_str()).increment(1);
    metrics::counter!("steadfast_drift_refuted_total").increment(refuted as u64);
}
