use std::time::Duration;

use base::{Limit, Rng, Timestamp};
use model::rows::Intent;
use model::{Key, Outcome};

use super::*;
use crate::Notification;

fn now(secs: u64) -> Now {
    Now { mono: Duration::from_secs(secs), wall: Timestamp::ZERO.plus(Duration::from_secs(secs)) }
}

pub(super) fn intent(receiver: &str, incident: &str, sequence: i64, action: Action) -> Intent {
    let name = format!("{receiver}/{incident}/{sequence}");
    Intent {
        time: Timestamp::ZERO,
        key: Key::of(name.as_bytes()),
        intent: name,
        receiver: receiver.to_owned(),
        incident: incident.to_owned(),
        sequence,
        action: action.to_string(),
        reason: "opened".to_owned(),
        payload: "{}".to_owned(),
    }
}

pub(super) fn limits() -> Limits {
    Limits {
        burst: 1000,
        per_second: 1000.0,
        first_backoff: Duration::from_secs(2),
        pause: Duration::from_secs(2),
        max_backoff: Duration::from_secs(60),
        timeout: Duration::from_secs(10),
    }
}

pub(super) fn outbox(receivers: &[&str]) -> Outbox {
    let mut outbox = Outbox::new(Limit::new("test", 1 << 20), Rng::seeded(7));
    for name in receivers {
        outbox.configure(name, limits(), &ReceiverConfig::default(), Duration::from_secs(3600));
    }
    outbox
}

fn live(receivers: &[&str]) -> Outbox {
    let mut outbox = outbox(receivers);
    outbox.go_live(now(0), 0);
    outbox
}

fn retry(status: Option<u16>, after: Option<u64>) -> Result<Sent, SendError> {
    Err(SendError::Retry { problem: "no".to_owned(), status, after: after.map(Duration::from_secs) })
}

fn poison() -> Result<Sent, SendError> {
    Err(SendError::Poison { problem: "bad".to_owned(), status: Some(400) })
}

fn refused() -> Result<Sent, SendError> {
    Err(SendError::Refused { problem: "who".to_owned(), status: Some(401) })
}

fn sent() -> Result<Sent, SendError> {
    Ok(Sent { proven: true, status: Some(202), reference: Some("ref".to_owned()), owed: false })
}

/// `T2 delivered last` and so on: what a receipt says, short.
fn said(drafts: &[Draft]) -> Vec<(i64, Outcome, bool)> {
    drafts.iter().map(|draft| (draft.receipt.sequence, draft.receipt.outcome, draft.receipt.last)).collect()
}

/// Ends a job and makes its receipts durable; gives all of them.
fn finish(outbox: &mut Outbox, at: Now, job: &Job, result: &Result<Sent, SendError>) -> Vec<Draft> {
    let drafts = outbox.done(at, job, result, Duration::ZERO);
    let more: Vec<Draft> = drafts.iter().flat_map(|draft| outbox.receipt(at, &draft.receipt)).collect();
    drafts.into_iter().chain(more).collect()
}

use Action::{Resolve, Trigger, Update};

#[test]
fn what_waits_is_merged_and_superseded() {
    type Case = (&'static str, &'static [Action], &'static [(i64, Action)], &'static [i64]);
    let cases: [Case; 7] = [
        ("a trigger goes as it is", &[Trigger], &[(1, Trigger)], &[]),
        ("updates merge into the newest", &[Trigger, Update, Update, Update], &[(1, Trigger), (4, Update)], &[2, 3]),
        ("nothing was sent: nothing to resolve", &[Trigger, Resolve], &[], &[1, 2]),
        ("all of it, with its updates", &[Trigger, Update, Resolve], &[], &[1, 2, 3]),
        ("a new opening is kept", &[Trigger, Resolve, Trigger], &[(3, Trigger)], &[1, 2]),
        ("two openings that ended", &[Trigger, Resolve, Trigger, Resolve], &[], &[1, 2, 3, 4]),
        ("an update of nothing opens it", &[Update], &[(1, Trigger)], &[]),
    ];
    for (name, actions, expected, superseded) in cases {
        let mut outbox = outbox(&["a"]);
        outbox.go_live(now(0), 0);
        // A provider that cannot be reached keeps the queue from moving.
        outbox.admit(now(0), 0, intent("a", "blocker", 1, Trigger));
        let blocker = outbox.next(now(0)).unwrap();
        outbox.done(now(0), &blocker, &retry(Some(429), Some(30)), Duration::ZERO);
        let mut drafts = Vec::new();
        for (n, &action) in actions.iter().enumerate() {
            drafts.extend(outbox.admit(now(1), 0, intent("a", "x", n as i64 + 1, action)));
        }
        let mut got: Vec<i64> = drafts.iter().map(|draft| draft.receipt.sequence).collect();
        got.sort_unstable();
        assert_eq!(got, superseded, "{name}");
        drafts.iter().for_each(|draft| assert!(outbox.receipt(now(1), &draft.receipt).is_empty()));
        assert!(drafts.iter().all(|draft| draft.receipt.outcome == Outcome::Superseded && draft.receipt.last));
        let mut went = Vec::new();
        while let Some(job) = outbox.next(now(100)) {
            if job.intent.incident == "x" {
                went.push((job.intent.sequence, job.action));
            }
            finish(&mut outbox, now(100), &job, &sent());
        }
        assert_eq!(went, expected, "{name}");
    }
}

