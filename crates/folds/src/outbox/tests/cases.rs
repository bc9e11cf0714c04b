use std::time::Duration;

use notify::Action;

use super::*;

#[test]
fn an_incident_is_triggered_updated_and_resolved_in_order() {
    let mut world = World::new(vec![route("pd")]);
    let opened = world.alert("host/a#1", "opened");
    assert_eq!(opened.lines(), ["pd 1 trigger opened"]);
    assert_eq!(opened.intents[0].intent, "pd/host/a#1/1");
    assert_eq!(world.receipt(&opened.intents[0], Outcome::Delivered).lines(), [""; 0]);
    let updated = world.alert("host/a#1", "updated");
    assert_eq!(updated.lines(), ["pd 2 update updated"]);
    world.receipt(&updated.intents[0], Outcome::Delivered);
    let resolved = world.alert("host/a#1", "resolved");
    assert_eq!(resolved.lines(), ["pd 3 resolve resolved"]);
    world.receipt(&resolved.intents[0], Outcome::Delivered);
    assert_eq!(world.fold.open(), 0);
}

#[test]
fn the_payload_is_what_notify_reads() {
    let mut world = World::new(vec![route("pd")]);
    let told = payload(&world.alert("host/a#1", "opened").intents[0]);
    assert_eq!((told.action, told.findings, told.revision.as_deref()), (Action::Trigger, 3, Some("abc")));
    assert_eq!(told.time, world.now);
    let key = Key::of(b"host/a#1");
    assert_eq!(told.link, Some(format!("https://steadfast.example/incidents/{key}")));
}

#[test]
fn while_one_is_on_its_way_only_the_newest_waits_and_keeps_the_weightier_reason() {
    let mut world = World::new(vec![route("pd")]);
    let opened = world.alert("i#1", "opened");
    for reason in ["updated", "widened", "updated"] {
        assert_eq!(world.alert("i#1", reason).lines(), [""; 0]);
    }
    let newest = Alert { findings: 77, ..alert("i#1", "updated") };
    world.tell(newest);
    let updated = world.receipt(&opened.intents[0], Outcome::Delivered);
    assert_eq!(updated.lines(), ["pd 2 update widened"]);
    assert_eq!(payload(&updated.intents[0]).findings, 77);
    assert_eq!(world.receipt(&updated.intents[0], Outcome::Delivered).lines(), [""; 0]);
}

#[test]
fn a_resolve_goes_at_once_and_ends_what_waits() {
    let mut world = World::new(vec![route("pd")]);
    let opened = world.alert("i#1", "opened");
    world.alert("i#1", "updated");
    let resolved = world.alert("i#1", "resolved");
    assert_eq!(resolved.lines(), ["pd 2 resolve resolved"]);
    assert_eq!(world.alert("i#1", "resolved").lines(), [""; 0], "said twice is said once");
    assert_eq!(world.receipt(&opened.intents[0], Outcome::Superseded).lines(), [""; 0]);
    assert_eq!(world.receipt(&resolved.intents[0], Outcome::Delivered).lines(), [""; 0]);
    assert_eq!(world.fold.open(), 0);
}

#[test]
fn routes_match_severity_scope_and_labels() {
    let matching = Route {
        min_severity: Severity::Error,
        scopes: vec!["host/web-*".to_owned()],
        labels: Labels::from([("team".to_owned(), "web".to_owned())]),
        ..route("all of it")
    };
    let routes = vec![
        Route { receiver: "severity".to_owned(), min_severity: Severity::Critical, ..matching.clone() },
        Route { receiver: "scope".to_owned(), scopes: vec!["k8s/**".to_owned()], ..matching.clone() },
        Route {
            receiver: "label".to_owned(),
            labels: Labels::from([("team".to_owned(), "db".to_owned())]),
            ..matching.clone()
        },
        matching,
    ];
    let mut world = World::new(routes);
    assert_eq!(world.alert("i#1", "opened").lines(), ["all of it 1 trigger opened"]);
    let worse = Alert { severity: Severity::Critical, ..alert("i#1", "widened") };
    assert_eq!(world.tell(worse).lines(), ["severity 1 trigger widened"], "the other one waits for its receipt");
    assert_eq!(world.alert("i#1", "resolved").lines(), ["all of it 2 resolve resolved", "severity 2 resolve resolved"]);
}

