//! LogQL over lines: the first line is a query, the others are what it is asked of. What the plan of a query leaves
//! out changes no answer, and limits are kept.

use std::cell::Cell;

use logql::{
    Direction, Entries, Expr, Labels, Limits, LogQuery, Memory, Options, Pipeline, Selection, Steps, Storage,
    StorageError, parse,
};

use super::logql::CASES;
use crate::{input, seeds};

const ASKED: u32 = 5_000;
const SECOND: i64 = 1_000_000_000;

pub fn seeds() -> Vec<Vec<u8>> {
    let lines = "level=info msg=\"hello \\\"world\\\"\" took=15ms size=5KB\n{\"a\":{\"b\":[1,\"x\"]},\"_entry\":\"e\",\"c\":null}\n\
                 10.1.2.3 - - [x] \"GET / HTTP/1.1\" 200 \u{1b}[31mred\u{1b}[0m é\n=a b== \"\n";
    let mut seeds: Vec<Vec<u8>> =
        seeds::queries(&CASES).into_iter().map(|query| [query.as_slice(), b"\n", lines.as_bytes()].concat()).collect();
    seeds.push(seeds::growing("{app=\"a\"} | json\n{\"a\":", "[", "\n"));
    seeds.push(seeds::growing("{app=\"a\"} | json\n{", "\"a\":1,", "\"b\":2}\n"));
    seeds.push(seeds::growing("{app=\"a\"} | logfmt\n", "a=\"b\" ", "\n"));
    seeds.push(seeds::growing("{app=\"a\"} | pattern \"<a> <b>\"\n", "c ", "\n"));
    seeds.push(seeds::growing("{app=\"a\"} |= \"aab\"\n", "a", "\n"));
    seeds
}

/// The same entries without leaving out any by their texts.
struct Everything<'a>(&'a Memory);

impl Storage for Everything<'_> {
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn Entries + '_>, StorageError> {
        self.0.select(&Selection { texts: Vec::new(), ..selection.clone() })
    }
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    let (query, lines) = text.split_once('\n').unwrap_or((&text, "a=b"));
    let Ok(expr) = parse(query) else { return };
    let mut memory = Memory::default();
    let streams = [Labels::new([("app", "a"), ("env", "p")]), Labels::new([("app", "b"), ("a", "1")])];
    for (n, line) in lines.lines().take(20).enumerate() {
        let metadata = if n % 3 == 0 { Labels::new([("trace", "x")]) } else { Labels::empty() };
        memory.add(&streams[n % 2], n as i64 * SECOND, line, metadata);
    }
    let planned = answer(&memory, &expr);
    let whole = answer(&Everything(&memory), &expr);
    match (&planned, &whole) {
        (Ok(planned), Ok(whole)) => assert_eq!(planned, whole, "{query}"),
        // What is left out counts for no limit, and raises no error of a stage.
        (Ok(_), Err(_)) | (Err(_), Err(_)) => {}
        (Err(error), Ok(_)) => panic!("{query}: {error}"),
    }
    if let Expr::Logs(logs) = &expr {
        let pipeline = Pipeline::new(logs, 0).unwrap_or_else(|error| panic!("{query}: {error}"));
        for line in lines.lines().take(20) {
            let (mut first, mut second) = (pipeline.work(), pipeline.work());
            let found = pipeline.run(&mut first, &streams[0], &(), 0, line);
            assert_eq!(pipeline.run(&mut second, &streams[0], &(), 0, line), found);
            if found.is_some() {
                assert_eq!(first.labels(|_| true), second.labels(|_| true));
            }
        }
    }
}

fn answer(storage: &dyn Storage, expr: &Expr) -> Result<String, String> {
    let asked = Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        asked.get() < ASKED
    };
    let limits =
        Limits { entries: 2_000, bytes: 1 << 20, samples: 5_000, series: 50, steps: 50, ..Limits::default() };
    let options = Options { limits, go_on: &go_on, now: 30 * SECOND };
    let found = match expr {
        Expr::Logs(logs) => {
            let query = LogQuery {
                start: 0,
                end: 100 * SECOND,
                limit: 15,
                direction: Direction::Forward,
                interval: 0,
                categorize: true,
            };
            logql::logs(storage, &options, logs, &query)
        }
        Expr::Metric(_) => {
            let steps = Steps::new(0, 40 * SECOND, 3 * SECOND).expect("steps");
            logql::range(storage, &options, expr, steps)
        }
    };
    found.map(|answer| format!("{:?}", answer.data)).map_err(|error| error.to_string())
}
