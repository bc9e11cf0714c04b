//! The alert fold: findings become incidents, one for each cause.
//!
//! An incident opens with the first firing finding of its cause, takes in those that follow, and is
//! over when each of them was resolved by a finding that says so: what is missing or unknown
//! resolves nothing. What is told of it is an alert, with the reason:
//!
//! | reason | when |
//! |---|---|
//! | `opened` | the first finding of the cause fires, or `group_wait` after it |
//! | `widened` | its severity rises, or its findings have become `widen_factor` times as many |
//! | `updated` | anything else changed, at most once in `update_interval` |
//! | `resolved` | its last finding is resolved, or belongs to another cause now |
//!
//! While a revision rolls out, what begins to go wrong where it does belongs to the rollout's incident, see `rollout`.
//!
//! The incident's name is `<cause>#<milliseconds of its opening>`: an incident of a cause that comes
//! back is a new one, and nothing in the configuration changes the name of an open one.

mod checkpoint;
mod config;
mod incident;
mod rollout;
mod symptom;
mod tell;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base::{Limit, Timestamp};
use fold::{DocumentRef, Fold, FoldError, Found, Outputs};
use model::rows::{Finding, Revision, VerdictRow};
use model::{AlertState, Key, ModelError, Record, Stream};

pub use self::config::AlertConfig;
use self::incident::Incident;
use self::rollout::{Member, Parent, Rollouts};
pub use self::tell::Evidence;

const NAME: &str = "alert";

/// See the module.
#[derive(Debug)]
pub struct AlertFold {
    config: AlertConfig,
    incidents_limit: Limit,
    findings_limit: Limit,
    /// Open or gathering, by a number that is given once.
    incidents: BTreeMap<u64, Incident>,
    next: u64,
    by_cause: BTreeMap<String, u64>,
    by_finding: BTreeMap<Key, u64>,
    due: BTreeSet<(Timestamp, u64)>,
    /// The last opening of causes that opened in the newest millisecond, so that no two incidents
    /// have one name.
    opened: BTreeMap<String, i64>,
    rollouts: Rollouts,
    /// Findings were refused because there are too many.
    full: bool,
}

impl AlertFold {
    /// Knows nothing at first.
    pub fn new(config: AlertConfig) -> Self {
        Self {
            incidents_limit: Limit::new("alert.incidents", config.max_incidents),
            findings_limit: Limit::new("alert.findings", config.max_findings),
            config,
            incidents: BTreeMap::new(),
            next: 0,
            by_cause: BTreeMap::new(),
            by_finding: BTreeMap::new(),
            due: BTreeSet::new(),
            opened: BTreeMap::new(),
            rollouts: Rollouts::default(),
            full: false,
        }
    }

    /// How many incidents are open or gathering.
    pub fn incidents(&self) -> usize {
        self.incidents.len()
    }

    /// How many findings are open.
    pub fn findings(&self) -> usize {
        self.by_finding.len()
    }

    /// Takes one finding in; gives the incidents that it touches.
    fn take(&mut self, row: &Finding, now: Timestamp, touched: &mut BTreeSet<u64>) {
        let known = self.by_finding.get(&row.key).copied();
        match (row.state, known) {
            (AlertState::Firing, _) => self.fire(row, known, now, touched),
            (AlertState::Resolved, Some(id)) => {
                self.rollouts.leave(&row.scope, row.key);
                self.remove(row.key, id);
                touched.insert(id);
                count("cleared");
            }
            (AlertState::Unknown, Some(id)) => {
                if let Some(incident) = self.incidents.get_mut(&id) {
                    incident.doubt(row.key);
                    touched.insert(id);
                }
                count("kept_unknown");
            }
            (AlertState::Resolved | AlertState::Unknown, None) => count("ignored_not_open"),
            (AlertState::Pending, _) => count("ignored_pending"),
        }
    }

    fn fire(&mut self, row: &Finding, known: Option<u64>, now: Timestamp, touched: &mut BTreeSet<u64>) {
        let placed = known.is_some() || self.by_cause.contains_key(&row.cause);
        // What a rollout's alert, or its canary, is about is its incident's cause already.
        let placed = placed && !matches!(row.kind.as_str(), "alert" | "canary");
        let parent = self.rollouts.adopt(row, placed, now, self.config.rollout_window);
        let member = Member::of(row);
        self.place(row.key, member, parent, known, now, touched);
    }

    /// Puts a finding into the incident of its rollout, or of its cause.
    fn place(
        &mut self,
        key: Key,
        member: Member,
        parent: Option<Parent>,
        known: Option<u64>,
        now: Timestamp,
        touched: &mut BTreeSet<u64>,
    ) {
        let cause = parent.as_ref().map_or(&member.cause, |parent| &parent.cause).clone();
        let home = self.by_cause.get(&cause).copied();
        if let Some(old) = known.filter(|old| Some(*old) != home) {
            self.remove(key, old);
            touched.insert(old);
            count("moved");
        }
        let new = home.is_none() || known != home;
        if new && !self.has_room(home.is_none()) {
            self.rollouts.leave(&member.scope, key);
            self.refuse(now, touched);
            return;
        }
        let joined = parent.is_some();
        let id = self.attach(key, cause, member, parent, home);
        touched.insert(id);
        count(match (new, joined) {
            (true, true) => "joined_rollout",
            (true, false) => "attached",
            (false, _) => "repeated",
        });
    }

