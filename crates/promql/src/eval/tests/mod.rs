//! Random expressions over random series: what the evaluation finds is what it is defined to be.

mod data;
mod plain;
mod queries;

use super::{Answer, Options, Steps, range};
use crate::parser::parse;
use crate::value::{Data, Point, Value, is_stale};

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

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len() as u64) as usize]
    }
}

fn same_value(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => {
            a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan() && is_stale(*a) == is_stale(*b))
        }
        (Value::Histogram(a), Value::Histogram(b)) => {
            a.reset_hint == b.reset_hint && (a == b || format!("{a}") == format!("{b}"))
        }
        _ => false,
    }
}

fn same_point(a: &Point, b: &Point) -> bool {
    a.t == b.t && same_value(&a.value, &b.value)
}

/// How two answers differ, if they do.
fn difference(found: &Answer, expected: &Answer) -> Option<String> {
    let (Data::Matrix(a), Data::Matrix(b)) = (&found.data, &expected.data) else { return Some("no matrix".into()) };
    if found.annotations != expected.annotations {
        return Some(format!("{:?} instead of {:?}", found.annotations, expected.annotations));
    }
    if a.len() != b.len() {
        return Some(format!("{} series instead of {}", a.len(), b.len()));
    }
    for (a, b) in a.iter().zip(b) {
        if a.labels != b.labels || a.points.len() != b.points.len() {
            return Some(format!("{} x {} instead of {} x {}", a.labels, a.points.len(), b.labels, b.points.len()));
        }
        if let Some((a, b)) = a.points.iter().zip(&b.points).find(|(a, b)| !same_point(a, b)) {
            return Some(format!("{a:?} instead of {b:?}"));
        }
    }
    None
}

fn steps(random: &mut Random) -> Steps {
    let interval = [7_000, 15_000, 60_000, 300_000][random.below(4) as usize];
    let start = random.below(1_800_000) as i64;
    Steps::range(start, start + interval * random.below(90) as i64, interval)
}

#[test]
fn whatever_is_asked_is_answered_as_defined() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut with_points = 0;
    for round in 0..40 {
        let memory = data::memory(&mut random);
        for _ in 0..40 {
            let (query, steps) = (queries::query(&mut random), steps(&mut random));
            let expr = parse(&query).unwrap();
            let options = Options::default();
            let found = range(&memory, &options, &query, &expr, steps);
            let expected = plain::range(&memory, &options, &query, &expr, steps);
            let differs = match (&found, &expected) {
                (Ok(found), Ok(expected)) => {
                    with_points += usize::from(matches!(&found.data, Data::Matrix(series) if !series.is_empty()));
                    difference(found, expected)
                }
                (Err(found), Err(expected)) => {
                    (found.to_string() != expected.to_string()).then(|| format!("{found} instead of {expected}"))
                }
                (found, expected) => Some(format!("{found:?} instead of {expected:?}")),
            };
            assert_eq!(differs, None, "round {round}: {query} over {steps:?}");
        }
    }
    assert!(with_points > 800, "only {with_points} of 1,600 answers had points");
}
