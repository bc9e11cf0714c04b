use std::time::Duration;

use super::*;

#[test]
fn the_first_finding_opens_at_once_and_the_last_resolved_one_closes() {
    let mut world = World::new(AlertConfig::default());
    let opened = world.feed(&[finding("host/web-1", "a")]);
    assert_eq!(reasons(&opened), ["opened"]);
    assert_eq!(opened[0].incident, "host/web-1#1000000000");
    assert_eq!((opened[0].state, opened[0].findings), (AlertState::Firing, 1));
    assert_eq!(world.feed(&[finding("host/web-1", "b")]), []);
    assert_eq!(world.feed(&[resolved("host/web-1", "a")]), []);
    let closed = world.feed(&[resolved("host/web-1", "b")]);
    assert_eq!(reasons(&closed), ["resolved"]);
    assert_eq!((closed[0].state, closed[0].findings), (AlertState::Resolved, 0));
    assert_eq!(closed[0].incident, opened[0].incident);
    assert_eq!((world.fold.incidents(), world.fold.findings(), world.fold.next_tick()), (0, 0, None));
}

#[test]
fn what_is_missing_or_unknown_resolves_nothing() {
    let mut world = World::new(AlertConfig::default());
    world.feed(&[finding("c", "a")]);
    world.feed(&[unknown("c", "a"), unknown("c", "never seen")]);
    let updated = world.tick();
    assert_eq!((reasons(&updated), updated[0].state), (vec!["updated"], AlertState::Firing));
    assert_eq!((updated[0].findings, evidence(&updated[0]).unknown), (1, 1));
    world.now = world.now.plus(Duration::from_secs(1_000_000));
    assert_eq!(world.feed(&[unknown("c", "a")]), []);
    assert_eq!(reasons(&world.feed(&[resolved("c", "a")])), ["resolved"]);
}

#[test]
fn a_finding_that_was_not_open_opens_nothing_when_it_is_resolved() {
    let mut world = World::new(AlertConfig::default());
    assert_eq!(world.feed(&[resolved("c", "a"), unknown("c", "b")]), []);
    assert_eq!(world.fold.incidents(), 0);
}

#[test]
fn a_storm_is_one_page_widened_at_each_power_of_ten() {
    let mut world = World::new(AlertConfig::default());
    let mut told = Vec::new();
    for n in 0..1000 {
        told.extend(world.feed(&[finding("host/web-1", &format!("f{n}"))]));
    }
    let counts: Vec<_> = told.iter().map(|alert| (alert.reason.as_str(), alert.findings)).collect();
    assert_eq!(counts, [("opened", 1), ("widened", 10), ("widened", 100), ("widened", 1000)]);
    let shown = evidence(&told[3]);
    assert_eq!((shown.symptoms.len(), shown.omitted), (20, 980));
    assert_eq!(told[3].summary, "f0 was modified (and 999 more)");

    let rows: Vec<_> = (0..1000).map(|n| resolved("host/web-1", &format!("f{n}"))).collect();
    assert_eq!(reasons(&world.feed(&rows)), ["resolved"]);
}

#[test]
fn a_storm_in_one_record_is_opened_once_with_its_size() {
    let mut world = World::new(AlertConfig::default());
    let rows: Vec<_> = (0..500).map(|n| finding("host/web-1", &format!("f{n}"))).collect();
    let opened = world.feed(&rows);
    assert_eq!((reasons(&opened), opened[0].findings), (vec!["opened"], 500));
    assert_eq!(world.feed(&[finding("host/web-1", "another")]), []);
}

#[test]
fn a_worse_severity_widens_and_stays_the_severity() {
    let mut world = World::new(AlertConfig::default());
    world.feed(&[finding("c", "a")]);
    let worse = Finding { severity: Severity::Critical, ..finding("c", "b") };
    let widened = world.feed(std::slice::from_ref(&worse));
    assert_eq!((reasons(&widened), widened[0].severity), (vec!["widened"], Severity::Critical));
    let shown: Vec<_> = evidence(&widened[0]).symptoms.into_iter().map(|symptom| symptom.finding).collect();
    assert_eq!(shown, ["a", "b"], "the root comes first");
    world.feed(&[Finding { state: AlertState::Resolved, ..worse }]);
    let updated = world.tick();
    assert_eq!((reasons(&updated), updated[0].severity), (vec!["updated"], Severity::Critical));
}

