//! Hosts, commits and time at random, under the suite of folds and against a plain account of what
//! is there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::Rng;
use fold::Fold;
use fold::suite::{self, Case};
use model::{Batch, FieldReason, ResourceId, ScopeState, Verdict};
use serde_json::{Value, json};

use super::world::{SCOPE, World};
use crate::drift::DriftFold;
use crate::drift::compare::{Side, compare};

const SCOPES: [&str; 2] = [SCOPE, "host/web-2"];
const GIT: &str = "git.infra";
const MANAGED: &str = r#"[{"kind":"file","prefix":"etc/conf.d/"}]"#;

type Documents = BTreeMap<ResourceId, Value>;

/// One scope, as it is.
#[derive(Default)]
struct Truth {
    live: Documents,
    declared: Documents,
    /// What commits declared, the newest last.
    commits: Vec<(String, Documents)>,
    managed: bool,
    /// The newest commit has not come.
    backfilled: bool,
    boots: u64,
    /// What is declared and was seen to go.
    went: BTreeSet<ResourceId>,
}

struct Play {
    world: World,
    rng: Rng,
    truth: [Truth; 2],
    /// The scope that is spoken of.
    at: usize,
    commits: u64,
}

impl Play {
    fn new(seed: u64) -> Self {
        let mut play =
            Self { world: World::new(), rng: Rng::seeded(seed), truth: Default::default(), at: 0, commits: 0 };
        for at in 0..SCOPES.len() {
            play.go_to(at);
            play.boot();
            (0..4).for_each(|_| play.change());
            play.world.collector(ScopeState::Ok);
        }
        play
    }

    fn go_to(&mut self, at: usize) {
        (self.at, self.world.scope) = (at, SCOPES[at]);
    }

    fn id(&self) -> ResourceId {
        let host = SCOPES[self.at].trim_start_matches("host/");
        let n = self.rng.below(4);
        let (kind, namespace, name) = match self.rng.below(8) {
            0 | 1 => ("package", "dpkg", format!("p{n}")),
            2 => ("file", "", format!("srv/f{n}")),
            3 | 4 => ("file", "", format!("etc/conf.d/f{n}")),
            _ => ("file", "", format!("etc/f{n}")),
        };
        ResourceId::new("host", host, kind, namespace, &name).unwrap()
    }

    fn document(&self, live: bool) -> Value {
        let mode = if self.rng.below(2) == 0 { "0644" } else { "0600" };
        let mut document = json!({"mode": mode});
        match self.rng.below(8) {
            0 if live => document["unreadable"] = true.into(),
            0 => {}
            n => document["digest"] = format!("blake3:{}", n % 2).into(),
        }
        if live && self.rng.below(4) == 0 {
            document["owner"] = "bob".into();
        }
        document
    }

    fn truth(&mut self) -> &mut Truth {
        &mut self.truth[self.at]
    }

    /// A change on the host: often to what is declared.
    fn change(&mut self) {
        let rows = (0..=self.rng.below(3)).map(|_| {
            let id = self.id();
            let declared = self.truth[self.at].declared.get(&id).cloned();
            let document = match self.rng.below(4) {
                0 => None,
                1 | 2 if declared.is_some() => declared,
                _ => Some(self.document(true)),
            };
            (id, document)
        });
        let rows: Documents = rows.map(|(id, document)| (id, document.unwrap_or_default())).collect();
        let mut made = Vec::new();
        for (id, document) in rows {
            let document = (!document.is_null()).then_some(document);
            made.push(self.world.row(&id, document.clone()));
            let truth = self.truth();
            match document {
                Some(document) => {
                    truth.went.remove(&id);
                    truth.live.insert(id, document);
                }
                None if truth.live.remove(&id).is_some() && truth.declared.contains_key(&id) => {
                    truth.went.insert(id);
                }
                None => {}
            }
        }
        self.world.apply(Batch::of(SCOPES[self.at], &made).unwrap());
    }

    /// A sweep; now and then something is gone of which nothing said so.
    fn sweep(&mut self) {
        if self.rng.below(2) == 0 {
            let gone = self.id();
            self.truth().live.remove(&gone);
        }
        let ids: Vec<ResourceId> = self.truth().live.keys().cloned().collect();
        self.world.sweep(&ids.iter().collect::<Vec<_>>());
        self.world.collector(ScopeState::Ok);
    }

    /// The host starts anew.
    fn boot(&mut self) {
        let host = SCOPES[self.at].trim_start_matches("host/");
        let id = ResourceId::new("host", host, "instance", "", "boot").unwrap();
        self.truth().boots += 1;
        let document = json!({"boot_id": self.truth().boots.to_string()});
        self.world.see(&id, Some(document.clone()));
        self.truth().live.insert(id, document);
    }

    /// A commit: mostly what is there, with changes.
    fn commit(&mut self, backfill: bool) {
        let mut declared = self.truth().declared.clone();
        for _ in 0..=self.rng.below(3) {
            let id = self.id();
            match (self.rng.below(4), self.truth().live.get(&id).cloned()) {
                (0, _) => _ = declared.remove(&id),
                (1 | 2, Some(live)) => _ = declared.insert(id, live),
                _ => _ = declared.insert(id, self.document(false)),
            }
        }
        self.commits += 1;
        self.revise(format!("r{}", self.commits), declared, backfill);
    }

    /// The branch is set back to an earlier commit.
    fn force_push(&mut self) {
        let count = self.truth().commits.len() as u64;
        if count > 0 {
            let (revision, declared) = self.truth[self.at].commits[self.rng.below(count) as usize].clone();
            self.revise(revision, declared, false);
        }
    }

