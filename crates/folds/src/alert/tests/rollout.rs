//! Rollouts and what goes wrong during them, as cases in virtual time.

use std::time::Duration;

use base::Rng;
use fold::suite::{self, Case, Input};
use model::Verdict;
use model::rows::{Revision, Rollout, VerdictRow};

use super::*;

const START: Timestamp = Timestamp::from_secs(1_000_000);

fn verdict(id: &str, verdict: Verdict, previous: Verdict) -> VerdictRow {
    let id: model::ResourceId = id.parse().unwrap();
    VerdictRow {
        time: START,
        scope: id.scope().to_owned(),
        key: id.key(),
        kind: id.kind().to_owned(),
        id,
        verdict,
        previous,
        since: START,
        source: Some("shop".to_owned()),
        revision: Some("old".to_owned()),
        author: None,
        message: None,
        file: None,
        line: None,
        actor: None,
        fields: "[]".to_owned(),
        evidence: "{}".to_owned(),
        gitops: None,
    }
}

fn revision(scope: &str, name: &str) -> Revision {
    Revision {
        time: START,
        scope: scope.to_owned(),
        source: "shop".to_owned(),
        revision: name.to_owned(),
        author: Some("Ann".to_owned()),
        committed: None,
        message: Some("Faster carts".to_owned()),
        manifests: 1,
        complete: true,
        error: None,
        error_file: None,
        error_line: None,
        backfill: false,
        managed: None,
    }
}

/// `cart` is `k8s/prod/apps.Deployment/shop/cart`, `other/x` is in another namespace, `/etc/a` is a file of a host.
fn id(name: &str) -> String {
    match name.split_once('/') {
        Some(("", path)) => format!("host/web-1/file//{path}"),
        Some((namespace, name)) => format!("k8s/prod/apps.Deployment/{namespace}/{name}"),
        None => format!("k8s/prod/apps.Deployment/shop/{name}"),
    }
}

fn row(name: &str, state: AlertState, severity: Severity) -> Finding {
    let id = id(name);
    let scope = id.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
    let finding = format!("drift/{id}");
    Finding {
        key: Key::of(finding.as_bytes()),
        scope,
        resource: Some(id),
        severity,
        state,
        ..super::finding("", &finding)
    }
}

