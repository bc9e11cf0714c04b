//! How long the decisions about one alert take: inhibition with 1 and 10,000 rules, routing over 500
//! routes, grouping, silences with 10,000 of them: `cargo run --release -p alertmanager --example
//! decide_bench`. Nanoseconds of this thread's wall time a call, the best of five rounds.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs, reason = "a benchmark")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use alertmanager::inhibit::{Rule, Source};
use alertmanager::{Config, Inhibitor, Labels, Matchers, PostedSilence, Silences, Tree, fingerprint};
use base::Timestamp;

const CALLS: u32 = 20_000;

fn main() {
    routing();
    silences();
    for rules in [1, 10_000] {
        inhibition("one source fires", rules, 1, |n| (format!("src=\"{n}\""), "dst=\"0\"".to_owned()));
        inhibition("all sources fire", rules, rules, |n| (format!("src=\"{n}\""), "dst=\"0\"".to_owned()));
        inhibition("a target each", rules, rules, |n| (format!("src=\"{n}\""), format!("dst=\"{n}\"")));
        inhibition("regular expressions", rules, 1, |n| (format!("src=~\"{n}|x{n}\""), "dst=~\"0|1\"".to_owned()));
    }
}

fn labels(text: &str) -> Labels {
    text.split(' ').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

fn subject() -> Labels {
    labels(
        "alertname=HighLatency dst=0 cluster=eu-1 instance=web-17:9100 job=web namespace=shop pod=web-17 severity=warning",
    )
}

/// Prints how long a call takes.
fn measure<T>(what: &str, mut call: impl FnMut() -> T) {
    let round = |call: &mut dyn FnMut() -> T| {
        let start = Instant::now();
        (0..CALLS).for_each(|_| {
            black_box(call());
        });
        start.elapsed().as_nanos() / u128::from(CALLS)
    };
    let best = (0..5).map(|_| round(&mut call)).min().unwrap();
    println!("{what:<64} {best:>8} ns");
}

/// The first `firing` of so many rules have a source that fires; the last one's source always does.
fn inhibition(what: &str, count: usize, firing: usize, matchers: impl Fn(usize) -> (String, String)) {
    let rule = |n| {
        let (source, target) = matchers(n);
        let source = Source { matchers: Matchers::parse(&source).unwrap(), equal: vec!["cluster".to_owned()] };
        Rule { name: String::new(), sources: vec![source], targets: Matchers::parse(&target).unwrap() }
    };
    let mut inhibitor = Inhibitor::new((0..count).map(rule).collect());
    let until = Some(Timestamp::from_secs(1000));
    for n in (0..firing - 1).chain([count - 1]) {
        let source = labels(&format!("alertname=Down cluster=eu-1 src={n}"));
        inhibitor.update(fingerprint(&source), &source, until);
    }
    let (subject, now) = (subject(), Timestamp::ZERO);
    measure(&format!("inhibition, {count} rules, {what}"), || inhibitor.inhibition(&subject, now).is_some());
    let other = labels("alertname=Other cluster=eu-1 instance=db-1:9100 job=db severity=warning");
    measure(&format!("inhibition, {count} rules, {what}: not a target"), || {
        inhibitor.inhibition(&other, now).is_some()
    });
}

fn routing() {
    let mut text =
        "receivers: [{name: x}]\nroute:\n  receiver: x\n  group_by: [alertname, cluster]\n  routes:\n".to_owned();
    for n in 0..250 {
        writeln!(text, "    - matchers: [namespace=\"n{n}\"]").unwrap();
        writeln!(text, "      routes: [{{matchers: [severity=~\"page|critical\"]}}]").unwrap();
    }
    let tree = Tree::new(&Config::parse(&text).unwrap()).unwrap();
    let last = labels("alertname=HighLatency cluster=eu-1 instance=web-17:9100 job=web namespace=n249 severity=page");
    measure("routing, 500 routes, the last one takes it", || tree.matches(&last));
    measure("routing, 500 routes, none takes it", || tree.matches(&subject()));
    let route = tree.get(tree.matches(&last)[0]).unwrap();
    measure("labels and key of a group", || route.group_key(&route.group_labels(&last)));
    let start = Instant::now();
    let keys = (0..10_000).map(|n| {
        let mut alert = last.clone();
        alert.insert("cluster".to_owned(), format!("c{n}"));
        let groups = tree.matches(&alert).into_iter().map(|id| tree.get(id).unwrap());
        groups.map(|it| it.group_key(&it.group_labels(&alert)).len()).sum::<usize>()
    });
    println!("routes and keys of 10000 groups, {} bytes: {:?}", keys.sum::<usize>(), start.elapsed());
    measure("fingerprint of 6 labels", || fingerprint(&last));
}

fn silences() {
    for count in [1, 10_000] {
        let mut silences = Silences::default();
        for n in 0..count {
            // One in a hundred has nothing to look it up by.
            let matchers = if n % 100 == 99 {
                format!("instance=~\"web-{n}:.*\"")
            } else {
                format!("instance=\"i-{n}\",severity=warning")
            };
            let posted = PostedSilence {
                matchers: Matchers::parse(&matchers).unwrap().as_slice().to_vec(),
                ends_at: Timestamp::from_secs(1000),
                ..PostedSilence::default()
            };
            silences.set(posted, Timestamp::ZERO, n.to_string()).unwrap();
        }
        let subject = subject();
        measure(&format!("silences, {count} of them"), || silences.mutes(&subject, Timestamp::ZERO));
    }
}
