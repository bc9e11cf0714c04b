use model::AlertState;
use model::Verdict::{InSync, RollingOut};

use super::*;
use crate::{Answer, Hook};

pub const ROLLOUT: &str = r#"{"start": "rollout", "resource": "k8s/prod/apps.Deployment/shop/checkout"}"#;

/// Verdicts of runs that ended, with their reasons.
pub fn ends(world: &World) -> Vec<(String, String)> {
    let runs = world.out.iter().flat_map(|out| &out.runs).filter(|run| run.ended);
    runs.map(|run| (run.verdict.clone(), run.reason.clone())).collect()
}

pub fn findings(world: &World) -> Vec<(AlertState, String, String)> {
    let findings = world.out.iter().flat_map(|out| &out.findings);
    findings.map(|row| (row.state, row.cause.clone(), row.summary.clone())).collect()
}

pub fn fires(world: &World) -> Vec<&str> {
    let hooks = world.out.iter().flat_map(|out| &out.hooks);
    hooks.filter_map(|hook| if let Hook::Fire(fire) = hook { Some(fire.incident.as_str()) } else { None }).collect()
}

#[test]
fn a_canary_that_is_no_worse_does_not_fail_and_the_next_run_follows_without_a_gap() {
    let mut world = World::new("{}", false);
    let first = world.run();
    world.play(1.0);
    let ended = ends(&world);
    assert!(ended.len() == 1 && ended[0].0 != "fail", "{ended:?}");
    assert!(findings(&world).is_empty() && fires(&world).is_empty());
    let run = world.book.get("checkout").unwrap().run.as_ref().unwrap();
    if run.id == first {
        let mut out = Outcome::default();
        world.book.pass(at(30.0), &mut out);
        world.take(out);
    }
    assert_eq!(world.run(), format!("checkout/{}", at(30.0).millis()));
}

#[test]
fn one_that_is_worse_fails_once_with_a_finding_and_a_hook_whatever_restarts() {
    let (mut straight, mut restarted) = (World::new("{}", false), World::new("{}", true));
    straight.play(3.0);
    restarted.play(3.0);
    assert_eq!(format!("{:?}", straight.out), format!("{:?}", restarted.out), "a restart changes nothing");
    let ended = ends(&straight);
    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].0, "fail");
    assert!(ended[0].1.starts_with("worse: errors"), "{ended:?}");
    let found = findings(&straight);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].0, found[0].1.as_str()), (AlertState::Firing, "canary/checkout"));
    assert_eq!(fires(&straight), [format!("rollback/checkout/{}", at(0.0).millis())]);
    let rows = straight.out.iter().flat_map(|out| &out.evidence);
    let errors: Vec<_> = rows.filter(|row| row.metric == "errors").collect();
    assert!(errors.last().unwrap().low.unwrap() > 0.1 && errors[0].interval == 2, "warm-up is not judged");
    let answer = Answer::of(straight.book.get("checkout").unwrap());
    assert_eq!((answer.verdict, answer.score), ("fail", 0.0));
    assert!(answer.p < 0.05 && answer.e_fail >= answer.e_fail_needed, "{answer:?}");
}

#[test]
fn a_finding_ends_when_a_later_run_passes_and_the_hook_is_forgotten_then() {
    let more = r#"{"metrics": [{"name": "errors", "kind": "errors", "query": "x{$arm}", "exposure": "y{$arm}"}], "lifetime": "3h"}"#;
    let mut world = World::new(more, true);
    world.play(3.0);
    let mut out = Outcome::default();
    world.book.pass(at(180.0), &mut out);
    assert!(out.hooks.is_empty(), "what failed runs still: {out:?}");
    world.take(out);
    world.play(0.9);
    assert_eq!(ends(&world)[1].0, "pass", "{:?}", ends(&world));
    let out = world.out.last().unwrap();
    assert!(matches!(out.hooks.as_slice(), [Hook::Forget { receiver, .. }] if receiver == "undo"), "{out:?}");
    let found = findings(&world);
    assert_eq!((found.len(), found[1].0), (2, AlertState::Resolved));
    assert!(found[1].2.contains("a later run passes"), "{found:?}");
}