#[test]
fn one_request_per_key_and_the_next_only_after_the_durable_receipt() {
    let mut outbox = live(&["a"]);
    outbox.admit(now(0), 0, intent("a", "x", 1, Trigger));
    let first = outbox.next(now(0)).unwrap();
    outbox.admit(now(0), 0, intent("a", "x", 2, Update));
    outbox.admit(now(0), 0, intent("a", "y", 1, Trigger));
    assert_eq!(outbox.next(now(0)).unwrap().intent.incident, "y");
    assert!(outbox.next(now(0)).is_none());
    let drafts = outbox.done(now(1), &first, &sent(), Duration::from_millis(20));
    assert_eq!(said(&drafts), [(1, Outcome::Delivered, true)]);
    assert_eq!(drafts[0].receipt.took_ms, 20);
    assert!(outbox.next(now(1)).is_none(), "the receipt is not durable");
    outbox.receipt(now(1), &drafts[0].receipt);
    assert_eq!(outbox.next(now(1)).unwrap().intent.sequence, 2);
}

#[test]
fn a_resolve_follows_what_may_have_arrived() {
    // The answer to the first attempt: whether the resolve has to be sent.
    let cases = [
        (retry(None, None), true),
        (retry(Some(500), None), true),
        (retry(Some(429), None), false),
        (refused(), false),
    ];
    for (answer, resolves) in cases {
        let mut outbox = live(&["a"]);
        outbox.admit(now(0), 0, intent("a", "x", 1, Trigger));
        let job = outbox.next(now(0)).unwrap();
        outbox.admit(now(0), 0, intent("a", "x", 2, Resolve));
        let drafts = outbox.done(now(0), &job, &answer, Duration::ZERO);
        let superseded = drafts.iter().filter(|d| d.receipt.outcome == Outcome::Superseded).count();
        assert_eq!(superseded, if resolves { 1 } else { 2 }, "{answer:?}");
        assert!(outbox.next(now(7200)).is_none(), "what is superseded is not yet durably so");
        drafts.iter().for_each(|draft| _ = outbox.receipt(now(0), &draft.receipt));
        let next = outbox.next(now(7200)).map(|job| job.action);
        assert_eq!(next, resolves.then_some(Resolve), "{answer:?}");
    }
}

#[test]
fn a_refused_payload_is_stripped_once() {
    let mut outbox = live(&["a"]);
    outbox.admit(now(0), 0, intent("a", "x", 1, Trigger));
    let job = outbox.next(now(0)).unwrap();
    assert!(!job.safe);
    assert_eq!(said(&finish(&mut outbox, now(0), &job, &poison())), [(1, Outcome::Poison, false)]);
    let job = outbox.next(now(0)).unwrap();
    assert!(job.safe);
    assert_eq!(said(&finish(&mut outbox, now(0), &job, &retry(Some(429), Some(5)))), [(1, Outcome::Retry, false)]);
    let job = outbox.next(now(10)).unwrap();
    assert!(job.safe, "a retry does not bring the refused payload back");
    assert_eq!(said(&finish(&mut outbox, now(10), &job, &poison())), [(1, Outcome::Poison, true)]);
    assert!(outbox.next(now(10)).is_none());
    // What comes next of the incident opens it after all.
    outbox.admit(now(11), 0, intent("a", "x", 2, Update));
    assert_eq!(outbox.next(now(11)).unwrap().action, Trigger);
}

