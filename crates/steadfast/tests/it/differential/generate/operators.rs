//! Aggregations and operators between two expressions.

use super::Generator;

pub(super) const ARITHMETIC: [&str; 7] = ["+", "-", "*", "/", "%", "^", "atan2"];
pub(super) const COMPARISONS: [&str; 6] = ["==", "!=", "<", ">", "<=", ">="];
const AGGREGATIONS: [&str; 8] = ["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"];
const SETS: [&str; 3] = ["and", "or", "unless"];

impl Generator<'_> {
    fn grouping(&self) -> String {
        match self.below(3) {
            0 => String::new(),
            1 => format!(" by ({})", self.labels()),
            _ => format!(" without ({})", self.labels()),
        }
    }

    pub(super) fn aggregation(&self, depth: u64) -> String {
        let (inner, grouping) = (self.vector(depth - 1), self.grouping());
        let aggregated = |operator: &str, arguments: String| {
            if self.chance(4) {
                format!("{operator}({arguments}){grouping}")
            } else {
                format!("{operator}{grouping} ({arguments})")
            }
        };
        match self.below(14) {
            // Which of equal values is picked is nobody's promise: these differ.
            0 | 1 => {
                let count = self.one(&["1", "2", "5", "0", "-1", "2.7", "NaN", "scalar(fz_seconds_count)", "1e30"]);
                let of = format!("{count}, avg_over_time(fz_level[{}])", self.window());
                aggregated(self.one(&["topk", "bottomk"]), of)
            }
            2 => aggregated("quantile", format!("{}, {inner}", self.scalar(1))),
            // The last digit of a logarithm or a sine is that of the library.
            3 => {
                let label = self.one(&["v", "v", "job", "a.b", ""]);
                aggregated("count_values", format!(r#""{label}", round({inner}, 0.25)"#))
            }
            4 => aggregated("count_values", format!(r#""v", {}"#, self.series())),
            5 => aggregated(
                "limit_ratio",
                format!("{}, {}", self.one(&["0.5", "-0.3", "1", "0", "-1", "1.7", "NaN"]), self.series()),
            ),
            6 => aggregated("limitk", format!("{}, {}", self.one(&["1", "3", "0", "-2", "100"]), self.series())),
            _ => aggregated(self.one(&AGGREGATIONS), inner),
        }
    }

    pub(super) fn with_scalar(&self, depth: u64) -> String {
        let (vector, scalar) = (self.vector(depth - 1), self.scalar(1));
        let operator = if self.chance(2) { self.one(&ARITHMETIC) } else { self.one(&COMPARISONS) };
        let bool_ = if COMPARISONS.contains(&operator) && self.chance(2) { " bool" } else { "" };
        if self.chance(2) {
            format!("({vector}) {operator}{bool_} {scalar}")
        } else {
            format!("{scalar} {operator}{bool_} ({vector})")
        }
    }

    pub(super) fn binary(&self, depth: u64) -> String {
        let left = self.vector(depth - 1);
        let right = if self.chance(5) { left.clone() } else { self.vector(depth - 1) };
        let matching = match self.below(4) {
            0 => format!(" on ({})", self.labels()),
            1 => format!(" ignoring ({})", self.labels()),
            _ => String::new(),
        };
        // One for the side of a group differs between versions of Prometheus.
        let fill = if self.chance(8) {
            self.one(&[" fill (0)", " fill_left (1)", " fill_right (-1)", " fill_left (2) fill_right (0.5)"])
        } else {
            ""
        };
        match self.below(5) {
            0 => format!("({left}) {}{matching} ({right})", self.one(&SETS)),
            1 => {
                let bool_ = if self.chance(2) { " bool" } else { "" };
                format!("({left}) {}{bool_}{matching}{fill} ({right})", self.one(&COMPARISONS))
            }
            2 if !matching.is_empty() => {
                let side = self.one(&["group_left", "group_right"]);
                let fill = if side == "group_right" { "" } else { fill };
                let operator = if self.chance(4) { self.one(&COMPARISONS) } else { self.one(&ARITHMETIC) };
                format!("({left}) {operator}{matching} {side} ({}){fill} ({right})", self.labels())
            }
            // Without parentheses: what binds before what matters.
            3 => format!(
                "{left} {}{matching} {right} {} {}",
                self.one(&ARITHMETIC),
                self.one(&ARITHMETIC),
                self.scalar(1)
            ),
            _ => format!("({left}) {}{matching}{fill} ({right})", self.one(&ARITHMETIC)),
        }
    }
}
