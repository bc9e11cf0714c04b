//! Runs unit tests.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;
use promql::script::parse_series;
use promql::text::duration;
use promql::{Data, Labels, Memory, Options, Sample, Value, instant, parse};

use super::file::{AlertTest, ExprTest, TestGroup, UnitFile};
use super::groups::{RunningGroup, Shared, vector};
use super::report::{self, Shown};
use crate::file::{Reading, parse_rules};
use crate::rule::{Group, Query};
use crate::template::Expander;

/// A test evaluates rules so often at most.
const MAX_EVALUATIONS: i64 = 1_000_000;
/// The label with the name of an alert.
const ALERT_NAME: &str = "alertname";

/// A rule file.
#[derive(Clone, Debug)]
pub struct RuleSource {
    /// Its name, for messages.
    pub name: String,
    /// What stands in it.
    pub text: String,
}

/// How tests are run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Only tests whose name matches one of these expressions; all, if there are none.
    pub only: Vec<String>,
    /// How strictly rule files are read.
    pub reading: Reading,
}

/// How the tests of a file went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Tests that were run.
    pub tests: usize,
    /// Rules that ask SQL, which tests do not evaluate: `file:line:column: name`.
    pub left_out: Vec<String>,
    /// What failed, each as promtool shows it.
    pub failures: Vec<String>,
}

impl Outcome {
    /// Nothing could be run.
    pub fn failed(failures: Vec<String>) -> Self {
        Self { failures, ..Self::default() }
    }
}

impl UnitFile {
    /// Runs the tests of a file over its rules. Those that ask SQL are left out.
    pub fn run(&self, sources: &[RuleSource], run: &Run) -> Outcome {
        let mut only = Vec::new();
        for pattern in &run.only {
            match re2::anywhere(pattern) {
                Ok(regex) => only.push(regex),
                Err(error) => return Outcome::failed(vec![error.to_string()]),
            }
        }
        let (mut groups, mut left_out) = (Vec::new(), Vec::new());
        for source in sources {
            match parse_rules(&source.text, run.reading) {
                Ok(found) => {
                    left_out.extend(found.iter().flat_map(|group| asking_sql(&source.name, group)));
                    groups.extend(found);
                }
                Err(problems) => {
                    let name = &source.name;
                    return Outcome::failed(problems.iter().map(|problem| format!("  {name}:{problem}")).collect());
                }
            }
        }
        let order: HashMap<&str, usize> = self.group_eval_order.iter().map(String::as_str).zip(1..).collect();
        groups.sort_by_key(|group| order.get(group.name.as_str()).copied().unwrap_or(0));
        let wanted = |test: &&TestGroup| only.is_empty() || only.iter().any(|regex| regex.is_match(&test.name));
        let selected: Vec<&TestGroup> = self.tests.iter().filter(wanted).collect();
        let failures = selected.iter().flat_map(|test| Test::new(self, test).run(&groups)).collect();
        Outcome { tests: selected.len(), left_out, failures }
    }
}

/// The rules of a group that ask SQL, with their places.
fn asking_sql<'a>(file: &'a str, group: &'a Group) -> impl Iterator<Item = String> + 'a {
    let sql = group.rules.iter().filter(|rule| matches!(rule.query, Query::Sql(_)));
    sql.map(move |rule| format!("{file}:{}:{}: {}", rule.place.line, rule.place.column, rule.name()))
}

/// One test while it runs.
struct Test<'a> {
    file: &'a UnitFile,
    test: &'a TestGroup,
    memory: Shared,
    failures: Vec<String>,
}

impl<'a> Test<'a> {
    fn new(file: &'a UnitFile, test: &'a TestGroup) -> Self {
        Self { file, test, memory: Arc::new(RwLock::new(Memory::default())), failures: Vec::new() }
    }