#[test]
fn a_scope_that_is_no_glob_is_refused_with_its_name() {
    let wrong = Route { scopes: vec!["host/[".to_owned()], ..route("pd") };
    let error = OutboxFold::new(config(vec![wrong])).unwrap_err().to_string();
    assert!(error.contains("pd") && error.contains("host/["), "{error}");
}

#[test]
fn a_changed_route_does_not_leave_an_incident_open() {
    let mut world = World::new(vec![route("pd"), route("hook")]);
    world.alert("i#1", "opened");
    let state = world.fold.checkpoint();
    let narrow = Route { min_severity: Severity::Critical, ..route("pd") };
    world.fold = OutboxFold::new(config(vec![narrow])).unwrap();
    world.fold.restore(&state).unwrap();
    assert_eq!(world.alert("i#1", "resolved").lines(), ["pd 2 resolve resolved"], "hook is no longer there");
}

#[test]
fn a_refused_receiver_is_a_finding_until_it_works_and_then_gets_what_it_is_owed() {
    let mut world = World::new(vec![route("pd")]);
    let first = world.alert("a#1", "opened");
    let second = world.alert("b#1", "opened");
    let refused = world.receipt(&first.intents[0], Outcome::Refused);
    assert_eq!(refused.states(), [("notify/pd", AlertState::Firing)]);
    assert_eq!(refused.findings[0].summary, "receiver pd is refused: no such key");
    assert_eq!((refused.findings[0].kind.as_str(), refused.findings[0].cause.as_str()), ("notify", "notify/pd"));
    world.alert("a#1", "widened");
    let works = world.receipt(&second.intents[0], Outcome::Delivered);
    assert_eq!(works.states(), [("notify/pd", AlertState::Resolved)]);
    assert_eq!(works.lines(), ["pd 2 trigger widened"], "the provider has no incident yet");
    assert_eq!(world.fold.next_tick(), None);
}

#[test]
fn a_refused_receiver_is_tried_again_in_growing_intervals() {
    let mut world = World::new(vec![route("pd")]);
    let mut intent = world.alert("a#1", "opened").intents.remove(0);
    let start = world.now;
    let mut waits = Vec::new();
    for _ in 0..10 {
        world.receipt(&intent, Outcome::Refused);
        intent = world.tick().intents.remove(0);
        waits.push(world.now.since(start).as_secs() / 60);
    }
    assert_eq!(waits, [5, 15, 35, 75, 155, 315, 635, 995, 1355, 1715]);
    assert_eq!((intent.sequence, intent.action.as_str()), (11, "trigger"));
    assert_eq!(world.receipt(&intent, Outcome::Delivered).states(), [("notify/pd", AlertState::Resolved)]);
}

#[test]
fn a_trigger_that_was_refused_needs_no_resolve_and_an_update_that_was_does() {
    let mut world = World::new(vec![route("pd")]);
    let opened = world.alert("a#1", "opened");
    world.receipt(&opened.intents[0], Outcome::Refused);
    assert_eq!(world.alert("a#1", "resolved").lines(), [""; 0]);
    assert_eq!((world.fold.open(), world.fold.next_tick()), (0, None));

    let opened = world.alert("b#1", "opened");
    world.receipt(&opened.intents[0], Outcome::Delivered);
    let updated = world.alert("b#1", "updated");
    world.receipt(&updated.intents[0], Outcome::Refused);
    let resolved = world.alert("b#1", "resolved");
    assert_eq!(resolved.lines(), ["pd 3 resolve resolved"]);
    world.receipt(&resolved.intents[0], Outcome::Refused);
    assert_eq!(world.tick().lines(), ["pd 4 resolve resolved"], "it is kept until the provider has it");
}

#[test]
fn a_poisoned_intent_is_a_finding_and_what_is_told_next_is_sent() {
    let mut world = World::new(vec![route("pd")]);
    let opened = world.alert("a#1", "opened");
    let poisoned = world.receipt(&opened.intents[0], Outcome::Poison);
    assert_eq!(poisoned.states(), [("notify/pd", AlertState::Firing)]);
    assert_eq!(world.fold.next_tick(), None, "the same would be refused again");
    assert_eq!(world.alert("a#1", "updated").lines(), ["pd 2 trigger updated"]);
}

