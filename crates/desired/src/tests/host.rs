use std::collections::BTreeMap;
use std::time::Duration;

use base::{Limit, Timestamp};
use model::rows::Revision;
use model::{Row, ScopeState, Stream};

use super::world::{World, away, bad, fetched, manifest};
use crate::{HostConfig, Managed};

const POLL: Duration = Duration::from_secs(30);

fn a(name: &str, value: &str, line: u64) -> crate::Manifest {
    manifest("host/a", name, value, line)
}

#[tokio::test]
async fn a_set_is_sent_whole_and_documents_only_if_they_changed() {
    let world = World::new(HostConfig::default());
    world.then(Ok(vec![
        fetched("r1", vec![a("x", "1", 1), a("y", "1", 2), a("z", "1", 3)]),
        fetched("r2", vec![a("z", "1", 4), a("y", "2", 2)]),
    ]));
    world.start(&[]);
    world.settle().await;
    let mut declared = world.declared();
    declared.sort();
    let row = |revision: &str, name: &str, present| (revision.to_owned(), name.to_owned(), present);
    let first = [row("r1", "x", true), row("r1", "y", true), row("r1", "z", true)];
    let second = [row("r2", "x", false), row("r2", "y", true), row("r2", "z", true)];
    assert_eq!(declared, [first, second].concat());
    let sets: Vec<_> = world.sets().into_iter().map(|set| (set.revision, set.members.num_rows())).collect();
    assert_eq!(sets, [("r1".to_owned(), 3), ("r2".to_owned(), 2)]);
}

