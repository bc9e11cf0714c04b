use std::collections::BTreeMap;
use std::time::Duration;

use base::Rng;
use fold::suite::{self, Case, Input};
use model::rows::{Decision, Intent, Notice, Reaction, Receipt, Tick};
use model::{AlertState, Batch, Key, Labels, Offset, RecordId, Severity};

use super::*;
use crate::outbox::{OutboxConfig, OutboxFold};

const CONFIG: &str = "
route:
  receiver: chat
  group_by: [alertname]
  group_wait: 2s
  group_interval: 5s
  repeat_interval: 1m
  routes:
    - {matchers: [severity=critical], receiver: page, continue: true}
    - {matchers: ['alertname=~\"a.*\"'], receiver: chat, group_by: ['...']}
inhibit_rules: [{source_matchers: [alertname=a1], target_matchers: [alertname=b1], equal: [instance]}]
receivers:
  - {name: chat, webhook_configs: [{url: 'http://localhost/'}, {url: 'http://localhost/', send_resolved: false}]}
  - {name: page, webhook_configs: [{url: 'http://localhost/'}]}
";

fn routing(time: Timestamp, config: &str) -> Routing {
    let receivers = r#"["alertmanager/chat/webhook/0","alertmanager/chat/webhook/1","alertmanager/page/webhook/0"]"#;
    let plan = Plan::of(&alertmanager::Config::parse(config).unwrap());
    Routing { time, config: serde_json::to_string(&plan).unwrap(), receivers: receivers.to_owned() }
}