#[test]
fn a_refused_integration_keeps_its_intents_and_is_probed_alone() {
    let mut outbox = live(&["a", "b"]);
    for incident in ["x", "y", "z"] {
        outbox.admit(now(0), 0, intent("a", incident, 1, Trigger));
    }
    let job = outbox.next(now(0)).unwrap();
    assert_eq!(said(&finish(&mut outbox, now(0), &job, &refused())), [(1, Outcome::Refused, false)]);
    assert!(outbox.next(now(0)).is_none());
    outbox.admit(now(0), 0, intent("b", "x", 1, Trigger));
    let other = outbox.next(now(0)).unwrap();
    assert_eq!(other.intent.receiver, "b", "another receiver does not wait");
    let probe = outbox.next(now(2)).unwrap();
    assert!(outbox.next(now(2)).is_none(), "the probe is alone");
    finish(&mut outbox, now(2), &probe, &sent());
    assert!(outbox.next(now(2)).is_some() && outbox.next(now(2)).is_some());
}

#[test]
fn too_many_requests_pause_the_receiver_and_other_failures_the_incident() {
    let mut outbox = live(&["a"]);
    for incident in ["x", "y"] {
        outbox.admit(now(0), 0, intent("a", incident, 1, Trigger));
    }
    let job = outbox.next(now(0)).unwrap();
    finish(&mut outbox, now(0), &job, &retry(Some(500), None));
    let job = outbox.next(now(0)).unwrap();
    assert_eq!(job.intent.incident, "y");
    finish(&mut outbox, now(0), &job, &retry(Some(429), Some(600)));
    assert!(outbox.wake(now(0)).unwrap() >= Duration::from_secs(600));
    assert!(outbox.next(now(599)).is_none());
    assert!(outbox.next(now(661)).is_some());
}

#[test]
fn after_a_restart_nothing_goes_before_the_receipts_are_read() {
    let mut outbox = outbox(&["a"]);
    outbox.admit(now(0), 0, intent("a", "x", 1, Trigger));
    outbox.admit(now(0), 0, intent("a", "y", 1, Trigger));
    assert!(outbox.next(now(0)).is_none());
    let mut receipt = live(&["a"]);
    receipt.admit(now(0), 0, intent("a", "x", 1, Trigger));
    let job = receipt.next(now(0)).unwrap();
    let receipt = receipt.done(now(0), &job, &sent(), Duration::ZERO).remove(0).receipt;
    outbox.receipt(now(0), &receipt);
    assert!(outbox.go_live(now(0), 0).is_empty());
    assert_eq!(outbox.next(now(0)).unwrap().intent.incident, "y");
    assert!(outbox.next(now(0)).is_none());
    // An earlier process may have sent y: its resolve goes out although we know of no delivery.
    outbox.admit(now(0), 0, intent("a", "x", 2, Resolve));
    assert_eq!(outbox.next(now(0)).unwrap().action, Resolve);
}

#[test]
fn what_was_saved_is_restored() {
    let mut first = live(&["a"]);
    first.admit(now(0), 0, intent("a", "x", 1, Trigger));
    let job = first.next(now(0)).unwrap();
    finish(&mut first, now(0), &job, &sent());
    first.admit(now(0), 0, intent("a", "y", 1, Trigger));
    let job = first.next(now(0)).unwrap();
    finish(&mut first, now(0), &job, &poison());
    let mut second = outbox(&["a"]);
    second.restore(0, first.save(0));
    assert_eq!(second.save(0).len(), 2);
    second.go_live(now(0), 0);
    let job = second.next(now(0)).unwrap();
    assert_eq!((job.intent.incident.as_str(), job.safe), ("y", true));
    assert_eq!(finish(&mut second, now(0), &job, &sent())[0].receipt.attempt, 2);
    second.admit(now(0), 0, intent("a", "x", 1, Trigger));
    assert!(second.next(now(0)).is_none(), "a duplicate of what is done is nothing new");
    second.admit(now(0), 0, intent("a", "x", 2, Resolve));
    let job = second.next(now(0)).unwrap();
    finish(&mut second, now(0), &job, &sent());
    assert_eq!(second.save(0).len(), 1, "x: a resolved incident is forgotten");
}