#[tokio::test]
async fn the_revision_row_closes_what_it_is_about() {
    let world = World::new(HostConfig::default());
    let managed = vec![Managed { kind: "file".to_owned(), namespace: None, prefix: "etc/nginx/".to_owned() }];
    world.then(Ok(vec![crate::Fetched { managed, ..fetched("r1", vec![a("x", "1", 1)]) }]));
    world.start(&["host/a"]);
    world.settle().await;
    let streams: Vec<_> = world.log.batches.lock().unwrap().iter().map(|batch| batch.stream).collect();
    assert_eq!(streams, [Stream::Scopes, Stream::Declared, Stream::Sets, Stream::Revisions, Stream::Scopes]);
    let revision = world.rows::<Revision>().remove(0);
    assert_eq!(revision.managed.as_deref(), Some(r#"[{"kind":"file","prefix":"etc/nginx/"}]"#));
    assert_eq!((revision.manifests, revision.author.as_deref()), (1, Some("Ada <ada@example.org>")));
}

#[tokio::test]
async fn the_same_revision_again_appends_nothing() {
    let world = World::new(HostConfig { heartbeat: Duration::from_secs(3600), ..HostConfig::default() });
    for _ in 0..2 {
        world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    }
    world.start(&["host/a"]);
    world.settle().await;
    let before = world.log.batches.lock().unwrap().len();
    world.pass(POLL).await;
    assert_eq!((world.fetches(), world.log.batches.lock().unwrap().len()), (2, before));
}

#[tokio::test]
async fn after_a_restart_all_documents_are_sent_once_more() {
    let world = World::new(HostConfig::default());
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    world.start(&[]);
    world.settle().await;
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    world.start(&[]);
    for _ in 0..10_000 {
        if world.declared().len() == 2 {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{:?}", world.declared());
}

#[tokio::test]
async fn a_log_that_is_full_delays_and_loses_nothing() {
    let world = World::new(HostConfig::default());
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    *world.log.refuse.lock().unwrap() = 3;
    world.start(&["host/a"]);
    world.settle().await;
    for _ in 0..4 {
        assert!(world.revisions().is_empty() || world.declared().len() == 1);
        world.pass(Duration::from_secs(2)).await;
    }
    assert_eq!(world.revisions(), [("host/a".to_owned(), "r1".to_owned(), true)]);
}

#[tokio::test]
async fn a_revision_that_cannot_be_read_is_reported_once_and_the_good_one_stays() {
    let world = World::new(HostConfig::default());
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    for _ in 0..3 {
        world.then(Err(bad("r2")));
    }
    world.then(Ok(vec![fetched("r3", vec![a("x", "3", 1)])]));
    world.start(&[]);
    world.settle().await;
    for _ in 0..3 {
        world.pass(POLL).await;
    }
    let row = |revision: &str, complete| ("host/a".to_owned(), revision.to_owned(), complete);
    assert_eq!(world.revisions(), [row("r1", true), row("r2", false)]);
    let refused = world.rows::<Revision>().remove(1);
    assert_eq!((refused.error_file.as_deref(), refused.error_line), (Some("a.yaml"), Some(7)));
    let scope = world.scope_rows().pop().unwrap();
    assert_eq!(scope.state, ScopeState::Ok);
    assert!(scope.message.unwrap().contains("a.yaml:7"), "the scope says where");
    world.pass(POLL).await;
    assert_eq!(world.revisions().pop(), Some(row("r3", true)));
    assert_eq!(world.scope_rows().pop().unwrap().message, None);
}

/// Back to the last good revision by a force-push said nothing: that the one after it cannot be read fired for ever.
#[tokio::test]
async fn the_set_before_a_refused_revision_ends_the_refusal() {
    let world = World::new(HostConfig::default());
    let good = || fetched("r1", vec![a("x", "1", 1)]);
    world.then(Ok(vec![good()]));
    world.then(Err(bad("r2")));
    world.then(Ok(vec![good()]));
    world.then(Ok(vec![good()]));
    world.start(&[]);
    world.settle().await;
    for _ in 0..3 {
        world.pass(POLL).await;
    }
    let row = |revision: &str, complete| ("host/a".to_owned(), revision.to_owned(), complete);
    assert_eq!(world.revisions(), [row("r1", true), row("r2", false), row("r1", true)]);
    assert_eq!(world.scope_rows().pop().unwrap().message, None);
}

#[tokio::test]
async fn what_is_refused_beside_a_set_is_told_in_one_batch_with_it_and_once() {
    let world = World::new(HostConfig::default());
    let refused = |revision: &str| match bad(revision) {
        crate::DesiredError::Revision(bad) => Some(*bad),
        other => panic!("{other}"),
    };
    let of =
        |revision: &str, value: &str, refused| crate::Fetched { refused, ..fetched(revision, vec![a("x", value, 1)]) };
    world.then(Ok(vec![of("r1", "1", refused("r2"))]));
    world.then(Err(bad("r2")));
    world.then(Ok(vec![of("r1", "2", refused("r2"))]));
    world.then(Ok(vec![of("r1", "2", None)]));
    world.start(&[]);
    world.settle().await;
    for _ in 0..2 {
        world.pass(POLL).await;
    }
    let batches = || -> Vec<Vec<bool>> {
        let all = world.log.batches.lock().unwrap();
        let of = |batch: &model::Batch| Revision::decode(&batch.data).unwrap().iter().map(|row| row.complete).collect();
        all.iter().filter(|batch| batch.stream == Stream::Revisions).map(of).collect()
    };
    assert_eq!(batches(), [[true, false], [true, false]]);
    assert!(world.scope_rows().pop().unwrap().message.unwrap().contains("a.yaml:7"));
    world.pass(POLL).await;
    assert_eq!(batches()[2], [true]);
    assert_eq!(world.scope_rows().pop().unwrap().message, None);
}

#[tokio::test]
async fn a_source_that_is_away_turns_its_scope_unknown_after_a_while_and_recovers() {
    let config = HostConfig { unknown_after: Duration::from_secs(100), ..HostConfig::default() };
    let world = World::new(config);
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    for _ in 0..5 {
        world.then(Err(away()));
    }
    world.start(&[]);
    world.settle().await;
    let good = world.scope_rows().pop().unwrap();
    assert_eq!(good.stale_after, good.time.plus(Duration::from_secs(100)));
    let appended = world.revisions().len();
    world.pass(POLL).await;
    let failed = world.scope_rows().pop().unwrap();
    assert_eq!((failed.state, failed.stale_after), (ScopeState::Failed, good.stale_after));
    let since = Timestamp::from_secs(failed.time.nanos() / 1_000_000_000);
    let message = format!("not read since {since}: https://git.example.org/x: no route");
    assert_eq!(failed.message.as_deref(), Some(message.as_str()));
    let rows = world.scope_rows();
    assert!(rows.iter().filter(|row| row.state == ScopeState::Failed).all(|row| row.message == failed.message));
    for _ in 0..10 {
        world.pass(Duration::from_secs(16)).await;
    }
    assert_eq!(world.scope_rows().pop().unwrap().state, ScopeState::Ok);
    assert_eq!(world.revisions().len(), appended, "a failed fetch declares nothing");
}

#[tokio::test]
async fn a_failure_before_any_scope_is_known_is_still_said() {
    let world = World::new(HostConfig::default());
    world.then(Err(away()));
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    world.start(&[]);
    world.settle().await;
    let row = world.scope_rows().pop().unwrap();
    assert_eq!((row.scope.as_str(), row.state), ("git/test", ScopeState::Failed));
    world.pass(Duration::from_secs(2)).await;
    let last: Vec<_> = world.scope_rows().into_iter().rev().take(2).map(|row| (row.scope, row.state)).collect();
    assert!(last.contains(&("git/test".to_owned(), ScopeState::Retired)), "{last:?}");
    assert!(last.contains(&("host/a".to_owned(), ScopeState::Ok)), "{last:?}");
}

/// What stood in for its scopes at the start was `ok` until a time that nobody renewed: then everybody was paged.
#[tokio::test]
async fn a_source_that_works_leaves_nothing_behind_that_comes_to_be_unknown() {
    let config = HostConfig { unknown_after: Duration::from_secs(100), ..HostConfig::default() };
    let window = config.window();
    let world = World::new(config);
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    world.start(&[]);
    world.settle().await;
    let started = world.clock.now();
    while world.clock.now() < started.plus(window * 2) {
        world.pass(Duration::from_secs(10)).await;
        let now = world.clock.now();
        let last: BTreeMap<String, model::rows::Scope> =
            world.scope_rows().into_iter().map(|row| (row.scope.clone(), row)).collect();
        assert!(last.values().all(|row| row.stale_after > now), "{last:?} at {now}");
    }
    let last = |scope: &str| world.scope_rows().into_iter().rfind(|row| row.scope == scope).map(|row| row.state);
    assert_eq!((last("git/test"), last("host/a")), (Some(ScopeState::Retired), Some(ScopeState::Ok)));
}

/// Where an earlier run ended, or was an earlier release, between its first fetch and the word that the stand-in is over.
#[tokio::test]
async fn what_stood_in_for_scopes_in_an_earlier_run_is_over_at_the_start() {
    let world = World::new(HostConfig::default());
    world.then(Err(away()));
    world.start_again(&["host/a"]);
    world.settle().await;
    let rows = world.scope_rows();
    let first = (rows[0].scope.as_str(), rows[0].source.as_str(), rows[0].state, rows[0].stale_after);
    assert_eq!(first, ("git/test", "git.test", ScopeState::Retired, base::Timestamp::MAX));
    assert!(rows[1..].iter().all(|row| row.scope == "host/a"), "{rows:?}");
}

#[tokio::test]
async fn one_resource_declared_twice_names_both_places() {
    let world = World::new(HostConfig::default());
    world.then(Ok(vec![fetched("r1", vec![a("x", "2", 9), a("x", "1", 3)])]));
    world.start(&["host/a"]);
    world.settle().await;
    let row = world.rows::<Revision>().remove(0);
    assert!(!row.complete);
    assert_eq!(row.error.as_deref(), Some("host/a/sysctl//x is declared twice: sysctl.yaml:3 and sysctl.yaml:9"));
    assert!(world.declared().is_empty());
}

#[tokio::test]
async fn what_exceeds_a_limit_is_refused_by_its_name() {
    let config = HostConfig { max_manifests: Limit::new("desired_manifests", 1), ..HostConfig::default() };
    let world = World::new(config);
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1), a("y", "1", 2)])]));
    world.start(&["host/a"]);
    world.settle().await;
    let error = world.rows::<Revision>().remove(0).error.unwrap();
    assert!(error.contains("desired_manifests = 1"), "{error}");
}

