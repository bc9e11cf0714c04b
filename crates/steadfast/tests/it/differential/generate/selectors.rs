//! Selectors, ranges, subqueries, and what changes the times that they look at.

use super::Generator;

const FLOATS: [&str; 14] = [
    "fz_requests_total",
    "fz_temperature",
    "fz_whole",
    "fz_level",
    "fz_seconds_bucket",
    "fz_seconds_count",
    "fz_seconds_sum",
    "target_info",
    "fz_build_info",
    "fz_sparse",
    "fz_brief",
    "fz_extreme",
    "fz_odd_bucket",
    r#"{"fz.dots"}"#,
];
const HISTOGRAMS: [&str; 4] = ["fz_native_seconds", "fz_native_gauge", "fz_custom_seconds", "fz_mixed"];
/// Without a name before the braces.
const NAMED_WITHIN: [&str; 12] = [
    r#"{__name__="fz_whole"}"#,
    r#"{__name__=~"fz_(whole|temperature)"}"#,
    r#"{__name__=~"fz_(whole|requests_total)", instance="i1"}"#,
    r#"{__name__=~"fz_seconds.+", job="api"}"#,
    r#"{__name__=~"fz_.*_seconds"}"#,
    r#"{__name__!~"fz_(extreme|now|temperature|odd.*)", instance="i0"}"#,
    r#"{"fz.dots", job=~".+"}"#,
    r#"{"a.b"="ü✓"}"#,
    r#"{"a.b"=~".*✓", instance!="i2"}"#,
    r#"{code=~"[45].."}"#,
    r#"{job="web", __name__!="fz_mixed", le=~".+"}"#,
    r#"{version!="", version!~"2.*"}"#,
];
const MATCHERS: [&str; 19] = [
    r#"job="api""#,
    r#"job!="api""#,
    r#"job=~"a.*|x""#,
    r#"job=~"""#,
    r#"job=~".*""#,
    r#"job!~"""#,
    r#"code="500""#,
    r#"code!~"4..""#,
    r#"code="""#,
    r#"code=~"(2|4)0[0-4]""#,
    r#"instance=~"i[01]""#,
    r#"instance=~"(?i:I1)""#,
    r#"instance!="""#,
    r#"le!="+Inf""#,
    r#"note=~"a.b""#,
    r#""a.b"=~"ü.""#,
    r#"nothing="here""#,
    r#"__name__=~"fz.*""#,
    r#"version=~'1\\.[^0]',"#,
];
const WINDOWS: [&str; 12] = ["15s", "1m", "2m30s", "5m", "10m", "31s", "90", "1m", "5m", "10m", "20m", "1ms"];
/// Durations that are worked out; some are none.
const WORKED_OUT: [&str; 14] = [
    "1m+30s",
    "step()*2",
    "max_of(step(), 1m)",
    "min_of(range(), 5m)+1s",
    "5m/3",
    "2^6",
    "(1m)",
    "7%4*20",
    "-(-1m)",
    "1m * 1.5",
    "step()",
    "range()",
    "1m-61s",
    "5m/0",
];

impl Generator<'_> {
    fn metric(&self) -> &'static str {
        if self.chance(4) { self.one(&HISTOGRAMS) } else { self.one(&FLOATS) }
    }

    /// An instant selector, rarely with something that moves it.
    pub(super) fn selector(&self) -> String {
        let smoothed = if self.chance(40) { self.one(&[" smoothed", " smoothed", " anchored"]) } else { "" };
        format!("{}{smoothed}{}", self.series(), self.modifier())
    }

    /// One that finds histograms.
    pub(super) fn histograms(&self) -> String {
        format!("{}{}{}", self.one(&HISTOGRAMS), self.matchers(), self.modifier())
    }

    pub(super) fn series(&self) -> String {
        if self.chance(9) {
            return self.one(&NAMED_WITHIN).to_owned();
        }
        let metric = self.metric();
        if metric.starts_with('{') { metric.to_owned() } else { format!("{metric}{}", self.matchers()) }
    }

    fn matchers(&self) -> String {
        let matchers: Vec<_> = (0..self.below(3)).map(|_| self.one(&MATCHERS).trim_end_matches(',')).collect();
        match matchers.len() {
            0 if self.chance(8) => "{}".to_owned(),
            0 => String::new(),
            _ => format!("{{{}{}}}", matchers.join(", "), self.one(&["", "", "", ","])),
        }
    }

    /// What selectors for `series` take.
    pub fn selection(&self) -> String {
        if self.chance(12) {
            return self.one(&["{}", "fz_whole[5m]", "sum(fz_whole)", "{job=", r#"{job=~".*"}"#]).to_owned();
        }
        self.series()
    }

    fn modifier(&self) -> String {
        if !self.chance(5) {
            return String::new();
        }
        let fixed = format!(" @ {}", self.start + self.below(3600) as i64);
        let exact = format!(" @ {}.25", self.start + self.below(3600) as i64);
        let at = [" @ start()", " @ end()", &fixed, &exact, "", "", " @ 0"];
        let offsets = [
            " offset 1m",
            " offset -2m",
            " offset 17s",
            " offset (1m+7s)",
            " offset step()",
            " offset -step()",
            " offset 90",
            " offset -(range())",
            "",
            "",
            "",
        ];
        let (at, offset) = (self.one(&at), self.one(&offsets));
        if self.chance(2) { format!("{at}{offset}") } else { format!("{offset}{at}") }
    }

    pub(super) fn window(&self) -> &'static str {
        if self.chance(12) { self.one(&WORKED_OUT) } else { self.one(&WINDOWS) }
    }

    /// Samples of a range: of series, or of what is evaluated for it.
    pub(super) fn range(&self, depth: u64) -> String {
        if depth > 0 && self.chance(4) {
            return self.subquery(depth);
        }
        format!("{}[{}]{}", self.series(), self.window(), self.modifier())
    }

    fn subquery(&self, depth: u64) -> String {
        let step = self.one(&["30s", "1m", "", "17s", "45", "20s+step()/9", "max_of(15s, step())"]);
        // A fixed subquery around another finds less in Prometheus, now and then: samples of the inner one are not read.
        let offset = self.one(&["", "", "", " offset 1m", " offset -17s"]);
        format!("({})[{}:{step}]{offset}", self.vector(depth - 1), self.window())
    }

    /// A range whose ends are looked at more closely.
    pub(super) fn extended(&self) -> String {
        format!("{}[{}] {}{}", self.series(), self.window(), self.one(&["anchored", "smoothed"]), self.modifier())
    }
}
