use std::time::Duration;

use base::Rng;
use fold::suite::{self, Case, Input, MemoryLog};
use model::rows::Tick;
use model::{Batch, Offset};

use super::*;
use crate::routing::RoutingFold;

const DEFINITION: &str = r#"{"file": "f.yml", "settings": {"interval": 30000, "query_offset": 0, "resend": 60000,
    "external_labels": {"cluster": "one"}, "external_url": "http://here", "missing": {"policy": "keep", "keep_for": 120000},
    "flapping": {"changes": 2, "within": 600000, "quiet": 60000}},
    "group": {"name": "NAME", "interval": null, "query_offset": null, "limit": 0, "rules": [
        {"kind": {"alerting": {"alert": "A", "hold": HOLD, "keep_firing": 0, "annotations": [["text", "{{ $labels.i }} is {{ $value }}"]]}},
         "query": {"expr": "x > 0"}, "labels": [["severity", "page"]], "place": {"line": 4, "column": 5}},
        {"kind": {"recording": {"record": "b"}}, "query": {"sql": "SELECT 1"}, "labels": [], "place": {"line": 5, "column": 5}}]}}"#;

fn group(time: Timestamp, generation: i64, names: &[&str], hold: u32) -> Batch {
    let of = |name: &&str| DEFINITION.replace("NAME", name).replace("HOLD", &hold.to_string());
    let definitions = names.iter().map(of).chain([String::new()]);
    let rows: Vec<RuleGroup> = definitions.map(|definition| RuleGroup { time, generation, definition }).collect();
    Batch::of("rules", &rows).unwrap()
}

fn evaluation(time: Timestamp, generation: i64, name: &str, vector: &str) -> Evaluation {
    Evaluation {
        time,
        key: Evaluation::key("f.yml", name, 0),
        file: "f.yml".to_owned(),
        rule_group: name.to_owned(),
        rule: 0,
        name: "A".to_owned(),
        generation,
        health: "ok".to_owned(),
        error: None,
        found: 0,
        vector: vector.to_owned(),
        inputs: None,
        queries: None,
        took_seconds: 0.25,
    }
}

