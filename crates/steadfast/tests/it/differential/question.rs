//! What is asked, and how.

use super::data;
use super::generate::Generator;

/// How two answers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// As the value of an expression.
    Value,
    /// All of it, as it is.
    Whole,
    /// As a list in any order.
    Set,
}

/// A request.
#[derive(Clone)]
pub struct Question {
    pub path: String,
    pub parameters: Vec<(&'static str, String)>,
    pub compared: Compared,
    /// The first time, the last, and the interval, in milliseconds, of an expression over a range.
    range: Option<(i64, i64, i64)>,
}

/// Times, durations and numbers that are none.
const NO_TIMES: [&str; 2] = ["yesterday", "2026-13-01T00:00:00Z"];
const NO_DURATIONS: [&str; 6] = ["soon", "-1", "0", "1e300", "NaN", "5"];
const LIMITS: [&str; 7] = ["0", "1", "3", "1000", "-1", "x", "1.5"];
const STEPS: [(&str, i64); 11] = [
    ("47", 47_000),
    ("47", 47_000),
    ("15", 15_000),
    ("60", 60_000),
    ("1m", 60_000),
    ("7.3", 7_300),
    ("1m30s", 90_000),
    ("1h", 3_600_000),
    ("30.001", 30_001),
    ("31", 31_000),
    ("120", 120_000),
];

impl Question {
    /// The value of an expression, at one time or several.
    pub fn expression(generator: &Generator<'_>, query: String) -> Self {
        let mut question = if generator.below(3) == 0 {
            let at = generator.time();
            Self::new("/api/v1/query", vec![("query", query), ("time", at)], Compared::Value)
        } else {
            let from = generator.moment();
            let to = from + [0, 60_000, 300_000, 600_000, 660_001][generator.below(5) as usize];
            let (text, step) = STEPS[generator.below(STEPS.len() as u64) as usize];
            let times = [("start", seconds(from)), ("end", seconds(to)), ("step", text.to_owned())];
            let parameters = [("query", query)].into_iter().chain(times).collect();
            let question = Self::new("/api/v1/query_range", parameters, Compared::Value);
            Self { range: Some((from, to, step)), ..question }
        };
        let chosen = |of: &[&'static str]| of[generator.below(of.len() as u64) as usize].to_owned();
        match generator.below(40) {
            0 | 1 => question.parameters.push(("lookback_delta", chosen(&["1m", "20s", "600", "1h"]))),
            2 | 3 => question.parameters.push(("limit", chosen(&LIMITS))),
            4 => question.parameters.push(("lookback_delta", chosen(&NO_DURATIONS))),
            5 => question.parameters.push(("timeout", chosen(&NO_DURATIONS))),
            6 => question.spoil("time", chosen(&NO_TIMES)),
            7 => question.spoil("step", chosen(&NO_DURATIONS)),
            8 => question.spoil("end", chosen(&NO_TIMES)),
            9 => question.spoil("end", "0".to_owned()),
            10 => question.spoil("step", "0.01".to_owned()),
            _ => {}
        }
        question
    }

    fn new(path: &str, parameters: Vec<(&'static str, String)>, compared: Compared) -> Self {
        Self { path: path.to_owned(), parameters, compared, range: None }
    }

    /// The same over a range that begins or ends some steps before or after: a part of its answer may be known.
    pub fn again(&self, generator: &Generator<'_>) -> Option<Self> {
        let (from, to, step) = self.range?;
        let moved = generator.below(4) as i64 * step;
        let (from, to) = match generator.below(3) {
            0 => (from + moved, to + moved),
            1 => (from, to + moved),
            _ => (from - moved, to),
        };
        let mut again = Self { range: Some((from, to, step)), ..self.clone() };
        again.replace("start", seconds(from));
        again.replace("end", seconds(to));
        Some(again)
    }

    /// Another value for a parameter; what is wrong then is asked for once.
    fn spoil(&mut self, name: &str, with: String) {
        self.range = None;
        self.replace(name, with);
    }

    fn replace(&mut self, name: &str, with: String) {
        if let Some((_, value)) = self.parameters.iter_mut().find(|(of, _)| *of == name) {
            *value = with;
        }
    }

    /// A request for something else than the value of an expression.
    pub fn other(generator: &Generator<'_>) -> Self {
        const NAMES: [&str; 12] = [
            "job",
            "instance",
            "code",
            "__name__",
            "nothing",
            "a.b",
            "U__a_2e_b",
            "U__job",
            "U__broken_zz_",
            "le",
            "%C3%BC",
            "a-b",
        ];
        match generator.below(9) {
            0 => generator.about("/api/v1/labels", Compared::Whole),
            1 | 2 => {
                let name = NAMES[generator.below(NAMES.len() as u64) as usize];
                generator.about(&format!("/api/v1/label/{name}/values"), Compared::Whole)
            }
            3 | 4 => generator.about("/api/v1/series", Compared::Set),
            5 => Self::new("/api/v1/format_query", vec![("query", generator.query())], Compared::Whole),
            6 => Self::new("/api/v1/parse_query", vec![("query", generator.query())], Compared::Whole),
            7 => generator.exemplars(),
            _ => generator.federated(),
        }
    }

    /// The expression, if there is one.
    pub fn query(&self) -> &str {
        self.parameters.iter().find(|(name, _)| *name == "query").map_or("", |(_, value)| value)
    }

    /// Whether an answer is cut, which is elsewhere in another order.
    pub fn is_cut(&self) -> bool {
        self.parameters.iter().any(|(name, _)| *name == "limit")
    }

    /// To read, and to ask again.
    pub fn told(&self) -> String {
        let parameters: Vec<String> = self.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{} {}", self.path, parameters.join(" & "))
    }
}

impl Generator<'_> {
    /// Milliseconds since the epoch: mostly of the data, and a little before and after.
    fn moment(&self) -> i64 {
        let whole = self.below(2) == 0;
        let at = self.start * 1_000 - 300_000 + self.below(data::LENGTH as u64 + 600_000) as i64;
        if whole { at / 1_000 * 1_000 } else { at }
    }

    fn time(&self) -> String {
        let at = self.moment();
        if self.below(8) > 0 {
            return seconds(at);
        }
        let at = base::Timestamp::from_nanos(at * 1_000_000);
        at.to_string()
    }

    fn about(&self, path: &str, compared: Compared) -> Question {
        let mut parameters = Vec::new();
        for _ in 0..[0, 1, 1, 2, 3][self.below(5) as usize] {
            parameters.push(("match[]", self.selection()));
        }
        parameters.extend(self.all_times());
        if self.below(4) == 0 {
            parameters.push(("limit", LIMITS[self.below(LIMITS.len() as u64) as usize].to_owned()));
        }
        Question::new(path, parameters, compared)
    }

    /// Times about all data, or none: what of a series is outside of them is told by nobody exactly.
    fn all_times(&self) -> Vec<(&'static str, String)> {
        let (start, end) = (self.start - 600, self.start + 86_400);
        match self.below(8) {
            0 => vec![("start", start.to_string())],
            1 => vec![("end", format!("{end}.5"))],
            2 => vec![("start", format!("{start}.25")), ("end", end.to_string())],
            3 => vec![("start", NO_TIMES[self.below(NO_TIMES.len() as u64) as usize].to_owned())],
            _ => Vec::new(),
        }
    }

    fn exemplars(&self) -> Question {
        let query = if self.below(2) == 0 { "fz_requests_total".to_owned() } else { self.query() };
        let from = self.start + self.below(3_600) as i64;
        let to = from + self.below(1_800) as i64;
        let mut parameters = vec![("query", query), ("start", from.to_string()), ("end", to.to_string())];
        match self.below(8) {
            0 => parameters.truncate(1),
            1 => parameters[1].1 = to.to_string() + "0",
            _ => {}
        }
        Question::new("/api/v1/query_exemplars", parameters, Compared::Whole)
    }

    fn federated(&self) -> Question {
        const MATCHES: [&str; 7] = [
            "fz_now",
            r#"fz_now{job="api"}"#,
            r#"{n=~"[1-4]"}"#,
            "nothing",
            "{",
            "sum(fz_now)",
            r#"{__name__=~"fz_now|x"}"#,
        ];
        let chosen = || ("match[]", MATCHES[self.below(MATCHES.len() as u64) as usize].to_owned());
        let parameters = (0..self.below(3)).map(|_| chosen()).collect();
        Question::new("/federate", parameters, Compared::Whole)
    }
}

fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}