#[test]
fn a_broken_receiver_is_not_told_of_broken_receivers() {
    let mut world = World::new(vec![route("mail"), route("pd")]);
    let opened = world.alert("a#1", "opened");
    world.receipt(&opened.intents[1], Outcome::Refused);
    let about = world.alert("notify/pd#2", "opened");
    assert_eq!(about.lines(), ["mail 1 trigger opened"]);
    let refused = world.receipt(&about.intents[0], Outcome::Refused);
    assert_eq!(refused.states(), [("notify/mail", AlertState::Firing)]);
    assert_eq!(world.alert("notify/mail#3", "opened").lines(), [""; 0], "pd is broken, too");
    assert_eq!(world.alert("notify/pd#2", "updated").lines(), [""; 0]);
}

#[test]
fn a_receiver_that_another_shard_found_broken_counts_as_broken() {
    let mut world = World::new(vec![route("mail"), route("pd")]);
    assert_eq!(world.alert("notify/pd#1", "opened").lines(), ["mail 1 trigger opened"]);
    assert_eq!(world.alert("notify/mail#2", "opened").lines(), [""; 0]);
    world.alert("notify/pd#1", "resolved");
    assert_eq!(world.alert("notify/mail#2", "updated").lines(), ["pd 1 trigger updated"]);
}

#[test]
fn a_receiver_that_is_no_longer_configured_is_no_longer_broken() {
    let mut world = World::new(vec![route("pd")]);
    let opened = world.alert("a#1", "opened");
    world.receipt(&opened.intents[0], Outcome::Refused);
    let state = world.fold.checkpoint();
    world.fold = OutboxFold::new(config(vec![route("hook")])).unwrap();
    world.fold.restore(&state).unwrap();
    let made = world.alert("b#1", "opened");
    assert_eq!(
        (made.states(), made.lines()),
        (vec![("notify/pd", AlertState::Resolved)], vec!["hook 1 trigger opened".to_owned()])
    );
    assert_eq!(world.receipt(&opened.intents[0], Outcome::Refused).states(), []);
}

#[test]
fn receipts_that_come_twice_late_or_from_nowhere_change_nothing() {
    let mut world = World::new(vec![route("pd")]);
    let opened = world.alert("a#1", "opened").intents.remove(0);
    world.receipt(&opened, Outcome::Delivered);
    assert_eq!(world.receipt(&opened, Outcome::Refused).lines(), [""; 0]);
    let updated = world.alert("a#1", "updated");
    assert_eq!(updated.lines(), ["pd 2 update updated"], "a late refusal does not hold back what follows");
    let from_nowhere = Intent { sequence: 99, ..opened.clone() };
    world.receipt(&from_nowhere, Outcome::Delivered);
    world.receipt(&Intent { incident: "never#1".to_owned(), ..opened }, Outcome::Delivered);
    assert_eq!(world.alert("a#1", "updated").lines(), [""; 0], "the update is still on its way");
}

#[test]
fn an_attempt_that_is_not_the_last_decides_nothing() {
    let mut world = World::new(vec![route("pd")]);
    let opened = world.alert("a#1", "opened").intents.remove(0);
    for outcome in [Outcome::Retry, Outcome::Poison, Outcome::Accepted] {
        let row = Receipt { last: false, ..receipt(&opened, outcome) };
        let made = world.apply(Batch::of("host/web-1", &[row]).unwrap());
        assert_eq!((made.lines(), made.states()), (vec![], vec![]));
    }
    world.alert("a#1", "updated");
    assert_eq!(world.receipt(&opened, Outcome::Delivered).lines(), ["pd 2 update updated"]);
}

