//! The verdict on one resource: pure, on what is known of it and its documents.

use std::time::Duration;

use base::Timestamp;
use fold::Found;
use model::rows::Live;
use model::{FieldChange, FieldReason, Fingerprint, Key, Verdict};
use serde_json::Value;

use super::compare::{self, Side};
use super::ignore::Ignore;
use super::kubernetes;
use super::report::Documents;
use super::scope::{Past, Scope};
use super::table::{AGREED, Entry, MANAGED, NOBODY, REPLACE_ONLY};

/// The code of a verdict in a table: 0 stands for none.
pub(super) fn code(verdict: Option<Verdict>) -> u8 {
    let place = |verdict| Verdict::ALL.iter().position(|other| *other == verdict);
    verdict.and_then(place).map_or(0, |n| n as u8 + 1)
}

/// The verdict of a code.
pub(super) fn verdict(code: u8) -> Option<Verdict> {
    usize::from(code).checked_sub(1).and_then(|n| Verdict::ALL.get(n).copied())
}

/// What is said of a resource, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Judgement {
    /// None where there is nothing to say: it is declared nowhere, and may be there.
    pub verdict: Option<Verdict>,
    pub fields: Vec<FieldChange>,
    /// Not worth a record by itself: it is only not known yet.
    pub quiet: bool,
    /// The earlier revision that live agrees with.
    pub commit: Option<String>,
    /// What is live now is what later changes are measured by, until something else is declared.
    pub converged: bool,
    /// Pods are replaced though nothing new is declared: it is no revision's rollout.
    pub again: bool,
    /// Nothing can be said now: what was said stays.
    pub keeps: bool,
}

impl Judgement {
    pub(super) fn of(verdict: Verdict) -> Self {
        Self { verdict: Some(verdict), ..Self::default() }
    }

    /// Whether live is there and is not what is declared, or not yet.
    pub(super) fn differs(&self) -> bool {
        self.verdict.is_some_and(|verdict| verdict.is_drift() || verdict == Verdict::RollingOut)
    }
}

/// Everything that a verdict is made from.
pub(super) struct Case<'a> {
    pub key: Key,
    pub entry: Entry,
    pub scope: &'a Scope,
    pub past: &'a [Past],
    pub documents: &'a Documents<'a>,
    pub ignore: &'a Ignore,
    pub live: Option<&'a Found>,
    pub now: Timestamp,
    pub rollout_deadline: Duration,
    /// Whether what is declared no longer counts as left over.
    pub left_over: bool,
    /// Paths that differ by the server's own doing.
    pub refuted: &'a [String],
}

