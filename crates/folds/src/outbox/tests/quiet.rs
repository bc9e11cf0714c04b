//! What was decided before a silence began, as cases: each step, and what comes of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use alertmanager::engine::Plan;
use fold::suite::{self, Case, Input};
use model::rows::{Posting, SilenceRow};

use super::*;
use crate::routing::{RoutingFold, Shared};

const WAY: &str = "alertmanager/page/webhook/0";
const START: Timestamp = Timestamp::from_secs(1_000_000);

/// At `pd` an update wakes nobody, what is done there comes back, and `chat` is its fallback.
fn folds(again: bool) -> (RoutingFold, OutboxFold) {
    let fallback = Fallback { receiver: "pd".to_owned(), to: "chat".to_owned(), after: Duration::from_secs(900) };
    let again = again.then(|| Again { receiver: "pd".to_owned(), after: Duration::from_secs(3600) });
    let wakes_once = BTreeSet::from(["pd".to_owned()]);
    let config = OutboxConfig {
        fallbacks: vec![fallback],
        again: again.into_iter().collect(),
        wakes_once,
        ..config(vec![route("pd")])
    };
    let engine = Shared::default();
    (RoutingFold::new(Arc::clone(&engine), None), OutboxFold::new(config).unwrap().silenced_by(engine))
}

/// Both folds, as in a process.
struct Both {
    routing: RoutingFold,
    outbox: OutboxFold,
    next: Offset,
    now: Timestamp,
    /// They are restored after each record.
    restarts: bool,
    /// Whether what is done at `pd` comes back.
    again: bool,
    has_groups: bool,
    /// The last intent of each receiver that was not answered.
    open: Vec<Intent>,
    inputs: Vec<Input>,
    lines: Vec<String>,
}

impl Both {
    fn new(again: bool, restarts: bool) -> Self {
        let (routing, outbox) = folds(again);
        let (open, inputs, lines) = (Vec::new(), Vec::new(), Vec::new());
        Self { routing, outbox, next: Offset(0), now: START, restarts, again, has_groups: false, open, inputs, lines }
    }

    fn apply(&mut self, batch: Batch) {
        self.inputs.push(Input { time: self.now, batch: batch.clone() });
        let record = Record { shard: 0, offset: self.next, time: self.now, batch };
        self.next = self.next.next();
        let (mut routed, mut outputs) = (Outputs::default(), Outputs::default());
        self.routing.apply(&record, &HashMap::new(), &mut routed).unwrap();
        self.outbox.apply(&record, &HashMap::new(), &mut outputs).unwrap();
        for batch in outputs.take().into_iter().filter(|batch| batch.stream == model::Stream::Intents) {
            for intent in (Record { batch, ..record.clone() }).rows::<Intent>().unwrap() {
                let Intent { receiver, action, incident, reason, .. } = &intent;
                let at = self.now.since(START).as_secs();
                self.lines.push(format!("{at} {receiver} {action} {incident}: {reason}"));
                self.open.push(intent);
            }
        }
        if self.restarts {
            let (routing, outbox) = (self.routing.checkpoint(), self.outbox.checkpoint());
            (self.routing, self.outbox) = folds(self.again);
            self.routing.restore(&routing).unwrap();
            self.outbox.restore(&outbox).unwrap();
        }
        // What the routing fold tells of groups comes by as the next records.
        let told = |batch: &Batch| matches!(batch.stream, model::Stream::Alerts | model::Stream::Notices);
        for batch in routed.take().into_iter().filter(told) {
            self.apply(batch);
        }
    }

    fn pass(&mut self, at: Timestamp) {
        for _ in 0..1_000 {
            // Groups are looked at every few seconds; where there is none nothing comes of that.
            let groups = self.routing.next_tick().filter(|_| self.has_groups);
            let due = self.outbox.next_tick().into_iter().chain(groups).min();
            let Some(due) = due.filter(|due| *due <= at) else { break };
            self.now = self.now.max(due);
            self.apply(Batch::of("tick", &[Tick { time: self.now }]).unwrap());
        }
        self.now = at;
    }

    fn answer(&mut self, receiver: &str, outcome: Outcome) {
        let place = self.open.iter().position(|intent| intent.receiver == receiver).unwrap();
        let row = receipt(&self.open.remove(place), outcome);
        self.apply(Batch::of("host/web-1", &[row]).unwrap());
    }