#[test]
fn an_intent_that_is_refused_and_tried_again_is_one_finding() {
    let mut world = World::new(vec![route("pd")]);
    let opened = world.alert("a#1", "opened").intents.remove(0);
    let attempt = |world: &mut World, intent: &Intent, attempt| {
        let row = Receipt { last: false, attempt, ..receipt(intent, Outcome::Refused) };
        world.apply(Batch::of("host/web-1", &[row]).unwrap())
    };
    let refused = attempt(&mut world, &opened, 1);
    assert_eq!((refused.states(), refused.lines()), (vec![("notify/pd", AlertState::Firing)], vec![]));
    assert_eq!(attempt(&mut world, &opened, 2).states(), []);
    world.fold.restore(&world.fold.checkpoint()).unwrap();
    assert_eq!(attempt(&mut world, &opened, 3).states(), []);
    assert_eq!(world.alert("notify/pd#2", "opened").lines(), [""; 0], "nothing goes in circles");

    let resolved = world.alert("a#1", "resolved").intents.remove(0);
    assert_eq!(world.receipt(&opened, Outcome::Superseded).states(), []);
    assert_eq!(attempt(&mut world, &opened, 4).states(), [], "it is done with");
    assert_eq!(attempt(&mut world, &resolved, 1).states(), [("notify/pd", AlertState::Firing)]);
    assert_eq!(world.receipt(&resolved, Outcome::Delivered).states(), [("notify/pd", AlertState::Resolved)]);
    assert_eq!((world.fold.open(), world.fold.next_tick()), (0, None));
}

#[test]
fn an_incident_of_too_much_is_told_in_what_the_log_takes() {
    let config = OutboxConfig { max_batch_bytes: 64 << 10, ..config(vec![route("pd")]) };
    let mut world = World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) };
    let labels = Labels::from([("text".to_owned(), "x".repeat(100_000))]);
    let made = world.tell(Alert { labels, ..alert("i#1", "opened") });
    assert_eq!(made.lines(), ["pd 1 trigger opened"]);
    let intent = &made.intents[0];
    assert!(intent.payload.len() < 48 << 10, "{}", intent.payload.len());
    let told = payload(intent);
    assert_eq!((told.summary.as_str(), told.labels.len()), ("i#1 opened", 0));
}

#[test]
fn beyond_its_limit_no_lane_is_opened() {
    let config = OutboxConfig { max_open: 2, ..config(vec![route("pd")]) };
    let mut world = World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) };
    let told: usize = (0..5).map(|n| world.alert(&format!("i{n}#1"), "opened").intents.len()).sum();
    assert_eq!((told, world.fold.open()), (2, 2));
}

#[test]
fn what_is_owed_is_paid_a_hundred_at_a_time() {
    let mut world = World::new(vec![route("pd")]);
    let opened: Vec<_> = (0..250).flat_map(|n| world.alert(&format!("i{n:03}#1"), "opened").intents).collect();
    for intent in &opened[1..] {
        world.receipt(intent, Outcome::Refused);
    }
    world.now = world.now.plus(Duration::from_secs(1));
    let paid = world.receipt(&opened[0], Outcome::Delivered).intents;
    assert_eq!(paid.len(), 100);
    let paid: Vec<_> = paid.iter().flat_map(|intent| world.receipt(intent, Outcome::Delivered).intents).collect();
    assert_eq!(paid.len(), 149);
}

/// `pd` with the fallback `mail`, which is told of nothing else.
fn with_fallback() -> World {
    let fallback = Fallback { receiver: "pd".to_owned(), to: "mail".to_owned(), after: Duration::from_secs(600) };
    let config = OutboxConfig { fallbacks: vec![fallback], ..config(vec![route("pd")]) };
    World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) }
}

#[test]
fn what_a_receiver_does_not_take_its_fallback_is_told_once_and_why() {
    let cases = [
        (Outcome::Refused, false, "it is refused (no such key)"),
        (Outcome::Refused, true, "it is refused (no such key)"),
        (Outcome::Poison, true, "its payload was refused (no such key)"),
        (Outcome::Unproven, true, "it took it and did not prove it (no such key)"),
    ];
    for (outcome, last, why) in cases {
        let mut world = with_fallback();
        let opened = world.alert("a#1", "opened");
        assert_eq!(opened.lines(), ["pd 1 trigger opened"], "a fallback is told of nothing else");
        let row = Receipt { last, ..receipt(&opened.intents[0], outcome) };
        let failed = world.apply(Batch::of("host/web-1", std::slice::from_ref(&row)).unwrap());
        let reason = format!("escalated from pd: {why}");
        assert_eq!(failed.lines(), [format!("mail 1 trigger {reason}")]);
        let told = payload(&failed.intents[0]);
        assert_eq!((told.note, told.summary.as_str()), (Some(reason), "a#1 opened"));
        assert_eq!(world.apply(Batch::of("host/web-1", &[row]).unwrap()).lines(), [""; 0], "once");
        world.receipt(&failed.intents[0], Outcome::Delivered);
        let resolved = world.alert("a#1", "resolved");
        assert!(resolved.lines().contains(&"mail 2 resolve resolved".to_owned()), "{:?}", resolved.lines());
    }
}