fn history(seed: u64, count: usize) -> Vec<Input> {
    let rng = Rng::seeded(seed);
    let mut time = Timestamp::from_secs(1_000_000);
    let mut generation = 1;
    let mut history = vec![Input { time, batch: group(time, generation, &["g", "h"], 0) }];
    for _ in 0..count {
        time = time.plus(rng.jitter(Duration::from_secs(60)));
        let name = ["g", "h"][rng.below(2) as usize];
        let results: Vec<String> = (0..3)
            .filter(|_| rng.below(2) == 0)
            .map(|n| format!(r#"[{{"__name__": "x", "i": "{n}"}}, "{}"]"#, ["1", "NaN", "inf"][rng.below(3) as usize]))
            .collect();
        let mut row = evaluation(time, generation, name, &format!("[{}]", results.join(",")));
        match rng.below(8) {
            0 => row.error = Some("it is broken".to_owned()),
            1 => row.vector = "no JSON".to_owned(),
            2 | 3 => row.inputs = Some(r#"{"x": [1, 0]}"#.to_owned()),
            _ => {}
        }
        let batch = match rng.below(10) {
            0 => Batch::of("tick", &[Tick { time }]).unwrap(),
            1 => {
                generation += 1;
                let names: &[&str] = if rng.below(2) == 0 { &["g"] } else { &["g", "h"] };
                group(time, generation, names, [0, 60_000][rng.below(2) as usize])
            }
            _ => Batch::of("rules/f.yml/g", &[row]).unwrap(),
        };
        history.push(Input { time, batch });
    }
    history
}

fn fold() -> RulesFold {
    RulesFold::new(Shared::default())
}

#[tokio::test]
async fn passes_the_suite() {
    for seed in 1..=2 {
        let make = || vec![Box::new(fold()) as Box<dyn Fold>];
        suite::all(&Case { make: &make, inputs: history(seed, 40), seed }).await.unwrap();
    }
}

#[tokio::test]
async fn passes_the_suite_with_who_reads_what_it_puts_out() {
    let make = || -> Vec<Box<dyn Fold>> {
        vec![Box::new(fold()), Box::new(RoutingFold::new(crate::routing::Shared::default(), None))]
    };
    suite::all(&Case { make: &make, inputs: history(3, 30), seed: 3 }).await.unwrap();
}

fn apply(fold: &mut RulesFold, offset: u64, time: Timestamp, batch: Batch) -> Vec<Batch> {
    let mut outputs = Outputs::default();
    let record = Record { shard: 0, offset: Offset(offset), time, batch };
    fold.apply(&record, &HashMap::new(), &mut outputs).unwrap();
    outputs.take()
}

fn postings(batches: Vec<Batch>) -> Vec<Posting> {
    let record = |batch| Record { shard: 0, offset: Offset(0), time: Timestamp::ZERO, batch };
    batches.into_iter().flat_map(|batch| record(batch).rows().unwrap()).collect()
}

#[test]
fn an_alert_is_posted_as_prometheus_would_and_fires_until_its_end_is_posted() {
    let mut fold = fold();
    let at = |secs: i64| Timestamp::from_secs(1_000_000 + secs);
    apply(&mut fold, 0, at(0), group(at(0), 1, &["g"], 0));
    let found = evaluation(at(30), 1, "g", r#"[[{"__name__": "x", "i": "a"}, "2.5"]]"#);
    let posted = postings(apply(&mut fold, 1, at(31), Batch::of("k", &[found]).unwrap()));
    let labels = [("alertname", "A"), ("cluster", "one"), ("i", "a"), ("severity", "page")];
    assert_eq!(posted[0].labels, labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(posted[0].annotations["text"], "a is 2.5");
    assert_eq!((posted[0].starts_at, posted[0].ends_at), (at(30), Timestamp::MAX));
    assert_eq!(posted[0].generator_url, "http://here/api/v1/rules?rule_name%5B%5D=A&rule_group%5B%5D=g");
    let over = evaluation(at(60), 1, "g", "[]");
    let posted = postings(apply(&mut fold, 2, at(61), Batch::of("k", &[over]).unwrap()));
    assert_eq!((posted[0].starts_at, posted[0].ends_at), (at(30), at(60)));
}

#[test]
fn ten_thousand_alerts_are_several_records() {
    let mut fold = fold();
    let now = Timestamp::from_secs(1_000_000);
    apply(&mut fold, 0, now, group(now, 1, &["g"], 0));
    let results: Vec<String> =
        (0..10_000).map(|n| format!(r#"[{{"i": "{n}", "text": "{}"}}, "1"]"#, "x".repeat(300))).collect();
    let row = evaluation(now, 1, "g", &format!("[{}]", results.join(",")));
    let batches = apply(&mut fold, 1, now, Batch::of("k", &[row]).unwrap());
    assert!(batches.len() > 3 && batches.iter().all(|batch| batch.data.get_array_memory_size() < 4 << 20));
    assert_eq!(postings(batches).len(), 10_000);
}

#[test]
fn a_definition_that_cannot_be_read_changes_nothing_else() {
    let mut fold = fold();
    let now = Timestamp::from_secs(1_000_000);
    let row = RuleGroup { time: now, generation: 1, definition: "{".to_owned() };
    assert!(apply(&mut fold, 0, now, Batch::of("rules", &[row]).unwrap()).is_empty());
    apply(&mut fold, 1, now, group(now, 2, &["g"], 0));
    assert_eq!(fold.book.read().groups().count(), 1);
}

/// Groups are in any shard; what they post is in the one that is routed.
#[tokio::test]
async fn groups_of_two_shards_post_into_the_shard_that_is_routed() {
    let (clock, simulation) = base::Clock::simulated(Timestamp::from_secs(1_000_000));
    let log = MemoryLog::with_clock(2, clock.clone());
    let now = clock.now();
    let shutdown = base::Shutdown::new();
    let mut hosts = Vec::new();
    for shard in 0..2 {
        let host = fold::Host::new(fold::HostParts {
            log: Arc::new(log.clone()),
            shard,
            folds: vec![Box::new(fold())],
            documents: Arc::new(suite::LogDocuments(log.clone())),
            checkpoints: Arc::new(suite::MemoryCheckpoints::default()),
            clock: clock.clone(),
            rng: Rng::seeded(1),
            config: fold::HostConfig::default(),
        });
        log.push(shard, now, group(now, 1, &["g"], 0));
        let row = evaluation(now, 1, "g", &format!(r#"[[{{"i": "{shard}"}}, "1"]]"#));
        log.push(shard, now, Batch::of("k", &[row]).unwrap());
        hosts.push(host);
    }
    let target = model::shard_of(KEY, 2);
    let found = || {
        let rows = log.records(target).into_iter().flat_map(|record| record.rows::<Posting>().unwrap());
        let mut names: Vec<String> = rows.map(|row| row.labels["i"].clone()).collect();
        names.sort();
        names
    };
    let watch = async {
        for _ in 0..10_000 {
            if found().len() == 2 {
                shutdown.start();
            }
            simulation.advance(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    };
    let mut hosts = hosts.into_iter();
    let (one, other) = (hosts.next().unwrap(), hosts.next().unwrap());
    let (first, second, ()) = tokio::join!(one.run(shutdown.clone()), other.run(shutdown.clone()), watch);
    first.and(second).unwrap();
    assert_eq!(found(), ["0", "1"]);
    assert!(log.records(1 - target).iter().all(|record| record.rows::<Posting>().unwrap().is_empty()));
}

/// Until the clock was where it had been, no pending alert came to fire, and a change an hour was flapping.
#[test]
fn a_clock_that_is_set_back_by_hours_puts_off_no_alert_and_counts_no_old_change() {
    const BACK: u64 = 3 * 3600;
    let at = |secs: i64| Timestamp::from_secs(1_000_000 + secs);
    let mut fold = fold();
    apply(&mut fold, 0, at(0), group(at(0), 1, &["g"], 60_000));
    let mut offset = 0;
    // What is on the log at `secs` says that it is three hours earlier.
    let mut see = |fold: &mut RulesFold, secs: i64, back: u64, there: bool| {
        offset += 1;
        let vector = if there { r#"[[{"__name__": "x", "i": "a"}, "1"]]"# } else { "[]" };
        let row = evaluation(at(secs).minus(Duration::from_secs(back)), 1, "g", vector);
        postings(apply(fold, offset, at(secs), Batch::of("k", &[row]).unwrap()))
    };
    assert_eq!(see(&mut fold, 30, 0, true), []);
    assert_eq!(see(&mut fold, 60, BACK, true), []);
    assert_eq!(see(&mut fold, 90, BACK, true)[0].ends_at, Timestamp::MAX, "it has been so for a minute");
    for n in 1..6 {
        let from = n * 3600;
        assert_eq!(see(&mut fold, from, BACK, false).len(), 1, "{n}: over, and not held");
        assert_eq!(see(&mut fold, from + 600, BACK, true).len(), 0);
        assert_eq!(see(&mut fold, from + 660, BACK, true).len(), 1);
    }
}
