use std::time::Duration;

use kubernetes::rollouts::{Arm, Phase, ROLLOUT, Rollout, RolloutKind};
use model::Verdict::{InSync, RollingOut};
use model::rows::{CanaryPoint, Live, SetChunk, SetMember, SetSide};
use model::{AlertState, Batch, Fingerprint, ResourceId};

use super::Arm as Sums;
use super::{Outcome, RESOURCE, World, at, points, text, wave};
use crate::{Answer, Hook};

const AUTO: &str = r#"{"name": "auto", "namespace": null, "start": null, "baseline": null, "canary": null, "segment": null,
    "discover": {"cluster": "prod", "namespaces": ["shop"], "labels": {"team": "a"}},
    "metrics": [{"name": "errors", "kind": "errors", "query": "sum(increase(errors_total{$arm}[$interval]))"},
                {"name": "p99", "kind": "latency", "query": "p99{hash=\"$hash\"}"}]}"#;
const NAME: &str = "auto:shop:checkout";

fn arm(hash: &str) -> Arm {
    let pods = format!("checkout-{hash}-[a-z0-9]{{5}}");
    Arm { workload: "checkout".to_owned(), hash: hash.to_owned(), pods }
}

fn rollout(hash: &str, share: Option<f64>) -> Rollout {
    Rollout {
        kind: RolloutKind::Deployment,
        namespace: "shop".to_owned(),
        name: "checkout".to_owned(),
        flagger: String::new(),
        object: "apps.Deployment/shop/checkout".to_owned(),
        labels: [("team".to_owned(), "a".to_owned())].into(),
        phase: Phase::Rolling,
        baseline: arm("a1"),
        canary: arm(hash),
        share,
        traffic: "ready pods".to_owned(),
        revision: hash.to_owned(),
    }
}

fn id() -> ResourceId {
    ResourceId::new("k8s", "prod", ROLLOUT, "shop", "checkout").unwrap()
}

fn seen(rollout: Option<&Rollout>, minutes: f64) -> Live {
    let document = rollout.map(Rollout::document);
    Live {
        time: at(minutes),
        scope: "k8s/prod".to_owned(),
        source: "kubernetes".to_owned(),
        key: id().key(),
        kind: ROLLOUT.to_owned(),
        id: id(),
        present: document.is_some(),
        fingerprint: document.as_ref().map_or(Fingerprint::ABSENT, model::Document::fingerprint),
        document: document.map(|document| document.tree().to_string()),
        text: None,
        actor: None,
    }
}

impl World {
    fn rolls(&mut self, rollout: Option<&Rollout>, minutes: f64) {
        let mut out = Outcome::default();
        self.book.rollout(&seen(rollout, minutes), at(minutes), &mut out);
        self.take(out);
    }

    /// The next interval of the run that is on.
    fn found(&mut self, baseline: Sums, canary: Sums) {
        let wanted = self.book.wanted(NAME).unwrap();
        let mut rows = points(&wanted.run, wanted.interval as i64, baseline, canary);
        for row in &mut rows {
            (row.name, row.exposure) = (NAME.to_owned(), None);
        }
        let now = wanted.started.plus(Duration::from_secs(60 * (wanted.interval as u64 + 1) + 5));
        let mut out = self.book.points(&rows, now);
        self.book.pass(now, &mut out);
        self.take(out);
    }

    fn runs(&self) -> Vec<(String, String, Option<f64>)> {
        let rows = self.out.iter().flat_map(|out| &out.runs);
        rows.map(|row| (row.verdict.clone(), row.reason.clone(), row.share)).collect()
    }

    fn resolved(&self) -> Vec<(AlertState, String, String)> {
        let rows = self.out.iter().flat_map(|out| &out.findings);
        rows.map(|row| (row.state, row.cause.clone(), row.summary.clone())).collect()
    }

    fn hooks(&self) -> Vec<&Hook> {
        self.out.iter().flat_map(|out| &out.hooks).collect()
    }

    /// Intervals with many more errors in the canary, until the run ends.
    fn fails(&mut self) {
        while self.book.wanted(NAME).is_some() {
            let n = self.book.wanted(NAME).unwrap().interval as i64;
            let errors = |seed: f64, worse: f64| Some(((20.0 * worse + 6.0 * wave(n, seed)).round(), 0.0, 0.2));
            self.found(errors(1.0, 1.0), errors(2.0, 4.0));
        }
    }
}