#[test]
fn what_does_not_arrive_in_time_goes_to_the_fallback_and_a_restart_forgets_neither() {
    let mut world = with_fallback();
    let opened = world.alert("a#1", "opened").intents.remove(0);
    world.now = world.now.plus(Duration::from_secs(300));
    let other = world.alert("b#1", "opened").intents.remove(0);
    world.receipt(&other, Outcome::Delivered);
    let row = Receipt { last: false, ..receipt(&opened, Outcome::Retry) };
    assert_eq!(world.apply(Batch::of("host/web-1", &[row]).unwrap()).lines(), [""; 0], "there is time");
    let state = world.fold.checkpoint();
    world.fold = with_fallback().fold;
    world.fold.restore(&state).unwrap();
    assert_eq!(world.fold.next_tick(), Some(Timestamp::from_secs(1_000_600)));
    assert_eq!(world.tick().lines(), ["mail 1 trigger escalated from pd: nothing arrived within 600 s"]);
    assert_eq!(world.fold.next_tick(), None);
    assert_eq!(world.receipt(&opened, Outcome::Delivered).lines(), [""; 0], "it arrived after all");
    assert_eq!(world.alert("a#1", "updated").lines(), ["pd 2 update updated"], "mail waits for its receipt");
}

#[test]
fn a_fallback_is_not_told_of_an_end_nor_twice_nor_of_its_own_trouble() {
    let mut world = with_fallback();
    let opened = world.alert("a#1", "opened").intents.remove(0);
    world.receipt(&opened, Outcome::Delivered);
    let resolved = world.alert("a#1", "resolved").intents.remove(0);
    assert_eq!(world.receipt(&resolved, Outcome::Poison).lines(), [""; 0], "who was not told needs no end");
    assert_eq!(world.fold.open(), 0);

    let both = vec![route("mail"), route("pd")];
    let fallbacks = with_fallback().fold.config.fallbacks;
    let config = OutboxConfig { fallbacks, ..config(both) };
    let mut world = World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) };
    let opened = world.alert("a#1", "opened");
    assert_eq!(world.receipt(&opened.intents[1], Outcome::Poison).lines(), [""; 0], "mail knows it already");

    let mut world = with_fallback();
    let about = world.alert("notify/mail#1", "opened").intents.remove(0);
    assert_eq!(world.receipt(&about, Outcome::Refused).lines(), [""; 0], "mail is broken, and this says so");
}

#[test]
fn the_next_intent_carries_what_the_provider_called_the_incident() {
    let mut world = World::new(vec![route("chat")]);
    let opened = world.alert("a#1", "opened").intents.remove(0);
    assert_eq!(payload(&opened).reference, None);
    let row = Receipt { reference: Some("C1/17.0".to_owned()), ..receipt(&opened, Outcome::Delivered) };
    world.apply(Batch::of("host/web-1", &[row]).unwrap());
    world.fold.restore(&world.fold.checkpoint()).unwrap();
    let updated = world.alert("a#1", "updated").intents.remove(0);
    assert_eq!(payload(&updated).reference.as_deref(), Some("C1/17.0"));
    world.receipt(&updated, Outcome::Delivered);
    let resolved = world.alert("a#1", "resolved").intents.remove(0);
    assert_eq!(payload(&resolved).reference.as_deref(), Some("C1/17.0"), "a receipt without one keeps it");
}