#[test]
fn an_unknown_receiver_is_named() {
    let mut outbox = live(&["a"]);
    let drafts = outbox.admit(now(0), 0, intent("gone", "x", 1, Trigger));
    assert_eq!(said(&drafts), [(1, Outcome::Refused, true)]);
    assert!(drafts[0].receipt.message.as_deref().unwrap().contains("gone"));
    assert!(outbox.save(0).is_empty());
}

#[test]
fn beyond_the_limit_payloads_are_stripped_and_still_sent() {
    let mut outbox = Outbox::new(Limit::new("test", 100), Rng::seeded(7));
    outbox.configure("a", limits(), &ReceiverConfig::default(), Duration::from_secs(60));
    outbox.go_live(now(0), 0);
    outbox.admit(now(0), 0, Intent { payload: "x".repeat(1 << 20), ..intent("a", "x", 1, Trigger) });
    let job = outbox.next(now(0)).unwrap();
    assert!(job.safe && job.intent.payload.len() < 1024, "{}", job.intent.payload.len());
    finish(&mut outbox, now(0), &job, &sent());
    assert_eq!(outbox.gauges(now(0)).next().unwrap().1.held, 0);
}

#[test]
fn a_stripped_group_is_told_by_its_own_alerts() {
    let alert = |n: usize| {
        serde_json::json!({
            "status": "firing", "labels": {"alertname": "Down", "n": n.to_string()}, "annotations": {"summary": "x".repeat(5000)},
            "startsAt": "2026-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://prom",
            "fingerprint": format!("{n:016x}"),
        })
    };
    let group = serde_json::json!({
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "a", "groupLabels": {},
        "commonLabels": {"alertname": "Down"}, "commonAnnotations": {}, "routeLabels": {}, "externalURL": "",
        "alerts": (0..1000).map(alert).collect::<Vec<_>>(),
    });
    let group = Some(serde_json::from_value(group).unwrap());
    let payload = serde_json::to_string(&Notification { group, ..crate::suite::sample(Trigger) }).unwrap();
    let mut outbox = Outbox::new(Limit::new("test", 100), Rng::seeded(7));
    outbox.configure("a", limits(), &ReceiverConfig::default(), Duration::from_secs(60));
    outbox.go_live(now(0), 0);
    outbox.admit(now(0), 0, Intent { payload, ..intent("a", "x", 1, Trigger) });
    let job = outbox.next(now(0)).unwrap();
    assert!(job.safe && job.intent.payload.len() < 8192, "{}", job.intent.payload.len());
    let group = serde_json::from_str::<Notification>(&job.intent.payload).unwrap().group.unwrap();
    let kept = group.alerts.len();
    assert!(kept > 10 && group.truncated_alerts == 1000 - kept as u64, "{kept}");
    assert_eq!((group.alerts[7].fingerprint.to_string(), &*group.alerts[7].labels["n"]), (format!("{:016x}", 7), "7"));
}

fn accepted() -> Result<Sent, SendError> {
    Ok(Sent { owed: true, status: Some(202), reference: Some("request-1".to_owned()), ..Sent::default() })
}

#[test]
fn what_is_taken_for_processing_is_asked_for_until_it_is_proved_and_nothing_overtakes_it() {
    let mut outbox = live(&["a"]);
    outbox.admit(now(0), 0, intent("a", "x", 1, Trigger));
    let job = outbox.next(now(0)).unwrap();
    let drafts = outbox.done(now(0), &job, &accepted(), Duration::ZERO);
    assert_eq!(said(&drafts), [(1, Outcome::Accepted, false)]);
    assert!(outbox.next(now(60)).is_none(), "the log does not know what to ask for");
    outbox.receipt(now(0), &drafts[0].receipt);
    assert!(outbox.admit(now(1), 0, intent("a", "x", 2, Resolve)).is_empty(), "it was sent, so nothing supersedes it");
    let poll = outbox.next(now(1)).unwrap();
    assert_eq!((&poll.ask, poll.intent.sequence), (&Ask::Proof("request-1".to_owned()), 1));
    assert!(finish(&mut outbox, now(1), &poll, &accepted()).is_empty(), "it is still at it");
    let poll = outbox.next(now(4)).unwrap();
    assert!(finish(&mut outbox, now(4), &poll, &retry(Some(503), None)).is_empty(), "that says nothing of the intent");
    let poll = outbox.next(now(40)).unwrap();
    let drafts = finish(&mut outbox, now(40), &poll, &sent());
    assert_eq!(said(&drafts), [(1, Outcome::Delivered, true)]);
    assert_eq!(drafts[0].receipt.attempt, 1, "a question is no attempt");
    let resolve = outbox.next(now(40)).unwrap();
    assert_eq!((resolve.ask, resolve.action, resolve.reference.as_deref()), (Ask::Send, Resolve, Some("ref")));
}

