//! Scenarios in virtual time: what comes when, and who is told what when.
//!
//! A time is in seconds from the start. An alert is `{labels} start-end`, both optional; what is
//! told is `time way action "reason" alerts`, where an alert has an end only if it is over.

use std::collections::BTreeMap;
use std::sync::Arc;

use alertmanager::engine::{Engine, Flush, Plan, Restoring, Setup};
use alertmanager::interval::Zone;
use alertmanager::{Config, Labels, Matchers, PostedAlert, Silence, accept};
use base::Timestamp;
use serde::Deserialize;

use super::cases;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    config: String,
    steps: Vec<Step>,
    /// Until when, in seconds.
    until: f64,
    told: Vec<String>,
    #[serde(default)]
    decided: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    at: f64,
    #[serde(default)]
    post: Vec<String>,
    #[serde(default)]
    silence: Option<String>,
    /// Another configuration.
    #[serde(default)]
    reload: Option<String>,
    /// The process ends and starts again from what it saved.
    #[serde(default)]
    restart: bool,
    /// Nothing ran since the step before.
    #[serde(default)]
    away: bool,
    /// A way out whose provider takes nothing from now on.
    #[serde(default)]
    down: Option<String>,
    /// It takes everything again.
    #[serde(default)]
    up: Option<String>,
    /// An incident of ours: its name, labels, and whether it is over.
    #[serde(default)]
    incident: Option<(String, String, bool)>,
}

const START: i64 = 1_700_000_000;

fn time(seconds: f64) -> Timestamp {
    Timestamp::from_nanos(START * 1_000_000_000 + (seconds * 1e3).round() as i64 * 1_000_000)
}

fn seconds(time: Timestamp) -> f64 {
    (time.nanos() - START * 1_000_000_000) as f64 / 1e9
}

/// The labels of `{a="b"}`.
fn labels(text: &str) -> Labels {
    let matchers = Matchers::parse(text).unwrap();
    matchers.as_slice().iter().map(|it| (it.name().to_owned(), it.value().to_owned())).collect()
}

type Parts = BTreeMap<Vec<u8>, Vec<u8>>;

/// All parts of an engine, in whatever slices they come.
fn whole(engine: &Engine) -> Parts {
    let mut parts = Parts::new();
    loop {
        let (after, mut room) = (parts.keys().next_back().cloned().unwrap_or_default(), 3);
        let before = parts.len();
        engine.rest(&after, &mut |key, part| {
            room -= 1;
            assert!(key > &after[..], "the order of the keys");
            parts.insert(key.to_vec(), part.unwrap().to_vec()).is_none() && room > 0
        });
        if parts.len() == before {
            return parts;
        }
    }
}

/// What has changed of an engine; without a text, what is gone.
fn changed(engine: &mut Engine) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
    let mut parts = BTreeMap::new();
    engine.changed(&mut |key, part| {
        parts.insert(key.to_vec(), part.map(<[u8]>::to_vec));
        true
    });
    parts
}

struct World {
    engine: Engine,
    config: String,
    down: Vec<String>,
    /// What providers have not taken yet: way and incident.
    waiting: Vec<(String, String)>,
    told: Vec<String>,
    decided: Vec<String>,
    /// What was saved so far.
    saved: Parts,
}

impl World {
    fn setup(config: &str) -> Setup {
        Setup::of(&Plan::of(&Config::parse(config).unwrap()), Zone::default()).unwrap()
    }

