use std::time::Duration;

use alertmanager::silence::SilenceLimits;
use alertmanager::{Matcher, Matchers, PostedSilence, Silence, SilenceState, Silences};
use base::Timestamp;
use serde::Deserialize;

use super::{at, cases, labels};

#[derive(Deserialize)]
struct Case {
    name: String,
    steps: Vec<Step>,
}

/// One thing that is done, and what is then.
#[derive(Deserialize)]
struct Step {
    at: i64,
    /// A new silence, or the change of one: its id, matchers, start and end.
    set: Option<(String, String, i64, i64)>,
    expire: Option<String>,
    /// The id of the silence; none if an error is expected.
    id: Option<String>,
    error: Option<String>,
    /// Each silence with its state, start and end, in the order of the list.
    #[serde(default)]
    list: Option<Vec<(String, String, i64, i64)>>,
}

fn posted(id: &str, matchers: &str, from: i64, to: i64) -> PostedSilence {
    let matchers = Matchers::parse(matchers).unwrap().as_slice().to_vec();
    let id = Some(id.to_owned());
    PostedSilence { id, matchers, starts_at: at(from), ends_at: at(to), ..PostedSilence::default() }
}

#[test]
fn a_silence_is_made_changed_and_ended_by_the_rules() {
    let second = |time: Timestamp| time.millis() / 1000 - 1_700_000_000;
    for case in cases::<Vec<Case>>("silences") {
        let mut silences = Silences::new(SilenceLimits::default(), Duration::from_secs(100));
        for (number, step) in (1..).zip(case.steps) {
            let context = format!("{}, step {number}", case.name);
            let result = match (&step.set, &step.expire) {
                (Some((id, matchers, from, to)), _) => {
                    silences.set(posted(id, matchers, *from, *to), at(step.at), format!("s{number}"))
                }
                (None, Some(id)) => silences.expire(id, at(step.at)).map(|()| id.clone()),
                (None, None) => Ok(String::new()),
            };
            match (result, &step.error) {
                (Err(error), Some(part)) => assert!(error.to_string().contains(part.as_str()), "{context}: {error}"),
                (Ok(id), None) => assert!(step.id.is_none_or(|expected| expected == id), "{context}: {id}"),
                (result, _) => panic!("{context}: {result:?}"),
            }
            let Some(expected) = step.list else { continue };
            let now = at(step.at);
            let list = silences
                .list(now)
                .into_iter()
                .map(|it| (it.id.clone(), it.state(now).to_string(), second(it.starts_at), second(it.ends_at)));
            assert_eq!(list.collect::<Vec<_>>(), expected, "{context}");
        }
    }
}

#[test]
fn only_active_silences_mute() {
    let mut silences = Silences::default();
    silences.set(posted("", "a=1,b=~x.*", 10, 20), at(0), "one").unwrap();
    silences.set(posted("", "c!=\"\"", 0, 20), at(0), "two").unwrap();
    let mutes = |text: &str, second: i64| silences.mutes(&labels(text), at(second));
    assert!(mutes("a=1 b=xy", 9).is_empty());
    assert_eq!(mutes("a=1 b=xy", 10), ["one"]);
    assert_eq!(mutes("a=1 b=xy c=1", 19), ["one", "two"]);
    assert!(mutes("a=1 b=y", 15).is_empty());
    assert!(mutes("a=1 b=xy c=1", 20).is_empty());
}

#[test]
fn expired_silences_go_after_the_retention_time() {
    let mut silences = Silences::new(SilenceLimits::default(), Duration::from_secs(100));
    silences.set(posted("", "a=1", 0, 20), at(0), "one").unwrap();
    assert_eq!(silences.next_change(at(0)), Some(at(20)));
    assert!(silences.collect(at(119)).is_empty());
    assert_eq!(silences.collect(at(120)), ["one"]);
    assert!(silences.is_empty());
    assert!(silences.mutes(&labels("a=1"), at(10)).is_empty());
}

#[test]
fn limits_refuse_by_name() {
    let limits = SilenceLimits { max_silences: Some(1), max_silence_bytes: Some(400) };
    let mut silences = Silences::new(limits, Duration::from_secs(100));
    let large = PostedSilence { comment: "x".repeat(400), ..posted("", "a=1", 0, 20) };
    let error = silences.set(large, at(0), "large").unwrap_err().to_string();
    assert!(error.contains("silences.max-silence-size-bytes"), "{error}");
    silences.set(posted("", "a=1", 0, 20), at(0), "one").unwrap();
    // It is over, but still counts.
    let error = silences.set(posted("", "a=1", 50, 60), at(50), "two").unwrap_err().to_string();
    assert!(error.contains("silences.max-silences"), "{error}");
    // A change in place is not another one.
    silences.collect(at(1000));
    silences.set(posted("", "a=1", 1000, 1020), at(1000), "three").unwrap();
    assert_eq!(silences.set(posted("three", "a=1", 1000, 1030), at(1000), "four").as_deref(), Ok("three"));
}

#[test]
fn the_newest_version_of_a_silence_is_kept() {
    let mut silences = Silences::default();
    silences.set(posted("", "a=1", 0, 20), at(5), "one").unwrap();
    let mut older = silences.get("one").unwrap().clone();
    (older.updated_at, older.comment) = (at(4), "older".to_owned());
    silences.restore(older);
    assert_eq!(silences.get("one").unwrap().comment, "");
    let mut newer = silences.get("one").unwrap().clone();
    (newer.updated_at, newer.ends_at) = (at(6), at(6));
    silences.restore(newer);
    assert_eq!(silences.get("one").unwrap().state(at(6)), SilenceState::Expired);
}