#[test]
fn a_rollout_is_a_canary_with_its_arms_in_its_queries() {
    let mut world = World::new(AUTO, true);
    assert!(world.book.finds() && world.book.canaries().next().is_none());
    world.rolls(Some(&rollout("b2", Some(0.5))), 1.0);
    let definition = world.book.get(NAME).unwrap().definition().clone();
    let [errors, p99] = definition.metrics.as_slice() else { panic!() };
    assert_eq!(
        errors.value.canary,
        r#"sum(increase(errors_total{namespace="shop", pod=~"checkout-b2-[a-z0-9]{5}"}[60s]))"#
    );
    assert_eq!((p99.value.baseline.as_str(), p99.value.canary.as_str()), (r#"p99{hash="a1"}"#, r#"p99{hash="b2"}"#));
    assert_eq!((definition.namespace.as_str(), definition.target.as_str()), ("shop", "checkout"));
    assert_eq!((definition.resource.as_deref(), definition.scope.as_str()), (Some(RESOURCE), "k8s/prod"));
    assert_eq!(world.book.found().collect::<Vec<_>>(), [NAME]);
    assert_eq!(world.book.wanted(NAME).unwrap().started, at(1.0));
    let row = &world.out.last().unwrap().runs[0];
    assert_eq!((row.cause.as_str(), row.revision.as_deref()), ("rollout/k8s/prod/shop/checkout/b2", Some("b2")));
    let answer = Answer::of(world.book.get(NAME).unwrap()).rollout.unwrap();
    assert_eq!((answer.kind, answer.share, answer.canary.hash.as_str()), (RolloutKind::Deployment, Some(0.5), "b2"));
}

#[test]
fn what_is_not_wanted_is_not_judged() {
    let wrong: [fn(&mut Rollout); 4] = [
        |rollout| rollout.namespace = "other".to_owned(),
        |rollout| rollout.labels.clear(),
        |rollout| rollout.phase = Phase::Aborted,
        // The query of p99 needs it.
        |rollout| rollout.canary.hash.clear(),
    ];
    for change in wrong {
        let mut world = World::new(AUTO, true);
        let mut other = rollout("b2", None);
        change(&mut other);
        world.rolls(Some(&other), 1.0);
        assert!(world.book.canaries().next().is_none(), "{other:?}");
    }
    let kinds = AUTO.replace(r#""namespaces": ["shop"]"#, r#""kinds": ["argo"]"#);
    let mut world = World::new(&kinds, true);
    world.rolls(Some(&rollout("b2", None)), 1.0);
    assert!(world.book.canaries().next().is_none());
}

#[test]
fn arms_that_would_be_asked_the_same_are_not_judged() {
    let asked = |query: &str| {
        let metrics = format!(r#"[{{"name": "errors", "kind": "errors", "query": "errors{{{query}}}"}}]}}"#);
        format!("{}\"metrics\": {metrics}", AUTO.split("\"metrics\"").next().unwrap())
    };
    for (query, judged) in [("app=\\\"$workload\\\"", false), ("$arm", true)] {
        let mut world = World::new(&asked(query), true);
        world.rolls(Some(&rollout("b2", None)), 1.0);
        assert_eq!(world.book.canaries().next().is_some(), judged, "{query}");
    }
    // The hash falls off the end of a long name.
    let mut cut = rollout("b2", None);
    cut.baseline.pods.clone_from(&cut.canary.pods);
    let mut world = World::new(&asked("$arm"), true);
    world.rolls(Some(&cut), 1.0);
    assert!(world.book.canaries().next().is_none());
}

#[test]
fn a_run_ends_without_a_test_when_another_rollout_takes_its_place_that_is_not_judged() {
    type Change = fn(&mut Rollout);
    let changes: [(Change, &str); 2] = [
        (|rollout| rollout.labels.clear(), "its rollout is no longer wanted"),
        (|rollout| rollout.canary.hash.clear(), "a hash that its queries ask for is not known"),
    ];
    for (change, why) in changes {
        let mut world = World::new(AUTO, true);
        world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
        world.found(Some((20.0, 0.0, 0.2)), Some((20.0, 0.0, 0.2)));
        let mut other = rollout("c3", Some(0.5));
        change(&mut other);
        world.rolls(Some(&other), 3.0);
        let (_, reason, _) = world.runs().pop().unwrap();
        assert!(world.book.wanted(NAME).is_none() && reason.starts_with(why), "{reason}");
        assert_eq!(world.book.next(), Some(at(3.0 + 24.0 * 60.0)));
        world.rolls(Some(&rollout("c3", Some(0.5))), 4.0);
        assert_eq!(world.book.wanted(NAME).unwrap().started, at(4.0));
    }
    // Of the same arms the run goes on, whatever its labels are.
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    world.rolls(Some(&Rollout { labels: std::collections::BTreeMap::new(), ..rollout("b2", Some(0.5)) }), 1.0);
    assert!(world.book.wanted(NAME).is_some());
}

#[test]
fn a_run_ends_without_a_test_when_its_rollout_cannot_be_read() {
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    let mut row = seen(Some(&rollout("b2", None)), 1.0);
    row.document = Some(r#"{"kind": "x"}"#.to_owned());
    let mut out = Outcome::default();
    world.book.rollout(&row, at(1.0), &mut out);
    world.take(out);
    let (_, reason, _) = world.runs().pop().unwrap();
    assert!(world.book.wanted(NAME).is_none() && reason.starts_with("what is said of its rollout cannot be read"));
}

#[test]
fn counts_are_compared_by_the_split_of_the_traffic_as_it_was_in_their_interval() {
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.1))), 0.0);
    world.found(Some((90.0, 0.0, 0.2)), Some((10.0, 0.0, 0.2)));
    world.rolls(Some(&rollout("b2", Some(0.3))), 1.5);
    world.found(Some((80.0, 0.0, 0.2)), Some((20.0, 0.0, 0.2)));
    world.rolls(Some(&rollout("b2", None)), 2.5);
    world.found(Some((80.0, 0.0, 0.2)), Some((20.0, 0.0, 0.2)));
    let run = world.book.get(NAME).unwrap().run.as_ref().unwrap();
    let whole = |metric: usize| run.data[metric].whole.iter().map(|quad| (quad[2], quad[3])).collect::<Vec<_>>();
    let errors = whole(0);
    assert_eq!(errors[0], (0.9, 0.1));
    assert!((errors[1].0 - 0.8).abs() < 1e-9 && (errors[1].1 - 0.2).abs() < 1e-9, "{errors:?}");
    assert!(errors[2].0.is_nan() && errors[2].1.is_nan());
    assert_eq!(whole(1), [(1.0, 1.0); 3], "a latency needs none");
    let runs = world.runs();
    let (verdict, reason, share) = runs.last().unwrap();
    assert!(verdict == "inconclusive" && reason.contains("errors: nobody says how the traffic is split"), "{reason}");
    let shares: Vec<Option<f64>> = runs.iter().map(|run| run.2).collect();
    assert_eq!(shares, [Some(0.1), Some(0.1), Some(0.3), Some(0.3), None, None]);
    assert_eq!(*share, None);
}

#[test]
fn why_the_split_is_not_known_is_said_of_what_needs_it() {
    let mut world = World::new(AUTO, true);
    let traffic = "no right to list httproutes.gateway.networking.k8s.io".to_owned();
    world.rolls(Some(&Rollout { traffic, ..rollout("b2", None) }), 0.0);
    world.found(Some((90.0, 0.0, 0.2)), Some((10.0, 0.0, 0.2)));
    let (verdict, reason, _) = world.runs().pop().unwrap();
    let why = "errors: nobody says how the traffic is split (no right to list httproutes.gateway.networking.k8s.io): give `exposure`";
    assert_eq!((verdict.as_str(), reason.as_str()), ("inconclusive", why));
    world.rolls(Some(&rollout("b2", Some(0.1))), 1.5);
    world.found(Some((90.0, 0.0, 0.2)), Some((10.0, 0.0, 0.2)));
    let (_, reason, _) = world.runs().pop().unwrap();
    assert!(reason.contains("(it was not known for all of the interval)"), "{reason}");
}

#[test]
fn a_baseline_that_changes_alone_takes_back_neither_a_verdict_nor_the_word_to_roll_back() {
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    world.fails();
    let failed = world.runs();
    for (n, hash) in ["a2", "a3"].into_iter().enumerate() {
        world.rolls(Some(&Rollout { baseline: arm(hash), ..rollout("b2", Some(0.4)) }), 20.0 + n as f64);
    }
    assert!(world.book.wanted(NAME).is_none() && world.runs() == failed, "nothing begins anew");
    let hooks: Vec<&Hook> = world.out.iter().flat_map(|out| &out.hooks).collect();
    assert!(matches!(hooks.as_slice(), [Hook::Fire(_)]), "{hooks:?}");
    assert_eq!(world.resolved().len(), 1, "the finding stays");
    let shown = Answer::of(world.book.get(NAME).unwrap());
    assert_eq!((shown.verdict, shown.rollout.unwrap().baseline.hash.as_str()), ("fail", "a3"));
    world.rolls(None, 30.0);
    assert!(world.resolved()[1].2.ends_with("the rollout is over"), "{:?}", world.resolved());
}

#[test]
fn a_run_goes_on_while_pods_go_from_one_arm_to_the_other_and_asks_for_those_that_are_there() {
    let arm = |hash: &str, pods: &str| Arm { workload: "db".to_owned(), hash: hash.to_owned(), pods: pods.to_owned() };
    let set = |old: &str, new: &str, share: f64| Rollout {
        kind: RolloutKind::StatefulSet,
        baseline: arm("a1", old),
        canary: arm("b2", new),
        ..rollout("b2", Some(share))
    };
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&set("db-0|db-1", "db-2", 1.0 / 3.0)), 0.0);
    world.found(Some((20.0, 0.0, 0.2)), Some((10.0, 0.0, 0.2)));
    world.rolls(Some(&set("db-0", "db-1|db-2", 2.0 / 3.0)), 1.5);
    let (wanted, canary) = (world.book.wanted(NAME).unwrap(), world.book.get(NAME).unwrap());
    assert_eq!((wanted.started, wanted.interval), (at(0.0), 1));
    let errors = &canary.definition().metrics[0].value;
    assert!(errors.baseline.contains(r#"pod=~"db-0""#) && errors.canary.contains(r#"pod=~"db-1|db-2""#), "{errors:?}");
    world.found(Some((15.0, 0.0, 0.2)), Some((15.0, 0.0, 0.2)));
    let run = world.book.get(NAME).unwrap().run.as_ref().unwrap();
    assert!((run.data[0].whole[1][3] - 0.5).abs() < 1e-9, "half of the interval each");
    // So many pods that no name is said would be asked of both: that is no comparison.
    world.rolls(Some(&set("db-[0-9]+", "db-[0-9]+", 0.5)), 2.5);
    let (_, reason, _) = world.runs().pop().unwrap();
    assert!(world.book.wanted(NAME).is_none() && reason.starts_with("both arms would be asked the same"), "{reason}");
}

#[test]
fn what_is_open_when_the_baseline_changes_is_told_and_begins_anew() {
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    (0..4).for_each(|_| world.found(Some((20.0, 0.0, 0.2)), Some((21.0, 0.0, 0.2))));
    world.rolls(Some(&Rollout { baseline: arm("a2"), ..rollout("b2", Some(0.5)) }), 4.5);
    let runs = world.runs();
    let [.., (verdict, reason, _), (next, ..)] = runs.as_slice() else { panic!("{runs:?}") };
    assert!(verdict == "inconclusive" && reason.starts_with("its baseline is another one now; "), "{reason}");
    assert_eq!(next, "continue");
    let (wanted, canary) = (world.book.wanted(NAME).unwrap(), world.book.get(NAME).unwrap());
    assert_eq!((wanted.started, wanted.interval), (at(4.5), 0));
    assert!(canary.definition().metrics[0].value.baseline.contains("checkout-a2-"));
    assert!(canary.definition().metrics[0].value.canary.contains("checkout-b2-"));
}

#[test]
fn what_is_shown_until_the_baseline_changes_is_not_lost() {
    // So many intervals that the looks decide nothing, and the test of all of them does.
    let decided = (4..25).find(|intervals| {
        let mut world = World::new(AUTO, true);
        world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
        for n in 0..*intervals {
            if world.book.wanted(NAME).is_none() {
                return false;
            }
            let errors = |seed: f64, worse: f64| Some(((20.0 * worse + 6.0 * wave(n, seed)).round(), 0.0, 0.2));
            world.found(errors(1.0, 1.0), errors(2.0, 2.0));
        }
        if world.book.wanted(NAME).is_none() {
            return false;
        }
        let next = Rollout { baseline: arm("a2"), ..rollout("b2", Some(0.5)) };
        world.rolls(Some(&next), *intervals as f64 + 0.5);
        let (verdict, ..) = world.runs().pop().unwrap();
        let hooks: Vec<&Hook> = world.out.iter().flat_map(|out| &out.hooks).collect();
        verdict == "fail" && world.book.wanted(NAME).is_none() && matches!(hooks.as_slice(), [Hook::Fire(_)])
    });
    assert!(decided.is_some());
}

/// A world after so many intervals of a worse canary that the looks decide nothing, where the test at the end that `then` leads to
/// fails it.
fn failed_at_the_end(then: impl Fn(&mut World, f64)) -> World {
    let failed = |intervals: i64| {
        let mut world = World::new(AUTO, true);
        world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
        for n in 0..intervals {
            world.book.wanted(NAME)?;
            let errors = |seed: f64, worse: f64| Some(((20.0 * worse + 6.0 * wave(n, seed)).round(), 0.0, 0.2));
            world.found(errors(1.0, 1.0), errors(2.0, 2.0));
        }
        world.book.wanted(NAME)?;
        then(&mut world, intervals as f64);
        world.runs().iter().any(|(verdict, ..)| verdict == "fail").then_some(world)
    };
    (4..25).find_map(failed).unwrap()
}

#[test]
fn who_rolls_back_is_not_told_of_a_rollout_that_another_one_has_replaced() {
    let world = failed_at_the_end(|world, n| {
        world.rolls(None, n + 1.1);
        assert!(world.book.wanted(NAME).is_some(), "its last interval is waited for");
        world.rolls(Some(&rollout("c3", Some(0.5))), n + 1.3);
    });
    assert!(world.hooks().is_empty(), "it would undo the next one: {:?}", world.hooks());
    let states: Vec<AlertState> = world.resolved().into_iter().map(|(state, ..)| state).collect();
    assert_eq!(states, [AlertState::Firing, AlertState::Resolved]);
}

#[test]
fn what_was_aborted_is_not_rolled_back_and_no_news() {
    let aborted = Rollout { phase: Phase::Aborted, ..rollout("b2", Some(0.0)) };
    let world = failed_at_the_end(|world, n| world.rolls(Some(&aborted), n + 0.5));
    assert!(world.hooks().is_empty() && world.resolved().is_empty(), "{:?}", world.hooks());
    let other = Rollout { baseline: arm("a2"), ..aborted };
    let world = failed_at_the_end(|world, n| world.rolls(Some(&other), n + 0.5));
    assert!(world.hooks().is_empty() && world.resolved().is_empty(), "{:?}", world.hooks());
}

#[test]
fn who_rolls_out_may_call_it_by_its_own_name() {
    let mut world = World::new(AUTO, true);
    let (kind, flagger) = (RolloutKind::Flagger, "checkout-canary".to_owned());
    world.rolls(Some(&Rollout { kind, flagger, ..rollout("b2", Some(0.5)) }), 0.0);
    let canary = world.book.get(NAME).unwrap();
    for (name, known) in [("checkout", true), ("checkout-canary", true), (NAME, true), ("other", false), ("", false)] {
        assert_eq!(canary.is_called(name), known, "{name}");
    }
}

#[test]
fn the_verdict_of_a_rollout_is_none_of_the_next_one() {
    let verdicts = |world: &World| {
        let canary = world.book.get(NAME).unwrap();
        (Answer::of(canary).verdict, Answer::asked(canary, None).verdict, canary.numbers().unwrap())
    };
    for kind in [RolloutKind::Flagger, RolloutKind::Argo, RolloutKind::Deployment] {
        let of = |hash: &str| Rollout { kind, ..rollout(hash, Some(0.5)) };
        let mut world = World::new(AUTO, true);
        world.rolls(Some(&of("b2")), 0.0);
        world.fails();
        assert_eq!(verdicts(&world), ("fail", "fail", [-1.0, 0.0]));
        world.rolls(None, 20.0);
        // Only these tools wait for a verdict, and may ask before the next rollout was seen.
        let gone = kind != RolloutKind::Deployment;
        let expected = if gone { ("fail", "inconclusive", [0.0, 80.0]) } else { ("fail", "fail", [-1.0, 0.0]) };
        assert_eq!(verdicts(&world), expected, "{kind:?}");
        if gone {
            let answer = Answer::asked(world.book.get(NAME).unwrap(), None);
            let said = &answer.reasons[0];
            assert!(said.starts_with("its rollout is over; its last run was fail: worse: errors"), "{said}");
            assert!(answer.e_fail < answer.e_fail_needed && answer.e_pass < answer.e_pass_needed, "{answer:?}");
        }
        // One that cannot be judged has no verdict, whoever asks.
        let mut other = of("c3");
        other.canary.hash.clear();
        world.rolls(Some(&other), 21.0);
        assert_eq!(verdicts(&world), ("fail", "inconclusive", [0.0, 80.0]));
        world.rolls(Some(&of("c3")), 22.0);
        assert_eq!(verdicts(&world), ("continue", "continue", [0.0, 80.0]));
    }
}

#[test]
fn who_names_a_revision_is_told_of_no_other() {
    let mut world = World::new(AUTO, true);
    world.verdict(RollingOut, InSync, "r9", 0.0);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.5);
    world.fails();
    let canary = world.book.get(NAME).unwrap();
    for (revision, verdict) in
        [(None, "fail"), (Some("b2"), "fail"), (Some("r9"), "fail"), (Some("c3"), "inconclusive")]
    {
        assert_eq!(Answer::asked(canary, revision).verdict, verdict, "{revision:?}");
    }
    let reasons = Answer::asked(canary, Some("c3\n")).reasons;
    assert!(
        reasons[0].starts_with("revision `c3\\n` is asked for, and it was not judged; its last run was fail"),
        "{reasons:?}"
    );
}