    fn attach(&mut self, key: Key, cause: String, member: Member, parent: Option<Parent>, home: Option<u64>) -> u64 {
        let id = home.unwrap_or(self.next);
        if home.is_none() {
            self.next += 1;
            self.by_cause.insert(cause.clone(), id);
        }
        let Member { scope, detail, labels, commit, .. } = member;
        let incident = self.incidents.entry(id).or_insert_with(|| Incident::new(cause, scope, key, labels.clone()));
        let commit = match parent {
            Some(parent) => {
                incident.rollout = Some(parent.title);
                Some(parent.commit)
            }
            None => commit,
        };
        incident.put(key, detail, &labels, commit, self.config.kept);
        self.by_finding.insert(key, id);
        id
    }

    /// Symptoms of rollouts whose window is over go where they had gone without it.
    fn end_rollouts(
        &mut self,
        record: &Record,
        touched: &mut BTreeSet<u64>,
        outputs: &mut Outputs,
    ) -> Result<(), ModelError> {
        let (left, rows) = self.rollouts.end(record.time, self.config.rollout_window);
        for (key, member) in left {
            let known = self.by_finding.get(&key).copied();
            // Who posted an alert takes it back, and tells of it.
            if known.is_some() && !member.posted {
                self.place(key, member, None, known, record.time, touched);
            }
        }
        outputs.push(Rollouts::to(), &rows)
    }

    /// Takes what rolls out.
    fn roll(&mut self, record: &Record) -> Result<(), ModelError> {
        if self.config.rollout_window.is_zero() {
            return Ok(());
        }
        match record.batch.stream {
            Stream::Revisions => record.rows::<Revision>()?.iter().for_each(|row| self.rollouts.revise(row)),
            Stream::Verdicts => {
                record.rows::<VerdictRow>()?.iter().for_each(|row| self.rollouts.judge(row, record.time));
            }
            _ => {}
        }
        Ok(())
    }

    fn remove(&mut self, key: Key, id: u64) {
        self.by_finding.remove(&key);
        if let Some(incident) = self.incidents.get_mut(&id) {
            incident.remove(key);
        }
    }

    fn has_room(&self, opens: bool) -> bool {
        let findings = self.findings_limit.check(self.by_finding.len() as u64 + 1).is_ok();
        findings && (!opens || self.incidents_limit.check(self.incidents.len() as u64 + 1).is_ok())
    }

    /// There are too many: one incident says so, beyond the limits.
    fn refuse(&mut self, time: Timestamp, touched: &mut BTreeSet<u64>) {
        count("refused_limit");
        if !self.full {
            self.full = true;
            let row = tell::full(time, &self.config);
            let home = self.by_cause.get(&row.cause).copied();
            touched.insert(self.attach(row.key, row.cause.clone(), Member::of(&row), None, home));
        }
    }

    /// There is room again once a tenth of the limits is free.
    fn relax(&mut self, time: Timestamp, touched: &mut BTreeSet<u64>) {
        let below = |len: usize, limit: Limit| len as u64 <= limit.max() - limit.max() / 10;
        if below(self.by_finding.len(), self.findings_limit) && below(self.incidents.len(), self.incidents_limit) {
            self.full = false;
            let row = tell::full(time, &self.config);
            self.take(&Finding { state: AlertState::Resolved, ..row }, time, touched);
        }
    }

    fn advance(&mut self, record: &Record, outputs: &mut Outputs) -> Result<(), ModelError> {
        let mut touched = BTreeSet::new();
        // A window is over by its time, whatever comes with the first record after it.
        self.end_rollouts(record, &mut touched, outputs)?;
        self.roll(record)?;
        if record.batch.stream == Stream::Findings {
            for row in &record.rows::<Finding>()? {
                self.take(row, record.time, &mut touched);
            }
        }
        outputs.push(Rollouts::to(), &self.rollouts.news(record.time))?;
        touched.extend(self.due.range(..=(record.time, u64::MAX)).map(|(_, id)| *id));
        self.tell(record, &touched, outputs)?;
        if self.full {
            touched.clear();
            self.relax(record.time, &mut touched);
            self.tell(record, &touched, outputs)?;
        }
        Ok(())
    }
}

impl Fold for AlertFold {
    fn name(&self) -> &'static str {
        NAME
    }

    fn apply(
        &mut self,
        record: &Record,
        _found: &HashMap<DocumentRef, Found>,
        outputs: &mut Outputs,
    ) -> Result<(), FoldError> {
        self.advance(record, outputs).map_err(|source| FoldError::Record { fold: NAME, offset: record.offset, source })
    }

    fn next_tick(&self) -> Option<Timestamp> {
        let due = self.due.first().map(|(at, _)| *at);
        due.into_iter().chain(self.rollouts.next(self.config.rollout_window)).min()
    }

    fn checkpoint(&self) -> Vec<u8> {
        self.save()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), FoldError> {
        let restored = self.load(state);
        if restored.is_err() {
            *self = Self::new(self.config.clone());
        }
        restored.map_err(|problem| FoldError::Checkpoint { fold: NAME, problem })
    }
}

/// Why a finding did what it did.
fn count(decision: &'static str) {
    metrics::counter!("steadfast_alert_findings_total", "decision" => decision).increment(1);
}
