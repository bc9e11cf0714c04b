#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints what it measured and stops at what goes wrong"
)]
#![allow(clippy::disallowed_methods, reason = "it measures time")]

//! How long 1,000 rules take: `cargo run --release -p rules --example book_bench`. PromQL over 10,000
//! series in memory, the states of alerts, and a checkpoint.

use std::collections::BTreeMap;
use std::time::Instant;

use promql::{Data, Labels, Memory, Options, Sample, Value, instant};
use rules::book::{Book, Definition, Evaluation, Flapping, Missing, MissingPolicy, Settings};
use rules::{Answers, Query, Reading, parse_rules, wire};

const GROUPS: usize = 10;
const RULES: usize = 100;

fn definition(group: usize) -> Definition {
    let rule = |n: usize| {
        let threshold = if n.is_multiple_of(10) { 0 } else { 1_000_000 };
        format!(
            "  - {{alert: A{n}, expr: 'sum by (job, i) (rate(m{n}[5m])) > {threshold}', for: 1m, labels: {{severity: page}}, annotations: {{summary: '{{{{ $labels.i }}}} has {{{{ $value | humanize }}}}'}}}}\n"
        )
    };
    let rules: String = (0..RULES).map(rule).collect();
    let text = format!("groups:\n- name: g{group}\n  rules:\n{rules}");
    let settings = Settings {
        interval: 60_000,
        query_offset: 0,
        resend: 60_000,
        external_labels: BTreeMap::new(),
        external_url: "http://here".to_owned(),
        missing: Missing { policy: MissingPolicy::Keep, keep_for: 1_800_000 },
        flapping: Flapping { changes: 5, within: 1_800_000, quiet: 600_000 },
    };
    let group = parse_rules(&text, Reading::default()).unwrap().remove(0);
    Definition { file: "f.yml".to_owned(), group, settings }
}

/// 100 series of each of 100 metrics, each with a sample in 15 seconds for an hour.
fn series() -> Memory {
    let mut memory = Memory::default();
    for metric in 0..RULES {
        for n in 0..100 {
            let labels =
                Labels::new([("__name__", format!("m{metric}")), ("i", n.to_string()), ("job", "j".to_owned())]);
            let sample = |at: i64| Sample { t: at * 15_000, start: 0, value: Value::Float((at * n) as f64) };
            memory.append(&labels, (0..240).map(sample));
        }
    }
    memory
}

fn main() {
    let (memory, mut book) = (series(), Book::default());
    let definitions: Vec<Definition> = (0..GROUPS).map(definition).collect();
    for definition in &definitions {
        book.define(1, definition.clone(), 0);
    }
    for round in 50..55 {
        let t = round * 60_000;
        let (mut asked, mut taken, mut told) = (0.0, 0.0, 0);
        for definition in &definitions {
            for (rule, place) in definition.group.rules.iter().zip(0..) {
                let began = Instant::now();
                let Query::Promql { text, expr } = &rule.query else { continue };
                let Data::Vector(found) = instant(&memory, &Options::default(), text, expr, t).unwrap().data else {
                    continue;
                };
                let vector: Vec<_> = found.into_iter().map(|it| (it.labels, it.points[0].value.clone())).collect();
                asked += began.elapsed().as_secs_f64();
                let began = Instant::now();
                let read = wire::decode(&wire::encode(&vector).unwrap()).unwrap();
                let evaluation = Evaluation {
                    file: definition.file.clone(),
                    group: definition.group.name.clone(),
                    rule: place,
                    generation: 1,
                    t,
                    took: 0.0,
                    result: Ok(read),
                    inputs: BTreeMap::new(),
                    queries: Answers::default(),
                };
                told += book.evaluated(evaluation).told.len();
                taken += began.elapsed().as_secs_f64();
            }
        }
        let began = Instant::now();
        let saved = book.save().unwrap();
        let save = began.elapsed().as_secs_f64();
        println!(
            "1,000 rules: queries {asked:.3} s, states {taken:.3} s, {told} alerts told; checkpoint of {} KiB {save:.3} s",
            saved.len() >> 10
        );
    }
}
