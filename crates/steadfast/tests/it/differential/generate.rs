//! Random expressions that are mostly well typed.

use base::Rng;

/// What is asked next.
pub struct Generator<'a>(pub &'a Rng);

const SELECTED: [&str; 7] = [
    "fz_requests_total",
    "fz_temperature",
    "fz_whole",
    "fz_seconds_bucket",
    "fz_seconds_count",
    "fz_seconds_sum",
    "target_info",
];
const MATCHERS: [&str; 9] = [
    r#"job="api""#,
    r#"job!="api""#,
    r#"job=~"a.*|x""#,
    r#"code="500""#,
    r#"code!~"4..""#,
    r#"code="""#,
    r#"instance=~"i[01]""#,
    r#"le!="+Inf""#,
    r#"nothing="here""#,
];
const LABELS: [&str; 6] = ["job", "instance", "code", "le", "version", "nothing"];
const OF_VALUES: [&str; 18] = [
    "abs",
    "ceil",
    "floor",
    "sgn",
    "sqrt",
    "ln",
    "exp",
    "log2",
    "log10",
    "sin",
    "atan",
    "deg",
    "hour",
    "day_of_week",
    "minute",
    "days_in_month",
    "sort",
    "absent",
];
const OF_RANGES: [&str; 24] = [
    "rate",
    "increase",
    "delta",
    "idelta",
    "irate",
    "deriv",
    "changes",
    "resets",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "sum_over_time",
    "count_over_time",
    "last_over_time",
    "first_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "present_over_time",
    "absent_over_time",
    "mad_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "ts_of_last_over_time",
    "ts_of_first_over_time",
];
const AGGREGATIONS: [&str; 8] = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const ARITHMETIC: [&str; 6] = ["+", "-", "*", "/", "%", "^"];
const COMPARISONS: [&str; 6] = ["==", "!=", "<", ">", "<=", ">="];
const SETS: [&str; 3] = ["and", "or", "unless"];
const WINDOWS: [&str; 6] = ["15s", "1m", "2m30s", "5m", "10m", "31s"];
const NUMBERS: [&str; 10] = ["0", "1", "-1", "0.5", "2", "10", "1e3", "NaN", "Inf", "0.999"];

