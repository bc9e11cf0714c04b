use super::Random;

const PLAIN: [&str; 24] = [
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "resets",
    "changes",
    "deriv",
    "avg_over_time",
    "sum_over_time",
    "count_over_time",
    "present_over_time",
    "min_over_time",
    "max_over_time",
    "first_over_time",
    "last_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "mad_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_min_over_time",
    "ts_of_max_over_time",
    "rate",
];
const SELECTORS: [&str; 6] =
    ["requests_total", "temperature", "latency", "mixed", r#"{job="a"}"#, r#"{__name__=~"requests_total|mixed"}"#];
const AGGREGATIONS: [&str; 8] = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const GROUPINGS: [&str; 5] = ["", "by (job)", "by (nothing)", "without (instance)", "by (job, instance)"];

fn modifiers(random: &mut Random) -> &'static str {
    random.of(&["", "", "", "", " offset 1m", " offset -2m", " @ 900", " @ end()", " @ start() offset 3m"])
}

fn ranged(random: &mut Random) -> String {
    let selector = random.of(&SELECTORS);
    let range = random.of(&["15s", "1m", "5m", "20m", "1h"]);
    let modifiers = modifiers(random);
    if !random.one_in(5) {
        return format!("{selector}[{range}]{modifiers}");
    }
    let inner = match random.below(4) {
        0 => format!("rate({selector}[2m])"),
        1 => format!("sum by (job) ({selector})"),
        2 => "vector(time())".to_owned(),
        _ => selector.to_owned(),
    };
    let step = random.of(&["", "17s", "2m"]);
    format!("{inner}[{range}:{step}]{modifiers}")
}

fn call(random: &mut Random) -> String {
    let ranged = ranged(random);
    match random.below(12) {
        0 | 1 => {
            let q =
                random.of(&["0.5", "0.99", "-1", "NaN", "time() % 7 / 6", "scalar(temperature{instance=\"0\"}) / 50"]);
            format!("quantile_over_time({q}, {ranged})")
        }
        2 => format!("predict_linear({ranged}, 60)"),
        3 => format!("double_exponential_smoothing({ranged}, 0.5, 0.3)"),
        4 => {
            let selector = random.of(&SELECTORS);
            let function = random.of(&["rate", "increase", "delta"]);
            let extension = random.of(&["anchored", "smoothed"]);
            format!("{function}({selector}[5m] {extension})")
        }
        _ => format!("{}({ranged})", random.of(&PLAIN)),
    }
}

/// An expression whose values are changed one by one.
fn changed(random: &mut Random, inner: &str) -> String {
    match random.below(11) {
        0 => format!("-({inner})"),
        1 => format!("+{inner}"),
        2 => format!("{inner} * 2"),
        3 => format!("({inner}) / time()"),
        4 => format!("3 - ({inner})"),
        5 => format!("({inner}) > bool 10"),
        6 => format!("100 > ({inner})"),
        7 => format!("abs({inner})"),
        8 => format!("clamp({inner}, 1, time() % 50)"),
        9 => format!("round(({inner}), 0.5)"),
        _ => format!("{}({inner})", random.of(&["histogram_count", "histogram_stddev", "hour", "sqrt"])),
    }
}

/// An expression: mostly an aggregation over what is evaluated series by series.
pub(super) fn query(random: &mut Random) -> String {
    let mut inner = match random.below(5) {
        0 => format!("{}{}", random.of(&SELECTORS), modifiers(random)),
        _ => call(random),
    };
    while random.one_in(3) {
        inner = changed(random, &inner);
    }
    if random.one_in(3) {
        return inner;
    }
    let (aggregation, grouping) = (random.of(&AGGREGATIONS), random.of(&GROUPINGS));
    let aggregated = format!("{aggregation} {grouping} ({inner})");
    if random.one_in(6) { format!("max by (job) ({aggregated})") } else { aggregated }
}