impl Case<'_> {
    pub(super) fn judge(&self) -> Judgement {
        let meta = self.entry.meta;
        let judgement = match (self.entry.declared != Fingerprint::ABSENT, self.entry.live != Fingerprint::ABSENT) {
            (false, false) => return Judgement::default(),
            (false, true) => self.undeclared(),
            (true, false) => self.absent(),
            (true, true) if self.entry.declared == self.entry.live => Judgement::of(Verdict::InSync),
            (true, true) => self.compared(),
        };
        if judgement.verdict.is_some() && self.scope.backfilled(meta.declarer) {
            return Judgement { quiet: true, ..Judgement::of(Verdict::Unknown) };
        }
        if judgement.verdict.is_some() && (self.scope.down(meta.watcher) || self.scope.down(meta.declarer)) {
            return Judgement::of(Verdict::Unknown);
        }
        judgement
    }

    fn undeclared(&self) -> Judgement {
        let meta = self.entry.meta;
        if self.left_over
            && let Some(past) = self.past.first().filter(|past| past.fingerprint != Fingerprint::ABSENT)
        {
            if self.young() {
                return Judgement { commit: Some(past.revision.clone()), ..Judgement::of(Verdict::RollingOut) };
            }
            let declared = self.declared(past.fingerprint).and_then(shown);
            let mut field =
                compare::change(String::new(), FieldReason::LeftOver, declared.unwrap_or_default(), self.live_tree());
            field.commit = Some(past.revision.clone());
            return Judgement { fields: vec![field], ..Judgement::of(Verdict::Undeclared) };
        }
        let whole = || vec![compare::change(String::new(), FieldReason::Undeclared, Value::Null, self.live_tree())];
        let body = self.live.and_then(kubernetes::body);
        if body.as_ref().is_some_and(|body| body.owned) {
            return Judgement::default();
        }
        if meta.has(MANAGED) {
            return Judgement { fields: whole(), ..Judgement::of(Verdict::Unmanaged) };
        }
        let complete = self.scope.parties.get(usize::from(meta.watcher)).is_some_and(|party| party.complete);
        let changed = complete && self.entry.live != self.entry.baseline;
        if meta.has(REPLACE_ONLY) && (changed || body.is_some_and(|body| kubernetes::is_ambiguous(&body))) {
            if let Some(why) = compare::gap(&self.live_tree()) {
                return unseen(Value::Null, why);
            }
            return Judgement { fields: whole(), ..Judgement::of(Verdict::MutatedInPlace) };
        }
        Judgement::default()
    }

    fn absent(&self) -> Judgement {
        if self.entry.meta.watcher == NOBODY {
            if self.scope.is_looked_at() {
                return Judgement { quiet: true, ..Judgement::of(Verdict::Unknown) };
            }
            let declared = self.declared(self.entry.declared).and_then(shown).unwrap_or_default();
            return unseen(declared, self.scope.unwatched(self.documents.id(self.key).as_ref()));
        }
        let watcher = self.scope.parties.get(usize::from(self.entry.meta.watcher));
        if watcher.is_none_or(|party| !party.complete) {
            return Judgement { quiet: true, ..Judgement::of(Verdict::Unknown) };
        }
        if self.past.first().is_some_and(|past| past.fingerprint == Fingerprint::ABSENT) && self.young() {
            return Judgement::of(Verdict::RollingOut);
        }
        let declared = self.declared(self.entry.declared).and_then(shown).unwrap_or_default();
        let field = compare::change(String::new(), FieldReason::Absent, declared, Value::Null);
        Judgement { fields: vec![field], ..Judgement::of(Verdict::Missing) }
    }

    fn compared(&self) -> Judgement {
        if let Some(live) = self.live.and_then(kubernetes::body) {
            return kubernetes::compared(self, &live).unwrap_or_else(|| Judgement::of(Verdict::Unknown));
        }
        let Some(Differences { mut fields, unseen }) = self.against(self.entry.declared) else {
            return Judgement::of(Verdict::Unknown);
        };
        if fields.is_empty() {
            let verdict = if unseen.is_empty() { Verdict::InSync } else { Verdict::Unknown };
            return Judgement { fields: unseen, ..Judgement::of(verdict) };
        }
        let declared = self.past.iter().filter(|past| past.fingerprint != Fingerprint::ABSENT);
        let earlier: Vec<(&Past, Vec<FieldChange>)> = declared
            .filter_map(|past| self.against(past.fingerprint).map(|differences| (past, differences.fields)))
            .collect();
        let whole = earlier.iter().find(|(_, differs)| differs.is_empty()).map(|(past, _)| *past);
        for field in &mut fields {
            let agrees =
                |(_, differs): &&(&Past, Vec<FieldChange>)| differs.iter().all(|other| other.path != field.path);
            if let Some(past) = whole.or_else(|| earlier.iter().find(agrees).map(|(past, _)| *past)) {
                behind(field, past);
            }
        }
        let all_behind = fields.iter().all(|field| field.reason == FieldReason::Behind);
        let verdict = match (all_behind, self.young()) {
            (true, true) => Verdict::RollingOut,
            (true, false) => Verdict::Behind,
            (false, _) => Verdict::Modified,
        };
        fields.extend(unseen);
        Judgement { fields, commit: whole.map(|past| past.revision.clone()), ..Judgement::of(verdict) }
    }

    /// Where live differs from a declared version; nothing if a document is lost.
    fn against(&self, version: Fingerprint) -> Option<Differences> {
        let (declared, live) = (self.declared(version)?, self.live?);
        let (declared_tree, live_tree) = (tree(declared)?, tree(live)?);
        let fields = compare::compare(
            Side { document: &declared_tree, text: declared.text.as_deref() },
            Side { document: &live_tree, text: live.text.as_deref() },
        );
        let mut fields = fields;
        self.ignore(&live_tree, &mut fields);
        let (unseen, fields) = fields.into_iter().partition(|field| field.reason == FieldReason::Unseen);
        Some(Differences { fields, unseen })
    }

    /// Leaves out what users say is no drift.
    pub(super) fn ignore(&self, live: &Value, fields: &mut Vec<FieldChange>) {
        self.ignore.apply(self.documents.id(self.key).as_ref(), live, fields);
    }

    pub(super) fn declared(&self, fingerprint: Fingerprint) -> Option<&Found> {
        self.documents.declared(self.key, fingerprint)
    }

    fn live_tree(&self) -> Value {
        self.live.and_then(shown).unwrap_or_default()
    }

    /// Whether the version that is declared now is younger than the deadline, and was not live yet: what was
    /// put back since then is no rollout.
    pub(super) fn young(&self) -> bool {
        !self.entry.meta.has(AGREED)
            && self.past.first().is_some_and(|past| self.now < past.replaced.plus(self.rollout_deadline))
    }
}

/// A comparison.
struct Differences {
    /// Fields that differ.
    fields: Vec<FieldChange>,
    /// Fields of which nobody knows.
    unseen: Vec<FieldChange>,
}

/// Nothing of the resource was seen.
pub(super) fn unseen(declared: Value, why: String) -> Judgement {
    let field = compare::change(String::new(), FieldReason::Unseen, declared, why.into());
    Judgement { fields: vec![field], ..Judgement::of(Verdict::Unknown) }
}

fn behind(field: &mut FieldChange, past: &Past) {
    field.reason = FieldReason::Behind;
    field.commit = Some(past.revision.clone());
}

/// Whether the row's collector did not see all of the resource.
pub(super) fn has_gap(row: &Live) -> bool {
    let document = row.document.as_deref().and_then(|json| serde_json::from_str(json).ok());
    document.is_some_and(|document| compare::gap(&document).is_some())
}

pub(super) fn tree(found: &Found) -> Option<Value> {
    found.document.as_deref().and_then(|json| serde_json::from_str(json).ok())
}

/// The tree without what is kept beside it for a comparison.
fn shown(found: &Found) -> Option<Value> {
    kubernetes::body(found).map(|body| body.tree).or_else(|| tree(found))
}