fn labels(pairs: &[(&str, String)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn posting(rng: &Rng, time: Timestamp) -> Posting {
    let name = format!("{}{}", ["a", "b"][rng.below(2) as usize], rng.below(2));
    let severity = ["critical", "info"][rng.below(2) as usize].to_owned();
    let labels = labels(&[("alertname", name), ("instance", rng.below(3).to_string()), ("severity", severity)]);
    let ends_at = if rng.below(3) == 0 { time } else { time.plus(Duration::from_secs(1 + rng.below(20))) };
    let starts_at = time.minus(Duration::from_secs(rng.below(5)));
    Posting {
        time,
        labels,
        annotations: Labels::new(),
        starts_at,
        ends_at,
        timeout: rng.below(2) == 0,
        generator_url: String::new(),
    }
}

fn silence_row(rng: &Rng, time: Timestamp) -> SilenceRow {
    let id = format!("silence-{}", rng.below(3));
    SilenceRow {
        time,
        key: Key::of(id.as_bytes()),
        id,
        matchers: format!(r#"[{{"name":"instance","value":"{}","isRegex":false,"isEqual":true}}]"#, rng.below(3)),
        starts_at: time,
        ends_at: time.plus(Duration::from_secs(rng.below(15))),
        created_by: String::new(),
        comment: String::new(),
        annotations: Labels::new(),
    }
}

fn incident(rng: &Rng, time: Timestamp) -> Incident {
    let cause = format!("host/web-{}", rng.below(3));
    let name = format!("{cause}#1");
    Incident {
        time,
        key: Key::of(name.as_bytes()),
        incident: name,
        cause,
        scope: "host/web".to_owned(),
        state: [AlertState::Firing, AlertState::Resolved][rng.below(2) as usize],
        severity: Severity::ALL[rng.below(4) as usize],
        summary: "it was modified".to_owned(),
        since: time,
        findings: 1,
        labels: labels(&[("kind", "drift".to_owned())]),
        evidence: "{}".to_owned(),
        reason: "updated".to_owned(),
    }
}

fn history(seed: u64, count: usize) -> Vec<Input> {
    let rng = Rng::seeded(seed);
    let mut time = Timestamp::from_secs(1_000_000);
    let mut history = vec![Input { time, batch: Batch::of("alertmanager", &[routing(time, CONFIG)]).unwrap() }];
    for _ in 0..count {
        time = time.plus(rng.jitter(Duration::from_secs(3)));
        let batch = match rng.below(8) {
            0 => Batch::of("alertmanager", &[silence_row(&rng, time)]),
            1 => Batch::of("host/web", &[incident(&rng, time)]),
            2 => Batch::of("tick", &[Tick { time }]),
            3 if rng.below(4) == 0 => {
                let config = CONFIG.replace("group_by: [alertname]", "group_by: [instance]");
                Batch::of("alertmanager", &[routing(time, [CONFIG, &config][rng.below(2) as usize])])
            }
            _ => Batch::of("alertmanager", &(0..=rng.below(3)).map(|_| posting(&rng, time)).collect::<Vec<_>>()),
        };
        history.push(Input { time, batch: batch.unwrap() });
    }
    history
}

fn fold() -> RoutingFold {
    RoutingFold::new(Shared::default(), Some("https://steadfast.example".to_owned()))
}

#[tokio::test]
async fn passes_the_suite() {
    for seed in 1..=2 {
        let make = || vec![Box::new(fold()) as Box<dyn Fold>];
        suite::all(&Case { make: &make, inputs: history(seed, 40), seed }).await.unwrap();
    }
}

/// With rollouts whose alerts are adopted, and times after which what is over is dropped.
fn long_history(seed: u64) -> Vec<Input> {
    let (rng, mut leap) = (Rng::seeded(seed), Duration::ZERO);
    let mut inputs = Vec::new();
    for Input { time, batch } in history(seed, 100) {
        if rng.below(15) == 0 {
            leap += Duration::from_secs(1_500);
        }
        let time = time.plus(leap);
        if rng.below(10) == 0 {
            let state = if rng.below(3) == 0 { "over" } else { "rolling" };
            let (scope, cause) = ("host/1".to_owned(), format!("rollout/host/1/{}", rng.below(2)));
            let (places, state) = ("{}".to_owned(), state.to_owned());
            let row =
                Rollout { time, scope, cause, revision: None, author: None, state, since: time, resources: 1, places };
            inputs.push(Input { time, batch: Batch::of("alertmanager", &[row]).unwrap() });
        }
        inputs.push(Input { time, batch });
    }
    inputs
}

#[tokio::test]
async fn what_is_saved_in_parts_is_the_state() {
    for seed in 0..8 {
        let make = || vec![Box::new(fold().join_rollouts(true)) as Box<dyn Fold>];
        suite::chains(&Case { make: &make, inputs: long_history(seed), seed }).await.unwrap();
    }
}

#[test]
fn what_a_program_of_before_has_saved_is_read() {
    let adopted = r#"{"scope":"host/1","cause":"rollout/host/1/0","alert":{"labels":{"alertname":"a0"},"annotations":{},"starts_at":5,"ends_at":9,
        "updated_at":5,"generator_url":"","timeout":false}}"#;
    let old = format!(
        r#"{{"version":1,"config":"","now":7,"engine":{{"alerts":[],"groups":[],"next_group":3,"silences":[],"sweep":null,"looked":7}},
        "rollouts":{{"on":{{"host/1":{{"cause":"rollout/host/1/0","since":4,"places":{{}}}}}},"adopted":{{"00000000000000aa":{adopted}}}}}}}"#
    );
    let mut fold = fold();
    fold.restore(old.as_bytes()).unwrap();
    assert_eq!((fold.now, fold.rollouts.on.len(), fold.rollouts.adopted.len()), (Timestamp::from_nanos(7), 1, 1));
    let parts = fold.checkpoint();
    fold.restore(&parts).unwrap();
    assert_eq!((fold.checkpoint() == parts, fold.rollouts.adopted.len()), (true, 1));
    let error = fold.restore(old.replace("\"version\":1", "\"version\":9").as_bytes()).unwrap_err().to_string();
    assert!(error.contains("version 9"), "{error}");
    assert_eq!(fold.rollouts.on.len(), 0, "nothing of it is kept");
}