    fn step(&mut self, step: &str) {
        let words: Vec<&str> = step.split_whitespace().collect();
        let seconds = |word: &str| START.plus(Duration::from_secs(word.parse().unwrap()));
        match words[0].strip_suffix('!') {
            // The record comes before the tick that is due.
            Some(word) => self.now = seconds(word),
            None => self.pass(seconds(words[0])),
        }
        match words[1..] {
            ["wait"] => {}
            ["configure"] => self.apply(Batch::of("alertmanager", &[configured(self.now)]).unwrap()),
            ["ok", receiver] => self.answer(receiver, Outcome::Delivered),
            ["refused", receiver] => self.answer(receiver, Outcome::Refused),
            ["unproven", receiver] => self.answer(receiver, Outcome::Unproven),
            ["digested", receiver] => self.answer(receiver, Outcome::Digested),
            ["silence", name, value, until] => {
                self.apply(Batch::of("alertmanager", &[silence(self.now, name, value, seconds(until))]).unwrap());
            }
            ["post", pod, until] => {
                self.has_groups = true;
                self.apply(Batch::of("alertmanager", &[posting(self.now, pod, seconds(until))]).unwrap());
            }
            ["resolved-there"] => {
                let nth = self.now.since(START).as_secs() as i64;
                self.apply(Batch::of("reactions", &[reaction("pd", "a#1", "resolved", nth)]).unwrap());
            }
            ["other", reason] => self.apply(Batch::of("host/db", &[other(reason)]).unwrap()),
            [reason, findings, scope] => {
                let findings = findings.parse().unwrap();
                let row = Alert { findings, scope: scope.to_owned(), ..alert("a#1", reason) };
                self.apply(Batch::of("host/web-1", &[row]).unwrap());
            }
            _ => panic!("{step}"),
        }
    }
}

fn other(reason: &str) -> Alert {
    Alert { scope: "host/db".to_owned(), ..alert("b#1", reason) }
}

