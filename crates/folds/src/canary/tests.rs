use std::time::Duration;

use ::canary::{CanaryConfig, check};
use base::Rng;
use fold::Machine;
use fold::suite::{self, Case, Input};
use model::rows::{Alert, Intent, Receipt, Tick};
use model::{Batch, Offset, Outcome as Sent, ResourceId, Row, Verdict};

use super::*;
use crate::alert::{AlertConfig, AlertFold};
use crate::outbox::{Fallback, OutboxConfig, OutboxFold, Route};

const START: Timestamp = Timestamp::from_secs(1_000_000);
const RESOURCE: &str = "k8s/prod/apps.Deployment/shop/checkout";
const SCOPE: &str = "k8s/prod";

fn text(name: &str, start: &str) -> String {
    let text = format!(
        r#"{{"name": "{name}", "namespace": "shop", "start": "{start}", "resource": "{RESOURCE}", "lifetime": "20m", "rollback": "undo",
        "metrics": [{{"name": "errors", "kind": "errors", "query": {{"baseline": "a", "canary": "b"}}}},
                    {{"name": "p99", "kind": "latency", "query": {{"baseline": "c", "canary": "d"}}}}]}}"#
    );
    let config: CanaryConfig = serde_json::from_str(&text).unwrap();
    serde_json::to_string(&check(&config).unwrap()).unwrap()
}

fn definitions(time: Timestamp, generation: i64, texts: &[String]) -> Batch {
    let row = |definition: String| CanaryDefinition { time, generation, definition };
    let rows: Vec<CanaryDefinition> = texts.iter().cloned().chain([String::new()]).map(row).collect();
    Batch::of("canaries", &rows).unwrap()
}

fn points(time: Timestamp, name: &str, run: &str, interval: i64, canary: Option<f64>) -> Batch {
    let row = |metric: &str, arm: &str, value: Option<f64>| CanaryPoint {
        time,
        run: run.to_owned(),
        name: name.to_owned(),
        interval,
        metric: metric.to_owned(),
        arm: arm.to_owned(),
        segment: None,
        value,
        exposure: None,
        error: value.is_none().then(|| "it is broken".to_owned()),
    };
    let wave = (interval * 7 % 5) as f64;
    let rows = [
        row("errors", "baseline", Some(20.0 + wave)),
        row("errors", "canary", canary),
        row("p99", "baseline", Some(0.2 + wave / 100.0)),
        row("p99", "canary", canary.map(|_| 0.2 + wave / 90.0)),
    ];
    Batch::of(SCOPE, &rows).unwrap()
}

fn verdict(time: Timestamp, verdict: Verdict, previous: Verdict, revision: &str) -> Batch {
    let id: ResourceId = RESOURCE.parse().unwrap();
    let row = VerdictRow {
        time,
        scope: SCOPE.to_owned(),
        key: id.key(),
        kind: id.kind().to_owned(),
        id,
        verdict,
        previous,
        since: time,
        source: None,
        revision: Some(revision.to_owned()),
        author: Some("ann".to_owned()),
        message: None,
        file: None,
        line: None,
        actor: None,
        fields: "[]".to_owned(),
        evidence: "{}".to_owned(),
        gitops: None,
    };
    Batch::of(SCOPE, &[row]).unwrap()
}

fn canary() -> CanaryFold {
    CanaryFold::new(Shared::default())
}

/// All folds that a canary concerns.
fn folds() -> Vec<Box<dyn Fold>> {
    let route =
        Route { receiver: "pd".to_owned(), min_severity: Severity::Info, scopes: Vec::new(), labels: Labels::new() };
    let outbox = OutboxConfig { receivers: vec![route], hooks: ["undo".to_owned()].into(), ..OutboxConfig::default() };
    let alert = AlertFold::new(AlertConfig::default());
    vec![Box::new(canary()), Box::new(alert), Box::new(OutboxFold::new(outbox).unwrap())]
}