    fn run(mut self, groups: &[Group]) -> Vec<String> {
        let mut input = match self.input() {
            Ok(input) => input,
            Err(failure) => return vec![failure],
        };
        let expander = self.expander();
        let mut running: Vec<RunningGroup> = groups.iter().map(RunningGroup::new).collect();
        let start = self.test.start;
        let alerts = self.test.alert_rule_test.iter().map(|test| test.eval_time);
        let last = alerts.chain(self.test.promql_expr_test.iter().map(|test| test.eval_time)).max().unwrap_or(0);
        let step = self.file.evaluation_interval;
        if last / step > MAX_EVALUATIONS {
            let failure = format!("    {}a test evaluates rules more than {MAX_EVALUATIONS} times", self.named());
            return vec![failure];
        }
        let mut since_start = 0;
        while since_start <= last {
            let t = start.saturating_add(since_start);
            self.load(&mut input, t);
            let mut failed = Vec::new();
            for group in &mut running {
                failed.extend(group.evaluate(&self.memory, t, &expander));
            }
            if !failed.is_empty() {
                let time = duration(t);
                let shown = failed
                    .iter()
                    .map(|failed| format!("    rule: {}, time: {time}, err: {}", failed.rule, failed.error));
                self.failures.extend(shown);
                return self.failures;
            }
            // An alert is looked at as the evaluation before its time has left it.
            let tests = self.test.alert_rule_test.iter();
            for test in tests.filter(|test| (since_start..since_start.saturating_add(step)).contains(&test.eval_time)) {
                self.failures.extend(check_alerts(test, &running, &self.named()));
            }
            since_start = since_start.saturating_add(step);
        }
        self.load(&mut input, i64::MAX);
        for test in &self.test.promql_expr_test {
            if let Err(failure) = self.check_expr(test) {
                self.failures.push(failure);
            }
        }
        self.failures
    }

    fn named(&self) -> String {
        if self.test.name.is_empty() { String::new() } else { format!("name: {},\n    ", self.test.name) }
    }

    /// The samples of all series, the latest first.
    fn input(&self) -> Result<Vec<(Labels, Vec<Sample>)>, String> {
        let mut input = Vec::with_capacity(self.test.input_series.len());
        for series in &self.test.input_series {
            let parsed = parse_series(&format!("{} {}", series.series, series.values));
            let parsed =
                parsed.map_err(|error| format!("    line {}: {}: {error}", series.place.line, series.series))?;
            let at = |value: Option<Value>, at: i64| {
                let t = self.test.start.saturating_add(self.test.interval.saturating_mul(at));
                Some(Sample { t, start: 0, value: value? })
            };
            let mut samples: Vec<Sample> =
                parsed.values.into_iter().zip(0..).filter_map(|(value, n)| at(value, n)).collect();
            samples.reverse();
            input.push((parsed.labels, samples));
        }
        Ok(input)
    }

    /// Stores samples until a time: rules do not see what comes after it.
    fn load(&self, input: &mut [(Labels, Vec<Sample>)], until: i64) {
        let mut memory = self.memory.write();
        for (labels, samples) in input {
            let rest = samples.iter().rev().take_while(|sample| sample.t <= until).count();
            let due = samples.split_off(samples.len() - rest);
            if !due.is_empty() {
                memory.append(labels, due.into_iter().rev());
            }
        }
    }

    fn expander(&self) -> Expander {
        let memory = Arc::clone(&self.memory);
        Expander {
            external_labels: self.test.external_labels.clone(),
            external_url: self.test.external_url.clone(),
            query: Arc::new(move |query, t| {
                let expr = parse(query).map_err(|error| error.to_string())?;
                let answer = instant(&*memory.read(), &Options::default(), query, &expr, t);
                let found =
                    vector(answer.map_err(|error| error.to_string())?.data).map_err(|error| error.to_string())?;
                Ok(found.into_iter().map(|(labels, value)| (labels, value.as_float().unwrap_or(f64::NAN))).collect())
            }),
        }
    }