#[tokio::test]
async fn a_quiet_source_says_that_it_is_well_and_shutdown_ends_it() {
    let world = World::new(HostConfig { poll: Duration::from_secs(600), ..HostConfig::default() });
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    world.start(&[]);
    world.settle().await;
    let before = world.scope_rows().len();
    for _ in 0..3 {
        world.pass(Duration::from_secs(30)).await;
    }
    assert_eq!(world.scope_rows().len(), before + 3);
    world.shutdown.start();
    let real = base::Clock::system();
    assert_eq!(world.tasks.join(&real, Duration::from_secs(10)).await, Ok(()));
}

/// One earlier commit that is too large was taken for the newest: all was judged by the ones before it, and people were paged.
#[tokio::test]
async fn an_earlier_revision_that_is_refused_is_left_out_and_the_newest_comes() {
    let config = HostConfig { max_manifests: Limit::new("desired_manifests", 1), ..HostConfig::default() };
    let world = World::new(config);
    let of = |revision: &str, manifests, backfill| crate::Fetched { backfill, ..fetched(revision, manifests) };
    world.then(Ok(vec![
        of("r1", vec![a("x", "1", 1)], true),
        of("r2", vec![a("x", "2", 1), a("y", "2", 2)], true),
        of("r3", vec![a("x", "3", 1)], false),
    ]));
    world.start(&["host/a"]);
    world.settle().await;
    let row = |revision: &str| ("host/a".to_owned(), revision.to_owned(), true);
    assert_eq!(world.revisions(), [row("r1"), row("r3")]);
    assert_eq!(world.scope_rows().pop().unwrap().message, None);
}