/// Runs, rollouts, data that are missing, definitions that come and go.
fn history(seed: u64, count: usize) -> Vec<Input> {
    let rng = Rng::seeded(seed);
    let mut time = START;
    let both = [text("a", "always"), text("r", "rollout")];
    let mut history = vec![Input { time, batch: definitions(time, 1, &both) }];
    let (mut generation, mut next, mut rolled) = (1, [0, 0], START);
    let started = START.millis();
    for _ in 0..count {
        time = time.plus(Duration::from_secs(20 + rng.below(60)));
        let batch = match rng.below(12) {
            0 => Batch::of("tick", &[Tick { time }]).unwrap(),
            1 => {
                generation += 1;
                definitions(time, generation, if rng.below(3) == 0 { &both[1..] } else { &both })
            }
            2 => {
                (rolled, next[1]) = (Timestamp::from_secs(time.millis() / 1000), 0);
                verdict(time, Verdict::RollingOut, Verdict::InSync, ["b", "c"][rng.below(2) as usize])
            }
            3 => verdict(time, Verdict::InSync, Verdict::RollingOut, "b"),
            more => {
                let n = (more % 2) as usize;
                let (name, began) = [("a", started), ("r", rolled.millis())][n];
                let worse = [20.0, 60.0, 90.0][rng.below(3) as usize];
                next[n] += 1 + (rng.below(10) == 0) as i64;
                let value = (rng.below(9) > 0).then_some(worse);
                points(time, name, &format!("{name}/{began}"), next[n] - 1, value)
            }
        };
        history.push(Input { time, batch });
    }
    history
}

#[tokio::test]
async fn passes_the_suite() {
    for seed in 1..=2 {
        let make = || vec![Box::new(canary()) as Box<dyn Fold>];
        suite::all(&Case { make: &make, inputs: history(seed, 50), seed }).await.unwrap();
    }
}

#[tokio::test]
async fn passes_the_suite_with_who_reads_what_it_puts_out() {
    suite::all(&Case { make: &folds, inputs: history(3, 50), seed: 3 }).await.unwrap();
}

/// Folds over a log: what they put out is read again.
struct World {
    machine: Machine,
    log: Vec<Record>,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        Self { machine: Machine::new(0, folds()), log: Vec::new(), now: START }
    }

    fn feed(&mut self, batch: Batch) {
        let mut waiting = vec![batch];
        while !waiting.is_empty() {
            let batch = waiting.remove(0);
            let record = Record { shard: 0, offset: Offset(self.log.len() as u64), time: self.now, batch };
            self.log.push(record.clone());
            if self.machine.admit(&record) {
                let asked = self.machine.needs(&record);
                waiting.extend(self.machine.apply(&record, asked, &HashMap::new()));
            }
        }
    }

    /// The process is killed, and begins again from its last checkpoint.
    fn crash(&mut self, checkpoint: &[u8]) {
        self.machine = Machine::new(0, folds());
        self.machine.restore(checkpoint).unwrap();
        let seen = self.machine.next();
        for record in self.log.clone().into_iter().filter(|record| record.offset >= seen) {
            if self.machine.admit(&record) {
                let asked = self.machine.needs(&record);
                // The log has what comes of them.
                self.machine.apply(&record, asked, &HashMap::new());
            }
        }
    }

    fn rows<R: Row>(&self) -> Vec<R> {
        self.log.iter().flat_map(|record| record.rows::<R>().unwrap()).collect()
    }

    /// Intervals of a run, with so many errors in the canary.
    fn play(&mut self, run: &str, intervals: std::ops::Range<i64>, errors: f64) {
        for n in intervals {
            self.now = self.now.plus(Duration::from_secs(60));
            self.feed(points(self.now, "r", run, n, Some(errors)));
        }
    }

    fn roll(&mut self, revision: &str) -> String {
        self.now = self.now.plus(Duration::from_secs(10));
        self.feed(verdict(self.now, Verdict::RollingOut, Verdict::InSync, revision));
        format!("r/{}", self.now.millis())
    }

    fn receipt(&mut self, intent: &Intent) {
        let row = Receipt {
            time: self.now,
            intent: intent.intent.clone(),
            key: intent.key,
            receiver: intent.receiver.clone(),
            incident: intent.incident.clone(),
            sequence: intent.sequence,
            attempt: 1,
            outcome: Sent::Delivered,
            last: true,
            status: Some(200),
            message: None,
            reference: None,
            took_ms: 1,
        };
        self.feed(Batch::of(SCOPE, &[row]).unwrap());
    }
}