#[test]
fn a_rollback_that_waits_is_forgotten_where_another_version_rolls_out_that_is_not_judged() {
    for (hash, forgotten) in [("c3", true), ("b2", false)] {
        let mut world = World::new(AUTO, true);
        world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
        world.fails();
        let mut other = rollout(hash, Some(0.5));
        other.labels.clear();
        other.canary.pods = format!("checkout-{hash}-x");
        world.rolls(Some(&other), 20.0);
        assert_eq!(matches!(world.hooks().as_slice(), [Hook::Fire(_), Hook::Forget { .. }]), forgotten, "{hash}");
    }
}

#[test]
fn what_fails_by_its_last_intervals_is_no_news_of_a_moment_where_the_same_version_goes_on_unjudged() {
    let passed_over = |hash: &str| {
        failed_at_the_end(|world, n| {
            world.rolls(None, n + 1.1);
            assert!(world.book.wanted(NAME).is_some(), "its last interval is waited for");
            let mut other = rollout(hash, Some(0.5));
            other.labels.clear();
            other.canary.pods = format!("checkout-{hash}-x");
            world.rolls(Some(&other), n + 1.3);
            // One more of its pods is ready.
            other.share = Some(0.6);
            world.rolls(Some(&other), n + 1.5);
        })
    };
    let states = |world: &World| -> Vec<AlertState> { world.resolved().into_iter().map(|(state, ..)| state).collect() };
    let same = passed_over("b2");
    assert!(matches!(same.hooks().as_slice(), [Hook::Fire(_)]), "{:?}", same.hooks());
    assert_eq!(states(&same), [AlertState::Firing]);
    let another = passed_over("c3");
    assert!(another.hooks().is_empty(), "{:?}", another.hooks());
    assert_eq!(states(&another), [AlertState::Firing, AlertState::Resolved]);
}