    fn check_expr(&self, test: &ExprTest) -> Result<(), String> {
        let place = format!("    {}expr: {:?}, time: {}", self.named(), test.expr, duration(test.eval_time));
        let failed = |error: String| format!("{place}, err: {error}");
        let expr = parse(&test.expr).map_err(|error| failed(error.to_string()))?;
        let t = self.test.start.saturating_add(test.eval_time);
        let answer = instant(&*self.memory.read(), &Options::default(), &test.expr, &expr, t);
        let data = answer.map_err(|error| failed(error.to_string()))?.data;
        let mut got = match data {
            Data::Vector(_) | Data::Scalar(_) => vector(data).map_err(|error| failed(error.to_string()))?,
            Data::String(_) | Data::Matrix(_) => return Err(failed("rule result is not a vector or scalar".into())),
        };
        let mut expected = Vec::with_capacity(test.exp_samples.len());
        for sample in &test.exp_samples {
            let in_sample = |error: String| failed(format!("labels {:?}: {error}", sample.labels));
            let written = if sample.labels.trim().is_empty() { "{}" } else { &sample.labels };
            let labels = parse_series(written).map_err(|error| in_sample(error.to_string()))?.labels;
            let value = if sample.histogram.is_empty() {
                Value::Float(sample.value)
            } else {
                let parsed = parse_series(&format!("{{}} {}", sample.histogram))
                    .map_err(|error| in_sample(error.to_string()))?;
                match parsed.values.as_slice() {
                    [Some(value @ Value::Histogram(_))] => value.clone(),
                    values => return Err(in_sample(format!("expected one histogram, got {} values", values.len()))),
                }
            };
            expected.push((labels, value));
        }
        got.sort_by(|(a, _), (b, _)| a.cmp(b));
        expected.sort_by(|(a, _), (b, _)| a.cmp(b));
        let fuzzy = self.file.fuzzy_compare;
        let agree = got.len() == expected.len()
            && expected.iter().zip(&got).all(|((a, x), (b, y))| a == b && values_agree(x, y, fuzzy));
        if agree {
            return Ok(());
        }
        let (expected, got) = (report::samples(&expected), report::samples(&got));
        Err(format!("{place},\n        exp: {expected}\n        got: {got}"))
    }
}

fn check_alerts(test: &AlertTest, groups: &[RunningGroup], named: &str) -> Option<String> {
    let (name, time) = (&test.alertname, duration(test.eval_time));
    if groups.iter().any(|group| group.leaves_out(name)) {
        return Some(format!(
            "    {named}alertname: {name}, time: {time}, err: asks SQL, which unit tests do not evaluate"
        ));
    }
    let states = groups.iter().flat_map(|group| group.states(&test.alertname));
    let firing = states.flat_map(|state| state.firing());
    let mut got: Vec<Shown> =
        firing.map(|alert| Shown { labels: alert.labels.clone(), annotations: alert.annotations.clone() }).collect();
    let with_name = |labels: &BTreeMap<String, String>| {
        let mut labels: BTreeMap<String, String> = labels
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        labels.insert(ALERT_NAME.to_owned(), test.alertname.clone());
        labels
    };
    let mut expected: Vec<Shown> = test
        .exp_alerts
        .iter()
        .map(|alert| Shown { labels: with_name(&alert.labels), annotations: alert.annotations.clone() })
        .collect();
    // What is said about an alert has no empty texts either.
    for shown in got.iter_mut().chain(&mut expected) {
        shown.annotations.retain(|_, text| !text.is_empty());
    }
    got.sort();
    expected.sort();
    if got == expected {
        return None;
    }
    let (expected, got) = (report::alerts(&expected), report::alerts(&got));
    Some(format!("    {named}alertname: {name}, time: {time}, \n        exp:{expected}, \n        got:{got}"))
}

/// Whether two values are the same; fuzzily, floats may be neighbours.
fn values_agree(a: &Value, b: &Value, fuzzy: bool) -> bool {
    let floats =
        |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (fuzzy && (a.next_up() == b || a.next_down() == b));
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => floats(*a, *b),
        (Value::Histogram(a), Value::Histogram(b)) => {
            let indexes: BTreeSet<i32> = [&a.positive, &b.positive, &a.negative, &b.negative]
                .into_iter()
                .flat_map(|buckets| buckets.iter().map(|bucket| bucket.index))
                .collect();
            a.schema == b.schema
                && a.custom_values == b.custom_values
                && floats(a.zero_threshold, b.zero_threshold)
                && floats(a.zero_count, b.zero_count)
                && floats(a.count, b.count)
                && floats(a.sum, b.sum)
                && indexes.into_iter().all(|index| {
                    floats(a.positive.count_of(index), b.positive.count_of(index))
                        && floats(a.negative.count_of(index), b.negative.count_of(index))
                })
        }
        _ => false,
    }
}
