//! How many lines by second pipelines look at: `cargo run --release -p logql --example logql_bench`.

#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use base::Clock;
use logql::{Data, Expr, Labels, Memory, Options, Pipeline, Steps, parse};

const LINES: usize = 200_000;

fn lines() -> Vec<String> {
    let line = |n: usize| {
        let (level, status) = if n.is_multiple_of(50) { ("error", 500) } else { ("info", 200) };
        format!(
            r#"{{"ts":"2026-01-02T03:04:05Z","level":"{level}","msg":"request {n} done","status":{status},"took":"{}ms","http":{{"method":"GET","path":"/api/v1/things/{n}"}},"trace_id":"{n:032x}"}}"#,
            n % 900
        )
    };
    (0..LINES).map(line).collect()
}

fn main() {
    let clock = Clock::system();
    let lines = lines();
    let labels = Labels::new([("app", "shop"), ("pod", "shop-1")]);
    let bytes: usize = lines.iter().map(String::len).sum();
    for query in [
        r#"{app="shop"} |= "level\":\"error""#,
        r#"{app="shop"} |~ "status.:5\\d\\d""#,
        r#"{app="shop"} | json | status >= 500"#,
        r#"{app="shop"} | json status="status" | status >= 500"#,
        r#"{app="shop"} |= "error" | json | status >= 500"#,
        r#"{app="shop"} | json | line_format "{{.level}} {{.msg}}""#,
    ] {
        let Ok(Expr::Logs(logs)) = parse(query) else { continue };
        let Ok(pipeline) = Pipeline::new(&logs, 0) else { continue };
        let mut work = pipeline.work();
        let start = clock.monotonic();
        let kept = lines.iter().filter(|line| pipeline.run(&mut work, &labels, &(), 0, line).is_some()).count();
        let seconds = (clock.monotonic() - start).as_secs_f64();
        let (rate, size) = (LINES as f64 / seconds / 1e6, bytes as f64 / seconds / 1e6);
        println!("{rate:8.2} M lines/s {size:8.0} MB/s  kept {kept:6}  {query}");
    }
    let mut memory = Memory::default();
    for (line, n) in lines.into_iter().zip(0..) {
        memory.add(&labels, n * 10_000_000, line, Labels::empty());
    }
    for query in [
        r#"sum by (level) (count_over_time({app="shop"} | json [5m]))"#,
        r#"quantile_over_time(0.99, {app="shop"} | json | unwrap duration(took) [5m]) by (level)"#,
    ] {
        let (Ok(expr), Ok(steps)) = (parse(query), Steps::new(0, 2_000_000_000_000, 2_000_000_000)) else { continue };
        let start = clock.monotonic();
        let answer = logql::range(&memory, &Options::default(), &expr, steps);
        let seconds = (clock.monotonic() - start).as_secs_f64();
        let series = answer.map_or(0, |answer| if let Data::Matrix(series) = answer.data { series.len() } else { 0 });
        println!(
            "{:8.2} M lines/s over {} steps, {series} series  {query}",
            LINES as f64 / seconds / 1e6,
            steps.count()
        );
    }
}
