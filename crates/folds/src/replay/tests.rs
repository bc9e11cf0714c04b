//! Histories in virtual time, as data: what was, what another configuration makes of it.

use alertmanager::engine::Plan;
use model::rows::{Finding, Posting, Receipt, Routing, VerdictRow};
use model::{AlertState, Key, Labels, Outcome, Severity, Verdict};

use super::*;
use crate::alert::{AlertConfig, AlertFold};
use crate::outbox::{Again, Fallback, OutboxConfig, OutboxFold, Route};
use crate::routing::{RoutingFold, Shared};

const START: Timestamp = Timestamp::from_secs(1_000_000);

/// A configuration.
#[derive(Clone, Default)]
struct Setup {
    alerts: AlertConfig,
    outbox: OutboxConfig,
    alertmanager: Option<String>,
    join_rollouts: bool,
    shards: u32,
}

/// `pd warning, chat error`: receivers with the least severity that each is told of.
fn receivers(text: &str) -> Setup {
    let route = |text: &str| {
        let (receiver, severity) = text.trim().split_once(' ').unwrap();
        let min_severity = Severity::ALL.iter().copied().find(|one| one.as_str() == severity).unwrap();
        Route { receiver: receiver.to_owned(), min_severity, scopes: Vec::new(), labels: Labels::new() }
    };
    let outbox = OutboxConfig { receivers: text.split(',').map(route).collect(), ..OutboxConfig::default() };
    Setup { outbox, shards: 1, ..Setup::default() }
}

fn folds(setup: &Setup) -> Vec<Box<dyn Fold>> {
    vec![
        Box::new(AlertFold::new(setup.alerts.clone())),
        Box::new(RoutingFold::new(Shared::default(), None).join_rollouts(setup.join_rollouts)),
        Box::new(OutboxFold::new(setup.outbox.clone()).unwrap()),
    ]
}

fn routing(config: &str) -> Routing {
    let plan = Plan::of(&alertmanager::Config::parse(config).unwrap());
    let receivers = serde_json::to_string(&plan.names()).unwrap();
    Routing { time: START, config: serde_json::to_string(&plan).unwrap(), receivers }
}

/// Lines of `<seconds> roll|done|drift|mended <resource>`, `<seconds> fire|resolve <scope> <finding> <severity>` or `<seconds> post <alertname> <seconds that it fires> [<label>=<value>,..]`.
fn history(text: &str) -> Vec<Input> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(input).collect()
}

fn input(line: &str) -> Input {
    let words: Vec<&str> = line.split_whitespace().collect();
    let time = START.plus(Duration::from_secs(words[0].parse().unwrap()));
    let batch = match words[1] {
        "post" => {
            let ends_at = time.plus(Duration::from_secs(words[3].parse().unwrap()));
            let more = words.get(4).copied().unwrap_or_default().split(',').filter_map(|pair| pair.split_once('='));
            let mut labels: Labels = more.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            labels.insert("alertname".to_owned(), words[2].to_owned());
            let row = Posting {
                time,
                labels,
                annotations: Labels::new(),
                starts_at: time,
                ends_at,
                timeout: false,
                generator_url: String::new(),
            };
            Batch::of("alertmanager", &[row])
        }
        "roll" => Batch::of("k8s/prod", &[verdict(time, words[2], Verdict::RollingOut)]),
        "done" => Batch::of("k8s/prod", &[verdict(time, words[2], Verdict::InSync)]),
        word @ ("drift" | "mended") => {
            let state = if word == "drift" { AlertState::Firing } else { AlertState::Resolved };
            let row = finding(time, "k8s/prod", words[2], state, Severity::Error);
            Batch::of("k8s/prod", &[Finding { resource: Some(words[2].to_owned()), ..row }])
        }
        word => {
            let state = if word == "fire" { AlertState::Firing } else { AlertState::Resolved };
            let severity = Severity::ALL
                .iter()
                .copied()
                .find(|one| Some(&one.as_str()) == words.get(4))
                .unwrap_or(Severity::Error);
            Batch::of(words[2], &[finding(time, words[2], words[3], state, severity)])
        }
    };
    Input { time, batch: batch.unwrap(), everywhere: false }
}

