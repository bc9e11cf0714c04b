//! Doubt: before people are told that fields of an object were modified, its server is asked whether
//! what is declared would change them. The verdict is told at once; its finding waits.
//!
//! An answer counts for what was declared and live when it was asked for, and for nothing else; who
//! wrote it, and how its rollout is, does not matter. What a server refutes is no difference for as long
//! as both are the same; since admission may change, it is asked again from time to time.

mod question;

use std::collections::BTreeMap;

use base::Timestamp;
use fold::Found;
use model::rows::{self, Confirmation, Suspect};
use model::{DryRun, FieldChange, FieldReason, Fingerprint, Key, ModelError, Record, ResourceId, Verdict};
use serde_json::Value;

pub(super) use question::Question;
use question::{Answer, not_confirmed};

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

/// Resources of a scope of which is asked again at once.
const AGAIN: usize = 256;

/// Resources of a scope that are asked about, or whose answer is remembered, at most.
const RESOURCES: usize = 10_000;

/// What people read while an answer is waited for.
const ASKED: &str = "a dry run is asked";

/// What is declared, and the tree of what is live.
pub(super) type Pair = (Fingerprint, Fingerprint);

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
    /// None if nothing of it is at hand.
    pub id: Option<&'a ResourceId>,
    pub key: Key,
    pub pair: Pair,
    pub judgement: &'a Judgement,
    /// The code of the verdict that was told before.
    pub before: u8,
    /// The document that is declared.
    pub declared: Option<&'a str>,
    pub live: Option<&'a Found>,
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
    fn ask(&self, fields: &[rows::Doubt]) -> Result<Suspect, &'static str> {
        let (id, document) = self.id.zip(self.declared).ok_or("what is declared is lost")?;
        let body = kubernetes::read(document).ok_or("it is no object that can be applied")?;
        if body.holds_digest() {
            return Err("it holds secrets, of which only digests are known");
        }
        if fields.len() > FIELDS || fields.iter().map(|field| field.path.len()).sum::<usize>() > PATHS {
            return Err("too many fields differ");
        }
        // Texts and values only: it cannot fail.
        let fields = serde_json::to_string(fields).unwrap_or_default();
        if document.len() + fields.len() > crate::RECORD {
            return Err("it is too large to be asked about");
        }
        Ok(Suspect {
            time: self.now,
            scope: self.scope.to_owned(),
            id: id.clone(),
            key: self.key,
            declared: self.pair.0,
            live: self.pair.1,
            until: self.now.plus(self.config.timeout),
            document: document.to_owned(),
            fields,
        })
    }

    /// The same question about the same fields.
    fn ask_again(&self, paths: &[String]) -> Option<Suspect> {
        let live = self.live.and_then(kubernetes::body)?.tree;
        let doubt = |path: &String| {
            let live = live.pointer(path).cloned().unwrap_or(Value::Null);
            rows::Doubt { path: path.clone(), live }
        };
        let doubts: Vec<rows::Doubt> = paths.iter().map(doubt).collect();
        self.ask(&doubts).ok().filter(|_| self.config.asks(self.scope))
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
            return self.settle(doubt, known, told);
        }
        if let Some(mut question) = known.filter(|known| fields.iter().all(|field| known.paths.contains(&field.path))) {
            if !question.waits() {
                return self.settle(doubt, Some(question), told);
            }
            question.told = Some(told);
            self.questions.insert(doubt.key, question);
            return Word { held: true, told, says: Some(ASKED.to_owned()), ..Word::default() };
        }
        let full = self.questions.len() >= RESOURCES;
        let doubts = fields.iter().map(|field| rows::Doubt { path: field.path.clone(), live: field.live.clone() });
        let doubts: Vec<rows::Doubt> = doubts.collect();
        match doubt.ask(&doubts).and_then(|ask| if full { Err("too many are asked about") } else { Ok(ask) }) {
            Ok(ask) => {
                let paths = doubts.into_iter().map(|doubt| doubt.path).collect();
                let question = Question::new(doubt.pair, paths, held.unwrap_or(ask.until), told);
                self.questions.insert(doubt.key, question);
                Word { held: true, told, says: Some(ASKED.to_owned()), refuted: Vec::new(), ask: Some(ask) }
            }
            Err(why) => {
                metrics::counter!("steadfast_drift_confirmations_total", "outcome" => "unasked").increment(1);
                Word { told, says: Some(not_confirmed(why)), ..Word::default() }
            }
        }
    }

    /// Nothing waits any more; what was answered is remembered, and asked again when it is old.
    fn settle(&mut self, doubt: &Doubt<'_>, known: Option<Question>, told: u8) -> Word {
        let Some(mut question) = known else { return Word { told, ..Word::default() } };
        let (says, refuted) = (question.says(), question.refuted().to_vec());
        let old = question.settle(doubt.now, doubt.config.again);
        let ask = if old { doubt.ask_again(&question.paths) } else { None };
        if ask.is_some() {
            question.asked_again();
        }
        self.questions.insert(doubt.key, question);
        Word { told, says, refuted, ask, ..Word::default() }
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
            let answer = Answer::read(row, &question.paths);
            count(answer.outcome, answer.refuted.len());
            question.answer(answer);
        }
        Ok(())
    }

    /// Gives up on answers that have not come, and doubts those that are old.
    pub(super) fn give_up(&mut self, now: Timestamp) {
        let within = format!("no answer within {} s", self.config.confirm.timeout.as_secs_f64());
        for scope in self.scopes.values_mut() {
            let old = scope.questions.values_mut().filter(|question| question.is_old(now));
            old.take(AGAIN).for_each(|question| question.ages(now, self.config.confirm.again));
        }
        for question in self.scopes.values_mut().flat_map(|scope| scope.questions.values_mut()) {
            if question.is_due(now) {
                count(DryRun::Failed, 0);
                question.answer(Answer::late(&within));
            }
        }
    }

    /// When it next gives up on an answer, or asks again.
    pub(super) fn patience(&self) -> Option<Timestamp> {
        let questions = self.scopes.values().flat_map(|scope| scope.questions.values());
        questions.filter_map(Question::wakes).min()
    }
}

/// The resources whose answers are overdue, or so old that they are to be asked about again.
pub(super) fn overdue(scope: &Scope, now: Timestamp) -> impl Iterator<Item = Change> + '_ {
    let due = scope.questions.iter().filter(move |(_, question)| question.is_due(now));
    let old = scope.questions.iter().filter(move |(_, question)| question.is_old(now)).take(AGAIN);
    due.chain(old).map(|(key, _)| Change::look(*key))
}

fn count(outcome: DryRun, refuted: usize) {
    metrics::counter!("steadfast_drift_confirmations_total", "outcome" => outcome.as_str()).increment(1);
    metrics::counter!("steadfast_drift_refuted_total").increment(refuted as u64);
}