    fn revise(&mut self, revision: String, declared: Documents, backfill: bool) {
        let manifests: Vec<(&ResourceId, Value)> = declared.iter().map(|(id, value)| (id, value.clone())).collect();
        let managed = self.rng.below(2) == 0;
        self.world.revision(GIT, &revision, &manifests, if managed { MANAGED } else { "[]" }, backfill);
        let truth = self.truth();
        if backfill && !truth.commits.is_empty() && !truth.backfilled {
            return;
        }
        truth.backfilled = backfill;
        (truth.managed, truth.declared) = (managed, declared.clone());
        truth.went.retain(|id| declared.contains_key(id));
        truth.commits.push((revision, declared));
    }

    fn step(&mut self) {
        self.go_to(self.rng.below(2) as usize);
        let states = [ScopeState::Ok, ScopeState::Ok, ScopeState::Scanning, ScopeState::Failed, ScopeState::Stale];
        let state = states[self.rng.below(5) as usize];
        match self.rng.below(14) {
            0..=3 => self.change(),
            4 => self.sweep(),
            5 => self.world.collector(state),
            6 => self.world.party(GIT, state, None),
            7 | 8 => self.commit(false),
            9 => self.commit(true),
            10 => self.force_push(),
            11 if self.rng.below(2) == 0 => {
                self.world.broken("broken");
                self.truth().backfilled = false;
            }
            // A source that is ended between the set and its revision.
            11 => self.world.declared_set(GIT, "cut off"),
            12 => self.boot(),
            _ if self.rng.below(4) == 0 => self.world.start_after(self.rng.below(900)),
            _ => self.world.pass(self.rng.below(900)),
        }
        self.world.now = self.world.now.plus(self.rng.jitter(Duration::from_secs(20)));
    }

    /// The newest commits are there, all speak, and every deadline is over.
    fn settle(&mut self) {
        for at in 0..SCOPES.len() {
            self.go_to(at);
            if self.truth().backfilled {
                self.commit(false);
            }
        }
        for minute in 0..20 {
            for at in 0..SCOPES.len() {
                self.go_to(at);
                if minute == 0 {
                    self.sweep();
                }
                self.world.collector(ScopeState::Ok);
                self.world.party(GIT, ScopeState::Ok, None);
            }
            self.world.pass(60);
        }
    }

    /// The verdict that the documents deserve; several where it depends on the past.
    fn expected(&self, truth: &Truth, id: &ResourceId) -> &'static [Verdict] {
        use Verdict::{Behind, InSync, Missing, Modified, MutatedInPlace, Undeclared, Unknown, Unmanaged};
        let covered = id.kind() != "file" || id.name().starts_with("etc/");
        match (truth.declared.get(id), truth.live.get(id)) {
            (None, None) => &[InSync],
            (None, Some(_)) if truth.managed && id.name().starts_with("etc/conf.d/") => &[Unmanaged, Undeclared],
            (None, Some(_)) if id.kind() == "package" => &[InSync, Undeclared, MutatedInPlace, Unknown],
            (None, Some(_)) => &[InSync, Undeclared],
            (Some(_), None) if covered || truth.went.contains(id) => &[Missing],
            (Some(_), None) => &[Unknown],
            (Some(declared), Some(live)) => {
                let side = |document| Side { document, text: None };
                let fields = compare(side(declared), side(live));
                let seen = fields.iter().any(|field| field.reason != FieldReason::Unseen);
                match (seen, fields.is_empty()) {
                    (true, _) => &[Modified, Behind],
                    (false, true) => &[InSync],
                    (false, false) => &[Unknown],
                }
            }
        }
    }
}

#[tokio::test]
async fn passes_the_suite() {
    for seed in 1..3 {
        let mut play = Play::new(seed);
        (0..30).for_each(|_| play.step());
        let make = || vec![Box::new(DriftFold::default()) as Box<dyn Fold>];
        suite::all(&Case { make: &make, inputs: play.world.history, seed }).await.unwrap();
    }
}

/// Whatever came before: in the end the verdicts are those that the documents deserve, and the
/// counts are theirs.
#[test]
fn verdicts_and_counts_are_those_of_what_is_there() {
    for seed in 0..80 {
        let mut play = Play::new(seed);
        (0..80).for_each(|_| play.step());
        play.settle();
        for (scope, truth) in SCOPES.iter().zip(&play.truth) {
            let mut counts = BTreeMap::<Verdict, i64>::new();
            let ids: BTreeSet<&ResourceId> = truth.live.keys().chain(truth.declared.keys()).collect();
            for id in &ids {
                let verdict = play.world.verdict(id).unwrap_or(Verdict::InSync);
                let expected = play.expected(truth, id);
                assert!(expected.contains(&verdict), "seed {seed}: {id} is {verdict} and not one of {expected:?}");
                if verdict != Verdict::InSync || truth.declared.contains_key(*id) {
                    *counts.entry(verdict).or_default() += 1;
                }
            }
            let said = play.world.counts.iter().filter(|((of, _), count)| of == scope && **count != 0);
            let said: BTreeMap<Verdict, i64> = said.map(|((_, verdict), count)| (*verdict, *count)).collect();
            assert_eq!(said, counts, "seed {seed}: {scope}");
            let others = play.world.verdicts.iter().filter(|row| row.scope == *scope && !ids.contains(&row.id));
            for row in others {
                assert_eq!(play.world.verdict(&row.id), Some(Verdict::InSync), "seed {seed}: {} is not there", row.id);
            }
        }
    }
}