#[test]
fn a_rollback_that_waits_is_forgotten_where_there_is_no_room_for_the_next_rollout() {
    let mut world = World::new(AUTO, false);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    world.fails();
    world.rolls(None, 20.0);
    let [Hook::Fire(_)] = world.hooks().as_slice() else { panic!("{:?}", world.hooks()) };
    // Of a cluster that no canary is of.
    for n in 0..5_000 {
        let id = ResourceId::new("k8s", "other", ROLLOUT, "shop", &format!("web-{n}")).unwrap();
        let row = Live { scope: id.scope().to_owned(), key: id.key(), id, ..seen(Some(&rollout("b2", None)), 21.0) };
        world.book.rollout(&row, at(21.0), &mut Outcome::default());
    }
    world.rolls(Some(&rollout("c3", Some(0.5))), 22.0);
    assert!(world.book.wanted(NAME).is_none());
    let hooks = world.hooks();
    let [Hook::Fire(_), Hook::Forget { reason, .. }] = hooks.as_slice() else { panic!("{hooks:?}") };
    assert_eq!(reason, "too many rollouts are under way");
    assert!(world.book.get(NAME).unwrap().past().unwrap().contains("too many rollouts are under way"));
}

#[test]
fn the_part_of_the_traffic_that_is_worse_is_named_by_what_the_canary_has_of_the_traffic() {
    let mut world = World::new(&AUTO.replace(r#""segment": null"#, r#""segment": "zone""#), true);
    world.rolls(Some(&rollout("b2", Some(0.1))), 0.0);
    while let Some(wanted) = world.book.wanted(NAME) {
        let n = wanted.interval as i64;
        let arm = |of: f64, seed: f64| Some(((of + 3.0 * wave(n, seed)).round(), 0.0, 0.2));
        let mut rows = points(&wanted.run, n, arm(360.0, 1.0), arm(100.0, 2.0));
        // Fewer errors than the baseline everywhere, and in one zone many more than a tenth.
        for (zone, canary) in [("zone=a", 20.0), ("zone=b", 80.0)] {
            let parts = points(&wanted.run, n, arm(180.0, 3.0), arm(canary, 4.0)).into_iter();
            let errors = parts.filter(|row| row.metric == "errors");
            rows.extend(errors.map(|row| CanaryPoint { segment: Some(zone.to_owned()), ..row }));
        }
        for row in &mut rows {
            (row.name, row.exposure) = (NAME.to_owned(), None);
        }
        let out = world.book.points(&rows, at(n as f64 + 1.1));
        world.take(out);
    }
    let last = world.runs().pop().unwrap();
    assert!(last.0 == "fail" && last.1.contains("errors (most in zone=b)"), "{last:?}");
}

#[test]
fn a_canary_with_its_part_of_the_errors_does_not_fail() {
    let mut world = World::new(AUTO, false);
    world.rolls(Some(&rollout("b2", Some(0.1))), 0.0);
    while world.book.wanted(NAME).is_some() {
        let n = world.book.wanted(NAME).unwrap().interval as i64;
        let errors = |of: f64, seed: f64| Some(((of + of.sqrt() * wave(n, seed)).round(), 0.0, 0.2));
        world.found(errors(180.0, 1.0), errors(20.0, 2.0));
    }
    let runs = world.runs();
    assert_ne!(runs.last().unwrap().0, "fail", "{runs:?}");
}

#[test]
fn one_that_fails_has_its_rollout_as_cause_and_ends_when_that_is_aborted() {
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    world.fails();
    assert_eq!(world.runs().last().unwrap().0, "fail");
    let aborted = Rollout { phase: Phase::Aborted, ..rollout("b2", Some(0.0)) };
    world.rolls(Some(&aborted), 20.0);
    world.rolls(Some(&aborted), 21.0);
    let found = world.resolved();
    let states: Vec<(AlertState, &str)> = found.iter().map(|(state, cause, _)| (*state, cause.as_str())).collect();
    let cause = "rollout/k8s/prod/shop/checkout/b2";
    assert_eq!(states, [(AlertState::Firing, cause), (AlertState::Resolved, cause)]);
    assert!(found[1].2.ends_with("the rollout was aborted"), "{found:?}");
    let hooks = world.hooks();
    let [Hook::Fire(fire), Hook::Forget { incident, reason, .. }] = hooks.as_slice() else { panic!("{hooks:?}") };
    assert_eq!((incident, reason.as_str()), (&fire.incident, "the rollout was aborted"), "if it waits still");
    assert_eq!((fire.labels["namespace"].as_str(), fire.labels["target"].as_str()), ("shop", "checkout"));

    // Tried again, it is judged again.
    world.rolls(Some(&rollout("b2", Some(0.5))), 30.0);
    assert_eq!(world.book.wanted(NAME).unwrap().started, at(30.0));
}

#[test]
fn a_rollout_that_is_over_ends_the_run_and_is_forgotten_after_a_day() {
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    world.found(Some((20.0, 0.0, 0.2)), Some((20.0, 0.0, 0.2)));
    world.rolls(None, 3.0);
    // The second interval was over before that, and is on its way; the third was not.
    world.found(Some((20.0, 0.0, 0.2)), Some((20.0, 0.0, 0.2)));
    let (verdict, reason, _) = world.runs().pop().unwrap();
    assert!(verdict == "inconclusive" && reason.starts_with("the rollout is over; "), "{reason}");
    assert!(world.book.wanted(NAME).is_none() && world.book.get(NAME).is_some());
    assert_eq!(world.book.next(), Some(at(3.0 + 24.0 * 60.0)));
    let mut out = Outcome::default();
    world.book.pass(at(3.0 + 24.0 * 60.0), &mut out);
    world.take(out);
    assert!(world.book.get(NAME).is_none() && world.book.next().is_none());
}

#[test]
fn intervals_that_were_over_before_the_rollout_count_and_are_waited_for_a_while() {
    let arm = |errors: f64| Some((errors, 0.0, 0.2));
    let rolled = |minutes: f64| {
        let mut world = World::new(AUTO, true);
        world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
        (0..8).for_each(|_| world.found(arm(20.0), arm(22.0)));
        world.rolls(None, minutes);
        world
    };
    /// How many intervals the last run has, if it has ended by the test of all of them.
    fn tested(world: &World) -> Option<usize> {
        let run = world.book.get(NAME).unwrap().run.as_ref().unwrap();
        run.end.as_ref().filter(|end| end.tested).map(|_| run.next)
    }
    // It is over within the ninth interval: nothing more is to come.
    assert_eq!(tested(&rolled(8.5)), Some(8));
    // It is over just after the tenth: both are asked for.
    let mut world = rolled(10.1);
    for interval in 8..10 {
        assert_eq!((world.book.wanted(NAME).unwrap().interval, tested(&world)), (interval, None));
        world.found(arm(20.0), arm(22.0));
    }
    assert_eq!(tested(&world), Some(10));
    // Nobody asks: it ends without them.
    let mut world = rolled(10.1);
    let latest = at(10.1).plus(Duration::from_secs(15 + 60));
    assert_eq!(world.book.next(), Some(latest));
    let mut out = Outcome::default();
    world.book.pass(latest, &mut out);
    world.take(out);
    assert_eq!(tested(&world), Some(8));
    // The next version does not wait, and takes nothing from it.
    let mut world = rolled(10.1);
    world.rolls(Some(&rollout("c3", Some(0.5))), 10.3);
    let runs = world.runs();
    let (_, reason, _) = &runs[runs.len() - 2];
    assert!(reason.starts_with("the rollout is over; "), "{reason}");
    assert_eq!(world.book.wanted(NAME).unwrap().started, at(10.3));
}

/// Errors of a hundred requests each, in a canary that has so many of a thousand, by what is said of the split.
fn exposed(traffic: &str, of_canary: f64) -> (String, String) {
    let exposure = r#""query": "sum(increase(errors_total{$arm}[$interval]))", "exposure": "sum(increase(requests_total{$arm}[$interval]))""#;
    let more = AUTO.replace(r#""query": "sum(increase(errors_total{$arm}[$interval]))""#, exposure);
    let mut world = World::new(&more, true);
    world.rolls(Some(&Rollout { traffic: traffic.to_owned(), ..rollout("b2", Some(0.1)) }), 0.0);
    let mut said = Vec::new();
    while let Some(wanted) = world.book.wanted(NAME) {
        let arm = |requests: f64| Some(((requests / 100.0).round(), requests, 0.2));
        let mut rows = points(&wanted.run, wanted.interval as i64, arm(10_000.0 - of_canary), arm(of_canary));
        rows.iter_mut().for_each(|row| row.name = NAME.to_owned());
        let out = world.book.points(&rows, at(wanted.interval as f64 + 1.1));
        world.take(out);
        said.extend(world.runs().pop().map(|(verdict, reason, _)| (verdict, reason)));
    }
    said.pop().unwrap()
}

#[test]
fn requests_that_are_not_split_as_the_routes_say_decide_nothing() {
    let (verdict, reason) = exposed("HTTPRoute", 9_000.0);
    assert_eq!(verdict, "inconclusive");
    assert!(reason.ends_with("bad split: the canary has 90.0 % of the exposures, 10.0 % were meant"), "{reason}");
    let (_, reason) = exposed("HTTPRoute", 1_000.0);
    assert!(!reason.contains("bad split"), "{reason}");
    // Pods that are ready mean nothing: connections that last stay where they are.
    let (_, reason) = exposed("ready pods", 9_000.0);
    assert!(!reason.contains("bad split"), "{reason}");
}

#[test]
fn the_next_version_is_another_run_with_other_queries() {
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    world.fails();
    world.rolls(Some(&rollout("c3", Some(0.1))), 20.0);
    let wanted = world.book.wanted(NAME).unwrap();
    assert_eq!((wanted.started, wanted.interval), (at(20.0), 0));
    let canary = world.book.get(NAME).unwrap();
    assert!(canary.definition().metrics[0].value.canary.contains("checkout-c3-"));
    let found = world.resolved();
    assert!(found.len() == 2 && found[1].2.ends_with("another rollout has begun"), "{found:?}");
    assert_eq!(world.out.last().unwrap().runs[0].revision.as_deref(), Some("c3"));
}

#[test]
fn a_rollout_that_is_declared_has_the_cause_of_its_revision_whichever_is_seen_first() {
    for verdict_first in [true, false] {
        let mut world = World::new(AUTO, true);
        if verdict_first {
            world.verdict(RollingOut, InSync, "r9", 0.0);
            world.rolls(Some(&rollout("b2", Some(0.5))), 0.5);
        } else {
            world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
            world.verdict(RollingOut, InSync, "r9", 0.5);
        }
        // That it agrees with what is declared ends nothing: its pods may roll for long.
        world.verdict(InSync, RollingOut, "r9", 1.0);
        world.rollout("over", "r9", 2.0);
        assert!(world.book.wanted(NAME).is_some());
        world.fails();
        assert_eq!(world.resolved()[0].1, "rollout/k8s/prod/r9", "{verdict_first}");
    }
}

#[test]
fn another_rollout_of_the_scope_is_not_the_cause_of_one_that_nobody_declared() {
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    world.rollout("open", "r9", 1.0);
    world.fails();
    assert_eq!(world.resolved()[0].1, "rollout/k8s/prod/shop/checkout/b2");
    let last = world.out.iter().flat_map(|out| &out.runs).last().unwrap();
    assert_eq!(last.revision.as_deref(), Some("b2"));
}

#[test]
fn rollouts_that_are_not_in_a_full_set_are_over() {
    let set = |keys: Vec<model::Key>, source: &str| -> Vec<Batch> {
        let members = keys.into_iter().map(|key| SetMember { key, fingerprint: Fingerprint([1; 16]) }).collect();
        SetChunk::full("k8s/prod", source, SetSide::Live, "", members).unwrap()
    };
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    for (keys, source, known) in
        [(vec![id().key()], "kubernetes", true), (vec![], "other", true), (vec![], "kubernetes", false)]
    {
        let mut out = Outcome::default();
        for batch in set(keys, source) {
            world.book.sweep(&SetChunk::from_batch(&batch.data).unwrap(), at(1.0), &mut out).unwrap();
        }
        world.take(out);
        assert_eq!((world.book.wanted(NAME).is_some(), world.book.knows_rollouts()), (known, known), "{source}");
    }
}

#[test]
fn a_definition_that_changes_begins_anew_and_one_that_is_gone_ends_all() {
    let mut world = World::new(AUTO, true);
    world.rolls(Some(&rollout("b2", Some(0.5))), 0.0);
    world.fails();
    let same = world.book.define(2, &text(AUTO), at(10.0)).unwrap();
    assert!(same.is_empty() && world.book.close(2, at(10.0)).is_empty());
    let other = AUTO.replace(r#""name": "auto""#, r#""name": "auto", "alpha": 0.01"#);
    let out = world.book.define(3, &text(&other), at(11.0)).unwrap();
    world.take(out);
    assert_eq!(world.book.wanted(NAME).unwrap().started, at(11.0));
    assert!(world.resolved()[1].2.ends_with("its definition has changed"), "{:?}", world.resolved());
    let out = world.book.close(4, at(12.0));
    world.take(out);
    assert!(world.book.canaries().next().is_none() && !world.book.finds());
    assert!(world.runs().last().unwrap().1.starts_with("it is no longer configured"));
    // What rolls out is known still, for whoever is configured next.
    let out = world.book.define(5, &text(AUTO), at(13.0)).unwrap();
    world.take(out);
    assert_eq!(world.book.wanted(NAME).unwrap().started, at(13.0));
}

#[test]
fn what_cannot_be_read_is_no_rollout() {
    let mut world = World::new(AUTO, true);
    let mut row = seen(Some(&rollout("b2", None)), 0.0);
    row.document = Some(r#"{"kind": "x"}"#.to_owned());
    let mut out = Outcome::default();
    world.book.rollout(&row, at(0.0), &mut out);
    assert!(out.is_empty() && !world.book.knows_rollouts());
}