fn verdict(time: Timestamp, id: &str, verdict: Verdict) -> VerdictRow {
    let id: model::ResourceId = id.parse().unwrap();
    VerdictRow {
        time,
        scope: id.scope().to_owned(),
        key: id.key(),
        kind: id.kind().to_owned(),
        id,
        verdict,
        previous: Verdict::RollingOut,
        since: time,
        source: None,
        revision: Some("abc".to_owned()),
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

fn finding(time: Timestamp, scope: &str, name: &str, state: AlertState, severity: Severity) -> Finding {
    Finding {
        time,
        finding: name.to_owned(),
        key: Key::of(name.as_bytes()),
        kind: "drift".to_owned(),
        scope: scope.to_owned(),
        resource: None,
        cause: scope.to_owned(),
        severity,
        state,
        summary: format!("{name} was modified"),
        since: time,
        labels: Labels::new(),
        evidence: "{}".to_owned(),
    }
}

fn run(history: &[Input], setup: &Setup, recorded: Recorded) -> Vec<Page> {
    let mut replay = Replay::new((0..setup.shards).map(|_| folds(setup)).collect(), recorded);
    if let Some(config) = &setup.alertmanager {
        let batch = Batch::of("alertmanager", &[routing(config)]).unwrap();
        replay.feed(Input { time: START, batch, everywhere: true }).unwrap();
    }
    history.iter().for_each(|input| replay.feed(input.clone()).unwrap());
    replay.finish(START.plus(Duration::from_secs(100_000))).unwrap()
}

/// `<change> <receiver> <cause> <was> <would be>`, in seconds.
fn lines(comparison: &Comparison) -> Vec<String> {
    let seconds = |time: &Option<String>| match time {
        Some(time) => time.parse::<Timestamp>().unwrap().since(START).as_secs().to_string(),
        None => "-".to_owned(),
    };
    let line = |line: &Line| {
        let change = format!("{:?}", line.change).to_lowercase();
        format!("{change} {} {} {} {}", line.receiver, line.cause, seconds(&line.was), seconds(&line.would_be))
    };
    comparison.pages.iter().map(line).collect()
}

const HISTORY: &str = "
    0 fire host/a x warning
    100 fire host/b y error
    200 resolve host/a x
    300 fire host/a x warning
    400 resolve host/a x
    500 resolve host/b y
";

#[test]
fn another_configuration_pages_others_or_later() {
    let was = receivers("pd warning, chat error");
    let waiting = AlertConfig { group_wait: Duration::from_secs(60), ..AlertConfig::default() };
    let long = AlertConfig { group_wait: Duration::from_secs(150), ..AlertConfig::default() };
    let cases: [(&str, Setup, &[&str]); 5] = [
        (
            "the same",
            was.clone(),
            &["same pd host/a 0 0", "same chat host/b 100 100", "same pd host/b 100 100", "same pd host/a 300 300"],
        ),
        (
            "a higher severity",
            receivers("pd error, chat error"),
            &["gone pd host/a 0 -", "same chat host/b 100 100", "same pd host/b 100 100", "gone pd host/a 300 -"],
        ),
        (
            "one more receiver",
            receivers("pd warning, chat error, mail error"),
            &[
                "same pd host/a 0 0",
                "same chat host/b 100 100",
                "added mail host/b - 100",
                "same pd host/b 100 100",
                "same pd host/a 300 300",
            ],
        ),
        (
            "a minute of waiting",
            Setup { alerts: waiting, ..was.clone() },
            &[
                "moved pd host/a 0 60",
                "moved chat host/b 100 160",
                "moved pd host/b 100 160",
                "moved pd host/a 300 360",
            ],
        ),
        (
            "what is over before it is told",
            Setup { alerts: long, ..was.clone() },
            &["moved pd host/a 0 150", "moved chat host/b 100 250", "moved pd host/b 100 250", "gone pd host/a 300 -"],
        ),
    ];
    let history = history(HISTORY);
    let were = run(&history, &was, Recorded::default());
    for (name, setup, expected) in cases {
        let would_be = run(&history, &setup, Recorded::default());
        let comparison = compare(&were, &would_be);
        assert_eq!(lines(&comparison), expected, "{name}");
        assert_eq!(comparison.differs(), name != "the same", "{name}");
        let would_be = run(&history, &Setup { shards: 3, ..setup }, Recorded::default());
        assert_eq!(lines(&compare(&were, &would_be)), expected, "{name}, in three shards");
    }
}

#[test]
fn posted_alerts_go_through_the_other_tree() {
    let tree = |wait: &str, more: &str| {
        let config = format!(
            "route:\n  receiver: chat\n  group_wait: {wait}\n  group_by: [alertname]\n{more}receivers:\n\
             - {{name: chat, webhook_configs: [{{url: 'http://localhost/'}}]}}\n- {{name: page, webhook_configs: [{{url: 'http://localhost/'}}]}}\n"
        );
        Setup { alertmanager: Some(config), shards: 1, ..Setup::default() }
    };
    let history = history("0 post Slow 600\n1000 post Down 600");
    let were = run(&history, &tree("10s", ""), Recorded::default());
    let compared = |setup: &Setup| {
        let lines = lines(&compare(&were, &run(&history, setup, Recorded::default())));
        lines.iter().map(|line| line.replace("alertmanager/", "").replace("/webhook/0", "")).collect::<Vec<_>>()
    };
    let changes = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    assert_eq!(changes(&compared(&tree("10s", ""))), ["same chat", "same chat"]);
    assert_eq!(changes(&compared(&tree("45s", ""))), ["moved chat", "moved chat"]);
    let split = tree("10s", "  routes: [{matchers: [alertname=Down], receiver: page}]\n");
    assert_eq!(changes(&compared(&split)), ["same chat", "gone chat", "added page"]);
}

/// Intents that were sent with their receipts: `<sequence> <seconds> <outcome> <seconds it took>`.
fn recorded(receiver: &str, incident: &str, sent: &[(i64, u64, Outcome, u64)]) -> Recorded {
    let (mut intents, mut receipts) = (Vec::new(), Vec::new());
    for (sequence, at, outcome, took) in sent {
        let name = format!("{receiver}/{incident}/{sequence}");
        let time = START.plus(Duration::from_secs(*at));
        let intent = Intent {
            time,
            key: Key::of(name.as_bytes()),
            intent: name,
            receiver: receiver.to_owned(),
            incident: incident.to_owned(),
            sequence: *sequence,
            action: "trigger".to_owned(),
            reason: String::new(),
            payload: String::new(),
        };
        let answered = time.plus(Duration::from_secs(*took));
        let (attempt, last) = (1, true);
        receipts.push(Receipt { time: answered, outcome: *outcome, attempt, last, ..provider::taken(&intent) });
        intents.push(intent);
    }
    Recorded::new(&intents, receipts)
}

#[test]
fn a_provider_fails_as_it_did_then() {
    let fallback = Fallback { receiver: "pd".to_owned(), to: "chat".to_owned(), after: Duration::from_secs(900) };
    let mut setup = receivers("pd warning");
    setup.outbox.fallbacks.push(fallback);
    let history = history("0 fire host/a x error");
    let pages = |setup: &Setup, recorded: Recorded| -> Vec<String> {
        let pages = run(&history, setup, recorded).into_iter();
        pages.map(|page| format!("{} {} {}", page.time.since(START).as_secs(), page.receiver, page.cause())).collect()
    };
    assert_eq!(pages(&setup, Recorded::default()), ["0 pd host/a"], "a provider of which nothing is known takes it");
    // It had another name by a second: it opened later then.
    let refused = || recorded("pd", "host/a#1000001000", &[(1, 1, Outcome::Refused, 30)]);
    assert_eq!(pages(&setup, refused())[..2], ["0 pd host/a", "30 chat host/a"]);
    let slow = || recorded("pd", "host/a#1000001000", &[(1, 1, Outcome::Delivered, 2000)]);
    assert_eq!(pages(&setup, slow()), ["0 pd host/a", "900 chat host/a"]);
    setup.outbox.fallbacks[0].after = Duration::from_secs(3000);
    assert_eq!(pages(&setup, slow()), ["0 pd host/a"], "more patience would have saved a page");
}

#[test]
fn what_people_did_then_is_done_to_the_same_incident() {
    let mut setup = receivers("pd warning");
    setup.outbox.again.push(Again { receiver: "pd".to_owned(), after: Duration::from_secs(3600) });
    let mut history = history("0 fire host/a x error");
    let reaction = Reaction {
        time: START.plus(Duration::from_secs(60)),
        event: "E1".to_owned(),
        key: Key::of(b"E1"),
        receiver: "pd".to_owned(),
        provider: "PagerDuty".to_owned(),
        provider_incident: "P1".to_owned(),
        incident: Some("host/a#1000001000".to_owned()),
        action: "resolved".to_owned(),
        actor: Some("Ann".to_owned()),
        person: true,
        text: None,
    };
    let batch = Batch::of("reactions", std::slice::from_ref(&reaction)).unwrap();
    history.push(Input { time: reaction.time, batch, everywhere: true });
    let recorded = recorded("pd", "host/a#1000001000", &[(1, 1, Outcome::Accepted, 1)]);
    let pages = run(&history, &setup, recorded);
    let times: Vec<u64> = pages.iter().map(|page| page.time.since(START).as_secs()).collect();
    assert_eq!(times, [0, 3660], "it is told anew an hour after it was resolved");
}

#[test]
fn pages_are_paired_in_order_and_within_an_hour() {
    let pages = |times: &[u64]| -> Vec<Page> {
        let page = |at: &u64| Page {
            time: START.plus(Duration::from_secs(*at)),
            receiver: "pd".to_owned(),
            incident: format!("host/a#{at}"),
            reason: "opened".to_owned(),
            summary: String::new(),
        };
        times.iter().map(page).collect()
    };
    let cases: [(&[u64], &[u64], &[&str]); 5] = [
        (&[0], &[9], &["same pd host/a 0 9"]),
        (&[0], &[11], &["moved pd host/a 0 11"]),
        (&[0], &[3601], &["gone pd host/a 0 -", "added pd host/a - 3601"]),
        (&[0, 100], &[100, 130], &["moved pd host/a 0 130", "same pd host/a 100 100"]),
        (&[], &[5], &["added pd host/a - 5"]),
    ];
    for (were, would_be, expected) in cases {
        assert_eq!(lines(&compare(&pages(were), &pages(would_be))), expected);
    }
    assert_eq!(
        (cause("host/a#12"), cause("digest/pd@12"), cause("a#b"), cause("x")),
        ("host/a", "digest/pd", "a#b", "x")
    );
}

/// A rollout of `cart`, of 100 seconds; `more` is what goes wrong.
fn during_a_rollout(more: &str) -> Vec<Input> {
    let mut inputs = history(&format!(
        "0 roll k8s/prod/apps.Deployment/shop/cart
         100 done k8s/prod/apps.Deployment/shop/cart
         {more}"
    ));
    inputs.sort_by_key(|input| input.time);
    inputs
}

fn pages(history: &[Input], setup: &Setup) -> Vec<String> {
    let line = |page: Page| {
        let cause = if page.cause().starts_with("rollout/") { page.cause().to_owned() } else { "itself".to_owned() };
        format!("{} {} {cause}", page.time.since(START).as_secs(), page.receiver)
    };
    run(history, setup, Recorded::default()).into_iter().map(line).collect()
}

#[test]
fn a_rollout_with_symptoms_is_one_page() {
    const API: &str = "k8s/prod/apps.Deployment/shop/api";
    let cases: [(&str, &str, &[&str]); 9] = [
        (
            "drift and posted alerts are one",
            &format!(
                "5 drift {API}\n 10 post Down 300 namespace=shop,pod=cart-5d7f\n 20 post Slow 300 namespace=shop,app=cart\n 200 mended {API}"
            ),
            &["5 pd rollout/k8s/prod/abc"],
        ),
        ("an alert alone opens it", "10 post Down 300 namespace=shop,pod=cart-5d7f", &["10 pd rollout/k8s/prod/abc"]),
        (
            "one that goes on when the window is over pages by itself",
            "10 post Down 3000 namespace=shop,pod=cart-5d7f",
            &["10 pd rollout/k8s/prod/abc", "700 pd itself"],
        ),
        ("so does drift", &format!("5 drift {API}"), &["5 pd rollout/k8s/prod/abc", "700 pd itself"]),
        ("one that began before is none of it", "10 post Down 3000 namespace=shop,pod=cart-5d7f", &["10 pd itself"]),
        ("another namespace is none of it", "10 post Down 300 namespace=pay,pod=cart-5d7f", &["10 pd itself"]),
        ("another workload is none of it", "10 post Down 300 namespace=shop,pod=cartographer-1", &["10 pd itself"]),
        ("another cluster is none of it", "10 post Down 300 cluster=test,namespace=shop,pod=cart-1", &["10 pd itself"]),
        ("after the window nothing is", "800 post Down 300 namespace=shop,pod=cart-1", &["800 pd itself"]),
    ];
    for (name, more, expected) in cases {
        let mut history = during_a_rollout(more);
        if name.contains("began before") {
            history.iter_mut().filter(|input| input.batch.stream == Stream::Postings).for_each(began_before);
        }
        let setup = receivers("pd warning");
        for shards in [1, 3] {
            let got = pages(&history, &Setup { shards, ..setup.clone() });
            let near = |got: &String, expected: &&str| {
                let (at, rest) = got.split_once(' ').unwrap();
                let (due, expected) = expected.split_once(' ').unwrap();
                // Groups of posted alerts wait a little before they are told.
                let late = at.parse::<u64>().unwrap() - due.parse::<u64>().unwrap();
                rest == expected && (late == 0 || (late <= 60 && rest.ends_with("itself")))
            };
            let same =
                got.len() == expected.len() && got.iter().zip(expected).all(|(got, expected)| near(got, expected));
            assert!(same, "{name}, {shards} shards: {got:#?}");
        }
    }
}

/// The alert fires since a minute before the history.
fn began_before(input: &mut Input) {
    let record = Record { shard: 0, offset: Offset(0), time: input.time, batch: input.batch.clone() };
    let rows: Vec<Posting> = record.rows::<Posting>().unwrap();
    let rows: Vec<Posting> =
        rows.into_iter().map(|row| Posting { starts_at: START.minus(Duration::from_secs(60)), ..row }).collect();
    input.batch = Batch::of("alertmanager", &rows).unwrap();
}

#[test]
fn under_an_alertmanager_configuration_alerts_join_rollouts_only_if_it_is_asked_for() {
    let config = "route: {receiver: chat, group_wait: 10s, group_by: [alertname]}\n\
                  receivers: [{name: chat, webhook_configs: [{url: 'http://localhost/'}]}]\n";
    let setup =
        |join_rollouts| Setup { alertmanager: Some(config.to_owned()), join_rollouts, shards: 1, ..Setup::default() };
    let history = during_a_rollout("10 post Down 3000 namespace=shop,pod=cart-5d7f");
    assert_eq!(pages(&history, &setup(false)), ["20 alertmanager/chat/webhook/0 itself"]);
    let joined = ["10 alertmanager/chat/webhook/0 rollout/k8s/prod/abc", "700 alertmanager/chat/webhook/0 itself"];
    assert_eq!(pages(&history, &setup(true)), joined);
    let quiet = during_a_rollout("");
    assert_eq!(pages(&quiet, &setup(true)), [""; 0], "a rollout that goes well is no page");
}