#[tokio::test]
async fn what_is_due_at_once_is_told_in_steps() {
    let mut world = World { fold: fold(), next: Offset(0) };
    let time = Timestamp::from_secs(1_000_000);
    let config = "route: {receiver: page, group_by: [alertname], group_wait: 5s}\n\
                  receivers: [{name: page, webhook_configs: [{url: 'http://localhost/'}]}]";
    world.apply(time, Batch::of("alertmanager", &[routing(time, config)]).unwrap());
    let rows: Vec<Posting> = (0..1_000)
        .map(|n| Posting {
            labels: labels(&[("alertname", format!("a{n}"))]),
            starts_at: time,
            ends_at: time.plus(Duration::from_secs(3600)),
            ..posting(&Rng::seeded(n), time)
        })
        .collect();
    assert!(world.apply(time, Batch::of("alertmanager", &rows).unwrap()).0.is_empty());
    assert!(!world.fold.is_behind());
    let due = time.plus(Duration::from_secs(5));
    let (mut told, mut steps) = (Vec::new(), 0);
    // Who posts meanwhile waits for few of them, and the next step comes when all of this one has come back.
    let record = world.record(due, Batch::of("alertmanager", &rows[..1]).unwrap());
    let outputs = world.take(&record);
    let streams: Vec<_> = outputs.iter().map(|batch| (batch.stream, batch.data.num_rows())).collect();
    let groups = super::RECORD_GROUPS;
    assert_eq!(streams, [(Stream::Decisions, groups), (Stream::Alerts, groups), (Stream::Notices, groups)]);
    let saved = world.fold.checkpoint();
    world.fold = fold();
    world.fold.restore(&saved).unwrap();
    let last = outputs.len() - 1;
    for (index, batch) in (0..).zip(outputs) {
        assert!(world.apply(due, Batch::of("alertmanager", &rows[..1]).unwrap()).0.is_empty(), "before {index}");
        let id = RecordId { producer: super::NAME.to_owned(), shard: 0, offset: record.offset, index };
        let (notices, ..) = world.apply(due, Batch { id: Some(id), ..batch.clone() });
        assert_eq!(notices.len(), if index as usize == last { groups } else { 0 });
        assert!(world.fold.is_behind());
        told.extend(notices.into_iter().map(|notice| notice.incident));
        told.extend(Record { batch, ..record.clone() }.rows::<Notice>().unwrap().into_iter().map(|row| row.incident));
    }
    while told.len() < 1_000 {
        assert!(world.fold.next_tick().unwrap() <= due && steps < 100);
        let notices = world.apply(due, Batch::of("tick", &[Tick { time: due }]).unwrap()).0;
        assert!(notices.len() <= super::TICK_GROUPS, "{} at once", notices.len());
        told.extend(notices.into_iter().map(|notice| notice.incident));
        assert_eq!(world.fold.is_behind(), told.len() < 1_000);
        steps += 1;
    }
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 1_000, "each is told of once");
    assert!(world.fold.next_tick().unwrap() > due);
}

/// The incident of a host whose first finding is a file that was modified.
fn drift(time: Timestamp, reason: &str) -> Incident {
    let evidence = r#"{"symptoms":[{"finding":"drift/host/web/file//etc/motd","summary":"","since":1}],"omitted":0,"unknown":0,"shard":0,"offset":1}"#;
    let (evidence, state) = match reason {
        "resolved" => ("{}", AlertState::Resolved),
        _ => (evidence, AlertState::Firing),
    };
    let labels = labels(&[("kind", "file".to_owned())]);
    Incident {
        evidence: evidence.to_owned(),
        state,
        labels,
        reason: reason.to_owned(),
        ..incident(&Rng::seeded(1), time)
    }
}