    fn step(&mut self, step: &Step) {
        let now = time(step.at);
        self.engine.resume(now);
        step.post.iter().for_each(|text| self.post(text, now));
        if let Some(text) = &step.silence {
            let (matchers, times) = text.rsplit_once(' ').unwrap();
            let (from, to) = times.split_once('-').unwrap();
            self.engine.silence(Silence {
                id: "00000000-0000-4000-8000-000000000001".to_owned(),
                matchers: Matchers::parse(matchers).unwrap(),
                starts_at: time(from.parse().unwrap()),
                ends_at: time(to.parse().unwrap()),
                updated_at: now,
                created_by: String::new(),
                comment: String::new(),
                annotations: Default::default(),
            });
        }
        if let Some(config) = &step.reload {
            self.config.clone_from(config);
            self.engine.configure(Self::setup(config), now);
        }
        if step.restart {
            let saved = whole(&self.engine);
            let mut restoring = Restoring::new(Self::setup(&self.config), self.engine.head(), now);
            saved.iter().for_each(|(key, part)| restoring.take(key, part).unwrap());
            let head = self.engine.head();
            self.engine = restoring.end().unwrap();
            assert_eq!((whole(&self.engine), self.engine.head()), (saved, head));
            assert_eq!(changed(&mut self.engine), BTreeMap::new());
        }
        self.down.extend(step.down.clone());
        if let Some(up) = &step.up {
            self.down.retain(|way| way != up);
            let (taken, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|(way, _)| way == up);
            self.waiting = waiting;
            let taken: Vec<(String, String)> = taken;
            taken.iter().for_each(|(way, incident)| self.engine.answered(way, incident, true, now));
        }
        if let Some((name, text, over)) = &step.incident {
            let ends_at = if *over { now } else { Timestamp::MAX };
            let posted = PostedAlert { labels: labels(text), ends_at: Some(ends_at), ..PostedAlert::default() };
            let posted = PostedAlert { starts_at: Some(now), ..posted };
            let alert = accept(posted, now, std::time::Duration::ZERO).unwrap();
            self.engine.incident(name, alert, Arc::from("{}"), now);
        }
        self.advance(now);
    }

    fn post(&mut self, text: &str, now: Timestamp) {
        let (text, times) = text.split_once("} ").unwrap_or((text.trim_end_matches('}'), ""));
        let (from, to) = times.split_once('-').unwrap_or((times, ""));
        let at = |text: &str| text.parse().ok().map(time);
        let posted = PostedAlert {
            labels: labels(&format!("{text}}}")),
            starts_at: at(from),
            ends_at: at(to),
            ..PostedAlert::default()
        };
        let timeout = self.engine.setup().resolve_timeout;
        self.engine.post(accept(posted, now, timeout).unwrap(), now);
    }

    fn advance(&mut self, now: Timestamp) {
        for flush in self.engine.advance(now, 100) {
            self.tell(&flush, now);
        }
        for (key, part) in changed(&mut self.engine) {
            match part {
                Some(part) => _ = self.saved.insert(key, part),
                None => _ = self.saved.remove(&key),
            }
        }
        assert_eq!(self.saved, whole(&self.engine), "what has changed makes the whole at {}", seconds(now));
    }

    /// It is looked at, and nothing has come.
    fn pass(&mut self, now: Timestamp) {
        self.engine.resume(now);
        self.advance(now);
    }

    fn tell(&mut self, flush: &Flush, now: Timestamp) {
        for tell in &flush.tells {
            let alerts = if tell.ended.is_empty() { &flush.alerts } else { &tell.ended };
            let alerts = alerts.iter().filter(|alert| tell.with_resolved || !alert.is_resolved(now));
            let alerts: Vec<String> = alerts
                .map(|alert| {
                    let names: Vec<String> =
                        alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
                    let end = if alert.is_resolved(now) { seconds(alert.ends_at).to_string() } else { String::new() };
                    format!("{{{}}} {}-{end}", names.join(","), seconds(alert.starts_at))
                })
                .collect();
            let way = tell.way.trim_start_matches("alertmanager/");
            self.told.push(format!(
                "{} {way} {} \"{}\" {}",
                seconds(now),
                format!("{:?}", tell.action).to_lowercase(),
                tell.reason,
                alerts.join(" ")
            ));
            if self.down.contains(&tell.way) {
                self.waiting.push((tell.way.clone(), flush.incident.clone()));
            } else {
                self.engine.answered(&tell.way, &flush.incident, true, now);
            }
        }
        for decided in &flush.decisions {
            let because = decided.decision.because();
            let name = decided.alert.labels.get("alertname").cloned().unwrap_or_default();
            self.decided
                .push(format!("{} {name} {} {because}", seconds(now), decided.decision.as_str()).trim_end().to_owned());
        }
    }
}