fn batch(word: &str, name: &str, more: Option<&str>) -> Batch {
    let scope = if name.starts_with('/') { "host/web-1" } else { "k8s/prod" };
    let severity = Severity::ALL.iter().copied().find(|one| Some(one.as_str()) == more).unwrap_or(Severity::Warning);
    let found = |state| {
        let row = row(name, state, severity);
        Batch::of(scope, &[Finding { cause: more.filter(|it| it.contains('/')).unwrap_or(scope).to_owned(), ..row }])
    };
    let judged = |now, before| Batch::of(scope, &[verdict(&id(name), now, before)]);
    match word {
        "commit" => Batch::of("k8s/prod", &[revision("k8s/prod", name)]),
        "roll" => judged(Verdict::RollingOut, Verdict::InSync),
        "done" => judged(Verdict::InSync, Verdict::RollingOut),
        "restart" => {
            let row = verdict(&id(name), Verdict::RollingOut, Verdict::InSync);
            Batch::of(scope, &[VerdictRow { evidence: r#"{"again":true,"offset":7}"#.to_owned(), ..row }])
        }
        "late" => judged(Verdict::Behind, Verdict::RollingOut),
        "fire" => found(AlertState::Firing),
        "resolve" => found(AlertState::Resolved),
        "unknown" => found(AlertState::Unknown),
        _ => Batch::of("tick", &[Tick { time: START }]),
    }
    .unwrap()
}

/// Runs steps `<seconds> <word> <name> [severity]`; gives `<seconds> <cause> <reason> <open findings>` of each alert, ticks included.
fn play(world: &mut World, steps: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let line = |world: &World, alert: &Alert| {
        format!("{} {} {} {}", world.seconds(), alert.cause, alert.reason, alert.findings)
    };
    for step in steps.split(';').map(str::trim) {
        let words: Vec<&str> = step.split_whitespace().collect();
        let at = START.plus(Duration::from_secs(words[0].parse().unwrap()));
        while world.fold.next_tick().is_some_and(|due| due < at) {
            world.now = world.now.max(world.fold.next_tick().unwrap());
            let made = world.apply(Batch::of("tick", &[Tick { time: world.now }]).unwrap());
            lines.extend(made.iter().map(|alert| line(world, alert)));
        }
        world.now = at;
        let made = world.apply(batch(words[1], words.get(2).copied().unwrap_or("x"), words.get(3).copied()));
        lines.extend(made.iter().map(|alert| line(world, alert)));
    }
    lines
}

#[test]
fn what_goes_wrong_during_a_rollout_is_one_incident() {
    let cases: [(&str, &str, &[&str]); 13] = [
        ("a rollout that goes well is none", "0 commit abc; 1 roll cart; 20 done cart; 2000 wait", &[]),
        (
            "a restart of pods is no revision's rollout",
            "0 commit abc; 1 restart cart; 5 fire api; 20 done cart; 700 wait",
            &["5 k8s/prod opened 1"],
        ),
        (
            "its symptoms are one, and end on evidence",
            "0 commit abc; 1 roll cart; 5 fire api; 6 fire web error; 20 done cart; 30 resolve api; 40 resolve web; 2000 wait",
            &[
                "5 rollout/k8s/prod/abc opened 1",
                "6 rollout/k8s/prod/abc widened 2",
                "30 rollout/k8s/prod/abc updated 1",
                "40 rollout/k8s/prod/abc resolved 0",
            ],
        ),
        (
            "what has not ended when the window is over is told of by itself",
            "0 commit abc; 1 roll cart; 5 fire api; 20 done cart; 2000 wait",
            &["5 rollout/k8s/prod/abc opened 1", "620 rollout/k8s/prod/abc resolved 0", "620 k8s/prod opened 1"],
        ),
        (
            "symptoms begin after it, too, but not after its window",
            "0 commit abc; 1 roll cart; 20 done cart; 300 fire api; 400 resolve api; 700 fire web",
            &["300 rollout/k8s/prod/abc opened 1", "400 rollout/k8s/prod/abc resolved 0", "700 k8s/prod opened 1"],
        ),
        (
            "what is elsewhere is none",
            "0 commit abc; 1 roll cart; 5 fire other/x; 6 fire /etc/a",
            &["5 k8s/prod opened 1", "6 host/web-1 opened 1"],
        ),
        (
            "what was wrong before stays where it was",
            "0 fire api; 1 commit abc; 2 roll cart; 5 fire api error; 6 fire web; 20 wait",
            &["0 k8s/prod opened 1", "5 k8s/prod widened 1", "10 k8s/prod updated 2"],
        ),
        (
            "a rollback goes on with the same incident",
            "0 commit abc; 1 roll cart; 5 fire api; 10 commit def; 11 roll cart; 20 done cart; 25 resolve api; 2000 wait",
            &["5 rollout/k8s/prod/abc opened 1", "25 rollout/k8s/prod/abc resolved 0"],
        ),
        (
            "a second resource keeps it going",
            "0 commit abc; 1 roll cart; 2 roll web; 5 fire api; 10 done cart; 700 done web; 1200 fire db; 1400 wait",
            &[
                "5 rollout/k8s/prod/abc opened 1",
                "1200 rollout/k8s/prod/abc updated 2",
                "1300 rollout/k8s/prod/abc resolved 0",
                "1300 k8s/prod opened 2",
            ],
        ),
        (
            "what is late belongs to the incident that is open, with its window",
            "0 commit abc; 1 roll cart; 5 fire api; 900 late cart; 900 fire cart revision/k8s/prod/old; 905 wait; 1600 wait",
            &[
                "5 rollout/k8s/prod/abc opened 1",
                "900 rollout/k8s/prod/abc updated 2",
                "1500 rollout/k8s/prod/abc resolved 0",
                "1500 revision/k8s/prod/old opened 1",
                "1500 k8s/prod opened 1",
            ],
        ),
        (
            "what is missing or unknown ends nothing",
            "0 commit abc; 1 roll cart; 5 fire api; 20 done cart; 30 unknown api; 619 wait",
            &["5 rollout/k8s/prod/abc opened 1", "30 rollout/k8s/prod/abc updated 1"],
        ),
        (
            "of a host, what is in the same folder",
            "1 roll /etc/nginx/a; 5 fire /etc/nginx/b; 6 fire /etc/ssh/c",
            &["5 rollout/host/web-1/old opened 1", "6 host/web-1 opened 1"],
        ),
        ("without a revision it has what is known", "1 roll cart; 5 fire api", &["5 rollout/k8s/prod/old opened 1"]),
    ];
    for (name, steps, expected) in cases {
        let mut world = World::new(AlertConfig::default());
        let mut lines = play(&mut world, steps);
        let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        // What is told at one time is in the order of scopes.
        let key = |line: &String| (line.split(' ').next().unwrap().parse::<u64>().unwrap(), line.clone());
        lines.sort_by_key(key);
        expected.sort_by_key(key);
        assert_eq!(lines, expected, "{name}");
    }
}

#[test]
fn it_says_which_rollout_and_what_is_worst() {
    let mut world = World::new(AlertConfig::default());
    play(&mut world, "0 commit 0123456789012345678901234567890123456789; 1 roll cart");
    let first = world.apply(batch("fire", "api", None)).remove(0);
    assert_eq!(first.summary, "rollout of 0123456789: drift/k8s/prod/apps.Deployment/shop/api was modified");
    let told = evidence(&first);
    assert_eq!((told.rollout.as_deref(), told.author.as_deref()), (Some("rollout of 0123456789"), Some("Ann")));
    let widened = world.apply(batch("fire", "web", Some("critical"))).remove(0);
    let shown: Vec<_> = evidence(&widened).symptoms.into_iter().map(|symptom| symptom.finding).collect();
    assert_eq!((widened.reason.as_str(), shown.len()), ("widened", 2));
}

#[test]
fn with_no_window_rollouts_have_no_symptoms() {
    let mut world = World::new(AlertConfig { rollout_window: Duration::ZERO, ..AlertConfig::default() });
    assert_eq!(play(&mut world, "0 commit abc; 1 roll cart; 5 fire api"), ["5 k8s/prod opened 1"]);
    // One that was on when it was turned off is over.
    let mut on = World::new(AlertConfig::default());
    play(&mut on, "0 commit abc; 1 roll cart; 5 fire api");
    world.fold.restore(&on.fold.checkpoint()).unwrap();
    assert_eq!(play(&mut world, "10 wait"), ["10 rollout/k8s/prod/abc resolved 0", "10 k8s/prod opened 1"]);
}

#[test]
fn others_are_told_what_rolls_out_where() {
    let mut world = World::new(AlertConfig::default());
    let mut told = Vec::new();
    let mut feed = |world: &mut World, at: u64, batch: Batch| {
        world.now = START.plus(Duration::from_secs(at));
        let record = Record { shard: 0, offset: world.next, time: world.now, batch };
        world.next = world.next.next();
        let mut outputs = Outputs::default();
        world.fold.apply(&record, &HashMap::new(), &mut outputs).unwrap();
        for batch in outputs.take() {
            assert!(batch.stream != model::Stream::Rollouts || batch.key == "alertmanager");
            told.extend(Record { batch, ..record.clone() }.rows::<Rollout>().unwrap());
        }
    };
    for (at, word, name) in [
        (0, "commit", "abc"),
        (1, "roll", "cart"),
        (1, "roll", "web"),
        (9, "wait", ""),
        (10, "done", "cart"),
        (20, "done", "web"),
        (700, "wait", ""),
    ] {
        feed(&mut world, at, batch(word, name, None));
    }
    let told: Vec<_> = told.iter().map(|row| (row.state.as_str(), row.resources, row.places.as_str())).collect();
    let both = r#"{"shop":["cart","web"]}"#;
    assert_eq!(
        told,
        [("rolling", 1, r#"{"shop":["cart"]}"#), ("rolling", 2, both), ("converged", 0, both), ("over", 0, both)]
    );
}

fn history(seed: u64, count: usize) -> Vec<Input> {
    let rng = Rng::seeded(seed);
    let mut time = START;
    let names = ["cart", "web", "api", "other/x", "/etc/a", "/etc/b"];
    let words = ["commit", "roll", "roll", "done", "late", "fire", "fire", "resolve", "unknown", "wait"];
    let mut history = Vec::new();
    for _ in 0..count {
        time = time.plus(rng.jitter(Duration::from_secs(120)));
        let word = words[rng.below(10) as usize];
        history.push(Input { time, batch: batch(word, names[rng.below(6) as usize], None) });
    }
    history
}

#[tokio::test]
async fn passes_the_suite_with_rollouts() {
    for seed in 1..3 {
        let make = || vec![Box::new(AlertFold::new(AlertConfig::default())) as Box<dyn Fold>];
        suite::all(&Case { make: &make, inputs: history(seed, 40), seed }).await.unwrap();
    }
}

/// Whatever rolls out: what fires is in exactly one incident, and what was resolved in none.
#[test]
fn nothing_is_lost_between_incidents() {
    for seed in 0..200 {
        let mut world = World::new(AlertConfig::default());
        let (mut open, mut told) =
            (std::collections::BTreeSet::new(), std::collections::BTreeMap::<String, i64>::new());
        let mut note = |alerts: Vec<Alert>| {
            for alert in alerts {
                told.insert(alert.incident, alert.findings);
            }
        };
        for input in history(seed, 80) {
            while world.fold.next_tick().is_some_and(|due| due < input.time) {
                world.now = world.now.max(world.fold.next_tick().unwrap());
                note(world.apply(Batch::of("tick", &[Tick { time: world.now }]).unwrap()));
            }
            world.now = input.time;
            let record = Record { shard: 0, offset: Offset(0), time: input.time, batch: input.batch.clone() };
            for row in record.rows::<Finding>().unwrap() {
                match row.state {
                    AlertState::Firing => _ = open.insert(row.finding),
                    AlertState::Resolved => _ = open.remove(&row.finding),
                    _ => {}
                }
            }
            note(world.apply(input.batch));
            assert_eq!(world.fold.findings(), open.len(), "seed {seed}");
        }
        while world.fold.next_tick().is_some() {
            world.now = world.now.max(world.fold.next_tick().unwrap());
            note(world.apply(Batch::of("tick", &[Tick { time: world.now }]).unwrap()));
        }
        assert_eq!(told.values().sum::<i64>(), open.len() as i64, "seed {seed}");
    }
}