#[test]
fn a_canary_that_fails_joins_the_incident_of_its_rollout_and_is_rolled_back_once_over_a_crash() {
    let mut world = World::new();
    world.feed(definitions(START, 1, &[text("r", "rollout")]));
    let run = world.roll("b");
    world.play(&run, 0..2, 70.0);
    let checkpoint = world.machine.checkpoint().unwrap();
    world.play(&run, 2..15, 70.0);
    world.crash(&checkpoint);
    world.play(&run, 15..20, 70.0);
    let mut intents = world.rows::<Intent>();
    intents.sort_by(|a, b| a.receiver.cmp(&b.receiver));
    let to: Vec<(&str, &str, &str)> =
        intents.iter().map(|it| (it.receiver.as_str(), it.action.as_str(), it.incident.as_str())).collect();
    let incident = &world.rows::<Alert>()[0].incident;
    assert!(incident.starts_with("rollout/k8s/prod/b#"), "{incident}");
    let undo = format!("rollback/{run}");
    assert_eq!(to, [("pd", "trigger", incident.as_str()), ("undo", "trigger", undo.as_str())]);
    let told: Notification = serde_json::from_str(&intents[1].payload).unwrap();
    assert_eq!((told.labels["canary"].as_str(), told.labels["verdict"].as_str()), ("r", "fail"));
    assert_eq!((told.revision.as_deref(), told.symptoms[0].finding.as_str()), (Some("b"), "errors"));
    let alert = &world.rows::<Alert>()[0];
    assert!(alert.summary.contains("rollout of b: canary r fails: worse: errors"), "{}", alert.summary);
    let ended: Vec<CanaryRun> = world.rows::<CanaryRun>().into_iter().filter(|row| row.ended).collect();
    assert_eq!((ended.len(), ended[0].verdict.as_str()), (1, "fail"));

    // Rolled back: the next rollout ends the incident, and nothing more is told to who rolls back.
    intents.iter().for_each(|intent| world.receipt(intent));
    let run = world.roll("a");
    world.play(&run, 0..3, 20.0);
    let intents = world.rows::<Intent>();
    assert_eq!(intents.iter().filter(|it| it.receiver == "undo").count(), 1);
    assert_eq!(world.rows::<Alert>().last().unwrap().state, AlertState::Resolved);
    assert_eq!(intents.last().unwrap().action, "resolve");
}

#[test]
fn a_hook_that_is_refused_is_a_finding_and_is_owed_until_it_is_told() {
    let mut world = World::new();
    world.feed(definitions(START, 1, &[text("r", "rollout")]));
    let run = world.roll("b");
    world.play(&run, 0..10, 70.0);
    let undo = world.rows::<Intent>().into_iter().find(|it| it.receiver == "undo").unwrap();
    let row = Receipt {
        time: world.now,
        intent: undo.intent.clone(),
        key: undo.key,
        receiver: undo.receiver.clone(),
        incident: undo.incident.clone(),
        sequence: undo.sequence,
        attempt: 1,
        outcome: Sent::Refused,
        last: false,
        status: Some(401),
        message: None,
        reference: None,
        took_ms: 1,
    };
    world.feed(Batch::of(SCOPE, &[row]).unwrap());
    let findings: Vec<String> = world.rows::<Finding>().into_iter().map(|row| row.finding).collect();
    assert!(findings.contains(&"notify/undo".to_owned()), "{findings:?}");
    world.receipt(&undo);
    assert_eq!(world.rows::<Intent>().iter().filter(|it| it.receiver == "undo").count(), 1);
}