#[test]
fn matchers_stay_in_the_order_in_which_they_were_posted() {
    let mut silences = Silences::default();
    let texts = ["b=\"2\"", "a!=\"9\"", "a=~\"1|2\""];
    let matchers: Vec<Matcher> = texts.iter().map(|text| Matcher::parse(text).unwrap()).collect();
    silences.set(PostedSilence { matchers, ..posted("", "x=1", 0, 20) }, at(0), "one").unwrap();
    let shown = |silence: &Silence| silence.matchers.as_slice().iter().map(ToString::to_string).collect::<Vec<_>>();
    let silence = silences.get("one").unwrap();
    assert_eq!(shown(silence), texts);
    let kept: Silence = serde_json::from_value(serde_json::to_value(silence).unwrap()).unwrap();
    assert_eq!(shown(&kept), texts);
    assert_eq!(silences.mutes(&labels("a=1 b=2"), at(1)), ["one"]);
}

#[test]
fn an_index_finds_what_asking_each_would() {
    let rng = base::Rng::seeded(11);
    let mut silences = Silences::default();
    for n in 0..300 {
        let pairs = (0..=rng.below(2)).map(|_| {
            let (name, value) = (rng.below(3), rng.below(4));
            let op = ["=", "!=", "=~", "!~"][usize::try_from(rng.below(4)).unwrap()];
            Matcher::parse(&format!("l{name}{op}\"{value}\"")).unwrap()
        });
        let posted = PostedSilence { matchers: pairs.collect(), ..posted("", "x=1", 0, 1000) };
        let _ = silences.set(posted, at(0), format!("{n:03}"));
        if rng.below(4) == 0 {
            let _ = silences.expire(&format!("{:03}", rng.below(300)), at(0));
        }
    }
    for n in 0..64 {
        let subject = labels(&format!("l0={} l1={} l2={}", n % 4, n / 4 % 4, n / 16));
        let all = silences.iter().filter(|it| it.state(at(1)) == SilenceState::Active && it.matchers.matches(&subject));
        let expected: Vec<_> = all.map(|it| it.id.clone()).collect();
        assert_eq!(silences.mutes(&subject, at(1)), expected);
    }
}

#[test]
fn what_is_over_is_asked_no_more() {
    let mut silences = Silences::new(SilenceLimits::default(), Duration::from_secs(100));
    silences.set(posted("", "a=1", 0, 20), at(0), "one").unwrap();
    assert!(silences.collect(at(19)).is_empty() && !silences.is_idle());
    assert!(silences.collect(at(20)).is_empty() && silences.is_idle());
    assert_eq!(silences.list(at(20)).len(), 1, "it is kept");
    silences.set(posted("one", "a=1", 30, 50), at(30), "two").unwrap();
    assert_eq!((silences.is_idle(), silences.mutes(&labels("a=1"), at(30))), (false, vec!["two".to_owned()]));
}

#[test]
fn a_plan_changes_nothing_and_says_what_would_change() {
    let mut silences = Silences::default();
    silences.set(posted("", "a=1", 0, 20), at(0), "one").unwrap();
    let before = silences.get("one").cloned();
    let (id, changed) = silences.plan(posted("one", "a=2", 0, 20), at(5), "two").unwrap();
    let changed: Vec<_> = changed.iter().map(|it| (it.id.as_str(), it.state(at(5)))).collect();
    assert_eq!(
        (id.as_str(), &changed[..]),
        ("two", &[("one", SilenceState::Expired), ("two", SilenceState::Active)][..])
    );
    assert_eq!(silences.plan_end("one", at(5)).unwrap().map(|it| it.ends_at), Some(at(5)));
    assert_eq!(silences.plan_end("one", at(20)), Ok(None), "it is over");
    assert!(silences.plan_end("nobody", at(5)).is_err());
    assert_eq!((silences.len(), silences.get("one").cloned()), (1, before));
}

#[test]
fn silences_are_dropped_as_asking_each_would() {
    let (rng, retention) = (base::Rng::seeded(5), Duration::from_secs(30));
    let mut silences = Silences::new(SilenceLimits::default(), retention);
    let mut now = 0;
    for n in 0..500 {
        now += i64::try_from(rng.below(4)).unwrap();
        let (from, length) = (now + i64::try_from(rng.below(5)).unwrap(), 1 + i64::try_from(rng.below(20)).unwrap());
        let old = format!("{:03}", rng.below(n + 1));
        let id = if silences.get(&old).is_some() && rng.below(3) == 0 { old.clone() } else { String::new() };
        silences.set(posted(&id, "a=1", from, from + length), at(now), format!("{n:03}")).unwrap();
        if rng.below(3) == 0 {
            let _ = silences.expire(&old, at(now));
        }
        let gone = |it: &&alertmanager::Silence| it.ends_at.plus(retention) <= at(now);
        let expected: Vec<_> = silences.iter().filter(gone).map(|it| it.id.clone()).collect();
        let mut dropped = silences.collect(at(now));
        dropped.sort();
        assert_eq!(dropped, expected);
        let active = silences.iter().filter(|it| it.state(at(now)) == SilenceState::Active);
        let expected: Vec<_> = active.map(|it| it.id.clone()).collect();
        assert_eq!(silences.mutes(&labels("a=1"), at(now)), expected);
    }
}