fn silence_of(time: Timestamp, name: &str, value: &str, ends_at: Timestamp) -> SilenceRow {
    let matchers = format!(r#"[{{"name":"{name}","value":"{value}","isRegex":false,"isEqual":true}}]"#);
    SilenceRow { matchers, ends_at, ..silence_row(&Rng::seeded(1), time) }
}

#[test]
fn drift_is_an_alert_by_the_documented_name_from_its_beginning_to_its_end() {
    let mut world = World { fold: fold(), next: Offset(0) };
    let time = Timestamp::from_secs(1_000_000);
    let names = |decisions: &[Decision]| decisions.iter().map(|it| it.labels["alertname"].clone()).collect::<Vec<_>>();
    for reason in ["opened", "resolved"] {
        let (_, _, mut decisions) = world.apply(time, Batch::of("host/web", &[drift(time, reason)]).unwrap());
        // What was put out before has come by once time passes.
        decisions.extend(world.apply(time, Batch::of("tick", &[Tick { time }]).unwrap()).2);
        assert_eq!(names(&decisions), ["SteadfastDrift"], "{reason}");
    }
}

#[test]
fn a_silence_of_drift_by_its_name_holds() {
    let mut world = World { fold: fold(), next: Offset(0) };
    let time = Timestamp::from_secs(1_000_000);
    let row = silence_of(time, "alertname", "SteadfastDrift", time.plus(Duration::from_secs(60)));
    world.apply(time, Batch::of("alertmanager", &[row]).unwrap());
    let (_, _, decisions) = world.apply(time, Batch::of("host/web", &[drift(time, "opened")]).unwrap());
    assert_eq!(decisions.iter().map(|it| it.decision.as_str()).collect::<Vec<_>>(), ["silenced"]);
}

#[test]
fn the_incident_of_posted_alerts_has_what_was_posted_and_only_what_fires() {
    let mut world = World { fold: fold(), next: Offset(0) };
    let time = Timestamp::from_secs(1_000_000);
    let posted = |pod: &str, ends_in: u64| Posting {
        labels: labels(&[("alertname", "NoSummary".to_owned()), ("pod", pod.to_owned())]),
        annotations: labels(&[("runbook_url", "https://wiki".to_owned())]),
        starts_at: time,
        ends_at: time.plus(Duration::from_secs(ends_in)),
        generator_url: "http://prometheus/graph".to_owned(),
        ..posting(&Rng::seeded(1), time)
    };
    let symptoms = |incidents: &[Incident]| {
        let evidence: crate::alert::Evidence = serde_json::from_str(&incidents.last().unwrap().evidence).unwrap();
        evidence.symptoms
    };
    let (_, opened, _) = world.apply(time, Batch::of("alertmanager", &[posted("p1", 5), posted("p2", 500)]).unwrap());
    let told = symptoms(&opened);
    assert_eq!(told.iter().map(|it| it.labels["pod"].as_str()).collect::<Vec<_>>(), ["p1", "p2"]);
    assert_eq!(told[0].annotations["runbook_url"], "https://wiki");
    assert_eq!((told[0].is_posted(), told[0].generator_url.as_deref()), (true, Some("http://prometheus/graph")));
    let later = time.plus(Duration::from_secs(10));
    let (_, updated, _) = world.apply(later, Batch::of("tick", &[Tick { time: later }]).unwrap());
    assert_eq!(symptoms(&updated).iter().map(|it| it.labels["pod"].as_str()).collect::<Vec<_>>(), ["p2"]);
}

/// An incident goes by both folds, as in a process; gives the intents.
struct Both {
    routing: World,
    outbox: crate::outbox::OutboxFold,
}

impl Both {
    fn new() -> Self {
        let engine = Shared::default();
        let route = crate::outbox::Route {
            receiver: "on-call".to_owned(),
            min_severity: Severity::Info,
            scopes: Vec::new(),
            labels: Labels::new(),
        };
        let again = crate::outbox::Again { receiver: "on-call".to_owned(), after: Duration::from_secs(60) };
        let config = crate::outbox::OutboxConfig { receivers: vec![route], again: vec![again], ..Default::default() };
        let routing = World { fold: RoutingFold::new(Arc::clone(&engine), None), next: Offset(0) };
        Self { routing, outbox: crate::outbox::OutboxFold::new(config).unwrap().silenced_by(engine) }
    }

    fn intents(&mut self, time: Timestamp, batch: Batch) -> Vec<Intent> {
        let record = self.routing.record(time, batch);
        self.routing.take(&record);
        let mut outputs = Outputs::default();
        self.outbox.apply(&record, &HashMap::new(), &mut outputs).unwrap();
        let intents = outputs.take().into_iter().map(|batch| Record { batch, ..record.clone() });
        intents.filter(|record| record.batch.stream == Stream::Intents).flat_map(|it| it.rows().unwrap()).collect()
    }

    fn apply(&mut self, time: Timestamp, batch: Batch) -> Vec<String> {
        self.intents(time, batch).into_iter().map(|it| it.action).collect()
    }

    fn tick(&mut self, time: Timestamp) -> Vec<String> {
        self.apply(time, Batch::of("tick", &[Tick { time }]).unwrap())
    }
}

#[test]
fn what_is_shown_as_silenced_is_told_to_no_receiver_until_the_silence_is_over() {
    let mut both = Both::new();
    let at = |seconds: u64| Timestamp::from_secs(1_000_000).plus(Duration::from_secs(seconds));
    let silence = |n: u64, until: u64| silence_of(at(n), "scope", "host/web", at(until));
    both.apply(at(0), Batch::of("alertmanager", &[silence(0, 60)]).unwrap());
    assert_eq!(both.apply(at(1), Batch::of("host/web", &[drift(at(1), "opened")]).unwrap()), [""; 0]);
    assert_eq!(both.apply(at(2), Batch::of("host/web", &[drift(at(2), "updated")]).unwrap()), [""; 0]);
    assert_eq!(both.tick(at(59)), [""; 0]);
    // A restart in between changes nothing.
    let saved = both.outbox.checkpoint();
    both.outbox.restore(&saved).unwrap();
    assert_eq!(both.outbox.checkpoint(), saved);
    assert_eq!(both.tick(at(59)), [""; 0]);
    assert_eq!(both.outbox.next_tick(), Some(at(60)));
    assert_eq!(both.tick(at(60)), ["trigger"], "it is still open");
    // One that comes later holds what is told more of it, and not the end.
    both.apply(at(61), Batch::of("alertmanager", &[silence(61, 120)]).unwrap());
    assert_eq!(both.apply(at(62), Batch::of("host/web", &[drift(at(62), "widened")]).unwrap()), [""; 0]);
    assert_eq!(both.apply(at(63), Batch::of("host/web", &[drift(at(63), "resolved")]).unwrap()), ["resolve"]);
    assert_eq!(both.tick(at(120)), [""; 0]);
}

#[test]
fn what_was_resolved_at_its_provider_is_not_told_anew_while_it_is_silenced() {
    let mut both = Both::new();
    let at = |seconds: u64| Timestamp::from_secs(1_000_000).plus(Duration::from_secs(seconds));
    let intent = both.intents(at(0), Batch::of("host/web", &[drift(at(0), "opened")]).unwrap()).remove(0);
    let receipt = Receipt {
        time: at(1),
        intent: intent.intent,
        key: intent.key,
        receiver: intent.receiver.clone(),
        incident: intent.incident.clone(),
        sequence: intent.sequence,
        attempt: 1,
        outcome: Outcome::Delivered,
        last: true,
        status: Some(202),
        message: None,
        reference: None,
        took_ms: 3,
    };
    both.apply(at(1), Batch::of("notify", &[receipt]).unwrap());
    let resolved = Reaction {
        time: at(2),
        key: Key::of(b"1"),
        event: "1".to_owned(),
        receiver: intent.receiver,
        provider: "PagerDuty".to_owned(),
        provider_incident: "P1".to_owned(),
        incident: Some(intent.incident),
        action: "resolved".to_owned(),
        actor: Some("Ann".to_owned()),
        person: true,
        text: None,
    };
    both.apply(at(2), Batch::of("reactions", &[resolved]).unwrap());
    let silence = silence_of(at(3), "scope", "host/web", at(400));
    both.apply(at(3), Batch::of("alertmanager", &[silence]).unwrap());
    assert_eq!(both.outbox.next_tick(), Some(at(62)));
    assert_eq!(both.tick(at(62)), [""; 0], "it is silenced");
    assert_eq!(both.outbox.next_tick(), Some(at(400)));
    assert_eq!(both.tick(at(400)), ["trigger"]);
}

#[test]
fn what_is_silenced_and_over_is_never_told_and_a_silence_that_is_taken_back_holds_nothing() {
    let mut both = Both::new();
    let at = |seconds: u64| Timestamp::from_secs(1_000_000).plus(Duration::from_secs(seconds));
    let silence = |n: u64, until: u64| silence_of(at(n), "alertname", "SteadfastDrift", at(until));
    both.apply(at(0), Batch::of("alertmanager", &[silence(0, 60)]).unwrap());
    for reason in ["opened", "resolved"] {
        assert_eq!(both.apply(at(1), Batch::of("host/web", &[drift(at(1), reason)]).unwrap()), [""; 0], "{reason}");
    }
    both.apply(at(2), Batch::of("host/web", &[drift(at(2), "opened")]).unwrap());
    assert_eq!(both.apply(at(3), Batch::of("alertmanager", &[silence(0, 3)]).unwrap()), ["trigger"]);
}

/// A fold that is fed by hand.
struct World {
    fold: RoutingFold,
    next: Offset,
}

impl World {
    fn record(&mut self, time: Timestamp, batch: Batch) -> Record {
        let record = Record { shard: 0, offset: self.next, time, batch };
        self.next = self.next.next();
        record
    }

    fn take(&mut self, record: &Record) -> Vec<Batch> {
        let mut outputs = Outputs::default();
        self.fold.apply(record, &HashMap::new(), &mut outputs).unwrap();
        outputs.take()
    }

    fn apply(&mut self, time: Timestamp, batch: Batch) -> (Vec<Notice>, Vec<Incident>, Vec<Decision>) {
        let record = self.record(time, batch);
        let records: Vec<Record> =
            self.take(&record).into_iter().map(|batch| Record { batch, ..record.clone() }).collect();
        (
            records.iter().flat_map(|record| record.rows().unwrap()).collect(),
            records.iter().flat_map(|record| record.rows().unwrap()).collect(),
            records.iter().flat_map(|record| record.rows().unwrap()).collect(),
        )
    }
}

/// Whatever comes: each receiver of each incident is told first that it is there and last that it is
/// over, nothing after that, and all are over once nothing fires.
#[test]
fn what_is_told_begins_with_a_trigger_and_ends_with_a_resolve() {
    for seed in 0..100 {
        let mut world = World { fold: fold(), next: Offset(0) };
        let mut open = BTreeMap::<(String, String), bool>::new();
        let mut check = |notices: Vec<Notice>| {
            for notice in notices {
                let over = notice.action != "tell";
                let known = open.insert((notice.receiver.clone(), notice.incident.clone()), !over);
                assert!(
                    known == Some(true) || (known.is_none() && !over) || notice.incident.starts_with("host/"),
                    "seed {seed}: {notice:#?}"
                );
            }
        };
        let mut now = Timestamp::ZERO;
        for input in history(seed, 60) {
            now = input.time;
            check(world.apply(now, input.batch).0);
        }
        let rows: Vec<Incident> = (0..3).map(|n| Incident { state: AlertState::Resolved, ..named(n, now) }).collect();
        check(world.apply(now, Batch::of("host/web", &rows).unwrap()).0);
        for _ in 0..200 {
            let Some(at) = world.fold.next_tick() else { break };
            check(world.apply(at, Batch::of("tick", &[Tick { time: at }]).unwrap()).0);
        }
        let still: Vec<_> = open.iter().filter(|(_, open)| **open).collect();
        assert!(still.is_empty(), "seed {seed}: {still:?}");
    }
}

fn named(n: u64, time: Timestamp) -> Incident {
    let name = format!("host/web-{n}#1");
    Incident {
        key: Key::of(name.as_bytes()),
        incident: name,
        cause: format!("host/web-{n}"),
        ..incident(&Rng::seeded(n), time)
    }
}

/// Who is configured elsewhere goes on with it: nothing says that the incident is over.
#[test]
fn an_incident_that_a_reload_routes_elsewhere_ends_where_it_was_told_and_nowhere_else() {
    let mut world = World { fold: fold(), next: Offset(0) };
    let now = Timestamp::from_secs(1_000_000);
    let later = |seconds| now.plus(Duration::from_secs(seconds));
    world.apply(now, Batch::of("alertmanager", &[routing(now, CONFIG)]).unwrap());
    let row = Incident { state: AlertState::Firing, ..named(1, now) };
    let (told, _, _) = world.apply(later(1), Batch::of("host/web", &[row]).unwrap());
    assert!(told.iter().any(|notice| notice.receiver == "alertmanager/chat/webhook/0" && notice.action == "tell"));
    let moved = CONFIG.replacen("receiver: chat", "receiver: page", 1);
    let mut outputs = world.apply(later(2), Batch::of("alertmanager", &[routing(now, &moved)]).unwrap());
    let (notices, incidents, _) = world.apply(later(20), Batch::of("tick", &[Tick { time: later(20) }]).unwrap());
    outputs.0.extend(notices);
    outputs.1.extend(incidents);
    assert!(outputs.1.is_empty(), "the incident is open: {:#?}", outputs.1);
    let end = outputs.0.iter().find(|notice| notice.receiver == "alertmanager/chat/webhook/0").unwrap();
    let payload: notify::Notification = serde_json::from_str(&end.payload).unwrap();
    assert_eq!((end.action.as_str(), payload.scope.as_str()), ("resolve", "host/web"), "in the shard that told of it");
}

#[test]
fn without_a_configuration_posted_alerts_are_incidents_at_once() {
    let mut world = World { fold: fold(), next: Offset(0) };
    let now = Timestamp::from_secs(1_000_000);
    let row = Posting { ends_at: now.plus(Duration::from_secs(300)), ..posting(&Rng::seeded(1), now) };
    let over = Posting { ends_at: now, ..row.clone() };
    let (notices, incidents, _) = world.apply(now, Batch::of("alertmanager", &[row]).unwrap());
    assert!(notices.is_empty());
    assert_eq!((incidents.len(), incidents[0].state, incidents[0].findings), (1, AlertState::Firing, 1));
    let later = now.plus(Duration::from_secs(5));
    world.apply(now, Batch::of("alertmanager", &[over]).unwrap());
    let (_, incidents, _) = world.apply(later, Batch::of("tick", &[Tick { time: later }]).unwrap());
    assert_eq!((incidents.len(), incidents[0].state), (1, AlertState::Resolved));
}

#[test]
fn an_alert_of_a_rollout_goes_on_over_a_time_in_which_nobody_could_post_it() {
    let mut world = World { fold: fold(), next: Offset(0) };
    let now = Timestamp::from_secs(1_000_000);
    let later = |seconds| now.plus(Duration::from_secs(seconds));
    let mut found = |at: Timestamp, batch: Batch| {
        let record = world.record(at, batch);
        world.take(&record).iter().filter(|batch| batch.stream == Stream::Findings).count()
    };
    let rollout = Rollout {
        time: now,
        scope: "host/1".to_owned(),
        cause: "rollout/host/1/0".to_owned(),
        revision: None,
        author: None,
        state: "rolling".to_owned(),
        since: now,
        resources: 1,
        places: "{}".to_owned(),
    };
    found(now, Batch::of("alertmanager", &[rollout]).unwrap());
    let labels = labels(&[("alertname", "a".to_owned()), ("instance", "1".to_owned())]);
    let row = Posting { labels, starts_at: later(1), ends_at: later(240), ..posting(&Rng::seeded(1), now) };
    assert_eq!(found(later(1), Batch::of("alertmanager", &[row]).unwrap()), 1, "it joins");
    let mut tick = |at: Timestamp| found(at, Batch::of("tick", &[Tick { time: at }]).unwrap());
    assert_eq!(tick(later(3600)), 0, "nobody could say that it goes on");
    let ends: Vec<usize> = (1..=5).map(|minute| tick(later(3600 + 60 * minute))).collect();
    assert_eq!(ends, [0, 0, 0, 0, 1], "nobody said it afterwards");
}

/// The batches that tell of so many alerts of one group, each with a label that is so long.
fn storm_of(fold: RoutingFold, count: usize, label: usize) -> Vec<Record> {
    let mut world = World { fold, next: Offset(0) };
    let now = Timestamp::from_secs(1_000_000);
    world.apply(now, Batch::of("alertmanager", &[routing(now, CONFIG)]).unwrap());
    let row = |n: usize| Posting {
        labels: labels(&[("alertname", "storm".to_owned()), ("instance", n.to_string()), ("text", "x".repeat(label))]),
        annotations: labels(&[("text", "x".repeat(1_000))]),
        starts_at: now,
        ends_at: now.plus(Duration::from_secs(300)),
        ..posting(&Rng::seeded(1), now)
    };
    let rows: Vec<Posting> = (0..count).map(row).collect();
    world.apply(now, Batch::of("alertmanager", &rows).unwrap());
    let later = now.plus(Duration::from_secs(2));
    let record = world.record(later, Batch::of("tick", &[Tick { time: later }]).unwrap());
    world.take(&record).into_iter().map(|batch| Record { batch, ..record.clone() }).collect()
}

/// What is told of ten thousand of them.
fn storm(label: usize) -> (Vec<Notice>, notify::Notification) {
    let records = storm_of(fold(), 10_000, label);
    let notices: Vec<Notice> = records.iter().flat_map(|record| record.rows().unwrap()).collect();
    let incidents: Vec<Incident> = records.iter().flat_map(|record| record.rows().unwrap()).collect();
    let decisions: Vec<Decision> = records.iter().flat_map(|record| record.rows().unwrap()).collect();
    assert_eq!((notices.len(), incidents.len(), decisions.len()), (2, 1, 10_000));
    assert_eq!(incidents[0].findings, 10_000);
    let notification = serde_json::from_str(&notices[0].payload).unwrap();
    (notices, notification)
}

#[test]
fn a_message_of_ten_thousand_alerts_is_one_row_and_names_all_of_them() {
    let (notices, notification) = storm(10);
    let group = notification.group.unwrap();
    assert!(notices[0].payload.len() < 9 << 20, "{}", notices[0].payload.len());
    assert_eq!((group.alerts.len(), group.truncated_alerts), (10_000, 0));
    let (first, last) = (&group.alerts[0], &group.alerts[9_999]);
    assert_eq!((first.annotations.len(), last.annotations.len(), last.labels.len()), (1, 0, 3));
    let full = group.alerts.iter().filter(|alert| !alert.annotations.is_empty()).count();
    assert!((1_000..2_000).contains(&full), "{full}");
}

#[test]
fn a_message_of_what_is_too_large_says_what_it_leaves_out() {
    let (notices, notification) = storm(4_000);
    let group = notification.group.unwrap();
    assert!(notices[0].payload.len() < 9 << 20, "{}", notices[0].payload.len());
    assert!((1_000..3_000).contains(&group.alerts.len()), "{}", group.alerts.len());
    assert_eq!(group.alerts.len() as u64 + group.truncated_alerts, 10_000);
}

/// The log takes 4 MiB at once, as one on Kafka does.
#[test]
fn what_a_log_of_small_batches_takes_of_a_large_message_is_told_and_says_what_it_leaves_out() {
    const LARGEST: u64 = 4 << 20;
    let config = OutboxConfig { max_batch_bytes: LARGEST, ..OutboxConfig::default() };
    let mut outbox = OutboxFold::new(config).unwrap();
    let fits = |batch: &Batch| assert!(bus::codec::encode(batch).unwrap().len() as u64 <= LARGEST, "{}", batch.key);
    let mut next = Offset(100);
    let mut tell = |record: &Record| {
        let record = Record { offset: next, ..record.clone() };
        next = next.next();
        let mut outputs = Outputs::default();
        outbox.apply(&record, &HashMap::new(), &mut outputs).unwrap();
        let batches = outputs.take();
        batches.iter().for_each(fits);
        batches.into_iter().flat_map(move |batch| Record { batch, ..record.clone() }.rows::<Intent>().unwrap())
    };
    let records = storm_of(fold().max_batch_bytes(LARGEST), 10_000, 1_000);
    let routing = Batch::of("alertmanager", &[routing(Timestamp::ZERO, CONFIG)]).unwrap();
    assert_eq!(tell(&Record { batch: routing, ..records[0].clone() }).count(), 0);
    records.iter().for_each(|record| fits(&record.batch));
    let intents: Vec<Intent> = records.iter().flat_map(tell).collect();
    assert_eq!(intents.len(), 2, "each way out is told");
    for intent in intents {
        let notification: notify::Notification = serde_json::from_str(&intent.payload).unwrap();
        let group = notification.group.unwrap();
        assert!((1_500..3_500).contains(&group.alerts.len()), "{}", group.alerts.len());
        assert_eq!(group.alerts.len() as u64 + group.truncated_alerts, 10_000);
    }
}

#[test]
fn an_alert_that_is_larger_than_what_the_log_takes_is_counted() {
    let records = storm_of(fold().max_batch_bytes(4 << 20), 1, 5 << 20);
    let notices: Vec<Notice> = records.iter().flat_map(|record| record.rows().unwrap()).collect();
    assert!(!notices.is_empty());
    for notice in notices {
        assert!(notice.payload.len() < 4 << 20, "{}", notice.payload.len());
        let notification: notify::Notification = serde_json::from_str(&notice.payload).unwrap();
        let group = notification.group.unwrap();
        assert_eq!((group.alerts.len(), group.truncated_alerts), (0, 1));
    }
}

/// The log is a day ahead of the clock of who posts an alert that goes on for four minutes.
#[test]
fn an_alert_on_a_log_that_is_ahead_of_the_clock_is_told_and_ends_in_its_time() {
    let mut world = World { fold: fold(), next: Offset(0) };
    let posted = Timestamp::from_secs(1_000_000);
    let log = |seconds: u64| posted.plus(Duration::from_secs(24 * 3600 + seconds));
    world.apply(log(0), Batch::of("alertmanager", &[routing(posted, CONFIG)]).unwrap());
    let ends_at = posted.plus(Duration::from_secs(240));
    let row = Posting { starts_at: posted, ends_at, timeout: false, ..posting(&Rng::seeded(1), posted) };
    let (at_once, ..) = world.apply(log(0), Batch::of("alertmanager", &[row]).unwrap());
    let mut told: Vec<(String, u64)> = at_once.into_iter().map(|notice| (notice.action, 0)).collect();
    for seconds in (0..300).step_by(5) {
        let (notices, ..) = world.apply(log(seconds), Batch::of("tick", &[Tick { time: log(seconds) }]).unwrap());
        told.extend(notices.into_iter().map(|notice| (notice.action, seconds)));
    }
    let first = |action: &str| {
        let found = told.iter().find(|(told, _)| told == action);
        found.unwrap_or_else(|| panic!("no {action}: {told:?}")).1
    };
    assert!(first("tell") <= 5, "{told:?}");
    assert!((240..=250).contains(&first("resolve")), "{told:?}");
}