#[test]
fn a_rollback_that_waits_is_taken_back_when_the_next_rollout_begins_and_people_who_heard_of_it_hear_that() {
    let fallback = Fallback { receiver: "undo".to_owned(), to: "people".to_owned(), after: Duration::from_secs(30) };
    let outbox =
        OutboxConfig { hooks: ["undo".to_owned()].into(), fallbacks: vec![fallback], ..OutboxConfig::default() };
    let folds: Vec<Box<dyn Fold>> = vec![Box::new(canary()), Box::new(OutboxFold::new(outbox).unwrap())];
    let mut world = World { machine: Machine::new(0, folds), ..World::new() };
    world.feed(definitions(START, 1, &[text("r", "rollout")]));
    let run = world.roll("b");
    // Who rolls back does not answer.
    world.play(&run, 0..15, 70.0);
    let told = |world: &World| -> Vec<String> {
        let intents = world.rows::<Intent>();
        intents.iter().map(|it| format!("{} {} {}", it.receiver, it.sequence, it.action)).collect()
    };
    assert_eq!(told(&world), ["undo 1 trigger", "people 1 trigger"]);
    world.roll("a");
    assert_eq!(told(&world)[2..], ["people 2 resolve", "undo 2 resolve"]);
    let last = world.rows::<Intent>().pop().unwrap();
    let end: Notification = serde_json::from_str(&last.payload).unwrap();
    assert_eq!(end.summary, "nothing is to be rolled back any more: another run begins");
    world.rows::<Intent>().iter().for_each(|intent| world.receipt(intent));
    world.roll("c");
    assert_eq!(told(&world).len(), 4);
}

#[test]
fn a_healthy_canary_and_one_without_data_tell_nobody() {
    for errors in [Some(21.0), None] {
        let mut world = World::new();
        world.feed(definitions(START, 1, &[text("r", "rollout")]));
        let run = world.roll("b");
        for n in 0..20 {
            world.now = world.now.plus(Duration::from_secs(60));
            world.feed(points(world.now, "r", &run, n, errors));
        }
        assert!(world.rows::<Intent>().is_empty() && world.rows::<Finding>().is_empty());
        let last = world.rows::<CanaryRun>().pop().unwrap();
        assert!(last.ended && last.verdict != "fail", "{last:?}");
        if errors.is_none() {
            assert_eq!(last.verdict, "inconclusive");
            assert!(last.reason.contains("errors: canary: it is broken"), "{}", last.reason);
        }
    }
}

#[test]
fn a_checkpoint_of_another_version_is_refused() {
    let mut fold = canary();
    assert!(fold.restore(b"0 []").unwrap_err().to_string().contains("another version"));
    assert!(fold.restore(b"1 [{}]").is_err() && fold.restore(b"2 {}").is_err());
    fold.restore(b"1 []").unwrap();
    fold.restore(br#"2 {"canaries": [], "finders": [], "rollouts": {}, "origins": {}}"#).unwrap();
}

/// Canaries of all rollouts.
fn of_all() -> String {
    let text = r#"{"name": "all", "discover": {"cluster": "prod"}, "lifetime": "20m", "rollback": "undo",
        "metrics": [{"name": "errors", "kind": "errors", "query": "errors{$arm}"}, {"name": "p99", "kind": "latency", "query": "p99{$arm}"}]}"#;
    let config: CanaryConfig = serde_json::from_str(text).unwrap();
    serde_json::to_string(&check(&config).unwrap()).unwrap()
}

fn rolling(time: Timestamp, name: &str, hash: &str, weight: u64) -> Batch {
    rolling_from(time, name, ("a1", hash), weight)
}

fn rolling_from(time: Timestamp, name: &str, (stable, hash): (&str, &str), weight: u64) -> Batch {
    let kind =
        kubernetes::schema::ApiKind { api_version: "argoproj.io/v1alpha1".to_owned(), kind: "Rollout".to_owned() };
    let object = serde_json::json!({"metadata": {"name": name, "namespace": "shop"}, "status": {"stableRS": stable, "currentPodHash": hash,
        "abort": weight == 0, "canary": {"weights": {"canary": {"weight": weight}, "stable": {"weight": 100 - weight}}}}});
    let mut workloads = kubernetes::rollouts::Workloads::default();
    workloads.put(&kind, &object);
    let rollout = workloads.changed().remove(0).1.pop();
    let document = rollout.map(|rollout| rollout.document());
    let id = ResourceId::new("k8s", "prod", ROLLOUT, "shop", name).unwrap();
    let row = Live {
        time,
        scope: SCOPE.to_owned(),
        source: "kubernetes".to_owned(),
        key: id.key(),
        kind: ROLLOUT.to_owned(),
        id,
        present: document.is_some(),
        fingerprint: document.as_ref().map_or(model::Fingerprint::ABSENT, model::Document::fingerprint),
        document: document.map(|document| document.tree().to_string()),
        text: None,
        actor: None,
    };
    Batch::of(SCOPE, &[row]).unwrap()
}

