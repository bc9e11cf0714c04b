//! Functions.

use super::{Generator, NUMBERS};

const OF_VALUES: [&str; 40] = [
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
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "deg",
    "rad",
    "hour",
    "day_of_week",
    "day_of_month",
    "day_of_year",
    "minute",
    "month",
    "year",
    "days_in_month",
    "round",
    "sort",
    "sort_desc",
    "absent",
    "abs",
    "ceil",
    "floor",
    "start_timestamp",
    "timestamp",
];
const OF_RANGES: [&str; 30] = [
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
    "integral",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
    "ts_of_last_over_time",
    "ts_of_first_over_time",
    "rate",
    "increase",
    "avg_over_time",
    "sum_over_time",
    "last_over_time",
];
const OF_EXTENDED: [&str; 6] = ["rate", "increase", "delta", "changes", "resets", "avg_over_time"];
const OF_HISTOGRAMS: [&str; 5] =
    ["histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev", "histogram_stdvar"];
const OF_NOTHING: [&str; 8] =
    ["hour()", "minute()", "day_of_week()", "day_of_month()", "day_of_year()", "days_in_month()", "month()", "year()"];

impl Generator<'_> {
    pub(super) fn of_range(&self, depth: u64) -> String {
        let range = self.range(depth);
        match self.below(19) {
            5 => format!("integral({range}, {})", self.one(&["0", "1", "2", "3", "NaN", "step()"])),
            0 => format!("quantile_over_time({}, {range})", self.scalar(1)),
            1 => format!("predict_linear({range}, {})", self.one(&["60", "-30", "3600", "1h"])),
            2 => {
                let factors = self.one(&["0.4, 0.6", "0.1, 0.9", "1, 0", "0.5, 1.5"]);
                format!("double_exponential_smoothing({range}, {factors})")
            }
            3 | 4 => format!("{}({})", self.one(&OF_EXTENDED), self.extended()),
            _ => format!("{}({range})", self.one(&OF_RANGES)),
        }
    }

    pub(super) fn of_values(&self, depth: u64) -> String {
        let inner = self.vector(depth - 1);
        match self.below(14) {
            0 => format!("clamp({inner}, {}, {})", self.scalar(1), self.scalar(1)),
            1 => format!("clamp_min({inner}, {})", self.scalar(1)),
            2 => format!("clamp_max({inner}, {})", self.scalar(1)),
            3 => format!("round({inner}, {})", self.one(&["0.1", "5", "3", "0.25", "0", "-2", "NaN"])),
            // What is left of two large numbers has few digits: not the time itself.
            4 => format!("(timestamp({inner}) - time())"),
            5 => self.one(&OF_NOTHING).to_owned(),
            _ => format!("{}({inner})", self.one(&OF_VALUES)),
        }
    }

    pub(super) fn of_labels(&self, depth: u64) -> String {
        let inner = self.vector(depth - 1);
        match self.below(8) {
            0..=3 => {
                let to = self.one(&["to", "instance", "job", "__name__", "a.c", "", "code"]);
                let text = self.one(&["x-$1", "$1$2", "${1}0", "$$", "", "$name", "$1a", "ü"]);
                let from = self.one(&["instance", "job", "nothing", "__name__", "note", "a.b"]);
                let pattern =
                    self.one(&["i(.*)", ".*", "(?P<name>.+)", "(a)(p)?.*", "", "i[12]", "(", "([a-z]+)_(.*)", "a.b"]);
                format!(r#"label_replace({inner}, "{to}", "{text}", "{from}", "{pattern}")"#)
            }
            4 | 5 => {
                let to = self.one(&["to", "job", "__name__", "le", ""]);
                let from = self.one(&[r#", "job", "code""#, r#", "instance""#, "", r#", "nothing", "job", "job""#]);
                format!(r#"label_join({inner}, "{to}", "{}"{from})"#, self.one(&["/", "", "--"]))
            }
            _ => {
                let by = self.one(&[r#", "job""#, r#", "instance", "job""#, r#", "le""#, r#", "version", "nothing""#]);
                format!("{}({inner}{by})", self.one(&["sort_by_label", "sort_by_label_desc"]))
            }
        }
    }

    /// Native histograms, or classic ones where a function takes both.
    pub(super) fn of_histograms(&self, depth: u64) -> String {
        let inner = match self.below(8) {
            0 => self.vector(depth - 1),
            1 | 2 => self.histograms(),
            3 => format!("rate({}[{}])", self.histograms_bare(), self.window()),
            4 => format!(
                "{}({})",
                self.one(&["sum", "avg", "sum by (job)", "max without (instance)"]),
                self.histograms()
            ),
            5 => format!("sum by (le{}) (rate(fz_seconds_bucket[{}]))", self.one(&["", ", job"]), self.window()),
            6 => format!("fz_odd_bucket{}", self.one(&["", r#"{job="api"}"#, r#"{job="web"}"#])),
            _ => format!(
                "{}_over_time({}[{}])",
                self.one(&["sum", "avg", "last"]),
                self.histograms_bare(),
                self.window()
            ),
        };
        match self.below(10) {
            0..=2 => format!("histogram_quantile({}, {inner})", self.one(&NUMBERS)),
            3 | 4 => format!("histogram_fraction({}, {}, {inner})", self.one(&NUMBERS), self.one(&NUMBERS)),
            5 => {
                let label = self.one(&["q", "job", "le", "a.b"]);
                format!(r#"histogram_quantiles({inner}, "{label}", {}, {})"#, self.one(&NUMBERS), self.one(&NUMBERS))
            }
            6 => format!("({inner}) {} {}", self.one(&["</", ">/"]), self.scalar(1)),
            _ => format!("{}({inner})", self.one(&OF_HISTOGRAMS)),
        }
    }

    fn histograms_bare(&self) -> &'static str {
        self.one(&["fz_native_seconds", "fz_native_gauge", "fz_custom_seconds", "fz_mixed"])
    }

    pub(super) fn of_info(&self, depth: u64) -> String {
        let about = self.one(&[
            "",
            ", {version=~\".+\"}",
            ", {version=\"1.0\"}",
            ", {nothing=~\".*\"}",
            ", {__name__=\"fz_build_info\"}",
            ", {__name__=~\".*_info\"}",
            ", {__name__=\"fz_build_info\", branch=~\".+\"}",
            ", {branch!=\"main\", __name__=~\"fz.*info\"}",
        ]);
        format!("info({}{about})", self.vector(depth - 1))
    }
}