#[test]
fn who_is_told_what_when() {
    let mut wrong = Vec::new();
    for scenario in cases::<Vec<Scenario>>("engine") {
        let mut engine = Engine::new();
        engine.configure(World::setup(&scenario.config), time(0.0));
        let (config, empty) = (scenario.config.clone(), Vec::new());
        let mut world = World {
            engine,
            config,
            down: empty,
            waiting: Vec::new(),
            told: Vec::new(),
            decided: Vec::new(),
            saved: Parts::new(),
        };
        for step in &scenario.steps {
            while let Some(at) = world.engine.next().filter(|at| !step.away && *at < time(step.at)) {
                world.pass(at);
            }
            world.step(step);
        }
        while let Some(at) = world.engine.next().filter(|at| *at <= time(scenario.until)) {
            world.pass(at);
        }
        if world.told != scenario.told {
            wrong.push(format!(
                "{}\n  told:\n    {}\n  expected:\n    {}",
                scenario.name,
                world.told.join("\n    "),
                scenario.told.join("\n    ")
            ));
        }
        if let Some(decided) = scenario.decided.filter(|decided| *decided != world.decided) {
            wrong.push(format!(
                "{}\n  decided:\n    {}\n  expected:\n    {}",
                scenario.name,
                world.decided.join("\n    "),
                decided.join("\n    ")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A state that a program of before has saved, with every kind of thing in it.
const OLD: &str = r#"{"alerts":[{"labels":{"alertname":"Down"},"annotations":{"summary":"it is"},"starts_at":1700000000000000000,
"ends_at":1700000900000000000,"updated_at":1700000000000000000,"generator_url":"u","timeout":true,"groups":[3]},
{"labels":{"incident":"i#1"},"annotations":{},"starts_at":1700000000000000000,"ends_at":9223372036854775807,
"updated_at":1700000000000000000,"generator_url":"","timeout":false,"groups":[],"cause":["i#1","{}"]}],
"groups":[[3,{"identity":{"receiver":"r","nth":0,"labels":{"alertname":"Down"}},"route":0,"alerts":{"ALERT":7},
"due":1700000300000000000,"flushed":true,"opened":1700000001000000000,"incident":"group/r#1","told":{"alertmanager/r/webhook/0":
{"entry":{"firing":["ALERT"],"resolved":[],"sent_at":1700000001000000000},"pending":false}},"cause":null,"news":false,"key":"{}:{}","route_labels":{}}]],
"next_group":4,"silences":[],"adopted":{},"sweep":null,"looked":1700000001000000000}"#;

#[test]
fn what_a_program_of_before_has_saved_is_read() {
    let alert = alertmanager::fingerprint(&labels("{alertname=\"Down\"}"));
    let old = OLD.replace("ALERT", &alert.to_string()).replace('\n', "");
    let setup = || World::setup("route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url: 'http://x'}]}]");
    let mut engine = Engine::restored(setup(), &old, time(1.0)).unwrap();
    assert!(engine.fires(alert, time(899.0)) && !engine.fires(alert, time(900.0)));
    assert_eq!((engine.len(), engine.next()), (2, Some(time(31.0))));
    assert_eq!(changed(&mut engine), BTreeMap::new(), "the host saves all of it, since it was not in parts");
    let parts = whole(&engine);
    let mut restoring = Restoring::new(setup(), engine.head(), time(1.0));
    parts.iter().for_each(|(key, part)| restoring.take(key, part).unwrap());
    assert_eq!(whole(&restoring.end().unwrap()), parts);
}

#[test]
fn parts_that_are_no_parts_are_refused() {
    let alert = alertmanager::fingerprint(&labels("{alertname=\"Down\"}"));
    let mut engine = Engine::new();
    engine.configure(Setup::unconfigured(), time(0.0));
    let posted = PostedAlert { labels: labels("{alertname=\"Down\"}"), ..PostedAlert::default() };
    engine.post(accept(posted, time(0.0), std::time::Duration::from_secs(60)).unwrap(), time(0.0));
    engine.advance(time(0.0), 100);
    let parts = whole(&engine);
    let restoring = || Restoring::new(Setup::unconfigured(), engine.head(), time(0.0));
    for (key, part) in &parts {
        for n in 0..part.len() {
            let mut it = restoring();
            let others = parts.iter().filter(|(other, _)| *other != key);
            others.for_each(|(key, part)| it.take(key, part).unwrap());
            let cut = it.take(key, &part[..n]).and_then(|()| it.end().map(drop));
            let error = cut.unwrap_err().to_string();
            assert!(error.contains(&key[..1].escape_ascii().to_string()), "{error}");
        }
    }
    for bad in [&b""[..], b"x", b"a", b"a1234567", b"g12345678", b"t12345678", b"j12345678", b"s1"] {
        assert!(restoring().take(bad, b"\xff").is_err(), "{}", bad.escape_ascii());
    }
    let mut half = restoring();
    half.take(&[&b"a"[..], &alert.0.to_be_bytes()].concat(), &parts[&[&b"a"[..], &alert.0.to_be_bytes()].concat()])
        .unwrap();
    assert!(half.end().unwrap_err().to_string().contains("half"));
}

const QUIET: &str = "route: {receiver: default, group_by: [alertname], group_wait: 1s, group_interval: 30s}\n\
                     receivers: [{name: default}]";

fn post(engine: &mut Engine, name: &str, from: f64, to: f64) {
    let labels = labels(&format!("{{alertname=\"{name}\"}}"));
    let (starts_at, ends_at) = (Some(time(from)), Some(time(to)));
    let posted = PostedAlert { labels, starts_at, ends_at, ..PostedAlert::default() };
    engine.post(accept(posted, time(from), std::time::Duration::ZERO).unwrap(), time(from));
}

#[test]
fn a_configuration_that_routes_as_before_touches_no_alert() {
    let mut engine = Engine::new();
    engine.configure(World::setup(QUIET), time(0.0));
    post(&mut engine, "a", 0.0, 100.0);
    engine.advance(time(1.0), 100);
    changed(&mut engine);
    engine.configure(World::setup(&QUIET.replace("30s", "60s")), time(2.0));
    assert_eq!(changed(&mut engine), BTreeMap::new());
    engine.configure(World::setup(&QUIET.replace("[alertname]", "[]")), time(3.0));
    assert_ne!(changed(&mut engine), BTreeMap::new());
}

#[test]
fn alerts_that_are_over_are_dropped_as_fast_as_others_come() {
    let mut engine = Engine::new();
    engine.configure(World::setup(QUIET), time(0.0));
    let mut most = 0;
    for minute in 0..180 {
        let at = f64::from(minute) * 60.0;
        (0..200).for_each(|n| post(&mut engine, &format!("{minute}-{n}"), at, at + 1.0));
        engine.advance(time(at), 100_000);
        most = most.max(engine.len());
    }
    assert!(most < 13_000, "{most} of 36,000, of which 6,000 are to be kept");
    let mut looks = 0;
    while let Some(at) = engine.next() {
        assert!(looks < 1_000, "{} are left", engine.len());
        engine.advance(at, 100_000);
        looks += 1;
    }
    assert!(engine.is_empty());
}

#[test]
fn many_alerts_are_routed_anew_in_steps_and_told_of_once_all_are() {
    let config = |receiver: &str| {
        let ways =
            ["one", "two"].map(|name| format!("{{name: {name}, webhook_configs: [{{url: 'http://localhost/'}}]}}"));
        format!(
            "route: {{receiver: {receiver}, group_by: [], group_wait: 1s, group_interval: 30s}}\nreceivers: [{}]",
            ways.join(", ")
        )
    };
    let mut engine = Engine::new();
    engine.configure(World::setup(&config("one")), time(0.0));
    (0..5_000).for_each(|n| post(&mut engine, &n.to_string(), 0.0, 1_000.0));
    assert_eq!(engine.advance(time(2.0), 100)[0].alerts.len(), 5_000);
    engine.configure(World::setup(&config("two")), time(3.0));
    let mut told = Vec::new();
    for step in 1..=3 {
        assert!(engine.is_behind() && engine.next() <= Some(time(3.0)));
        // The process ends and goes on from what it saved.
        let mut restoring = Restoring::new(World::setup(&config("two")), engine.head(), time(3.0));
        whole(&engine).iter().for_each(|(key, part)| restoring.take(key, part).unwrap());
        engine = restoring.end().unwrap();
        told = engine.advance(time(3.0), 100);
        assert_eq!(told.is_empty(), step < 3, "step {step}");
    }
    assert_eq!((told.len(), told[0].receiver.as_str(), told[0].alerts.len()), (1, "two", 5_000));
    assert!(!engine.is_behind());
    let ends = engine.advance(time(31.0), 100);
    assert_eq!((ends.len(), ends[0].receiver.as_str(), ends[0].tells[0].ended.len()), (1, "one", 5_000));
}