#[test]
fn updates_are_gathered_and_a_repetition_is_none() {
    let mut world = World::new(AlertConfig::default());
    world.feed(&[finding("c", "a")]);
    assert_eq!(world.feed(&[finding("c", "a")]), []);
    assert_eq!(world.fold.next_tick(), None, "nothing has changed");
    for n in 0..5 {
        world.now = world.now.plus(Duration::from_millis(100));
        assert_eq!(world.feed(&[finding("c", &format!("f{n}"))]), []);
    }
    let updated = world.tick();
    assert_eq!((world.seconds(), reasons(&updated), updated[0].findings), (5, vec!["updated"], 6));
    assert_eq!(world.fold.next_tick(), None);
}

#[test]
fn a_cause_that_comes_back_is_a_new_incident_even_in_the_same_millisecond() {
    let mut world = World::new(AlertConfig::default());
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..3 {
        names.insert(world.feed(&[finding("c", "a")])[0].incident.clone());
        world.feed(&[resolved("c", "a")]);
    }
    world.now = world.now.plus(Duration::from_millis(2));
    names.insert(world.feed(&[finding("c", "a")])[0].incident.clone());
    assert_eq!(names.len(), 4, "{names:?}");
}

#[test]
fn a_finding_with_another_cause_moves() {
    let mut world = World::new(AlertConfig::default());
    world.feed(&[finding("revision/1", "a")]);
    let told = world.feed(&[finding("host/web-1", "a")]);
    let told: Vec<_> = told.iter().map(|alert| (alert.cause.as_str(), alert.reason.as_str())).collect();
    assert_eq!(told, [("revision/1", "resolved"), ("host/web-1", "opened")]);
    // What resolves it or loses sight of it may name another cause.
    world.feed(&[unknown("revision/2", "a")]);
    let closed = world.feed(&[resolved("revision/2", "a")]);
    assert_eq!((closed[0].cause.as_str(), reasons(&closed)), ("host/web-1", vec!["resolved"]));
}

#[test]
fn findings_of_a_new_cause_are_gathered_if_so_configured() {
    let mut world = World::new(AlertConfig { group_wait: Duration::from_secs(30), ..AlertConfig::default() });
    assert_eq!(world.feed(&[finding("c", "a")]), []);
    world.now = world.now.plus(Duration::from_secs(20));
    assert_eq!(world.feed(&[finding("c", "b"), finding("gone", "x")]), []);
    assert_eq!(world.feed(&[resolved("gone", "x")]), [], "it was over before anyone was told");
    let opened = world.tick();
    assert_eq!((world.seconds(), reasons(&opened), opened[0].findings), (30, vec!["opened"], 2));
    assert_eq!(world.fold.next_tick(), None);
}

#[test]
fn evidence_says_where_it_is_declared_and_by_which_commit() {
    let mut world = World::new(AlertConfig::default());
    let told = evidence(&world.feed(&[finding("c", "a")])[0]);
    assert_eq!((told.revision.as_deref(), told.author.as_deref()), (Some("abc"), Some("ann")));
    let symptom = &told.symptoms[0];
    assert_eq!(symptom.declared_in.as_deref(), Some("web.yaml:7"));
    assert_eq!(symptom.diff.as_deref(), Some("/mode: declared 0644, live 0666"));
}

#[test]
fn hostile_texts_are_cut_and_hostile_evidence_is_passed_over() {
    let mut world = World::new(AlertConfig::default());
    let long = "ä".repeat(1 << 20);
    let hostile = Finding {
        summary: long.clone(),
        evidence: r#"{"diff":{"a":1},"line":"seven","file":[1]}"#.to_owned(),
        labels: (0..1000).map(|n| (format!("l{n}"), long[..2000].to_owned())).collect(),
        ..finding("c", "a")
    };
    let told = world.feed(&[hostile, Finding { evidence: "not JSON".to_owned(), ..finding("c", "b") }]);
    assert!(told[0].evidence.len() < 10_000);
    assert!(told[0].summary.len() < 4_000 && told[0].labels.len() <= 64);
    assert_eq!(evidence(&told[0]).symptoms[0].diff, None);
}

#[test]
fn labels_are_those_that_all_findings_share() {
    let mut world = World::new(AlertConfig::default());
    let labelled = |name: &str, env: &str| {
        let mut row = finding("c", name);
        row.labels.insert("env".to_owned(), env.to_owned());
        row
    };
    let told = world.feed(&[labelled("a", "prod")]);
    assert_eq!(told[0].labels.len(), 2);
    world.feed(&[labelled("b", "staging")]);
    let labels = world.tick().remove(0).labels;
    assert_eq!(labels, Labels::from([("kind".to_owned(), "file".to_owned())]));
}

