use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use base::{Rng, Timestamp};
use fold::suite::Input;
use fold::{DocumentRef, Fold, FoldError, Found, Outputs};
use model::rows::{Scope, Summary, Tick};
use model::{Batch, Record, ScopeState, Verdict};

/// How it can be wrong, so that the suite can be shown to notice.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Bug {
    #[default]
    None,
    /// Its checkpoint forgets the deadlines.
    Forgets,
    /// Its restore keeps half of a damaged state.
    KeepsHalf,
    /// It counts how often it was made, as one that reads the outside world does.
    Impure,
}

/// Adds up the resources that scopes report; puts the sum out at once, and again, as `unknown`,
/// when a scope has been silent for ten seconds.
#[derive(Default)]
pub struct Toy {
    bug: Bug,
    salt: i64,
    scopes: BTreeMap<String, (i64, i64)>,
}

impl Toy {
    pub fn new(bug: Bug) -> Self {
        static MADE: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);
        let made = MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self { bug, salt: if bug == Bug::Impure { made } else { 0 }, scopes: BTreeMap::new() }
    }
}

fn sum(record: &Record, scope: &str, verdict: Verdict, count: i64) -> Summary {
    Summary { time: record.time, scope: scope.to_owned(), verdict, count }
}

impl Fold for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn apply(
        &mut self,
        record: &Record,
        _: &HashMap<DocumentRef, Found>,
        outputs: &mut Outputs,
    ) -> Result<(), FoldError> {
        let rows = record.rows::<Scope>();
        let rows = rows.map_err(|source| FoldError::Record { fold: "toy", offset: record.offset, source })?;
        let due: Vec<_> = self
            .scopes
            .iter_mut()
            .filter(|(_, (_, due))| *due <= record.time.nanos())
            .map(|(s, at)| (s.clone(), at))
            .collect();
        for (scope, at) in due {
            outputs.push(&scope, &[sum(record, &scope, Verdict::Unknown, at.0)]).unwrap();
            at.1 = i64::MAX;
        }
        for row in rows {
            let due = record.time.plus(Duration::from_secs(10)).nanos();
            let at = self.scopes.entry(row.scope.clone()).or_default();
            *at = (at.0 + row.resources + self.salt, due);
            outputs.push(&row.scope, &[sum(record, &row.scope, Verdict::InSync, at.0)]).unwrap();
        }
        Ok(())
    }

    fn next_tick(&self) -> Option<Timestamp> {
        self.scopes.values().map(|(_, due)| *due).filter(|due| *due < i64::MAX).min().map(Timestamp::from_nanos)
    }

    fn checkpoint(&self) -> Vec<u8> {
        let mut scopes = self.scopes.clone();
        if self.bug == Bug::Forgets {
            scopes.values_mut().for_each(|at| at.1 = i64::MAX);
        }
        serde_json::to_vec(&("toy 1", scopes)).unwrap()
    }

    fn restore(&mut self, state: &[u8]) -> Result<(), FoldError> {
        self.scopes.clear();
        let read = serde_json::from_slice::<(String, BTreeMap<String, (i64, i64)>)>(state);
        match read {
            Ok((version, scopes)) if version == "toy 1" => {
                self.scopes = scopes;
                Ok(())
            }
            other => {
                if self.bug == Bug::KeepsHalf {
                    self.scopes.insert("half".to_owned(), (1, 1));
                }
                Err(FoldError::Checkpoint { fold: "toy", problem: format!("{other:?}") })
            }
        }
    }
}

pub fn report(scope: &str, resources: i64) -> Batch {
    let row = Scope {
        time: Timestamp::ZERO,
        scope: scope.to_owned(),
        source: "toy".to_owned(),
        state: ScopeState::Ok,
        message: None,
        resources,
        stale_after: Timestamp::ZERO,
        covers: None,
    };
    Batch::of(scope, &[row]).unwrap()
}

pub fn tick(time: Timestamp) -> Batch {
    Batch::of("tick", &[Tick { time }]).unwrap()
}

/// A random history of `count` records.
pub fn history(seed: u64, count: usize) -> Vec<Input> {
    let rng = Rng::seeded(seed);
    let mut time = Timestamp::from_secs(1_000_000);
    (0..count)
        .map(|_| {
            time = time.plus(rng.jitter(Duration::from_secs(5)));
            let scope = format!("host/{}", rng.below(4));
            let batch = if rng.below(3) == 0 { tick(time) } else { report(&scope, rng.below(100) as i64) };
            Input { time, batch }
        })
        .collect()
}
