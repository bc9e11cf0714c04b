use std::cell::RefCell;

use super::{Scratch, Slide};
use crate::annotations::Annotations;
use crate::functions::ranges::{self, Place, RangeContext};
use crate::parser::ast::{Extension, Span};
use crate::storage::FloatSample;
use crate::value::{Point, Value};

const FUNCTIONS: [&str; 23] = [
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "resets",
    "changes",
    "sum_over_time",
    "avg_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "count_over_time",
    "present_over_time",
    "first_over_time",
    "last_over_time",
    "min_over_time",
    "max_over_time",
    "ts_of_min_over_time",
    "ts_of_max_over_time",
    "quantile_over_time",
    "deriv",
    "predict_linear",
    "double_exponential_smoothing",
];

/// Random numbers (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }

    /// From 0 to 1, with all digits that a float has.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Numbers that are hard on sums and comparisons, each in a way of its own.
const FAMILIES: u64 = 10;

fn value(random: &mut Random, family: u64, before: f64) -> f64 {
    let signed = |random: &mut Random| random.unit() * 2.0 - 1.0;
    match family {
        0 if random.below(40) == 0 => 0.0,
        0 => before + random.below(1000) as f64,
        1 => (before * 100.0 + random.below(90) as f64).round() / 100.0,
        2 => random.below(1000) as f64 / 10.0,
        3 => random.unit() * 100.0,
        4 => signed(random) * 10f64.powi(random.below(20) as i32 - 10),
        5 => signed(random) * 10f64.powi(random.below(600) as i32 - 300),
        6 => *[1e308, -1e308, 1.7e308, 1.0].get(random.below(4) as usize).unwrap(),
        7 => *[0.0, -0.0, 1.0, -1.0, 3.0].get(random.below(5) as usize).unwrap(),
        8 => *[1.5, 2.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 4.0].get(random.below(6) as usize).unwrap(),
        _ => f64::from_bits(random.next()),
    }
}

fn samples(random: &mut Random, family: u64) -> Vec<FloatSample> {
    let (mut t, mut last, mut start) = (1_000_000, 0.0, 0);
    let even = random.below(2) == 0;
    let count = random.below(220);
    (0..count)
        .map(|_| {
            t += match random.below(12) {
                0 => 200_000,
                _ if even => 10_000,
                _ => 10_000 + random.below(3) as i64,
            };
            start = match random.below(30) {
                0 => 0,
                1 => t - 5_000,
                2 => t - 25_000,
                _ => start,
            };
            last = value(random, family, last);
            FloatSample { t, start, value: last }
        })
        .collect()
}

fn places(samples: &[FloatSample], range: i64, interval: i64) -> Vec<Place> {
    let times = (0..).map(|step| (step, 990_000 + interval * step as i64)).take_while(|(_, t)| *t < 6_000_000);
    let count = |until: i64| samples.iter().filter(|sample| sample.t <= until).count();
    let of = |(step, time): (usize, i64)| {
        let floats = (count(time - range), count(time));
        Place { step, time: time + 5, end: time, floats, histograms: (0, 0) }
    };
    times.take(400).map(of).filter(|place| place.len() > 0).collect()
}

fn same(a: &Point, b: &Point) -> bool {
    let number = |point: &Point| point.value.as_float().unwrap();
    let (x, y) = (number(a), number(b));
    a.t == b.t && (x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan()))
}

#[test]
fn ranges_of_all_steps_at_once_give_the_bits_that_each_by_itself_gives() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut scratch = Scratch::default();
    for round in 0..300 {
        let samples = samples(&mut random, round % FAMILIES);
        let range = [9_000, 61_000, 300_000, 1_200_000][random.below(4) as usize];
        let interval = [7_000, 15_000, 60_000, 700_000][random.below(4) as usize];
        let places = places(&samples, range, interval);
        let qs: Vec<f64> = (0..400).map(|_| random.below(11) as f64 / 8.0 - 0.1).collect();
        for name in FUNCTIONS {
            let notes = [RefCell::new(Annotations::default()), RefCell::new(Annotations::default())];
            let [slid_notes, alone_notes] = &notes;
            let context = |note| RangeContext {
                span: Span::default(),
                first_span: Span::default(),
                second_span: Span::default(),
                name: "m",
                extension: Extension::None,
                range,
                note,
            };
            let note = |note| slid_notes.borrow_mut().add(note);
            let (mut slid, mut alone) = (Vec::new(), Vec::new());
            let params = match name {
                "double_exponential_smoothing" => [vec![0.3; 400], vec![0.6; 400]],
                _ => [qs.clone(), qs.clone()],
            };
            let slide = Slide { context: &context(&note), samples: &samples, places: &places, params: &params };
            super::function(name, &params).unwrap()(&slide, &mut scratch, &mut slid);
            let note = |note| alone_notes.borrow_mut().add(note);
            for place in &places {
                let window = place.window(&samples, &[], range);
                let function = ranges::function(name).unwrap();
                let value: Option<Value> =
                    function(&context(&note), &window, &params.each_ref().map(|values| values[place.step])).unwrap();
                alone.extend(value.map(|value| Point { t: place.time, value }));
            }
            let differs = slid.iter().zip(&alone).find(|(a, b)| !same(a, b));
            assert_eq!(slid.len(), alone.len(), "{name}, round {round}");
            assert!(differs.is_none(), "{name}, round {round}: {differs:?}");
            let [slid, alone] = notes.map(|notes| notes.into_inner().finish(""));
            assert_eq!(slid, alone, "{name}, round {round}");
        }
    }
}