#[test]
fn who_rolls_back_is_told_of_a_run_that_fails_with_its_last_interval_though_the_next_one_begins_with_that() {
    // So short that it fails with its last interval, not before.
    let played = |minutes: usize| {
        let mut world = World::new(&format!(r#"{{"lifetime": "{minutes}m"}}"#), false);
        let first = world.run();
        world.play(3.0);
        (ends(&world)[0].0 == "fail" && world.book.wanted("checkout").is_some()).then_some((world, first))
    };
    let (mut world, first) = (3..30).find_map(played).unwrap();
    assert_ne!(world.run(), first);
    let incident = format!("rollback/{first}");
    assert_eq!(fires(&world), [incident.as_str()]);
    // It fails again: the new word takes the place of the old one.
    world.play(3.0);
    let hooks = &world.out.last().unwrap().hooks;
    let forgotten = matches!(hooks.as_slice(), [Hook::Forget { incident: of, .. }, Hook::Fire(_)] if *of == incident);
    assert!(forgotten, "{hooks:?}");
}

#[test]
fn a_rollback_of_a_canary_that_always_runs_never_comes_to_the_next_rollout() {
    let mut world = World::new(&format!(r#"{{"resource": "{RESOURCE}"}}"#), true);
    world.play(3.0);
    assert_eq!(fires(&world).len(), 1);
    world.verdict(RollingOut, InSync, "c", 20.0);
    let hooks = &world.out.last().unwrap().hooks;
    let why = "another rollout begins";
    assert!(matches!(hooks.as_slice(), [Hook::Forget { reason, .. }] if reason == why), "{hooks:?}");
}

#[test]
fn a_baseline_of_another_time_is_named_as_weaker() {
    let metrics = r#"{"metrics": [{"name": "errors", "kind": "errors", "query": {"baseline": "increase(x[1m] offset 1h)", "canary": "increase(x[1m])"}}]}"#;
    let mut world = World::new(metrics, true);
    world.play(3.0);
    let reason = &ends(&world)[0].1;
    assert!(reason.starts_with("worse: errors; the baseline was measured 60 minutes before the canary"), "{reason}");
}

#[test]
fn what_has_no_data_is_inconclusive_and_says_why() {
    let full = Some((20.0, 1000.0, 0.2));
    let cases: [(Arm, Arm, &str); 6] = [
        (None, None, "no data in both arms"),
        (full, None, "no data in the canary"),
        (None, full, "no data in the baseline"),
        (full, Some((f64::NAN, 1000.0, f64::NAN)), "no data in the canary"),
        (full, Some((90.0, 0.0, 0.2)), "no exposure in the canary"),
        (full, Some((-1.0, 1000.0, 0.2)), "a count is below 0"),
    ];
    for (baseline, canary, why) in cases {
        let mut world = World::new("{}", true);
        let run = world.run();
        world.interval(baseline, canary);
        let verdict = |world: &World| {
            let row = world.out.iter().flat_map(|out| &out.runs).rfind(|row| row.run == run).unwrap().clone();
            (row.verdict, row.reason)
        };
        let (during, reason) = verdict(&world);
        assert!(during == "inconclusive" && reason.contains(&format!("errors: {why}")), "{reason}");
        while world.run() == run {
            world.interval(baseline, canary);
        }
        let (end, reason) = verdict(&world);
        assert!(end == "inconclusive" && reason.contains(&format!("errors: {why}")), "{end} {reason}");
        assert!(findings(&world).is_empty() && fires(&world).is_empty());
    }
}

#[test]
fn a_query_that_fails_is_the_reason_and_intervals_that_nobody_asked_for_are_missing() {
    let mut world = World::new("{}", true);
    let mut rows = points(&world.run(), 5, Some((1.0, 10.0, 0.1)), None);
    rows.iter_mut().filter(|row| row.arm == "canary").for_each(|row| row.error = Some("it is broken".to_owned()));
    let out = world.book.points(&rows, at(6.1));
    let errors = &out.evidence[0];
    assert_eq!((errors.n, errors.missing, errors.reason.as_str()), (0, 4, "canary: it is broken"));
    assert_eq!(out.runs[0].reason, "errors: canary: it is broken; p99: canary: it is broken");
    assert!(world.book.points(&rows, at(7.0)).is_empty(), "what is known is not taken again");
    let other = points("checkout/1", 7, None, None);
    assert!(world.book.points(&other, at(8.0)).is_empty(), "another run's");
    let beyond = points(&world.run(), 30, None, None);
    assert!(world.book.points(&beyond, at(8.0)).is_empty());
}

#[test]
fn a_run_begins_and_ends_with_the_rollout_of_its_resource() {
    let mut world = World::new(ROLLOUT, true);
    assert!(
        world.book.wanted("checkout").is_none()
            && Answer::of(world.book.get("checkout").unwrap()).verdict == "inconclusive"
    );
    world.verdict(InSync, RollingOut, "a", 0.0);
    assert!(world.book.wanted("checkout").is_none());
    world.verdict(RollingOut, InSync, "b", 1.0);
    world.rollout("rolling", "first", 1.0);
    world.verdict(RollingOut, RollingOut, "b", 1.2);
    assert_eq!(world.book.wanted("checkout").unwrap().started, at(1.0));
    world.interval(Some((1.0, 1000.0, 0.2)), Some((1.0, 1000.0, 0.2)));
    world.rollout("over", "first", 12.0);
    let ended = ends(&world);
    assert!(
        ended.len() == 1 && ended[0].0 == "inconclusive" && ended[0].1.starts_with("the rollout is over; "),
        "{ended:?}"
    );
    let last = world.out.last().unwrap();
    assert_eq!(
        (last.runs[0].cause.as_str(), last.runs[0].revision.as_deref()),
        ("rollout/k8s/prod/first", Some("first"))
    );
    world.verdict(RollingOut, InSync, "c", 20.0);
    assert_eq!(world.book.wanted("checkout").unwrap().started, at(20.0));
}

#[test]
fn a_rollout_is_over_a_while_after_its_resource_has_come_to_agree_whoever_says_so() {
    let mut world = World::new(ROLLOUT, true);
    world.verdict(RollingOut, InSync, "b", 0.0);
    world.interval(Some((1.0, 1000.0, 0.2)), Some((1.0, 1000.0, 0.2)));
    world.verdict(InSync, RollingOut, "b", 2.0);
    assert_eq!(world.book.next(), Some(at(12.0)));
    // Its pods roll again meanwhile.
    world.verdict(RollingOut, InSync, "c", 11.0);
    assert_eq!(world.book.next(), None);
    world.pass(12.0);
    assert!(world.book.wanted("checkout").is_some());
    world.verdict(InSync, RollingOut, "c", 12.5);
    world.pass(22.4);
    assert!(world.book.wanted("checkout").is_some());
    world.pass(22.5);
    assert!(world.book.wanted("checkout").is_none() && world.book.next().is_none());
    assert!(ends(&world).last().unwrap().1.starts_with("the rollout is over; "), "{:?}", ends(&world));
    // Said by whoever else, it is said once.
    let before = world.out.iter().flat_map(|out| &out.runs).count();
    world.rollout("over", "c", 23.0);
    assert_eq!(world.out.iter().flat_map(|out| &out.runs).count(), before);
}

#[test]
fn one_that_fails_has_the_cause_of_the_rollout_and_ends_when_that_is_rolled_back() {
    let mut world = World::new(ROLLOUT, true);
    world.verdict(RollingOut, InSync, "b", 0.0);
    world.play(4.0);
    assert_eq!(findings(&world)[0].1, "rollout/k8s/prod/b");
    world.verdict(RollingOut, InSync, "a", 25.0);
    let found = findings(&world);
    assert!(
        found.len() == 2 && found[1].0 == AlertState::Resolved && found[1].2.contains("another rollout"),
        "{found:?}"
    );
    assert_eq!(fires(&world).len(), 1);
    assert!(world.book.wanted("checkout").is_some());
}

#[test]
fn what_is_gone_is_not_judged_and_what_comes_back_is() {
    let mut world = World::new(ROLLOUT, true);
    world.live(true, 0.0);
    assert!(world.book.wanted("checkout").is_none(), "it was there before");
    world.live(false, 1.0);
    world.live(true, 2.0);
    assert_eq!(world.book.wanted("checkout").unwrap().started, at(2.0));
    world.live(false, 3.0);
    assert!(ends(&world)[0].1.starts_with("what was judged is gone"));
    world.live(true, 4.0);
    world.play(4.0);
    assert_eq!(fires(&world).len(), 1);
    world.live(false, 30.0);
    assert!(
        matches!(world.out.last().unwrap().hooks.as_slice(), [Hook::Forget { .. }]),
        "nothing is to be rolled back"
    );
}

#[test]
fn a_definition_that_changes_ends_the_run_and_one_that_is_gone_everything() {
    let mut world = World::new("{}", true);
    world.play(3.0);
    let out = world.book.define(2, &text(r#"{"alpha": 0.01}"#), at(40.0)).unwrap();
    assert!(matches!(out.hooks.as_slice(), [Hook::Forget { .. }]) && world.book.wanted("checkout").is_some());
    world.take(out);
    let out = world.book.close(2, at(40.0));
    assert!(out.is_empty());
    let out = world.book.close(3, at(41.0));
    world.take(out);
    assert!(ends(&world)[1].1.starts_with("it is no longer configured"), "{:?}", ends(&world));
    assert_eq!(findings(&world).last().unwrap().0, AlertState::Resolved);
    assert!(world.book.canaries().next().is_none());
    assert!(world.book.define(4, "{}", at(50.0)).is_err());
}

#[test]
fn the_part_of_the_traffic_that_carries_the_evidence_is_named() {
    let mut world = World::new("{}", true);
    while let Some(wanted) = world.book.wanted("checkout").filter(|wanted| wanted.started == at(0.0)) {
        let n = wanted.interval as i64;
        let arm = |worse: f64, seed: f64| Some(((40.0 * worse + 4.0 * wave(n, seed)).round(), 2000.0, 0.2));
        let mut rows = points(&wanted.run, n, arm(1.0, 1.0), arm(2.5, 2.0));
        for (zone, worse) in [("zone=a", 1.0), ("zone=b", 4.0)] {
            let parts = points(&wanted.run, n, arm(0.5, 3.0), arm(0.5 * worse, 4.0));
            rows.extend(
                parts
                    .into_iter()
                    .filter(|row| row.metric == "errors")
                    .map(|row| CanaryPoint { segment: Some(zone.to_owned()), ..row }),
            );
        }
        let out = world.book.points(&rows, at(n as f64 + 1.1));
        world.take(out);
    }
    let last = world.out.last().unwrap();
    assert_eq!(last.evidence[0].top_segment.as_deref(), Some("zone=b"));
    assert!(last.runs[0].reason.contains("errors (most in zone=b)"), "{}", last.runs[0].reason);
}