#[test]
fn what_is_digested_is_one_incident_that_ends_with_the_last_of_them() {
    let mut world = World::new(vec![route("pd")]);
    let told: Vec<_> = (0..3).flat_map(|n| world.alert(&format!("i{n}#1"), "opened").intents).collect();
    let opened = world.receipt(&told[0], Outcome::Digested).intents.remove(0);
    assert_eq!(opened.incident, format!("digest/pd@{}", world.now.nanos()));
    assert_eq!((opened.action.as_str(), opened.reason.as_str()), ("trigger", "digested"));
    for intent in &told[1..] {
        assert_eq!(world.receipt(intent, Outcome::Digested).lines(), [""; 0], "one is on its way");
    }
    world.fold.restore(&world.fold.checkpoint()).unwrap();
    let updated = world.receipt(&opened, Outcome::Delivered).intents.remove(0);
    let told_of = payload(&updated);
    assert_eq!(told_of.summary, "3 incidents more than pd can be told of one by one");
    assert_eq!((told_of.findings, told_of.symptoms.len()), (3, 3));
    world.receipt(&updated, Outcome::Delivered);
    // One ends, one is told by itself after all.
    assert_eq!(world.alert("i0#1", "resolved").lines(), [""; 0], "nobody was told of it by itself");
    let own = world.alert("i1#1", "widened").intents.remove(0);
    assert_eq!((own.action.as_str(), own.sequence), ("trigger", 2));
    world.receipt(&own, Outcome::Delivered);
    let ended = world.alert("i2#1", "resolved");
    assert_eq!(ended.lines(), ["pd 3 resolve resolved"]);
    assert_eq!(ended.intents[0].incident, opened.incident);
    world.receipt(&ended.intents[0], Outcome::Delivered);
    assert_eq!(world.fold.open(), 1, "that which was told by itself");
}

/// A world whose Alertmanager configuration has one way out.
fn directed(way: &str) -> World {
    let mut world = World::new(Vec::new());
    let receivers = serde_json::to_string(&[way]).unwrap();
    let routing = Routing { time: world.now, config: String::new(), receivers };
    world.apply(Batch::of("alertmanager", &[routing]).unwrap());
    world
}

fn notice(way: &str, incident: &str, action: &str) -> Batch {
    let told = crate::outbox::notification(&alert(incident, "opened"), None);
    let (receiver, incident) = (way.to_owned(), incident.to_owned());
    let (action, reason) = (action.to_owned(), format!("{action} it"));
    let payload = serde_json::to_string(&told).unwrap();
    let row = Notice { time: Timestamp::ZERO, receiver, incident, action, reason, payload };
    Batch::of("host/web-1", &[row]).unwrap()
}

/// An Alertmanager configuration leads away from a receiver, and back before that one knows.
#[test]
fn what_returns_while_its_end_is_on_its_way_is_told_anew_after_it() {
    const WAY: &str = "alertmanager/page/pagerduty/0";
    let mut world = directed(WAY);
    let notice = |action: &str| notice(WAY, "i#1", action);
    let opened = world.apply(notice("tell"));
    world.receipt(&opened.intents[0], Outcome::Accepted);
    let ended = world.apply(notice("resolve"));
    assert_eq!(world.apply(notice("tell")).lines(), [""; 0], "its end is on its way");
    let again = world.receipt(&ended.intents[0], Outcome::Accepted);
    assert_eq!(again.lines(), [format!("{WAY} 3 trigger tell it")]);
    world.receipt(&again.intents[0], Outcome::Accepted);

    let ended = world.apply(notice("resolve"));
    world.apply(notice("tell"));
    world.apply(notice("resolve"));
    assert_eq!(world.receipt(&ended.intents[0], Outcome::Accepted).lines(), [""; 0], "it ended after all");
    assert_eq!(world.fold.open(), 0);
}

/// Who rolls back refuses it, and people are told of that in their digest.
#[test]
fn what_is_taken_back_leaves_the_digest_of_who_was_told_that_it_waits() {
    let fallback = Fallback { receiver: "undo".to_owned(), to: "mail".to_owned(), after: Duration::from_secs(600) };
    let config = OutboxConfig { hooks: ["undo".to_owned()].into(), fallbacks: vec![fallback], ..config(Vec::new()) };
    let mut world = World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) };
    let undo = world.apply(notice("undo", "rollback/c/1", "tell")).intents.remove(0);
    let refused = Receipt { last: false, ..receipt(&undo, Outcome::Refused) };
    let mail = world.apply(Batch::of("host/web-1", &[refused]).unwrap()).intents.remove(0);
    let digest = world.receipt(&mail, Outcome::Digested).intents.remove(0);
    assert_eq!((digest.receiver.as_str(), digest.action.as_str()), ("mail", "trigger"));
    world.receipt(&digest, Outcome::Delivered);
    let over = world.apply(notice("undo", "rollback/c/1", "forget"));
    let ends: Vec<(&str, &str)> = over.intents.iter().map(|it| (it.incident.as_str(), it.action.as_str())).collect();
    assert_eq!(ends, [(digest.incident.as_str(), "resolve"), ("rollback/c/1", "resolve")]);
    over.intents.iter().for_each(|intent| _ = world.receipt(intent, Outcome::Superseded));
    assert_eq!(world.fold.open(), 0);
}

