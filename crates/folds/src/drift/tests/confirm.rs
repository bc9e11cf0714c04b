//! What waits for a server's word before people are told.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{DigestKey, Rng};
use fold::Fold;
use fold::suite::{self, Case};
use kubernetes::schema::Schema;
use kubernetes::{Body, Canonical, Controllers};
use model::rows::{Confirmation, Finding, Suspect};
use model::{AlertState, Batch, DryRun, ResourceId, ScopeState, Verdict};
use serde_json::{Value, json};

use super::world::World;
use crate::drift::{ConfirmConfig, DriftConfig, DriftFold};

const SCOPE: &str = "k8s/prod";
const COVERS: &str = r#"[{"kind":"ConfigMap","prefix":""},{"kind":"Secret","prefix":""}]"#;

fn id(kind: &str, name: &str) -> ResourceId {
    ResourceId::new("k8s", "prod", kind, "shop", name).unwrap()
}

/// The document of an object with that data.
fn object(id: &ResourceId, data: Value) -> Value {
    let key = DigestKey::from_bytes([1; 32]);
    let metadata = json!({"name": id.name(), "namespace": "shop"});
    let object = json!({"apiVersion": "v1", "kind": id.kind(), "metadata": metadata, "data": data});
    let canonical = Canonical { schema: Schema::builtin(), key: &key };
    Body::read(object, &canonical, &Controllers::new(&[])).into_document().tree().clone()
}

fn fold() -> DriftFold {
    folding(ConfirmConfig::default())
}

/// Asks again after less time than it takes to lose count.
fn impatient() -> DriftFold {
    folding(ConfirmConfig { again: Duration::from_secs(20), ..ConfirmConfig::default() })
}

fn folding(confirm: ConfirmConfig) -> DriftFold {
    let confirm = ConfirmConfig { scopes: [SCOPE.to_owned()].into(), ..confirm };
    DriftFold::new(DriftConfig { confirm, ..DriftConfig::default() }).unwrap()
}

/// A cluster whose objects are as they are declared.
fn settled(manifests: &[(&ResourceId, Value)]) -> World {
    let mut world = World::new();
    (world.fold, world.scope) = (fold(), SCOPE);
    let of = |data: &Value, id| object(id, data.clone());
    let declared: Vec<(&ResourceId, Value)> = manifests.iter().map(|(id, data)| (*id, of(data, id))).collect();
    for (id, document) in &declared {
        world.see(id, Some(document.clone()));
    }
    world.party("host.files", ScopeState::Ok, Some(COVERS));
    world.commit("r1", &declared);
    world
}

impl World {
    fn edit(&mut self, id: &ResourceId, data: Value) {
        let document = object(id, data);
        self.see(id, Some(document));
    }

    fn reply(&mut self, suspect: &Suspect, outcome: DryRun, refuted: &[&str]) {
        let row = Confirmation {
            time: self.now,
            scope: suspect.scope.clone(),
            id: suspect.id.clone(),
            key: suspect.key,
            declared: suspect.declared,
            live: suspect.live,
            outcome,
            refuted: json!(refuted).to_string(),
            message: (outcome == DryRun::Failed).then(|| "422: the field is immutable".to_owned()),
            took_ms: 3,
        };
        self.apply(Batch::of(SCOPE, &[row]).unwrap());
    }

    fn asked(&self) -> Suspect {
        self.suspects.last().unwrap().clone()
    }

    fn last(&self) -> &Finding {
        self.findings.last().unwrap()
    }

    /// Everything that the process knew is what its checkpoint says.
    fn restart(&mut self) {
        let state = self.fold.checkpoint();
        self.fold = fold();
        self.fold.restore(&state).unwrap();
    }
}