#[tokio::test]
async fn a_scope_of_which_nothing_new_can_be_told_fails_while_the_others_are_well() {
    let config = HostConfig { unknown_after: Duration::from_secs(100), ..HostConfig::default() };
    let world = World::new(config);
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    world.start(&["host/a", "k8s/a"]);
    world.settle().await;
    let started = world.clock.now();
    world.pass(POLL).await;
    *world.script.withheld.lock().unwrap() = vec![("k8s/a".to_owned(), "nobody says".to_owned())];
    for _ in 0..3 {
        world.pass(POLL).await;
    }
    let last = |scope: &str| world.scope_rows().into_iter().rfind(|row| row.scope == scope).unwrap();
    let row = last("k8s/a");
    assert_eq!((row.state, row.message.as_deref()), (ScopeState::Failed, Some("nobody says")));
    assert_eq!(row.stale_after, started.plus(POLL + Duration::from_secs(100)), "its last good word");
    assert_eq!(last("host/a").state, ScopeState::Ok);
    world.script.withheld.lock().unwrap().clear();
    world.pass(POLL).await;
    assert_eq!(last("k8s/a").state, ScopeState::Ok);
}

/// Who says that all is well before it has told what is declared lets others judge by what was declared before.
#[tokio::test]
async fn a_scope_whose_newest_revision_is_still_to_come_is_not_said_to_be_current() {
    let world = World::new(HostConfig::default());
    *world.script.begins.lock().unwrap() = vec!["k8s/a".to_owned()];
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    world.start(&["host/a", "k8s/a"]);
    world.settle().await;
    world.pass(POLL).await;
    let last = |scope: &str| world.scope_rows().into_iter().rfind(|row| row.scope == scope).unwrap().state;
    assert_eq!((last("host/a"), last("k8s/a")), (ScopeState::Ok, ScopeState::Scanning));
    world.script.begins.lock().unwrap().clear();
    world.pass(POLL).await;
    assert_eq!((last("host/a"), last("k8s/a")), (ScopeState::Ok, ScopeState::Ok));
}

/// The clock was set back after the last good word: that held for as long again as the clock went back.
#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_good_word_hold_longer() {
    let config = HostConfig { unknown_after: Duration::from_secs(100), ..HostConfig::default() };
    let world = World::new(config);
    world.then(Ok(vec![fetched("r1", vec![a("x", "1", 1)])]));
    for _ in 0..20 {
        world.then(Err(away()));
    }
    world.start(&[]);
    world.settle().await;
    let hours = Duration::from_secs(3 * 3600);
    world.simulation.set_wall(world.clock.now().minus(hours));
    for _ in 0..3 {
        world.pass(Duration::from_secs(16)).await;
    }
    let row = world.scope_rows().pop().unwrap();
    assert!(row.stale_after.since(row.time) <= Duration::from_secs(100), "{row:?}");
}