#[test]
fn what_is_rejected_after_it_was_taken_is_stripped_and_sent_again() {
    let mut outbox = live(&["a"]);
    outbox.admit(now(0), 0, intent("a", "x", 1, Trigger));
    let job = outbox.next(now(0)).unwrap();
    finish(&mut outbox, now(0), &job, &accepted());
    let poll = outbox.next(now(1)).unwrap();
    assert_eq!(said(&finish(&mut outbox, now(1), &poll, &poison())), [(1, Outcome::Poison, false)]);
    let job = outbox.next(now(1)).unwrap();
    assert_eq!((&job.ask, job.safe), (&Ask::Send, true));
    finish(&mut outbox, now(1), &job, &accepted());
    let poll = outbox.next(now(2)).unwrap();
    assert_eq!(said(&finish(&mut outbox, now(2), &poll, &poison())), [(1, Outcome::Poison, true)]);
}

#[test]
fn what_is_never_proved_is_given_up_and_what_follows_is_sent() {
    let mut outbox = live(&["a"]);
    outbox.admit(now(0), 0, intent("a", "x", 1, Trigger));
    let job = outbox.next(now(0)).unwrap();
    finish(&mut outbox, now(0), &job, &accepted());
    outbox.admit(now(0), 0, intent("a", "x", 2, Update));
    let (mut at, mut drafts) = (Duration::ZERO, Vec::new());
    while drafts.is_empty() {
        at = outbox.wake(Now { mono: at, ..now(0) }).unwrap();
        let now = Now { mono: at, wall: Timestamp::ZERO.plus(at) };
        let poll = outbox.next(now).unwrap();
        assert!(matches!(poll.ask, Ask::Proof(_)));
        drafts = finish(&mut outbox, now, &poll, &accepted());
    }
    assert_eq!(at, Duration::from_secs(120));
    assert_eq!(said(&drafts), [(1, Outcome::Unproven, true)]);
    assert!(drafts[0].receipt.message.as_deref().unwrap().contains("120 s"));
    assert_eq!(outbox.next(now(120)).unwrap().action, Update, "it may be there");
}

#[test]
fn a_proof_that_is_owed_is_asked_for_after_a_restart_too() {
    let mut first = live(&["a"]);
    first.admit(now(0), 0, intent("a", "x", 1, Trigger));
    let job = first.next(now(0)).unwrap();
    let receipt = finish(&mut first, now(0), &job, &accepted()).remove(0).receipt;
    // By the checkpoint, and by the log alone.
    let mut second = outbox(&["a"]);
    second.restore(0, first.save(0));
    let mut third = outbox(&["a"]);
    third.admit(now(0), 0, intent("a", "x", 1, Trigger));
    third.receipt(now(0), &receipt);
    for outbox in [&mut second, &mut third] {
        outbox.go_live(now(5), 0);
        let poll = outbox.next(now(5)).unwrap();
        assert_eq!((&poll.ask, poll.reference.as_deref()), (&Ask::Proof("request-1".to_owned()), Some("request-1")));
    }
}

