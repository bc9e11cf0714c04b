use model::AlertState;
use model::Verdict::{Behind, InSync, Modified, RollingOut, Unknown};

use super::life::{ROLLOUT, ends, findings, fires};
use super::*;
use crate::{Answer, Hook};

fn verdict_of(world: &World) -> (&'static str, Option<[f64; 2]>) {
    let canary = world.book.get("checkout").unwrap();
    (Answer::asked(canary, None).verdict, canary.numbers())
}

/// A rollout of `v2` whose run has ended.
fn judged(worse: f64, world: &mut World) {
    world.deploys("v1", 4, 0.0);
    world.deploys("v2", 4, 1.0);
    world.verdict(RollingOut, InSync, "r2", 1.1);
    world.play(worse);
}

#[test]
fn another_version_that_no_source_declares_yet_is_judged_anew() {
    for worse in [1.0, 4.0] {
        let mut world = World::new(ROLLOUT, true);
        judged(worse, &mut world);
        let first = ends(&world).len();
        assert_eq!(first, 1);
        world.verdict(InSync, RollingOut, "r2", 60.0);
        // Its source asks a minute later, when it is through.
        world.deploys("v3", 4, 62.0);
        assert_eq!(verdict_of(&world).0, "continue");
        world.verdict(Modified, InSync, "r2", 62.1);
        assert_eq!(verdict_of(&world).0, "continue");
        assert!(findings(&world).last().is_none_or(|row| row.0 == AlertState::Resolved));
        world.verdict(InSync, Modified, "r3", 63.0);
        assert_eq!(world.book.next(), Some(at(73.0)), "it is a rollout, and over some time after");
        world.pass(73.0);
        assert!(ends(&world).last().unwrap().1.starts_with("the rollout is over"), "{:?}", ends(&world));
    }
}

#[test]
fn a_version_that_comes_while_another_rolls_out_has_a_run_of_its_own() {
    let mut world = World::new(ROLLOUT, true);
    judged(4.0, &mut world);
    assert_eq!((fires(&world).len(), findings(&world).len()), (1, 1));
    world.deploys("v3", 4, 40.0);
    world.verdict(RollingOut, RollingOut, "r3", 40.1);
    let found = findings(&world);
    assert!(found.len() == 2 && found[1].2.contains("another rollout has begun"), "{found:?}");
    let wanted = world.book.wanted("checkout").unwrap();
    assert_eq!(wanted.started, at(40.0));
    let last = world.out.iter().flat_map(|out| &out.runs).next_back().unwrap();
    assert_eq!((last.revision.as_deref(), last.cause.as_str()), (Some("r3"), "rollout/k8s/prod/r3"));
    // What makes it another is the template of its pods.
    world.deploys("v3", 9, 41.0);
    world.interval(Some((1.0, 1000.0, 0.2)), Some((1.0, 1000.0, 0.2)));
    world.deploys("v3", 3, 42.0);
    assert_eq!(world.book.wanted("checkout").unwrap().started, at(40.0));
}

#[test]
fn a_run_and_what_it_decided_stand_while_its_resource_is_not_known_for_a_while_or_is_touched() {
    for seen in [true, false] {
        for flicker in [Unknown, Modified, Behind] {
            let mut world = World::new(ROLLOUT, true);
            if seen {
                world.deploys("v1", 4, 0.0);
                world.deploys("v2", 4, 0.5);
            }
            world.verdict(RollingOut, InSync, "b", 1.0);
            let run = world.run();
            world.interval(Some((20.0, 1000.0, 0.2)), Some((20.0, 1000.0, 0.2)));
            let flickers = |world: &mut World, minutes: f64| {
                world.verdict(flicker, RollingOut, "b", minutes);
                world.verdict(RollingOut, flicker, "b", minutes + 0.1);
            };
            flickers(&mut world, 3.0);
            assert_eq!((world.run(), ends(&world).len()), (run.clone(), 0));
            world.play(4.0);
            assert_eq!((fires(&world).len(), ends(&world).len()), (1, 1));
            flickers(&mut world, 40.0);
            assert!(world.book.wanted("checkout").is_none() && verdict_of(&world).0 == "fail");
            assert_eq!((fires(&world).len(), findings(&world).len()), (1, 1));
            let forgotten = world.out.iter().flat_map(|out| &out.hooks).any(|hook| matches!(hook, Hook::Forget { .. }));
            assert!(!forgotten);
        }
    }
}

#[test]
fn a_rollout_that_takes_longer_than_its_deadline_is_not_over() {
    let mut world = World::new(ROLLOUT, true);
    world.verdict(RollingOut, InSync, "b", 0.0);
    world.interval(Some((20.0, 1000.0, 0.2)), Some((20.0, 1000.0, 0.2)));
    world.verdict(Behind, RollingOut, "b", 15.0);
    world.pass(25.0);
    // Who pages takes it for over.
    world.rollout("over", "b", 25.0);
    assert!(world.book.wanted("checkout").is_some(), "both versions serve");
    world.verdict(InSync, Behind, "b", 26.0);
    assert_eq!(world.book.next(), Some(at(36.0)));
    world.verdict(Unknown, InSync, "b", 27.0);
    world.pass(36.0);
    assert!(ends(&world)[0].1.starts_with("the rollout is over"), "{:?}", ends(&world));
}

#[test]
fn the_end_of_the_rollout_before_ends_no_run_of_the_next() {
    let mut world = World::new(ROLLOUT, true);
    world.verdict(RollingOut, InSync, "b", 0.0);
    world.verdict(InSync, RollingOut, "b", 1.0);
    world.pass(11.0);
    world.verdict(RollingOut, InSync, "c", 11.5);
    // It was decided at the tick, and comes behind the verdict.
    world.rollout("over", "b", 11.0);
    assert_eq!(world.book.wanted("checkout").map(|wanted| wanted.started), Some(at(11.5)));
    world.rollout("over", "b", 30.0);
    assert!(world.book.wanted("checkout").is_none());
}

#[test]
fn where_no_version_is_known_what_changes_unseen_takes_the_verdict_with_it() {
    let mut world = World::new(ROLLOUT, true);
    world.verdict(RollingOut, InSync, "b", 0.0);
    world.play(4.0);
    world.verdict(InSync, RollingOut, "b", 40.0);
    assert_eq!(verdict_of(&world), ("fail", Some([-1.0, 0.0])));
    world.verdict(Modified, InSync, "b", 41.0);
    let expected = ("inconclusive", Some([0.0, 80.0]));
    assert_eq!(verdict_of(&world), expected);
    world.verdict(InSync, Modified, "c", 42.0);
    assert_eq!(verdict_of(&world), expected);
    world.verdict(RollingOut, InSync, "d", 43.0);
    assert_eq!(verdict_of(&world).0, "continue");
}