fn silence(time: Timestamp, name: &str, value: &str, ends_at: Timestamp) -> SilenceRow {
    SilenceRow {
        time,
        key: Key::of(value.as_bytes()),
        id: value.to_owned(),
        matchers: format!(r#"[{{"name":"{name}","value":"{value}","isRegex":false,"isEqual":true}}]"#),
        starts_at: time,
        ends_at,
        created_by: String::new(),
        comment: String::new(),
        annotations: Labels::new(),
    }
}

fn posting(time: Timestamp, pod: &str, ends_at: Timestamp) -> Posting {
    let labels = [("alertname", "Down"), ("pod", pod)];
    Posting {
        time,
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        annotations: Labels::new(),
        starts_at: time,
        ends_at,
        timeout: false,
        generator_url: String::new(),
    }
}

/// Nobody is told anything from the 200th to the 800th second.
fn configured(time: Timestamp) -> Routing {
    let config = "
route:
  {receiver: page, group_by: [alertname], group_wait: 0s, group_interval: 5s,
   routes: [{receiver: page, matchers: [alertname=Down], mute_time_intervals: [lunch]}]}
time_intervals: [{name: lunch, time_intervals: [{times: [{start_time: '13:50', end_time: '14:00'}]}]}]
receivers: [{name: page, webhook_configs: [{url: 'http://localhost/'}]}]
";
    let plan = Plan::of(&alertmanager::Config::parse(config).unwrap());
    let receivers = format!(r#"["{WAY}"]"#);
    Routing { time, config: serde_json::to_string(&plan).unwrap(), receivers }
}

/// Plays steps, with and without restarts; gives what is told. `forgetful`: what is done at `pd` does not come back.
fn play(steps: &str) -> (Vec<String>, Vec<Input>) {
    let (again, steps) = steps.strip_prefix("forgetful;").map_or((true, steps), |steps| (false, steps));
    let of = |restarts: bool| {
        let mut both = Both::new(again, restarts);
        steps.split(';').map(str::trim).for_each(|step| both.step(step));
        (both.lines, both.inputs)
    };
    let (lines, inputs) = of(false);
    assert_eq!(of(true).0, lines, "with restarts: {steps}");
    (lines, inputs)
}

const CASES: [(&str, &str, &[&str]); 20] = [
    (
        "an incident that widened before it was silenced pages once the silence is over",
        "0 opened 1 web; 1 ok pd; 2 updated 10 web; 3 ok pd; 100 silence scope web 1000; 1500 wait",
        &["0 pd trigger a#1: opened", "2 pd update a#1: updated", "1000 pd trigger a#1+1: widened"],
    ),
    (
        "an incident that widens while it is silenced, too",
        "0 opened 1 web; 1 ok pd; 100 silence scope web 1000; 200 widened 10 web; 300 updated 11 web; 1000 wait; 1001 ok pd; 1500 wait",
        &["0 pd trigger a#1: opened", "1000 pd update a#1: widened", "1000 pd trigger a#1+1: widened"],
    ),
    (
        "and not if it is small again by then",
        "0 opened 1 web; 1 ok pd; 2 updated 10 web; 3 ok pd; 100 silence scope web 1000; 200 updated 2 web; 1000 wait; 1001 ok pd; 2000 wait",
        &["0 pd trigger a#1: opened", "2 pd update a#1: updated", "1000 pd update a#1: updated"],
    ),
    (
        "or over",
        "0 opened 1 web; 1 ok pd; 2 updated 10 web; 3 ok pd; 100 silence scope web 1000; 500 resolved 0 web; 501 ok pd; 2000 wait",
        &["0 pd trigger a#1: opened", "2 pd update a#1: updated", "500 pd resolve a#1: resolved"],
    ),
    (
        "a silence that is taken back early tells at once",
        "0 opened 1 web; 1 ok pd; 2 updated 10 web; 3 ok pd; 100 silence scope web 9000; 500 silence scope web 500; 1300 wait",
        &["0 pd trigger a#1: opened", "2 pd update a#1: updated", "500 pd trigger a#1+1: widened"],
    ),
    (
        "one that is made longer holds on",
        "0 opened 1 web; 1 ok pd; 2 updated 10 web; 3 ok pd; 100 silence scope web 400; 350 silence scope web 1500; 2000 wait",
        &["0 pd trigger a#1: opened", "2 pd update a#1: updated", "1500 pd trigger a#1+1: widened"],
    ),
    (
        "a child that was refused is not tried again",
        "0 opened 1 web; 1 ok pd; 2 updated 10 web; 3 ok pd; 300 wait; 310 refused pd; 311 ok chat; 320 silence scope web 5000; 6000 wait",
        &[
            "0 pd trigger a#1: opened",
            "2 pd update a#1: updated",
            "300 pd trigger a#1+1: widened",
            "310 chat trigger a#1+1: escalated from pd: it is refused (no such key)",
            "5000 pd trigger a#1+1: widened",
        ],
    ),
    (
        "what does not arrive is not escalated while it is silenced",
        "0 opened 1 web; 100 silence scope web 2000; 3000 wait",
        &["0 pd trigger a#1: opened", "2000 chat trigger a#1: escalated from pd: nothing arrived within 900 s"],
    ),
    (
        "nor later, if it has arrived by then",
        "0 opened 1 web; 100 silence scope web 2000; 1500 ok pd; 3000 wait",
        &["0 pd trigger a#1: opened"],
    ),
    (
        "nor if it is over by then",
        "0 opened 1 web; 100 silence scope web 2000; 1500 resolved 0 web; 1501 ok pd; 1502 ok pd; 3000 wait",
        &["0 pd trigger a#1: opened", "1500 pd resolve a#1: resolved"],
    ),
    (
        "what is refused is escalated once the silence is over, and tried again",
        "0 opened 1 web; 100 silence scope web 200; 150 refused pd; 201 ok chat; 460 wait",
        &[
            "0 pd trigger a#1: opened",
            "200 chat trigger a#1: escalated from pd: it is refused (no such key)",
            "450 pd trigger a#1: opened",
        ],
    ),
    (
        "a receiver that works again gets it from us, and its fallback nothing",
        "0 opened 1 web; 100 silence scope web 2000; 150 refused pd; 160 other opened; 170 ok pd; 2001 ok pd; 3000 wait",
        &["0 pd trigger a#1: opened", "160 pd trigger b#1: opened", "2000 pd trigger a#1: opened"],
    ),
    (
        "what is silenced does not stand in the way of the rest",
        "0 opened 1 web; 1 other opened; 100 refused pd; 101 refused pd; 102 ok chat; 103 ok chat; 110 silence scope web 5000; 401 wait",
        &[
            "0 pd trigger a#1: opened",
            "1 pd trigger b#1: opened",
            "100 chat trigger a#1: escalated from pd: it is refused (no such key)",
            "101 chat trigger b#1: escalated from pd: it is refused (no such key)",
            "400 pd trigger b#1: opened",
        ],
    ),
    (
        "what waits behind an intent on its way does not go when that has arrived",
        "0 opened 1 web; 10 updated 2 web; 100 silence scope web 800; 200 ok pd; 900 wait",
        &["0 pd trigger a#1: opened", "800 pd update a#1: updated"],
    ),
    (
        "what is given up for a digest is told by itself",
        "0 opened 1 web; 100 silence scope web 800; 200 digested pd; 900 wait",
        &["0 pd trigger a#1: opened", "800 pd trigger a#1: opened"],
    ),
    (
        "what was resolved there is told anew when the silence is over",
        "0 opened 1 web; 1 ok pd; 2 resolved-there; 3000 silence scope web 5000; 5500 wait",
        &["0 pd trigger a#1: opened", "5000 pd trigger a#1: resolved by Ann in PagerDuty, and not over"],
    ),
    (
        "what was not proved is escalated later, also of a receiver of which nothing comes back",
        "forgetful; 0 opened 1 web; 100 silence scope web 1000; 200 unproven pd; 1500 wait",
        &[
            "0 pd trigger a#1: opened",
            "1000 chat trigger a#1: escalated from pd: it took it and did not prove it (no such key)",
        ],
    ),
    (
        "what arrives just as a silence ends goes on with all that waits",
        "0 opened 1 web; 1 ok pd; 2 updated 10 web; 50 updated 11 web; 100 silence scope web 1000; 1000! ok pd; 1500 wait",
        &[
            "0 pd trigger a#1: opened",
            "2 pd update a#1: updated",
            "1000 pd update a#1: updated",
            "1000 pd trigger a#1+1: widened",
        ],
    ),
    (
        "what is kept just as another silence ends does not keep that one's",
        "0 silence scope web 1000; 1 silence scope host/db 9000; 10 opened 1 web; 20 other opened; 1000! other updated; 1100 wait",
        &["1000 pd trigger a#1: opened"],
    ),
    (
        "an incident that is another one by its labels is told",
        "0 opened 1 web; 1 ok pd; 2 updated 10 web; 3 ok pd; 100 silence scope web 9000; 500 updated 11 db; 501 ok pd; 600 wait",
        &[
            "0 pd trigger a#1: opened",
            "2 pd update a#1: updated",
            "500 pd update a#1: updated",
            "500 pd trigger a#1+1: widened",
        ],
    ),
];

#[test]
fn what_was_decided_before_a_silence_is_told_after_it() {
    for (name, steps, expected) in CASES {
        assert_eq!(play(steps).0, expected, "{name}");
    }
}

/// A posted alert that is silenced is left out of its group; the others are told, and it is when the silence is over.
#[test]
fn a_silence_of_a_part_holds_back_that_part() {
    let cases: [(&str, &str, &[&str]); 3] = [
        (
            "one of two",
            "0 silence pod p1 100; 1 post p1 9000; 2 post p2 9000; 3 wait; 30 ok pd; 110 wait",
            &["6 pd trigger GROUP: first notification", "101 pd update GROUP: new alerts added"],
        ),
        (
            "a group of which all is silenced later is not escalated",
            "0 post p1 9000; 1 post p2 9000; 10 wait; 100 silence alertname Down 2000; 3000 wait",
            &[
                "0 pd trigger GROUP: first notification",
                "2000 chat trigger GROUP: escalated from pd: nothing arrived within 900 s",
            ],
        ),
        (
            "one of which a part is silenced is",
            "0 post p1 9000; 1 post p2 9000; 10 wait; 100 silence pod p1 2000; 1000 wait",
            &[
                "0 pd trigger GROUP: first notification",
                "900 chat trigger GROUP: escalated from pd: nothing arrived within 900 s",
            ],
        ),
    ];
    for (name, steps, expected) in cases {
        let lines: Vec<String> = play(steps).0.iter().map(|line| unnamed(line)).collect();
        assert_eq!(lines, expected, "{name}");
    }
}

#[test]
fn a_time_in_which_nothing_is_told_holds_back_what_was_decided_before_it() {
    let (lines, _) =
        play("0 configure; 1 post p1 9000; 100 post p2 9000; 110 wait; 300 ok alertmanager/page/webhook/0; 1000 wait");
    let lines: Vec<String> = lines.iter().map(|line| unnamed(line)).collect();
    let expected = ["1 trigger GROUP: first notification", "840 update GROUP: new alerts added"];
    assert_eq!(lines, expected.map(|line| line.replacen(' ', &format!(" {WAY} "), 1)), "it is looked at every minute");
}

fn unnamed(line: &str) -> String {
    let named = |word: &str| if word.starts_with("group/") { "GROUP:".to_owned() } else { word.to_owned() };
    line.split(' ').map(named).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn hosts_that_end_anywhere_leave_the_same_log() {
    for (seed, (_, steps, _)) in (1..).zip(CASES.into_iter().step_by(3)) {
        let make = || {
            let (routing, outbox) = folds(!steps.starts_with("forgetful"));
            vec![Box::new(routing) as Box<dyn Fold>, Box::new(outbox)]
        };
        suite::all(&Case { make: &make, inputs: play(steps).1, seed }).await.unwrap();
    }
}