#[test]
fn what_a_provider_forgets_is_told_again_until_it_is_resolved() {
    let mut outbox = live(&["a"]);
    outbox.refresh_every("a", Duration::from_secs(60));
    outbox.admit(now(0), 0, intent("a", "x", 1, Trigger));
    let job = outbox.next(now(0)).unwrap();
    finish(&mut outbox, now(0), &job, &sent());
    assert_eq!(outbox.wake(now(0)), Some(Duration::from_secs(60)));
    let again = outbox.next(now(60)).unwrap();
    assert_eq!((&again.ask, again.action, again.intent.sequence), (&Ask::Refresh, Trigger, 1));
    assert!(finish(&mut outbox, now(60), &again, &retry(Some(500), None)).is_empty(), "nobody needs a receipt of it");
    let again = outbox.next(now(63)).unwrap();
    outbox.admit(now(63), 0, intent("a", "x", 2, Update));
    assert!(outbox.next(now(63)).is_none(), "one request of an incident at a time");
    finish(&mut outbox, now(63), &again, &sent());
    let update = outbox.next(now(63)).unwrap();
    assert_eq!((&update.ask, update.action), (&Ask::Send, Update), "news do not wait");
    finish(&mut outbox, now(63), &update, &sent());
    // A restart does not forget it.
    let mut second = super::tests::outbox(&["a"]);
    second.refresh_every("a", Duration::from_secs(60));
    second.restore(0, outbox.save(0));
    second.go_live(now(70), 0);
    assert_eq!(second.next(now(130)).unwrap().intent.sequence, 2);
    outbox.admit(now(70), 0, intent("a", "x", 3, Resolve));
    let resolve = outbox.next(now(70)).unwrap();
    finish(&mut outbox, now(70), &resolve, &sent());
    assert_eq!(outbox.wake(now(70)), None);
    assert!(outbox.save(0).is_empty());
}

#[test]
fn of_a_storm_a_part_is_sent_and_the_rest_is_left_to_the_digest() {
    let mut outbox = Outbox::new(Limit::new("test", 1 << 20), Rng::seeded(7));
    let config = ReceiverConfig { digest_after: 3, ..ReceiverConfig::default() };
    outbox.configure("a", limits(), &config, Duration::from_secs(3600));
    // What an earlier process may have sent is never given up.
    for n in 0..3 {
        assert!(outbox.admit(now(0), 0, intent("a", &format!("early{n}"), 1, Trigger)).is_empty());
    }
    outbox.go_live(now(0), 0);
    let given_up = outbox.admit(now(0), 0, intent("a", "x", 1, Trigger));
    assert_eq!(said(&given_up), [(1, Outcome::Digested, true)]);
    assert!(outbox.admit(now(0), 0, intent("a", "early0", 2, Update)).is_empty(), "it is open");
    assert!(outbox.admit(now(0), 0, intent("a", "digest/a@1", 1, Trigger)).is_empty(), "that is the digest itself");
    assert!(outbox.receipt(now(0), &given_up[0].receipt).is_empty());
    let mut went = Vec::new();
    while let Some(job) = outbox.next(now(1)) {
        went.push(job.intent.incident.clone());
        finish(&mut outbox, now(1), &job, &sent());
    }
    assert_eq!(went, ["early0", "early1", "early2", "digest/a@1", "early0"]);
    outbox.admit(now(2), 0, intent("a", "x", 2, Trigger));
    assert_eq!(outbox.next(now(2)).unwrap().intent.incident, "x", "there is room, so it is told by itself");
}

#[test]
fn who_is_told_of_no_ends_gets_what_is_not_over_and_never_a_digest() {
    let mut outbox = Outbox::new(Limit::new("test", 1 << 20), Rng::seeded(7));
    let config = ReceiverConfig { digest_after: 1, ..ReceiverConfig::default() };
    outbox.configure("a", limits(), &config, Duration::from_secs(3600));
    outbox.tells_no_ends("a");
    outbox.go_live(now(0), 0);
    for incident in ["x", "y"] {
        assert!(outbox.admit(now(0), 0, intent("a", incident, 1, Trigger)).is_empty(), "each is an act of its own");
    }
    let (x, y) = (outbox.next(now(0)).unwrap(), outbox.next(now(0)).unwrap());
    // One may have been taken, the other is when its end comes.
    finish(&mut outbox, now(0), &x, &retry(Some(503), None));
    let both = outbox.admit(now(1), 0, intent("a", "x", 2, Resolve));
    assert_eq!(said(&both), [(1, Outcome::Superseded, true), (2, Outcome::Superseded, true)]);
    assert!(both.iter().all(|draft| outbox.receipt(now(1), &draft.receipt).is_empty()));
    assert!(outbox.admit(now(1), 0, intent("a", "y", 2, Resolve)).is_empty());
    let drafts = finish(&mut outbox, now(1), &y, &sent());
    assert_eq!(said(&drafts), [(1, Outcome::Delivered, true), (2, Outcome::Superseded, true)]);
    assert!(outbox.receipt(now(1), &drafts[1].receipt).is_empty());
    assert!(outbox.next(now(3_600)).is_none() && outbox.save(0).is_empty());
}
