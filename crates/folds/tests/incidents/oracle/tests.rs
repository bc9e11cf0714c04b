//! The oracle can fail: for each rule a history that breaks it, and nothing else.

use super::*;

const KEY: &str = "host/a#10000";

fn secs(n: u64) -> At {
    At::from_secs(n)
}

fn told(at: u64, fact: Fact) -> Told {
    Told { at: secs(at), wall_ms: at as i64 * 1000, fact }
}

fn fires(at: u64, cause: &str, nth: u64) -> Told {
    told(at, Fact::Fires { cause: cause.to_owned(), finding: format!("{cause}/{nth}"), severity: 2 })
}

fn ends(at: u64, cause: &str, nth: u64) -> Told {
    told(at, Fact::Ends { finding: format!("{cause}/{nth}") })
}

fn seen(at: u64, receiver: &str, key: &str, resolve: bool) -> Seen {
    let cause = key.rsplit_once('#').map_or("digest/pd", |(cause, _)| cause).to_owned();
    Seen {
        receiver: receiver.to_owned(),
        key: key.to_owned(),
        resolve,
        cause: (!resolve).then_some(cause),
        decided_ms: (!resolve).then_some(at as i64 * 1000),
        text: String::new(),
        safe: false,
        started: secs(at) + At::from_millis(200),
        ended: Some(secs(at) + At::from_millis(400)),
        taken: true,
        answer: Answer::Status(202, None),
        life: 0,
        violations: Vec::new(),
    }
}

fn receiver() -> Receiver {
    Receiver {
        burst: 10,
        per_second: 1.0,
        in_flight: 3,
        has_children: true,
        digests: false,
        fallback: None,
        again: Some(secs(300)),
        decided: false,
    }
}

fn route(receiver: &str) -> Route {
    Route { receiver: receiver.to_owned(), prefix: String::new(), min_severity: 0 }
}

fn reaction(at: u64, action: &str) -> Told {
    told(at, Fact::Reaction { receiver: "pd".to_owned(), key: KEY.to_owned(), action: action.to_owned() })
}

/// Every trigger has its intent and decision.
fn explained(mut history: History) -> History {
    let mut whys = Vec::new();
    for seen in history.seen.iter().filter(|seen| !seen.resolve) {
        let (key, wall_ms) = (seen.key.clone(), seen.decided_ms.unwrap_or_default());
        let (receiver, reason) = (seen.receiver.clone(), "opened".to_owned());
        whys.push(Why::Intent { receiver, key: key.clone(), wall_ms, reason });
        let cause = seen.cause.clone().unwrap_or_default();
        whys.push(Why::Decision { cause, key, decision: "told".to_owned(), wall_ms });
    }
    for why in whys {
        if !history.whys.contains(&why) {
            history.whys.push(why);
        }
    }
    history
}

/// One cause, told and resolved.
fn good() -> History {
    explained(History {
        facts: vec![told(0, Fact::Routes(vec![route("pd")])), fires(10, "host/a", 0), ends(1000, "host/a", 0)],
        seen: vec![seen(10, "pd", KEY, false), seen(1000, "pd", KEY, true)],
        receivers: BTreeMap::from([("pd".to_owned(), receiver())]),
        lives: vec![At::ZERO],
        recovers: secs(60),
        is_clean: true,
        end: secs(3000),
        ..History::default()
    })
}

fn silence(at: u64, on: bool) -> Told {
    told(at, Fact::Silence { id: "1".to_owned(), cause: "host/a".to_owned(), on })
}

