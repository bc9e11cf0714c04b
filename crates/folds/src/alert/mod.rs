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
//! The incident's name is `<cause>#<milliseconds of its opening>`: an incident of a cause that comes
//! back is a new one, and nothing in the configuration changes the name of an open one.

mod checkpoint;
mod config;
mod incident;
mod symptom;
mod tell;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base::{Limit, Timestamp};
use fold::{DocumentRef, Fold, FoldError, Found, Outputs};
use model::rows::Finding;
use model::{AlertState, Key, ModelError, Record, Stream};

pub use self::config::AlertConfig;
use self::incident::Incident;
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
    fn take(&mut self, row: &Finding, touched: &mut BTreeSet<u64>) {
        let known = self.by_finding.get(&row.key).copied();
        match (row.state, known) {
            (AlertState::Firing, _) => self.fire(row, known, touched),
            (AlertState::Resolved, Some(id)) => {
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

    fn fire(&mut self, row: &Finding, known: Option<u64>, touched: &mut BTreeSet<u64>) {
        let home = self.by_cause.get(&row.cause).copied();
        if let Some(old) = known.filter(|old| Some(*old) != home) {
            self.remove(row.key, old);
            touched.insert(old);
            count("moved");
        }
        let new = home.is_none() || known != home;
        if new && !self.has_room(home.is_none()) {
            self.refuse(row.time, touched);
            return;
        }
        let id = self.attach(row, home);
        touched.insert(id);
        count(if new { "attached" } else { "repeated" });
    }

    fn attach(&mut self, row: &Finding, home: Option<u64>) -> u64 {
        let (detail, commit) = symptom::read(row);
        let labels = symptom::labels(row);
        let id = home.unwrap_or(self.next);
        if home.is_none() {
            self.next += 1;
            self.by_cause.insert(row.cause.clone(), id);
        }
        let new = || Incident::new(row.cause.clone(), row.scope.clone(), row.key, labels.clone());
        let incident = self.incidents.entry(id).or_insert_with(new);
        incident.put(row.key, detail, &labels, commit, self.config.kept);
        self.by_finding.insert(row.key, id);
        id
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
            touched.insert(self.attach(&row, home));
        }
    }

    /// There is room again once a tenth of the limits is free.
    fn relax(&mut self, time: Timestamp, touched: &mut BTreeSet<u64>) {
        let below = |len: usize, limit: Limit| len as u64 <= limit.max() - limit.max() / 10;
        if below(self.by_finding.len(), self.findings_limit) && below(self.incidents.len(), self.incidents_limit) {
            self.full = false;
            let row = tell::full(time, &self.config);
            self.take(&Finding { state: AlertState::Resolved, ..row }, touched);
        }
    }

    fn advance(&mut self, record: &Record, outputs: &mut Outputs) -> Result<(), ModelError> {
        let mut touched = BTreeSet::new();
        if record.batch.stream == Stream::Findings {
            for row in &record.rows::<Finding>()? {
                self.take(row, &mut touched);
            }
        }
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
        self.due.first().map(|(at, _)| *at)
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