#[test]
fn beyond_its_limits_it_says_so_once_and_takes_in_again_when_there_is_room() {
    let mut world = World::new(AlertConfig { max_findings: 20, max_incidents: 3, ..AlertConfig::default() });
    for n in 0..3 {
        world.feed(&[finding(&format!("c{n}"), &format!("c{n}"))]);
    }
    let told = world.feed(&[finding("one too many", "x"), finding("another", "y")]);
    assert_eq!((told.len(), told[0].cause.as_str(), told[0].reason.as_str()), (1, "alert/limit", "opened"));
    assert!(told[0].summary.contains("alert.incidents = 3"), "{}", told[0].summary);
    let rows: Vec<_> = (0..30).map(|n| finding("c0", &format!("f{n}"))).collect();
    world.feed(&rows);
    assert_eq!(world.fold.findings(), 20, "the limit counts its own finding, too");
    let rows: Vec<_> = (0..30).map(|n| resolved("c0", &format!("f{n}"))).collect();
    let told: Vec<_> =
        [rows, vec![resolved("c0", "c0"), resolved("c1", "c1")]].iter().flat_map(|rows| world.feed(rows)).collect();
    assert!(told.iter().any(|alert| alert.cause == "alert/limit" && alert.reason == "resolved"), "{told:#?}");
    assert_eq!(reasons(&world.feed(&[finding("one too many", "x")])), ["opened"]);
}

#[test]
fn the_worst_findings_are_described_though_they_come_late() {
    let mut world = World::new(AlertConfig { kept: 5, symptoms: 3, ..AlertConfig::default() });
    let rows: Vec<_> = (0..50).map(|n| finding("c", &format!("f{n}"))).collect();
    world.feed(&rows);
    let worse = Finding { severity: Severity::Critical, ..finding("c", "bad") };
    let told = world.feed(&[worse]);
    let shown: Vec<_> = evidence(&told[0]).symptoms.into_iter().map(|symptom| symptom.finding).collect();
    assert_eq!((shown[0].as_str(), shown[1].as_str(), shown.len()), ("f0", "bad", 3));
    assert_eq!(told[0].findings, 51);
    let rows: Vec<_> = rows.iter().map(|row| Finding { state: AlertState::Resolved, ..row.clone() }).collect();
    assert_eq!(world.feed(&rows), []);
    let updated = world.tick();
    assert_eq!((updated[0].findings, updated[0].summary.as_str()), (1, "bad was modified"));
}

#[test]
fn a_finding_keeps_its_own_labels_whatever_else_goes_wrong() {
    let mut world = World::new(AlertConfig::default());
    let of = |verdict: &str| Labels::from([("verdict".to_owned(), verdict.to_owned())]);
    let own = |alert: &Alert| evidence(alert).symptoms[0].labels.clone();
    let opened = world.feed(&[Finding { labels: of("modified"), ..finding("c", "motd") }]);
    let worse = Finding { labels: of("missing"), severity: Severity::Critical, ..finding("c", "hosts") };
    let widened = world.feed(&[worse]);
    assert_eq!((widened[0].severity, widened[0].labels.len()), (Severity::Critical, 0), "nothing is shared");
    assert_eq!(own(&opened[0]), own(&widened[0]));
    let expected = [("severity", "warning"), ("verdict", "modified")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(own(&widened[0]), Labels::from(expected));
}

#[test]
fn a_posted_alert_in_a_rollout_is_told_as_it_was_posted() {
    let mut world = World::new(AlertConfig::default());
    let labels = Labels::from([("alertname".to_owned(), "HighLoad".to_owned())]);
    let said = r#"{"annotations":{"runbook_url":"https://wiki/load"},"generator":"http://prometheus/graph"}"#;
    let row = Finding {
        kind: "alert".to_owned(),
        labels: labels.clone(),
        evidence: said.to_owned(),
        ..finding("c", "alert/1")
    };
    let told = evidence(&world.feed(&[row])[0]).symptoms.remove(0);
    assert!(told.is_posted());
    assert_eq!((told.labels, told.generator_url.as_deref()), (labels, Some("http://prometheus/graph")));
    assert_eq!(told.annotations["runbook_url"], "https://wiki/load");
}