impl Generator<'_> {
    fn one<'b>(&self, of: &[&'b str]) -> &'b str {
        of[self.0.below(of.len() as u64) as usize]
    }

    fn chance(&self, in_of: u64) -> bool {
        self.0.below(in_of) == 0
    }

    /// An instant vector, or rarely a scalar.
    pub fn query(&self) -> String {
        if self.chance(15) { self.scalar(2) } else { self.vector(3) }
    }

    fn scalar(&self, depth: u64) -> String {
        match self.0.below(if depth == 0 { 2 } else { 5 }) {
            0 => self.one(&NUMBERS).to_owned(),
            1 => "time()".to_owned(),
            2 => format!("scalar({})", self.vector(depth - 1)),
            3 => format!("-({})", self.scalar(depth - 1)),
            _ => format!("({} {} {})", self.scalar(depth - 1), self.one(&ARITHMETIC), self.scalar(depth - 1)),
        }
    }

    fn selector(&self, modified: bool) -> String {
        let matchers: Vec<_> = (0..self.0.below(3)).map(|_| self.one(&MATCHERS)).collect();
        let name = self.one(&SELECTED);
        let braces = if matchers.is_empty() { String::new() } else { format!("{{{}}}", matchers.join(", ")) };
        format!("{name}{braces}{}", if modified { self.modifier() } else { "" })
    }

    fn modifier(&self) -> &'static str {
        const MODIFIERS: [&str; 7] =
            [" offset 1m", " offset -2m", " offset 17s", " @ start()", " @ end()", " @ end() offset 3m", ""];
        if self.chance(5) { self.one(&MODIFIERS) } else { "" }
    }

    fn range(&self, depth: u64) -> String {
        if depth > 0 && self.chance(4) {
            let step = self.one(&["30s", "1m", "", "17s"]);
            // A fixed subquery around another finds less in Prometheus, now and then: samples of the inner one are not read.
            let offset = self.one(&["", "", "", " offset 1m", " offset -17s"]);
            return format!("({})[{}:{step}]{offset}", self.vector(depth - 1), self.one(&WINDOWS));
        }
        format!("{}[{}]{}", self.selector(false), self.one(&WINDOWS), self.modifier())
    }

    fn vector(&self, depth: u64) -> String {
        if depth == 0 {
            return self.selector(true);
        }
        match self.0.below(16) {
            0 | 1 => self.selector(true),
            2..=5 => self.of_range(depth),
            6 | 7 => self.of_values(depth),
            8..=10 => self.aggregation(depth),
            11 => format!("-{}", self.vector(depth - 1)),
            12 => format!("vector({})", self.scalar(depth - 1)),
            13 => self.with_scalar(depth),
            _ => self.binary(depth),
        }
    }

    fn of_range(&self, depth: u64) -> String {
        let range = self.range(depth);
        match self.0.below(16) {
            0 => format!("quantile_over_time({}, {range})", self.one(&NUMBERS)),
            1 => format!("predict_linear({range}, {})", self.one(&["60", "-30", "3600"])),
            2 => format!("double_exponential_smoothing({range}, 0.4, 0.6)"),
            3 => {
                format!("histogram_quantile({}, rate(fz_seconds_bucket[{}]))", self.one(&NUMBERS), self.one(&WINDOWS))
            }
            _ => format!("{}({range})", self.one(&OF_RANGES)),
        }
    }

    fn of_values(&self, depth: u64) -> String {
        let inner = self.vector(depth - 1);
        match self.0.below(10) {
            0 => format!("clamp({inner}, {}, {})", self.one(&NUMBERS), self.one(&NUMBERS)),
            1 => format!("clamp_min({inner}, {})", self.one(&NUMBERS)),
            2 => format!("clamp_max({inner}, {})", self.one(&NUMBERS)),
            3 => format!("round({inner}, {})", self.one(&["0.1", "5", "3", "0.25"])),
            4 => format!(r#"label_replace({inner}, "to", "x-$1", "instance", "i(.*)")"#),
            // What is left of two large numbers has few digits: not the time itself.
            6 => format!("(timestamp({inner}) - time())"),
            5 => format!(r#"label_join({inner}, "to", "/", "job", "code")"#),
            _ => format!("{}({inner})", self.one(&OF_VALUES)),
        }
    }

    fn labels(&self) -> String {
        (0..self.0.below(3)).map(|_| self.one(&LABELS)).collect::<Vec<_>>().join(", ")
    }

    fn aggregation(&self, depth: u64) -> String {
        let inner = self.vector(depth - 1);
        let grouping = match self.0.below(3) {
            0 => String::new(),
            1 => format!(" by ({})", self.labels()),
            _ => format!(" without ({})", self.labels()),
        };
        match self.0.below(10) {
            // Which of equal values is picked is nobody's promise: these differ.
            0 => {
                let (operator, count) = (self.one(&["topk", "bottomk"]), self.one(&["1", "2", "5"]));
                format!("{operator}{grouping} ({count}, avg_over_time(fz_level[{}]))", self.one(&WINDOWS))
            }
            1 => format!("quantile{grouping} ({}, {inner})", self.one(&NUMBERS)),
            // The last digit of a logarithm or a sine is that of the library.
            2 => format!(r#"count_values{grouping} ("v", round({inner}, 0.25))"#),
            _ => format!("{}{grouping} ({inner})", self.one(&AGGREGATIONS)),
        }
    }

    fn with_scalar(&self, depth: u64) -> String {
        let (vector, scalar) = (self.vector(depth - 1), self.scalar(1));
        let operator = if self.chance(2) { self.one(&ARITHMETIC) } else { self.one(&COMPARISONS) };
        let bool_ = if COMPARISONS.contains(&operator) && self.chance(2) { " bool" } else { "" };
        if self.chance(2) {
            format!("({vector}) {operator}{bool_} {scalar}")
        } else {
            format!("{scalar} {operator}{bool_} ({vector})")
        }
    }

    fn binary(&self, depth: u64) -> String {
        let (left, right) = (self.vector(depth - 1), self.vector(depth - 1));
        let matching = match self.0.below(4) {
            0 => format!(" on ({})", self.labels()),
            1 => format!(" ignoring ({})", self.labels()),
            _ => String::new(),
        };
        match self.0.below(5) {
            0 => format!("({left}) {}{matching} ({right})", self.one(&SETS)),
            1 => {
                let bool_ = if self.chance(2) { " bool" } else { "" };
                format!("({left}) {}{bool_}{matching} ({right})", self.one(&COMPARISONS))
            }
            2 if !matching.is_empty() => {
                let side = self.one(&["group_left", "group_right"]);
                format!("({left}) {}{matching} {side} ({}) ({right})", self.one(&ARITHMETIC), self.labels())
            }
            _ => format!("({left}) {}{matching} ({right})", self.one(&ARITHMETIC)),
        }
    }
}