/// Webhooks know a group, and not its incidents: the end of one must not come after the beginning of the next.
#[test]
fn the_next_incident_of_a_group_begins_once_the_end_of_the_last_has_arrived() {
    const WAY: &str = "alertmanager/page/webhook/0";
    let mut world = directed(WAY);
    let name = |nth: usize| format!("group/page/0/00000000000000aa#17000000000{nth:02}");
    let notice = |nth: usize, action: &str| notice(WAY, &name(nth), action);
    let begin = |world: &mut World, nth: usize| {
        let opened = world.apply(notice(nth, "tell"));
        world.receipt(&opened.intents[0], Outcome::Delivered);
        world.apply(notice(nth, "resolve")).intents.remove(0)
    };
    let line = [format!("{WAY} 1 trigger tell it")];
    let end = begin(&mut world, 1);
    assert_eq!(world.apply(notice(2, "tell")).lines(), [""; 0], "the end of the first is on its way");
    assert_eq!(world.apply(notice(2, "tell")).lines(), [""; 0], "news of it waits as well");
    let next = world.receipt(&end, Outcome::Delivered);
    assert_eq!((next.lines(), next.intents[0].incident.clone()), (line.to_vec(), name(2)));
    world.receipt(&next.intents[0], Outcome::Delivered);

    let end = world.apply(notice(2, "resolve")).intents.remove(0);
    world.apply(notice(3, "tell"));
    assert_eq!(world.apply(notice(3, "resolve")).lines(), [""; 0], "nobody has heard of it");
    assert_eq!(world.receipt(&end, Outcome::Delivered).lines(), [""; 0]);
    assert_eq!((world.fold.open(), world.fold.next_tick()), (0, None));

    let end = begin(&mut world, 4);
    world.apply(notice(5, "tell"));
    let refused = Receipt { last: false, ..receipt(&end, Outcome::Refused) };
    let next = world.apply(Batch::of("host/web-1", &[refused]).unwrap());
    assert_eq!(next.lines(), line, "what refuses an end may take a beginning");
    world.receipt(&end, Outcome::Delivered);

    begin(&mut world, 6);
    world.apply(notice(7, "tell"));
    let saved = world.fold.checkpoint();
    world.fold.restore(&saved).unwrap();
    let from = world.now;
    assert_eq!(world.tick().lines(), line, "it does not wait for ever");
    assert_eq!(world.now, from.plus(std::time::Duration::from_secs(15 * 60)));
}

/// Receipts come to the shard of their intent: that of who waits for them.
#[test]
fn a_digest_is_told_of_in_the_shard_of_what_it_tells_of() {
    let fallback = Fallback { receiver: "pd".to_owned(), to: "chat".to_owned(), after: Duration::from_secs(60) };
    let config = OutboxConfig { fallbacks: vec![fallback], ..config(vec![route("pd")]) };
    let mut world = World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) };
    let opened = world.alert("i#1", "opened");
    let digest = world.receipt(&opened.intents[0], Outcome::Digested);
    assert_eq!(
        (digest.intents[0].incident.split('@').next(), &digest.keys[..]),
        (Some("digest/pd"), &["host/web-1".to_owned()][..])
    );
    let escalated = world.receipt(&digest.intents[0], Outcome::Unproven);
    assert_eq!((escalated.intents[0].receiver.as_str(), &escalated.keys[..]), ("chat", &["host/web-1".to_owned()][..]));
}

