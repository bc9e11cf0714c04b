//! Figures of docs/benchmarks.md: how fast metrics are judged, on one core. `speed_bench [METRICS]`. Time is that of the
//! processor, so that what else runs on the machine changes little.
#![allow(missing_docs, dead_code, clippy::print_stdout, reason = "an example prints")]

#[path = "../tests/sim/mod.rs"]
mod sim;

use std::hint::black_box;
use std::time::Duration;

use judge::request::{Direction, MetricConfig, MetricSetPair, Settings, Thresholds};
use judge::sequential::counts::{Grid, Null, Tick, Wealth};
use judge::sequential::{Measured, Plan, Run};
use judge::{Judge, Request};
use sim::{Arms, Random, Regime};

const INTERVALS: usize = 60;
/// The e-processes of the tick that is measured, and how many ticks.
const PROCESSES: usize = 100_000;
const TICKS: usize = 50;

const REGIMES: [(&str, Regime); 3] = [
    ("a level", Regime::Level { memory: 0.3, noise: 0.0 }),
    ("counts of 3", Regime::Counts { mean: 3.0, fano: 1.0 }),
    ("counts of 300", Regime::Counts { mean: 300.0, fano: 1.0 }),
];

/// What this thread has run.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

fn since(start: Duration) -> f64 {
    (busy() - start).as_secs_f64()
}

fn config() -> MetricConfig {
    MetricConfig { direction: Direction::Increase, ..MetricConfig::new("m") }
}

fn pair((control, experiment): &Arms) -> MetricSetPair {
    MetricSetPair { control: control.clone(), experiment: experiment.clone(), ..Default::default() }
}

/// Observes and looks at every interval; looks a second after the first so many intervals.
fn looks(metrics: &[Arms], before: usize) -> f64 {
    let plan = |arms: &Arms| Plan { share: 1.0, ..Plan::new(&config(), &pair(arms)) };
    let settings = Settings { lifetime: Some(usize::MAX), ..Settings::default() };
    let mut runs: Vec<Run> = metrics.iter().map(|arms| Run::new(vec![plan(arms)], settings)).collect();
    let at = |arms: &Arms, n: usize| {
        arms.0.get(n).zip(arms.1.get(n)).map(|(a, b)| Measured { baseline: *a, canary: *b, exposure: (1.0, 1.0) })
    };
    let length = metrics.first().map_or(0, |arms| arms.0.len());
    let mut start = busy();
    for n in 0..length {
        if n == before {
            start = busy();
        }
        for (run, arms) in runs.iter_mut().zip(metrics) {
            run.observe([at(arms, n)]);
            black_box(run.look());
        }
    }
    (metrics.len() * (length - before)) as f64 / since(start)
}

/// Whole requests of one pair a second.
fn whole(judge: Judge, metrics: &[Arms]) -> f64 {
    let request = |arms: &Arms| Request {
        judge: None,
        settings: Settings::default(),
        group_weights: Default::default(),
        thresholds: Thresholds { pass: 95.0, marginal: 75.0 },
        metrics: vec![(config(), pair(arms))],
    };
    let requests: Vec<Request> = metrics.iter().map(request).collect();
    let start = busy();
    for request in &requests {
        let _ = black_box(judge.judge(request));
    }
    metrics.len() as f64 / since(start)
}

/// Milliseconds of a tick: each process has weights and counts of its own, and its e-value is read.
fn tick() -> f64 {
    let grid = Grid::new(Null::AtMost, 1.1);
    let mut random = Random(5);
    let mut ticks = |n: usize| {
        let part = 0.05 + 0.45 * (n % 97) as f64 / 97.0;
        let events = (random.poisson(6.0 * (1.0 - part)), random.poisson(6.0 * part));
        Tick { exposure: (1_000.0 * (1.0 - part), 1_000.0 * part), events }
    };
    let given: Vec<Tick> = (0..PROCESSES).map(&mut ticks).collect();
    let mut processes = vec![Wealth::default(); PROCESSES];
    let start = busy();
    for n in 0..TICKS {
        let mut most = f64::NEG_INFINITY;
        for (process, tick) in processes.iter_mut().zip(given.iter().cycle().skip(n * 1_009)) {
            grid.bet(process, tick);
            most = most.max(process.ln_e());
        }
        black_box(most);
    }
    since(start) * 1e3 / TICKS as f64
}

fn main() {
    let metrics = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(500);
    let simulated = |regime: Regime, intervals: usize| -> Vec<Arms> {
        (0..metrics).filter_map(|seed| regime.run(&mut Random(seed), intervals, 1.0).pop()).collect()
    };
    println!(
        "| a second | first hour | tenth hour | whole, {INTERVALS} intervals | `classic` |\n|---|---|---|---|---|"
    );
    for (name, regime) in REGIMES {
        let (hour, hours) = (simulated(regime, INTERVALS), simulated(regime, 10 * INTERVALS));
        let few = hours.get(..hours.len() / 10 + 1).unwrap_or_default();
        let (first, tenth) = (looks(&hour, 0), looks(few, 9 * INTERVALS));
        let (ours, classic) = (whole(Judge::Sequential, &hour), whole(Judge::Classic, &hour));
        println!("| {name} | {first:.0} | {tenth:.0} | {ours:.0} | {classic:.0} |");
    }
    println!("\n{PROCESSES} e-processes a tick: {:.1} ms (mean of {TICKS})", tick());
}
