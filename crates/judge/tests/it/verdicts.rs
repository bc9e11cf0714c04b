//! Cases that are easily judged wrong, each drawn many times with its truth known: what fails, what passes, and what is left open
//! with the reason.

use serde_json::{Value, json};

use crate::hard::{INTERVALS, counts, few, judged, levels, request, verdict};
use crate::sim::Random;

const RUNS: u64 = 40;
const OPEN: &str = "neither shown to be worse nor to be below the limit: m";

/// What is true of a case.
#[derive(Clone, Copy, PartialEq)]
enum Truth {
    /// The canary is no worse, and that can be shown.
    Well,
    /// It is no worse; whether that can be shown is left open.
    NoWorse,
    /// It is worse, and that can be shown.
    Worse,
    /// It may be worse, and too little is there to say.
    TooLittle,
}

use Truth::{NoWorse, TooLittle, Well, Worse};

type Arms = (Vec<f64>, Vec<f64>);

/// Two arms alike of a latency.
fn alike(seed: u64) -> Arms {
    (levels(seed, 100.0), levels(seed + 1_000, 100.0))
}

/// The same, changed by the interval and the arm.
fn changed(seed: u64, to: impl Fn(usize, usize, f64) -> f64) -> Arms {
    let (a, b) = alike(seed);
    let arm =
        |arm: usize, values: Vec<f64>| values.into_iter().enumerate().map(|(n, value)| to(arm, n, value)).collect();
    (arm(0, a), arm(1, b))
}

/// Events at rates by the interval and the arm.
fn events(seed: u64, rate: impl Fn(usize, usize) -> f64) -> Arms {
    let mut random = Random(seed * 7_919 + 13);
    let mut arm = |arm: usize| (0..INTERVALS).map(|n| random.poisson(rate(arm, n))).collect();
    (arm(0), arm(1))
}

fn gone(seed: u64, canary: f64) -> Arms {
    changed(seed, |arm, n, value| match (arm, n % 2) {
        (1, 1) => f64::NAN,
        (1, _) => canary * value,
        _ => value,
    })
}

fn t(random: &mut Random) -> f64 {
    random.normal() / random.gamma(1.0).sqrt()
}

fn heavy(seed: u64, canary: f64) -> Arms {
    let mut random = Random(seed * 7_919 + 13);
    let mut arm = |by: f64| (0..INTERVALS).map(|_| by * 100.0 * (0.1 * t(&mut random)).exp()).collect();
    (arm(1.0), arm(canary))
}

type Case = (&'static str, &'static str, Truth, fn(u64) -> Arms);

const CASES: [Case; 26] = [
    ("half of one arm is missing", "latency", Well, |seed| gone(seed, 1.0)),
    ("half of one arm is missing, and it is slower", "latency", Worse, |seed| gone(seed, 1.2)),
    ("a step of both", "latency", Well, |seed| changed(seed, |_, n, value| if n < 30 { value } else { 1.7 * value })),
    ("a step of both, and one is slower", "latency", Worse, |seed| {
        changed(seed, |arm, n, value| value * if n < 30 { 1.0 } else { 1.7 } * if arm == 1 { 1.2 } else { 1.0 })
    }),
    ("a ramp of both", "saturation", Well, |seed| changed(seed, |_, n, value| value * (1.0 + n as f64 / 40.0))),
    ("a burst of both", "errors", NoWorse, |seed| events(seed, |_, n| if (20..26).contains(&n) { 40.0 } else { 3.0 })),
    ("a burst of both, and one has more", "errors", Worse, |seed| {
        events(seed, |arm, n| (1.0 + 2.0 * arm as f64) * if (20..26).contains(&n) { 40.0 } else { 3.0 })
    }),
    ("clocks one interval apart", "latency", NoWorse, |seed| {
        changed(seed, |arm, n, value| value * (1.0 + 0.5 * (((n + arm) / 12) % 2) as f64))
    }),
    ("nearly always zero", "errors", NoWorse, |seed| events(seed, |_, _| 0.05)),
    ("nearly always zero, and often not", "errors", Worse, |seed| {
        events(seed, |arm, _| if arm == 0 { 0.05 } else { 1.0 })
    }),
    ("heavy tails", "latency", NoWorse, |seed| heavy(seed, 1.0)),
    ("heavy tails, and one is slower", "latency", Worse, |seed| heavy(seed, 1.4)),
    ("in steps of five", "latency", Well, |seed| changed(seed, |_, _, value| (value / 5.0).round() * 5.0)),
    ("in steps of five, and one is higher", "latency", Worse, |seed| {
        changed(seed, |arm, _, value| (value * (1.0 + 0.2 * arm as f64) / 5.0).round() * 5.0)
    }),
    ("one constant", "latency", NoWorse, |_| (vec![50.0; INTERVALS], vec![50.0; INTERVALS])),
    ("two constants", "latency", Worse, |_| (vec![50.0; INTERVALS], vec![60.0; INTERVALS])),
    ("one point that is far off", "latency", Well, |seed| {
        changed(seed, |arm, n, value| if arm == 1 && n == 33 { 1e9 } else { value })
    }),
    ("points far off in both", "latency", NoWorse, |seed| {
        changed(seed, |arm, n, value| if n % 20 == 7 + 5 * arm { 50.0 * value } else { value })
    }),
    ("better", "latency", Well, |seed| changed(seed, |arm, _, value| if arm == 1 { 0.7 * value } else { value })),
    ("better, fewer events", "counts", Well, |seed| events(seed, |arm, _| if arm == 1 { 18.0 } else { 30.0 })),
    ("worse by less than the margin", "latency", NoWorse, |seed| {
        changed(seed, |arm, _, value| if arm == 1 { 1.03 * value } else { value })
    }),
    ("more events by less than the margin", "errors", NoWorse, |seed| {
        events(seed, |arm, _| if arm == 1 { 31.5 } else { 30.0 })
    }),
    ("worse by more than the limit", "latency", Worse, |seed| {
        changed(seed, |arm, _, value| if arm == 1 { 1.15 * value } else { value })
    }),
    ("four events and no other", "errors", TooLittle, |_| {
        let few = (0..INTERVALS).map(|n| f64::from(u8::from(n % 15 == 7))).collect();
        (vec![0.0; INTERVALS], few)
    }),
    ("twenty events and no other", "errors", Worse, |_| {
        let some = (0..INTERVALS).map(|n| f64::from(u8::from(n % 3 == 1))).collect();
        (vec![0.0; INTERVALS], some)
    }),
    ("a wave of both", "latency", Well, |seed| {
        changed(seed, |_, n, value| value * (1.0 + 0.4 * (n as f64 / 7.0).sin()))
    }),
];