/// What breaks a rule, in a history that is good otherwise.
type Case = (&'static str, fn(&mut History));

const CASES: &[Case] = &[
    ("no part stops", |h| h.broken.push("folds".to_owned())),
    ("requests keep the provider's contract", |h| h.seen[0].violations.push("no summary".to_owned())),
    ("two causes never share a key", |h| {
        h.facts.extend([fires(10, "host/b", 0), ends(1000, "host/b", 0)]);
        h.is_clean = false;
        h.seen.insert(1, Seen { cause: Some("host/b".to_owned()), ..seen(20, "pd", KEY, false) });
    }),
    ("no page for a thing that never was", |h| {
        h.seen.extend([seen(10, "pd", "host/x#10000", false), seen(20, "pd", "host/x#10000", true)])
    }),
    ("no page for a thing that never was", |h| h.seen[0].started = secs(9)),
    ("no page for a thing that never was", |h| {
        h.seen.extend([seen(20, "pd", "host/a#10000+1", false), seen(1001, "pd", "host/a#10000+1", true)])
    }),
    ("no page for a thing that never was", |h| {
        h.seen.extend([seen(20, "pd", "digest/pd@20", false), seen(1001, "pd", "digest/pd@20", true)])
    }),
    ("one cause, one page", |h| {
        h.seen.extend([seen(20, "pd", "host/a#20000", false), seen(1001, "pd", "host/a#20000", true)])
    }),
    ("at most one request in flight for a key", |h| {
        h.seen.insert(
            1,
            Seen {
                text: "more".to_owned(),
                started: h.seen[0].started + At::from_millis(1),
                ..seen(11, "pd", KEY, false)
            },
        );
    }),
    ("what is told of a key comes in order", |h| {
        h.seen.insert(1, Seen { decided_ms: Some(9_000), ..seen(20, "pd", KEY, false) })
    }),
    ("no trigger after the resolve", |h| h.seen.push(Seen { taken: false, ..seen(1001, "pd", KEY, false) })),
    ("nothing is sent twice", |h| {
        h.seen.insert(1, Seen { started: secs(20), ended: Some(secs(21)), ..seen(10, "pd", KEY, false) })
    }),
    ("what people resolved is left alone", |h| {
        h.facts.insert(2, reaction(100, "resolved"));
        h.seen.insert(1, seen(200, "pd", KEY, false));
    }),
    ("rates are kept", |h| {
        let storm = (0..20).map(|n| Seen {
            decided_ms: Some(50_000 + n),
            text: n.to_string(),
            started: secs(50) + At::from_millis(n as u64 * 2),
            ended: Some(secs(50) + At::from_millis(n as u64 * 2 + 1)),
            ..seen(50, "pd", KEY, false)
        });
        h.seen.splice(1..1, storm.collect::<Vec<_>>());
    }),
    ("so many requests at once and no more", |h| {
        for n in 0..4 {
            let cause = format!("host/c{n}");
            let key = format!("{cause}#50000");
            h.facts.extend([fires(50, &cause, 0), ends(1000, &cause, 0)]);
            h.seen.extend([
                seen(50, "pd", &key, false),
                Seen { started: secs(1001 + n * 9), ..seen(1001 + n * 9, "pd", &key, true) },
            ]);
        }
        h.facts.sort_by_key(|told| told.at);
    }),
    ("Retry-After is obeyed", |h| {
        h.seen.insert(0, Seen { taken: false, answer: Answer::Status(429, Some(60)), ..seen(10, "pd", KEY, false) });
        h.seen[1] = Seen { decided_ms: Some(10_000), ..seen(40, "pd", KEY, false) };
        h.is_clean = false;
    }),
    ("what is open is told", |h| h.seen.clear()),
    ("what is open at the end is open at the provider", |h| _ = h.facts.remove(2)),
    ("what is over is resolved at the provider", |h| _ = h.seen.pop()),
    ("what is over is resolved at the provider", |h| {
        h.seen.insert(0, Seen { taken: false, answer: Answer::Status(401, None), ..seen(10, "pd", KEY, false) });
        h.seen[1] = Seen { decided_ms: Some(10_000), ..seen(11, "pd", KEY, false) };
        h.seen.push(Seen { cause: Some("notify/pd".to_owned()), ..seen(20, "pd", "notify/pd#20000", false) });
        h.is_clean = false;
    }),
    ("a refused payload is never silence", |h| {
        h.seen.insert(1, Seen { taken: false, answer: Answer::Status(400, None), ..seen(20, "pd", KEY, false) });
    }),
    ("what does not arrive goes to the fallback", |h| {
        h.receivers.get_mut("pd").unwrap().fallback = Some(("hook".to_owned(), secs(100)));
        h.receivers.insert("hook".to_owned(), Receiver { again: None, ..receiver() });
        h.seen[0] = Seen { started: secs(500), ended: Some(secs(501)), ..seen(10, "pd", KEY, false) };
        h.faults.push((Some("pd".to_owned()), secs(5), secs(500)));
        h.is_clean = false;
    }),
    ("what is acknowledged is not escalated", |h| {
        h.receivers.get_mut("pd").unwrap().fallback = Some(("hook".to_owned(), secs(100)));
        h.receivers.insert("hook".to_owned(), Receiver { again: None, ..receiver() });
        h.facts.insert(2, reaction(50, "acknowledged"));
        h.seen.extend([seen(60, "hook", KEY, false), seen(1000, "hook", KEY, true)]);
    }),
    ("people are told within a second", |h| h.seen[0].started = secs(12)),
    ("nobody is told of what is held back", |h| {
        h.receivers.get_mut("pd").unwrap().decided = true;
        h.facts.insert(2, silence(15, true));
        h.facts.insert(3, silence(30, false));
        h.seen.insert(1, seen(20, "pd", KEY, false));
    }),
    ("nobody is told of what is held back", |h| {
        h.receivers.get_mut("pd").unwrap().decided = true;
        h.facts.splice(1..1, [fires(5, "host/root", 0)]);
        h.facts.push(ends(1001, "host/root", 0));
        h.seen.extend([seen(5, "pd", "host/root#5000", false), seen(1001, "pd", "host/root#5000", true)]);
        h.inhibits.insert("host/root".to_owned(), vec!["host/a".to_owned()]);
        h.whys.push(Why::Decision {
            cause: "host/a".to_owned(),
            key: KEY.to_owned(),
            decision: "inhibited".to_owned(),
            wall_ms: 10_000,
        });
    }),
    ("one cause, one page", |h| {
        let rolls = |on| Fact::Rolls { scope: "host/a".to_owned(), revision: "1".to_owned(), on };
        h.window = secs(2000);
        h.facts.splice(1..1, [told(5, rolls(true)), told(6, rolls(false))]);
        let key = "rollout/host/a/1#10000";
        h.seen = vec![seen(10, "pd", key, false), seen(1000, "pd", key, true)];
        h.seen.extend([
            seen(20, "pd", "rollout/host/a/1#20000", false),
            seen(1001, "pd", "rollout/host/a/1#20000", true),
        ]);
    }),
    ("every page has a decision", |h| {
        h.receivers.get_mut("pd").unwrap().decided = true;
        h.whys.retain(|why| matches!(why, Why::Intent { .. }));
    }),
    ("what is held back says why", |h| {
        h.receivers.get_mut("pd").unwrap().decided = true;
        h.facts.insert(2, silence(100, true));
    }),
];

#[test]
fn a_good_history_breaks_no_rule() {
    assert_eq!(judge(&good()), Vec::new());
}

#[test]
fn each_rule_is_broken_by_a_history_of_its_own() {
    for (rule, change) in CASES {
        let mut history = good();
        change(&mut history);
        let explains = *rule == "every page has a decision";
        let history = if explains { history } else { explained(history) };
        let mut rules: Vec<&str> = judge(&history).iter().map(|breach| breach.rule).collect();
        rules.dedup();
        assert_eq!(rules, [*rule], "{:#?}", judge(&history));
    }
}

#[test]
fn a_page_without_an_intent_is_found() {
    let history = History { whys: Vec::new(), ..good() };
    assert_eq!(judge(&history).iter().map(|breach| breach.rule).collect::<Vec<_>>(), ["every page has a reason"]);
}

#[test]
fn what_cannot_be_asked_for_is_not_asked_for() {
    let excuses: [fn(&mut History); 5] = [
        // It was over before anybody could be told.
        |h| {
            h.seen.clear();
            h.facts[2] = ends(11, "host/a", 0);
        },
        // It was of a rollout.
        |h| {
            let rolls = |on| Fact::Rolls { scope: "host/a".to_owned(), revision: "1".to_owned(), on };
            h.window = secs(100);
            h.facts.splice(1..1, [told(5, rolls(true)), told(6, rolls(false))]);
            let (key, of) = ("rollout/host/a/1#10000", "host/a#106000");
            h.seen = vec![seen(10, "pd", key, false), seen(106, "pd", key, true)];
            h.seen.extend([seen(106, "pd", of, false), seen(1000, "pd", of, true)]);
            *h = explained(h.clone());
        },
        // The provider was away all the time.
        |h| {
            h.seen.clear();
            h.faults.push((Some("pd".to_owned()), secs(0), secs(1000)));
        },
        // The answer was lost, so that it was sent again.
        |h| {
            h.seen[0].answer = Answer::Lost;
            h.seen.insert(1, Seen { started: secs(20), ended: Some(secs(21)), ..seen(10, "pd", KEY, false) });
        },
        // The process ended before the receipt was surely kept.
        |h| {
            h.lives.push(secs(12));
            h.seen.insert(1, Seen { started: secs(20), ended: Some(secs(21)), life: 1, ..seen(10, "pd", KEY, false) });
        },
    ];
    for (n, excuse) in excuses.into_iter().enumerate() {
        let mut history = good();
        history.is_clean = false;
        excuse(&mut history);
        assert_eq!(judge(&history), Vec::new(), "excuse {n}");
    }
}