fn evidence(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_verdict_is_told_at_once_and_its_finding_once_it_is_confirmed() {
    let settings = id("ConfigMap", "settings");
    let mut world = settled(&[(&settings, json!({"mode": "on", "size": "1"}))]);
    world.edit(&settings, json!({"mode": "off"}));
    assert_eq!(world.verdict(&settings), Some(Verdict::Modified));
    assert_eq!((world.findings.len(), world.suspects.len()), (0, 1));
    let asked = world.asked();
    let fields: Value = serde_json::from_str(&asked.fields).unwrap();
    assert_eq!(fields, json!([{"path": "/data/mode", "live": "off"}, {"path": "/data/size", "live": null}]));
    assert_eq!(asked.until, world.now.plus(Duration::from_secs(5)));
    assert_eq!(evidence(&asked.document)["data"]["mode"], "on", "what is declared goes with the question");

    world.reply(&asked, DryRun::Confirmed, &["/data/size"]);
    assert_eq!((world.verdict(&settings), world.last().state), (Some(Verdict::Modified), AlertState::Firing));
    let said = evidence(&world.last().evidence);
    assert_eq!((&said["confirm"], &said["refuted"]), (&json!("confirmed by dry run"), &json!(["/data/size"])));
    assert_eq!(world.fields().len(), 1, "only what is confirmed differs");

    world.reply(&asked, DryRun::Refuted, &["/data/mode"]);
    assert_eq!(world.findings.len(), 1, "a second answer says nothing");
    world.edit(&settings, json!({"mode": "on", "size": "1"}));
    assert_eq!((world.verdict(&settings), world.last().state), (Some(Verdict::InSync), AlertState::Resolved));
}

#[test]
fn what_is_refuted_is_no_drift_and_is_not_asked_again() {
    let settings = id("ConfigMap", "settings");
    let mut world = settled(&[(&settings, json!({"mode": "on"}))]);
    world.edit(&settings, json!({"mode": "ON"}));
    assert_eq!(world.count(Verdict::Modified), 1);
    world.reply(&world.asked(), DryRun::Refuted, &["/data/mode"]);
    assert_eq!((world.verdict(&settings), world.count(Verdict::InSync)), (Some(Verdict::InSync), 1));
    let said = evidence(&world.verdicts.last().unwrap().evidence);
    assert_eq!((&said["confirm"], &said["refuted"]), (&json!("refuted by dry run"), &json!(["/data/mode"])));

    // Judged anew, also after a restart: the server has said it.
    world.restart();
    world.party("host.files", ScopeState::Failed, None);
    world.pass(100);
    world.party("host.files", ScopeState::Ok, None);
    world.pass(60);
    assert_eq!((world.verdict(&settings), world.suspects.len()), (Some(Verdict::InSync), 1));
    assert!(world.finding(&format!("drift/{settings}")).is_none_or(|state| state != AlertState::Firing));

    // Other documents are another question; the same field may differ by hand now.
    world.edit(&settings, json!({"mode": "hers"}));
    assert_eq!(world.suspects.len(), 2);
    world.reply(&world.asked(), DryRun::Confirmed, &[]);
    assert_eq!(world.last().state, AlertState::Firing);
    world.edit(&settings, json!({"mode": "Hers"}));
    let other = world.asked();
    assert_eq!(world.last().state, AlertState::Firing, "people keep what they were told");
    world.reply(&other, DryRun::Refuted, &["/data/mode"]);
    assert_eq!(world.last().state, AlertState::Resolved);
}

#[test]
fn a_page_that_is_held_back_is_never_lost() {
    let settings = id("ConfigMap", "settings");
    for restart in [false, true] {
        let mut world = settled(&[(&settings, json!({"mode": "on"}))]);
        world.edit(&settings, json!({"mode": "off"}));
        if restart {
            world.restart();
        }
        world.pass(4);
        assert_eq!(world.findings, []);
        world.pass(1);
        assert_eq!(world.last().state, AlertState::Firing);
        assert_eq!(evidence(&world.last().evidence)["confirm"], "not confirmed by dry run: no answer within 5 s");

        // An answer that is late counts all the same.
        world.reply(&world.asked(), DryRun::Refuted, &["/data/mode"]);
        assert_eq!((world.verdict(&settings), world.last().state), (Some(Verdict::InSync), AlertState::Resolved));
    }
}

#[test]
fn who_goes_on_changing_an_object_does_not_put_off_its_page() {
    let settings = id("ConfigMap", "settings");
    let mut world = settled(&[(&settings, json!({"mode": "on"}))]);
    for n in 0..3 {
        assert_eq!(world.findings, [], "after {n} edits");
        world.edit(&settings, json!({"mode": n.to_string()}));
        world.pass(2);
    }
    assert_eq!(world.last().state, AlertState::Firing, "five seconds after the first edit");
    let asked = world.asked();
    assert_eq!(asked.until, world.now.plus(Duration::from_secs(3)), "and the server has its time");
    world.reply(&asked, DryRun::Refuted, &["/data/mode"]);
    assert_eq!(world.last().state, AlertState::Resolved);
}

#[test]
fn another_writer_of_the_same_values_is_no_other_question() {
    let settings = id("ConfigMap", "settings");
    let mut world = settled(&[(&settings, json!({"mode": "on"}))]);
    let by = |second: u32| {
        let mut document = object(&settings, json!({"mode": "ON"}));
        document["$waiting"] = format!("{second} pods are old").into();
        document
    };
    world.see(&settings, Some(by(1)));
    world.see(&settings, Some(by(2)));
    assert_eq!((world.suspects.len(), world.findings.len()), (1, 0));
    world.reply(&world.asked(), DryRun::Refuted, &["/data/mode"]);
    world.see(&settings, Some(by(3)));
    assert_eq!((world.suspects.len(), world.verdict(&settings)), (1, Some(Verdict::RollingOut)));
    world.see(&settings, Some(object(&settings, json!({"mode": "ON"}))));
    assert_eq!((world.suspects.len(), world.verdict(&settings)), (1, Some(Verdict::InSync)));
    assert_eq!(world.findings, []);
}

#[test]
fn a_page_is_not_lost_while_nothing_is_seen() {
    let settings = id("ConfigMap", "settings");
    let mut world = settled(&[(&settings, json!({"mode": "on"}))]);
    world.pass(88);
    world.edit(&settings, json!({"mode": "off"}));
    world.pass(3);
    assert_eq!(world.verdict(&settings), Some(Verdict::Unknown), "its collector is silent");
    world.pass(10);
    world.party("host.files", ScopeState::Ok, None);
    assert_eq!(world.verdict(&settings), Some(Verdict::Modified));
    assert_eq!(world.finding(&format!("drift/{settings}")), Some(AlertState::Firing));
}

#[test]
fn who_cannot_be_asked_does_not_keep_a_page_back() {
    let (token, settings) = (id("Secret", "token"), id("ConfigMap", "settings"));
    let mut world = settled(&[(&token, json!({"a": "YQ=="})), (&settings, json!({"mode": "on"}))]);
    world.edit(&token, json!({"a": "Yg=="}));
    assert_eq!((world.suspects.len(), world.last().state), (0, AlertState::Firing));
    assert!(world.last().evidence.contains("not confirmed by dry run: it holds secrets"), "{}", world.last().evidence);
    world.edit(&settings, json!({"mode": "off"}));
    world.reply(&world.asked(), DryRun::Failed, &["/data/mode"]);
    assert_eq!((world.findings.len(), world.last().state), (2, AlertState::Firing));
    assert!(world.last().evidence.contains("not confirmed by dry run: 422: the field is immutable"));

    let many: Value = (0..65).map(|n| (format!("key-{n}"), json!("a"))).collect::<serde_json::Map<_, _>>().into();
    let mut world = settled(&[(&settings, many)]);
    world.edit(&settings, json!({"other": "b"}));
    assert_eq!((world.suspects.len(), world.last().state), (0, AlertState::Firing));
    assert!(world.last().evidence.contains("too many fields differ"));
}

#[test]
fn only_what_was_modified_is_asked_about_and_only_where_it_is_wanted() {
    let settings = id("ConfigMap", "settings");
    let mut world = settled(&[(&settings, json!({"mode": "on"}))]);
    world.see(&settings, None);
    assert_eq!((world.verdict(&settings), world.last().state), (Some(Verdict::Missing), AlertState::Firing));
    assert_eq!(world.suspects, []);

    let mut world = settled(&[(&settings, json!({"mode": "on"}))]);
    world.fold = DriftFold::default();
    for input in std::mem::take(&mut world.history) {
        world.apply(input.batch);
    }
    world.edit(&settings, json!({"mode": "off"}));
    assert_eq!((world.suspects.len(), world.last().state), (0, AlertState::Firing));
    assert!(!world.last().evidence.contains("confirm"));
}

#[test]
fn answers_about_other_documents_say_nothing() {
    let settings = id("ConfigMap", "settings");
    let mut world = settled(&[(&settings, json!({"mode": "on"}))]);
    world.edit(&settings, json!({"mode": "off"}));
    let first = world.asked();
    world.edit(&settings, json!({"mode": "of"}));
    world.reply(&first, DryRun::Refuted, &["/data/mode"]);
    assert_eq!((world.verdict(&settings), world.findings.len()), (Some(Verdict::Modified), 0));
    let other = Suspect { declared: first.live, ..world.asked() };
    world.reply(&other, DryRun::Refuted, &["/data/mode"]);
    world.reply(&world.asked(), DryRun::Refuted, &["/data/other"]);
    assert_eq!(world.last().state, AlertState::Firing, "a field that nobody asked about is no answer");
}

#[test]
fn an_edit_that_is_undone_before_the_answer_tells_nobody() {
    let settings = id("ConfigMap", "settings");
    let mut world = settled(&[(&settings, json!({"mode": "on"}))]);
    world.edit(&settings, json!({"mode": "off"}));
    let asked = world.asked();
    world.edit(&settings, json!({"mode": "on"}));
    assert_eq!(world.verdict(&settings), Some(Verdict::InSync));
    world.reply(&asked, DryRun::Confirmed, &[]);
    world.pass(60);
    assert_eq!((world.verdict(&settings), world.findings.len()), (Some(Verdict::InSync), 0));
}

#[test]
fn a_rollout_is_seen_through_what_admission_rewrites() {
    let settings = id("ConfigMap", "settings");
    let mut world = settled(&[(&settings, json!({"mode": "on", "image": "1"}))]);
    world.edit(&settings, json!({"mode": "ON", "image": "1"}));
    world.reply(&world.asked(), DryRun::Refuted, &["/data/mode"]);
    world.commit("r2", &[(&settings, object(&settings, json!({"mode": "on", "image": "2"})))]);
    world.reply(&world.asked(), DryRun::Confirmed, &["/data/mode"]);
    assert_eq!(world.verdict(&settings), Some(Verdict::RollingOut));
    assert_eq!(world.findings, [], "the old version still runs, as admission has made it");
    assert_eq!(world.verdicts.last().unwrap().revision.as_deref(), Some("r1"));
}

#[test]
fn what_was_refuted_is_asked_again_from_time_to_time() {
    let settings = id("ConfigMap", "settings");
    let mut world = settled(&[(&settings, json!({"mode": "on"}))]);
    world.edit(&settings, json!({"mode": "ON"}));
    world.reply(&world.asked(), DryRun::Refuted, &["/data/mode"]);
    let hour = |world: &mut World| {
        for _ in 0..60 {
            world.pass(60);
            world.party("host.files", ScopeState::Ok, None);
        }
    };
    (0..5).for_each(|_| hour(&mut world));
    assert_eq!(world.suspects.len(), 1);
    hour(&mut world);
    assert_eq!(world.suspects.len(), 2, "after six hours");
    assert_eq!(world.suspects[1].fields, world.suspects[0].fields);
    world.reply(&world.asked(), DryRun::Failed, &[]);
    assert_eq!((world.verdict(&settings), world.findings.len()), (Some(Verdict::InSync), 0), "nobody knows better");
    world.reply(&world.asked(), DryRun::Confirmed, &[]);
    assert_eq!(world.verdict(&settings), Some(Verdict::InSync), "it was answered");

    // The policy is gone: what is declared would change it now.
    world.restart();
    (0..6).for_each(|_| hour(&mut world));
    assert_eq!(world.suspects.len(), 3);
    world.reply(&world.asked(), DryRun::Confirmed, &[]);
    assert_eq!((world.verdict(&settings), world.last().state), (Some(Verdict::Modified), AlertState::Firing));
}

/// People, a repository, a server that rewrites values, and answers that come in any order, twice or
/// never.
struct Play {
    world: World,
    rng: Rng,
    commits: u64,
    declared: BTreeMap<ResourceId, Value>,
    live: BTreeMap<ResourceId, Value>,
}

impl Play {
    fn new(seed: u64) -> Self {
        let ids = [id("ConfigMap", "a"), id("ConfigMap", "b"), id("Secret", "c")];
        let start: Vec<(&ResourceId, Value)> = ids.iter().map(|id| (id, json!({"x": "b24="}))).collect();
        let mut world = settled(&start);
        let state = world.fold.checkpoint();
        world.fold = impatient();
        world.fold.restore(&state).unwrap();
        let live: BTreeMap<_, _> = start.iter().map(|(id, data)| ((*id).clone(), data.clone())).collect();
        Self { world, rng: Rng::seeded(seed), commits: 1, declared: live.clone(), live }
    }

    fn id(&self) -> ResourceId {
        self.live.keys().nth(self.rng.below(3) as usize).unwrap().clone()
    }

    /// `b24=` is `on`, which the server writes `T04=`; by hand it may be anything.
    fn data(&self) -> Value {
        let value = || ["b24=", "T04=", "b2Zm"][self.rng.below(3) as usize];
        if self.rng.below(3) == 0 { json!({"x": value(), "y": value()}) } else { json!({"x": value()}) }
    }

    fn edit(&mut self) {
        let (id, data) = (self.id(), self.data());
        self.world.edit(&id, data.clone());
        self.live.insert(id, data);
    }

    fn commit(&mut self) {
        self.commits += 1;
        let (id, data) = (self.id(), self.data());
        self.declared.insert(id, data);
        let manifests: Vec<_> = self.declared.iter().map(|(id, data)| (id, object(id, data.clone()))).collect();
        self.world.commit(&format!("r{}", self.commits), &manifests);
    }

    /// What the server says: `on` would be `ON`.
    fn reply(&mut self, suspect: &Suspect) {
        let fields: Vec<Value> = serde_json::from_str(&suspect.fields).unwrap();
        let paths: Vec<&str> = fields.iter().filter_map(|field| field["path"].as_str()).collect();
        let document = evidence(&suspect.document);
        let rewritten = |path: &&&str| document.pointer(path) == Some(&json!("b24="));
        let refuted: Vec<&str> = fields
            .iter()
            .zip(&paths)
            .filter(|(field, path)| field["live"] == "T04=" && rewritten(path))
            .map(|(_, path)| *path)
            .collect();
        let all = refuted.len() == paths.len();
        self.world.reply(suspect, if all { DryRun::Refuted } else { DryRun::Confirmed }, &refuted);
    }

    fn step(&mut self) {
        match self.rng.below(9) {
            0..=2 => self.edit(),
            3 => self.commit(),
            4 | 5 if !self.world.suspects.is_empty() => {
                let n = self.rng.below(self.world.suspects.len() as u64) as usize;
                let suspect = self.world.suspects[n].clone();
                self.reply(&suspect);
            }
            6 => self.world.party("host.files", ScopeState::Ok, None),
            7 => {
                let state = self.world.fold.checkpoint();
                self.world.fold = impatient();
                self.world.fold.restore(&state).unwrap();
            }
            _ => self.world.pass(self.rng.below(8)),
        }
    }
}

#[tokio::test]
async fn passes_the_suite() {
    for seed in 1..3 {
        let mut play = Play::new(seed);
        (0..30).for_each(|_| play.step());
        let make = || vec![Box::new(impatient()) as Box<dyn Fold>];
        suite::all(&Case { make: &make, inputs: play.world.history, seed }).await.unwrap();
    }
}

/// Whatever came before, once all patience is over: people know of what differs unless the server
/// has refuted it, and of nothing else.
#[test]
fn people_know_what_differs_whatever_the_order() {
    let (mut refuted, mut firing) = (0, 0);
    for seed in 0..200 {
        let mut play = Play::new(seed);
        (0..40).for_each(|_| play.step());
        for _ in 0..20 {
            play.world.pass(60);
            play.world.party("host.files", ScopeState::Ok, None);
        }
        for id in play.live.keys() {
            let verdict = play.world.verdict(id).unwrap_or(Verdict::InSync);
            let row = play.world.verdicts.iter().rev().find(|row| row.id == *id);
            let rewritten = row.is_some_and(|row| row.evidence.contains("\"refuted\":["));
            let agree = object(id, play.live[id].clone())["data"] == object(id, play.declared[id].clone())["data"];
            if agree {
                assert_eq!(verdict, Verdict::InSync, "seed {seed}: {id}");
            }
            if !agree && verdict == Verdict::InSync {
                let extra = play.live[id].get("y").is_some() && play.declared[id].get("y").is_none();
                assert!(rewritten || extra, "seed {seed}: {id} differs and nobody has refuted it");
                refuted += usize::from(rewritten);
            }
            let told = play.world.finding(&format!("drift/{id}")) == Some(AlertState::Firing);
            assert_eq!(told, verdict.is_drift(), "seed {seed}: {id} is {verdict}");
            firing += usize::from(told);
        }
    }
    assert!(refuted > 10 && firing > 100, "{refuted} {firing}");
}
