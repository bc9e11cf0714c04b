//! Queries that a grammar makes, and those with mistakes in them.

use base::Rng;
use logql::{Data, Expr, Labels, Memory, Options, Steps, parse};

struct Grammar(Rng);

impl Grammar {
    fn pick<'a>(&self, items: &[&'a str]) -> &'a str {
        items[self.0.below(items.len() as u64) as usize]
    }

    fn chance(&self, of: u64) -> bool {
        self.0.below(of) == 0
    }

    fn text(&self) -> String {
        self.pick(&["\"x\"", "`y.z`", "\"a\\\"b\\n\"", "\"é\"", "\"\""]).to_owned()
    }

    fn name(&self) -> &'static str {
        self.pick(&["a", "b_1", "sum", "ip", "__error__", "duration", "rate"])
    }

    fn matcher(&self) -> String {
        format!("{}{}{}", self.name(), self.pick(&["=", "!=", "=~", "!~"]), self.text())
    }

    fn several(&self, item: impl Fn() -> String) -> String {
        let count = 1 + self.0.below(3);
        (0..count).map(|_| item()).collect::<Vec<_>>().join(",")
    }

    fn filter(&self, depth: u64) -> String {
        match self.0.below(if depth == 0 { 4 } else { 8 }) {
            0 => self.matcher(),
            1 => format!("{}{}{}", self.name(), self.pick(&[">", "<=", "==", "!="]), self.pick(&["1", "-2.5", "1e3"])),
            2 => {
                format!("{}{}{}", self.name(), self.pick(&["<", ">=", "="]), self.pick(&["5m", "1.5s", "20MB", "3KiB"]))
            }
            3 => format!("{}=ip(\"10.0.0.0/8\")", self.name()),
            4 => format!("({})", self.filter(depth - 1)),
            5 => format!("{} and {}", self.filter(depth - 1), self.filter(depth - 1)),
            6 => format!("{} or {}", self.filter(depth - 1), self.filter(depth - 1)),
            _ => format!("{}, {}", self.filter(depth - 1), self.filter(depth - 1)),
        }
    }

    fn stage(&self) -> String {
        let formats = || format!("{}={}", self.pick(&["c", "d"]), self.pick(&["e", "\"{{.f}}\"", "`g`"]));
        let chosen = || if self.chance(2) { self.name().to_owned() } else { self.matcher() };
        match self.0.below(13) {
            0 => format!("{} {}", self.pick(&["|=", "!=", "|~", "!~"]), self.text()),
            1 => format!("{} {} or {}", self.pick(&["|=", "!="]), self.text(), self.text()),
            2 => "|= ip(\"::1\")".to_owned(),
            3 => "| json".to_owned(),
            4 => format!("| json {}", self.several(|| format!("{}=\"h.i[0]\"", self.name()))),
            5 => format!("| logfmt {}", self.pick(&["", "--strict", "--keep-empty --strict a, b=\"c\""])),
            6 => "| pattern \"<j> <_> \\\"<k>\"".to_owned(),
            7 => "| regexp \"(?P<l>.)\"".to_owned(),
            8 => format!("| {}", self.pick(&["unpack", "decolorize"])),
            9 => format!("| {}", self.filter(3)),
            10 => "| line_format \"{{.m}} {{ __line__ }}\"".to_owned(),
            11 => format!("| label_format {}", formats()),
            _ => format!("| {} {}", self.pick(&["drop", "keep"]), self.several(chosen)),
        }
    }

    fn logs(&self) -> String {
        let stages: Vec<String> = (0..self.0.below(4)).map(|_| self.stage()).collect();
        format!("{{n=\"o\",{}}} {}", self.several(|| self.matcher()), stages.join(" "))
    }

    fn grouping(&self) -> String {
        if self.chance(2) {
            return String::new();
        }
        let names = if self.chance(4) { String::new() } else { self.several(|| self.name().to_owned()) };
        format!("{} ({names})", self.pick(&["by", "without"]))
    }

    fn range(&self) -> String {
        let range = format!("[{}] {}", self.pick(&["5m", "1h30m", "1d"]), self.pick(&["", "offset 5m", "offset -90s"]));
        if self.chance(2) {
            let op = self.pick(&["rate", "count_over_time", "bytes_rate", "bytes_over_time", "absent_over_time"]);
            return format!("{op}({}{range})", self.logs());
        }
        let unwrap = self.pick(&["a", "duration(b)", "bytes(c)", "a | __error__=\"\""]);
        let source = format!("{} | unwrap {unwrap} {range}", self.logs());
        match self.0.below(3) {
            0 => format!("quantile_over_time(0.9, {source}) {}", self.grouping()),
            1 => format!("{}({source}) {}", self.pick(&["avg_over_time", "first_over_time"]), self.grouping()),
            _ => format!("{}({source})", self.pick(&["sum_over_time", "rate_counter", "rate"])),
        }
    }

    fn metric(&self, depth: u64) -> String {
        match self.0.below(if depth == 0 { 3 } else { 9 }) {
            0 => self.range(),
            1 => format!("vector({})", self.pick(&["1", "0.5"])),
            2 => self.pick(&["1", "-2.5", "3e7"]).to_owned(),
            3 => format!("{} {} ({})", self.pick(&["sum", "avg", "count"]), self.grouping(), self.metric(depth - 1)),
            4 => format!("topk(3, {}) {}", self.metric(depth - 1), self.grouping()),
            5 => format!("({})", self.metric(depth - 1)),
            6 => format!("label_replace({}, \"p\", \"$1\", \"q\", \"(.*)\")", self.metric(depth - 1)),
            _ => {
                let op = self.pick(&["+", "-", "*", "/", "%", "^", "==", "> bool", "and", "or", "unless"]);
                let matching =
                    self.pick(&["", "", "on (a)", "ignoring (a, b)", "on (a) group_left (c)", "on () group_right"]);
                format!("{} {op} {matching} {}", self.metric(depth - 1), self.metric(depth - 1))
            }
        }
    }

    fn query(&self) -> String {
        if self.chance(3) { self.logs() } else { self.metric(4) }
    }
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    let grammar = Grammar(Rng::seeded(11));
    let mut read = 0;
    for _ in 0..1_500 {
        let query = grammar.query();
        // A number in a set operation, or a sum that is one number, is no query.
        let Ok(expr) = parse(&query) else { continue };
        let printed = expr.to_string();
        // What is no finite number cannot be written.
        if printed.contains("NaN") || printed.contains("Inf") {
            continue;
        }
        let again = parse(&printed).unwrap_or_else(|error| panic!("{query}\n{printed}\n{error}"));
        assert!(again == expr, "{query}\n{printed}\n{again}");
        assert_eq!(again.to_string(), printed, "{query}");
        read += 1;
    }
    assert!(read > 900, "only {read} of the queries could be read");
}