fn set(names: &[&str]) -> Batch {
    let member = |name: &&str| {
        let key = ResourceId::new("k8s", "prod", ROLLOUT, "shop", name).unwrap().key();
        model::rows::SetMember { key, fingerprint: model::Fingerprint([1; 16]) }
    };
    let members = names.iter().map(member).collect();
    SetChunk::full(SCOPE, "kubernetes", model::rows::SetSide::Live, "", members).unwrap().remove(0)
}

/// Rollouts that begin, move, are aborted and over, with what is declared and what is configured changing beside.
fn rollouts(seed: u64, count: usize) -> Vec<Input> {
    let rng = Rng::seeded(seed);
    let mut time = START;
    let both = [text("a", "always"), of_all()];
    let mut history = vec![Input { time, batch: definitions(time, 1, &both) }];
    let (mut generation, mut began, mut next) = (1, [START, START], [0, 0]);
    let names = ["checkout", "cart"];
    for _ in 0..count {
        time = time.plus(Duration::from_secs(20 + rng.below(60)));
        let n = rng.below(2) as usize;
        let batch = match rng.below(14) {
            0 => Batch::of("tick", &[Tick { time }]).unwrap(),
            1 => {
                generation += 1;
                definitions(time, generation, if rng.below(3) == 0 { &both[..1] } else { &both })
            }
            2 => verdict(time, Verdict::RollingOut, Verdict::InSync, "b"),
            3 => verdict(time, Verdict::InSync, Verdict::RollingOut, "b"),
            4 => set(&names[..rng.below(3) as usize]),
            5..8 => {
                (began[n], next[n]) = (Timestamp::from_secs(time.millis() / 1000), 0);
                let hash = ["a1", "b2", "c3"][rng.below(3) as usize];
                rolling(time, names[n], hash, rng.below(4) * 10)
            }
            _ => {
                let worse = [20.0, 60.0, 90.0][rng.below(3) as usize];
                next[n] += 1 + (rng.below(10) == 0) as i64;
                let name = format!("all:shop:{}", names[n]);
                let value = (rng.below(9) > 0).then_some(worse);
                points(time, &name, &format!("{name}/{}", began[n].millis()), next[n] - 1, value)
            }
        };
        history.push(Input { time, batch });
    }
    history
}

#[tokio::test]
async fn passes_the_suite_with_canaries_that_are_found() {
    for seed in 1..=3 {
        let make = || vec![Box::new(canary()) as Box<dyn Fold>];
        suite::all(&Case { make: &make, inputs: rollouts(seed, 60), seed }).await.unwrap();
    }
}

#[test]
fn a_rollout_that_is_found_and_fails_is_one_page_and_is_rolled_back_once_over_a_crash() {
    let mut world = World::new();
    world.feed(definitions(START, 1, &[of_all()]));
    world.feed(rolling(START, "checkout", "b2", 50));
    let (name, run) = ("all:shop:checkout", format!("all:shop:checkout/{}", START.millis()));
    let mut checkpoint = None;
    for n in 0..15 {
        world.now = world.now.plus(Duration::from_secs(60));
        world.feed(points(world.now, name, &run, n, Some(70.0)));
        if n == 2 {
            checkpoint = Some(world.machine.checkpoint().unwrap());
        }
    }
    world.crash(&checkpoint.unwrap());
    world.feed(points(world.now, name, &run, 15, Some(70.0)));
    let mut intents = world.rows::<Intent>();
    intents.sort_by(|a, b| a.receiver.cmp(&b.receiver));
    let to: Vec<(&str, &str)> = intents.iter().map(|it| (it.receiver.as_str(), it.action.as_str())).collect();
    assert_eq!(to, [("pd", "trigger"), ("undo", "trigger")]);
    let cause = "rollout/k8s/prod/shop/checkout/b2";
    let incident = &world.rows::<Alert>()[0].incident;
    assert!(incident.starts_with(cause), "{incident}");
    let told: Notification = serde_json::from_str(&intents[1].payload).unwrap();
    assert_eq!((told.labels["target"].as_str(), told.labels["namespace"].as_str()), ("checkout", "shop"));
    assert_eq!((told.cause.as_str(), told.revision.as_deref()), (cause, Some("b2")));

    // Rolled back by who was told: that is the end of it.
    intents.iter().for_each(|intent| world.receipt(intent));
    world.now = world.now.plus(Duration::from_secs(30));
    world.feed(rolling(world.now, "checkout", "b2", 0));
    assert_eq!(world.rows::<Alert>().last().unwrap().state, AlertState::Resolved);
    let intents = world.rows::<Intent>();
    assert_eq!((intents.len(), intents.last().unwrap().action.as_str()), (3, "resolve"));
}