#[test]
fn what_is_easily_judged_wrong_is_judged_by_its_truth() {
    let mut wrong = Vec::new();
    for (name, kind, truth, make) in CASES {
        let (mut fails, mut passes, mut open) = (0_usize, 0, 0);
        for seed in 0..RUNS {
            let (control, experiment) = make(seed);
            let answer = judged(&request(Some(kind), &control, &experiment));
            match verdict(&answer) {
                ("fail", _) => fails += 1,
                ("pass", _) => passes += 1,
                (_, reason) => {
                    assert!(reason.contains(OPEN), "{name}: {reason}");
                    open += 1;
                }
            }
        }
        println!("{name}: {fails} fail, {passes} pass, {open} are open, of {RUNS}");
        let (runs, most) = (RUNS as usize, RUNS as usize * 4 / 5);
        let right = match truth {
            Well => passes >= most,
            NoWorse => true,
            Worse => fails >= most && passes == 0,
            TooLittle => open == runs,
        };
        if truth != Worse {
            few(fails, RUNS);
        }
        if !right {
            wrong.push(format!("{name}: {fails} fail, {passes} pass"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A run of few intervals, each of many events.
fn short(intervals: usize, canary: f64) -> Value {
    let (control, experiment) = (counts(3, 200.0), counts(4, 200.0 * canary));
    request(Some("errors"), &control[..intervals], &experiment[..intervals])
}

#[test]
fn a_short_run_fails_where_it_can_and_says_what_it_lacks_where_it_cannot() {
    for intervals in [2, 3, 5, 8] {
        assert_eq!(verdict(&judged(&short(intervals, 4.0))).0, "fail", "{intervals}");
    }
    let (control, experiment) = alike(1);
    for intervals in [0, 1, 2, 3] {
        let answer = judged(&request(Some("latency"), &control[..intervals], &experiment[..intervals]));
        let (verdict, reason) = verdict(&answer);
        assert_eq!(verdict, "inconclusive", "{intervals}");
        let wanted = if intervals == 0 { "no data: m" } else { OPEN };
        assert!(reason.contains(wanted), "{intervals}: {reason}");
    }
}

#[test]
fn pods_of_unequal_number_are_no_effect_on_events_and_an_effect_is_found_through_them() {
    let of = |seed: u64, times: f64| {
        let (control, experiment) = events(seed, |arm, _| if arm == 0 { 27.0 } else { 3.0 * times });
        let mut out = request(Some("errors"), &control, &experiment);
        out["metricSetPairList"][0]["exposures"] =
            json!({"control": vec![9.0; INTERVALS], "experiment": vec![1.0; INTERVALS]});
        verdict(&judged(&out)).0.to_owned()
    };
    let count = |times: f64, wanted: &str| (0..RUNS).filter(|seed| of(*seed, times) == wanted).count();
    few(count(1.0, "fail"), RUNS);
    assert!(count(2.5, "fail") >= RUNS as usize * 4 / 5);
}