#[test]
fn mistakes_are_refused_without_a_panic() {
    let grammar = Grammar(Rng::seeded(12));
    let rng = Rng::seeded(13);
    let odd = ["(", ")", "{", "}", "[", "]", "\"", "`", "|", "é", "#", "by", "offset", "1m", "\\", "\u{0}", ","];
    for _ in 0..1_500 {
        let mut query: Vec<char> = grammar.query().chars().collect();
        for _ in 0..=rng.below(3) {
            let at = rng.below(query.len() as u64) as usize;
            match rng.below(3) {
                0 => query.truncate(at),
                1 => query.splice(at..=at, []).for_each(drop),
                _ => query.splice(at..at, odd[rng.below(odd.len() as u64) as usize].chars()).for_each(drop),
            }
            if query.is_empty() {
                break;
            }
        }
        let query: String = query.into_iter().collect();
        if let Err(error) = parse(&query) {
            let lines = query.lines().count().max(1);
            assert!(error.line <= lines && !error.message.is_empty(), "{query}: {error}");
        }
    }
}

/// Any query is evaluated without a panic, and at a step of a range as at that time alone.
#[test]
fn a_range_is_many_instants() {
    let grammar = Grammar(Rng::seeded(14));
    let rng = Rng::seeded(15);
    let mut memory = Memory::default();
    for n in 0..200_i64 {
        let labels = Labels::new([("n", "o"), ("b_1", if n % 2 == 0 { "x" } else { "y.z" })]);
        let line =
            format!("a={} b_1=1m{}s c={}KB sum=x {}", rng.below(9), n % 60, n, grammar.pick(&["x", "y", "=", ""]));
        let ts = i64::try_from(rng.below(3_000)).unwrap() * 1_000_000_000;
        memory.add(&labels, ts, line, Labels::new([("a", grammar.pick(&["1", "x", ""]))]));
    }
    let options = Options::default();
    let steps = Steps::new(0, 3_000_000_000_000, 170_000_000_000).unwrap();
    let mut compared = 0;
    for _ in 0..500 {
        let query = grammar.query().replace(",__error__", ",x").replace("1d", "10m");
        let Ok(expr @ Expr::Metric(_)) = parse(&query) else { continue };
        let Ok(answer) = logql::range(&memory, &options, &expr, steps) else { continue };
        let Data::Matrix(series) = answer.data else { panic!("{query} gives no matrix") };
        let step = usize::try_from(rng.below(steps.count() as u64)).unwrap();
        let at = steps.at(step);
        let mut of_range: Vec<(Labels, f64)> = Vec::new();
        for series in &series {
            let point = series.points.iter().find(|point| point.ts == at);
            of_range.extend(point.map(|point| (series.labels.clone(), point.value)));
        }
        let mut of_instant: Vec<(Labels, f64)> = match logql::instant(&memory, &options, &expr, at).unwrap().data {
            Data::Vector(samples) => samples.into_iter().map(|sample| (sample.labels, sample.point.value)).collect(),
            Data::Scalar(point) => vec![(Labels::empty(), point.value)],
            data => panic!("{query} gives {data:?}"),
        };
        of_instant.sort_by(|a, b| a.0.cmp(&b.0));
        let same = of_range.len() == of_instant.len()
            && of_range.iter().zip(&of_instant).all(|((a, x), (b, y))| a == b && close(*x, *y));
        assert!(same, "{query} at {at}\n{of_range:?}\n{of_instant:?}");
        compared += usize::from(!of_range.is_empty());
    }
    assert!(compared > 60, "only {compared} had an answer to compare");
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 * a.abs().max(b.abs())
}