#[test]
fn a_rollback_that_is_decided_is_sent_once_though_the_baseline_changes_before_it_was() {
    let mut world = World::new();
    world.feed(definitions(START, 1, &[of_all()]));
    world.feed(rolling(START, "checkout", "c3", 50));
    let (name, run) = ("all:shop:checkout", format!("all:shop:checkout/{}", START.millis()));
    for n in 0..15 {
        world.now = world.now.plus(Duration::from_secs(60));
        world.feed(points(world.now, name, &run, n, Some(70.0)));
    }
    // Nobody has answered yet: v2 is put in place of v1 while v3 rolls, again over a crash.
    let checkpoint = world.machine.checkpoint().unwrap();
    for stable in ["b2", "b3"] {
        world.now = world.now.plus(Duration::from_secs(30));
        world.feed(rolling_from(world.now, "checkout", (stable, "c3"), 50));
        world.crash(&checkpoint);
    }
    let notices: Vec<String> = world.rows::<Notice>().into_iter().map(|notice| notice.action).collect();
    assert_eq!(notices, ["tell"]);
    let to_undo = |world: &World| -> Vec<Intent> {
        world.rows::<Intent>().into_iter().filter(|intent| intent.receiver == "undo").collect()
    };
    let told = to_undo(&world);
    assert_eq!((told.len(), told[0].incident.as_str()), (1, format!("rollback/{run}").as_str()));
    assert_eq!(world.rows::<CanaryRun>().last().unwrap().verdict, "fail");
    world.receipt(&told[0]);
    world.now = world.now.plus(Duration::from_secs(30));
    world.feed(rolling_from(world.now, "checkout", ("b4", "c3"), 50));
    assert_eq!(to_undo(&world).len(), 1);
}

#[test]
fn the_end_of_a_rollout_is_seen_where_rollouts_are_told_of_on_another_shard() {
    let fold = CanaryFold::new(Shared::default()).rollout_window(Duration::from_secs(120));
    let mut world = World { machine: Machine::new(0, vec![Box::new(fold)]), ..World::new() };
    world.feed(definitions(START, 1, &[text("r", "rollout")]));
    let run = world.roll("b");
    world.play(&run, 0..3, 20.0);
    world.feed(verdict(world.now, Verdict::InSync, Verdict::RollingOut, "b"));
    for (secs, ended) in [(119, false), (1, true)] {
        world.now = world.now.plus(Duration::from_secs(secs));
        world.feed(Batch::of("tick", &[Tick { time: world.now }]).unwrap());
        let last = world.rows::<CanaryRun>().pop().unwrap();
        assert_eq!(last.ended, ended, "{last:?}");
    }
    let last = world.rows::<CanaryRun>().pop().unwrap();
    assert!(last.reason.starts_with("the rollout is over; "), "{}", last.reason);
}

#[test]
fn a_rollout_that_no_full_set_has_is_over() {
    let mut world = World::new();
    world.feed(definitions(START, 1, &[of_all()]));
    world.feed(rolling(START, "checkout", "b2", 50));
    world.feed(set(&["checkout"]));
    assert!(!world.rows::<CanaryRun>().last().unwrap().ended);
    world.feed(set(&[]));
    let last = world.rows::<CanaryRun>().pop().unwrap();
    assert!(last.ended && last.reason.starts_with("the rollout is over"), "{last:?}");
    assert_eq!(last.share, Some(0.5));
}