#[test]
fn digests_of_two_shards_have_two_names() {
    let digest = |shard| {
        let mut world = World::new(vec![route("pd")]);
        let opened = world.alert("i#1", "opened");
        let row = receipt(&opened.intents[0], Outcome::Digested);
        let batch = Batch::of("host/web-1", &[row]).unwrap();
        let record = Record { shard, offset: world.next, time: world.now, batch };
        let mut outputs = Outputs::default();
        world.fold.apply(&record, &HashMap::new(), &mut outputs).unwrap();
        let record = Record { batch: outputs.take().remove(0), ..record };
        record.rows::<Intent>().unwrap().remove(0).incident
    };
    assert_ne!(digest(0), digest(1));
    assert!(digest(1).starts_with("digest/pd@"));
}

#[test]
fn what_joins_a_digest_that_people_have_resolved_opens_it_anew() {
    let again = Again { receiver: "pd".to_owned(), after: Duration::from_secs(3600) };
    let config = OutboxConfig { again: vec![again], ..config(vec![route("pd")]) };
    let mut world = World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) };
    let first = world.alert("i#1", "opened");
    let digest = world.receipt(&first.intents[0], Outcome::Digested);
    world.receipt(&digest.intents[0], Outcome::Accepted);
    world.react(reaction("pd", &digest.intents[0].incident, "resolved", 5));
    let second = world.alert("i#2", "opened");
    let anew = world.receipt(&second.intents[0], Outcome::Digested);
    assert_eq!(anew.lines(), ["pd 2 trigger digested"]);
}

/// All of it as one JSON, with a digest and another name.
#[test]
fn what_a_program_of_before_has_saved_is_read() {
    let told = serde_json::to_value(crate::outbox::notification(&alert("a#1", "opened"), None)).unwrap();
    let lane = |wanted| {
        serde_json::json!({"sequence": 1, "done": 1, "reached": true, "closing": false, "failed": null, "wanted": wanted,
            "reason": "opened", "waiting": false, "refused": 0, "reference": "r-1"})
    };
    let member = serde_json::json!({"severity": "error", "summary": "b is down", "since": 1_000_000_000_i64});
    let old = serde_json::json!({
        "version": 1, "lanes": {"a#1": {"pd": lane(told)}, "b#1": {"pd": lane(serde_json::Value::Null)}}, "sick": {}, "down": [], "direct": [],
        "digests": {"pd": {"incident": "digest/pd@5", "since": 5, "members": {"b#1": member}, "count": 7}}, "names": [["pd", "r-1", "a#1"]],
    });
    let again = Again { receiver: "pd".to_owned(), after: Duration::from_secs(60) };
    let config = OutboxConfig { again: vec![again], ..config(vec![route("pd")]) };
    let mut world = World { fold: OutboxFold::new(config).unwrap(), ..World::new(Vec::new()) };
    world.fold.restore(old.to_string().as_bytes()).unwrap();
    let parts = world.fold.checkpoint();
    world.fold.restore(&parts).unwrap();
    assert_eq!((world.fold.checkpoint() == parts, world.fold.open()), (true, 2));
    let resolved = world.alert("a#1", "resolved");
    assert_eq!(resolved.lines(), ["pd 2 resolve resolved"]);
    let (digest, members) = (&world.fold.digests["pd"], &world.fold.members);
    assert!(format!("{digest:?}").contains("count: 7") && members.len() == 1, "{digest:?}");
    let error = world
        .fold
        .restore(old.to_string().replace("\"version\":1", "\"version\":9").as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("version 9"), "{error}");
}

#[test]
fn an_end_says_what_a_provider_may_have_that_did_not_answer() {
    let evidence = r#"{"symptoms":[{"finding":"drift/motd","summary":"","since":1}],"omitted":0,"unknown":0,"shard":0,"offset":1}"#;
    for answered in [false, true] {
        let mut world = World::new(vec![route("hook")]);
        let opened = world.tell(Alert { evidence: evidence.to_owned(), ..alert("i#1", "opened") });
        if answered {
            world.receipt(&opened.intents[0], Outcome::Delivered);
        }
        let resolved = payload(&world.alert("i#1", "resolved").intents[0]);
        let ended: Vec<_> = resolved.ended.iter().map(|symptom| symptom.finding.as_str()).collect();
        assert_eq!(ended, if answered { vec![] } else { vec!["drift/motd"] });
    }
}
