//! What stands in a file of unit tests.

use std::collections::{BTreeMap, HashMap};

use yaml::{Node, Place, Problem};

use super::time::parse_time;
use crate::file::Reading;
use crate::reading;

/// A file of unit tests. Durations and times in milliseconds.
#[derive(Clone, Debug)]
pub struct UnitFile {
    /// Rule files, as globs relative to this file.
    pub rule_files: Vec<String>,
    /// How often rules are evaluated.
    pub evaluation_interval: i64,
    /// Names of groups in the order in which they are evaluated.
    pub group_eval_order: Vec<String>,
    /// Whether floats may differ in their last bit.
    pub fuzzy_compare: bool,
    /// The tests.
    pub tests: Vec<TestGroup>,
}

/// Series with what rules and expressions have to make of them.
#[derive(Clone, Debug)]
pub struct TestGroup {
    /// Its name; may be empty.
    pub name: String,
    /// Between two values of a series.
    pub interval: i64,
    /// When the first values are, and from when on rules are evaluated.
    pub start: i64,
    /// Series in the notation of test scripts.
    pub input_series: Vec<InputSeries>,
    /// Alerts that should fire.
    pub alert_rule_test: Vec<AlertTest>,
    /// Expressions and what they should give.
    pub promql_expr_test: Vec<ExprTest>,
    /// Labels that templates see.
    pub external_labels: BTreeMap<String, String>,
    /// The URL that templates see.
    pub external_url: String,
}

/// A series.
#[derive(Clone, Debug)]
pub struct InputSeries {
    /// Name and labels.
    pub series: String,
    /// Values.
    pub values: String,
    /// Where it stands.
    pub place: Place,
}

/// Which alerts of a name should fire.
#[derive(Clone, Debug)]
pub struct AlertTest {
    /// Since the start.
    pub eval_time: i64,
    /// The name.
    pub alertname: String,
    /// All that should fire.
    pub exp_alerts: Vec<ExpectedAlert>,
}

/// An alert that should fire.
#[derive(Clone, Debug)]
pub struct ExpectedAlert {
    /// Its labels, its name left out.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// What an expression should give.
#[derive(Clone, Debug)]
pub struct ExprTest {
    /// The expression.
    pub expr: String,
    /// Since the start.
    pub eval_time: i64,
    /// All samples.
    pub exp_samples: Vec<ExpectedSample>,
}

/// A sample that an expression should give.
#[derive(Clone, Debug)]
pub struct ExpectedSample {
    /// Name and labels.
    pub labels: String,
    /// The number.
    pub value: f64,
    /// The histogram instead of a number, if it is not empty.
    pub histogram: String,
}

const FILE: [&str; 5] = ["rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare", "tests"];
const TEST: [&str; 8] = [
    "name",
    "interval",
    "start_timestamp",
    "input_series",
    "alert_rule_test",
    "promql_expr_test",
    "external_labels",
    "external_url",
];
/// How often rules are evaluated if nothing is said.
const MINUTE: i64 = 60_000;

impl UnitFile {
    /// Reads a file of unit tests.
    ///
    /// # Errors
    /// The first mistake, with line and key.
    pub fn parse(text: &str, reading: Reading) -> Result<Self, Problem> {
        let Some(root) = reading::parse(text)? else {
            return Err(Problem::new(Place::START, "", "there is nothing in it"));
        };
        let fields = root.fields("a unit test file", &FILE, reading.ignore_unknown_fields)?;
        let evaluation_interval =
            fields.read("evaluation_interval", reading::duration)?.filter(|interval| *interval > 0).unwrap_or(MINUTE);
        let group_eval_order = fields.read("group_eval_order", texts)?.unwrap_or_default();
        let mut seen = HashMap::new();
        for name in &group_eval_order {
            if seen.insert(name, ()).is_some() {
                let message = format!("group name repeated in evaluation order: {name}");
                return Err(Problem::new(root.place, "group_eval_order", message));
            }
        }
        let tests = fields.read("tests", Node::list)?.unwrap_or_default();
        let tests = tests.iter().map(|node| test(node, evaluation_interval, reading)).collect::<Result<_, _>>()?;
        Ok(Self {
            rule_files: fields.read("rule_files", texts)?.unwrap_or_default(),
            evaluation_interval,
            group_eval_order,
            fuzzy_compare: fields.read("fuzzy_compare", Node::truth)?.unwrap_or(false),
            tests,
        })
    }
}

fn texts(node: &Node, key: &str) -> Result<Vec<String>, Problem> {
    node.list(key)?.iter().map(|item| item.text(key)).collect()
}

fn map(node: &Node, key: &str) -> Result<BTreeMap<String, String>, Problem> {
    Ok(node.texts(key)?.into_iter().map(|(key, value)| (key.text, value)).collect())
}

fn each<T>(
    read: impl Fn(&Node, Reading) -> Result<T, Problem>,
    reading: Reading,
) -> impl FnOnce(&Node, &str) -> Result<Vec<T>, Problem> {
    move |node, key| node.list(key)?.iter().map(|item| read(item, reading)).collect()
}

fn test(node: &Node, evaluation_interval: i64, reading: Reading) -> Result<TestGroup, Problem> {
    let fields = node.fields("a test", &TEST, reading.ignore_unknown_fields)?;
    let start = |node: &Node, key: &str| {
        let text = node.text(key)?;
        parse_time(&text)
            .ok_or_else(|| Problem::new(node.place, key, format!("is neither RFC 3339 nor Unix time: {text}")))
    };
    Ok(TestGroup {
        name: fields.read("name", Node::text)?.unwrap_or_default(),
        interval: fields
            .read("interval", reading::duration)?
            .filter(|interval| *interval > 0)
            .unwrap_or(evaluation_interval),
        start: fields.read("start_timestamp", start)?.unwrap_or(0),
        input_series: fields.read("input_series", each(input_series, reading))?.unwrap_or_default(),
        alert_rule_test: fields.read("alert_rule_test", each(alert_test, reading))?.unwrap_or_default(),
        promql_expr_test: fields.read("promql_expr_test", each(expr_test, reading))?.unwrap_or_default(),
        external_labels: fields.read("external_labels", map)?.unwrap_or_default(),
        external_url: fields.read("external_url", Node::text)?.unwrap_or_default(),
    })
}

fn input_series(node: &Node, reading: Reading) -> Result<InputSeries, Problem> {
    let fields = node.fields("a series", &["series", "values"], reading.ignore_unknown_fields)?;
    Ok(InputSeries {
        series: fields.read("series", Node::text)?.unwrap_or_default(),
        values: fields.read("values", Node::text)?.unwrap_or_default(),
        place: fields.place,
    })
}

fn alert_test(node: &Node, reading: Reading) -> Result<AlertTest, Problem> {
    let known = ["eval_time", "alertname", "exp_alerts"];
    let fields = node.fields("an alert test", &known, reading.ignore_unknown_fields)?;
    let alertname = fields.read("alertname", Node::text)?.unwrap_or_default();
    if alertname.is_empty() {
        let message = "an item under alert_rule_test misses the required field alertname";
        return Err(Problem::new(node.place, "alertname", message));
    }
    Ok(AlertTest {
        eval_time: fields.read("eval_time", reading::duration)?.unwrap_or(0),
        alertname,
        exp_alerts: fields.read("exp_alerts", each(expected_alert, reading))?.unwrap_or_default(),
    })
}

fn expected_alert(node: &Node, reading: Reading) -> Result<ExpectedAlert, Problem> {
    let fields = node.fields("an alert", &["exp_labels", "exp_annotations"], reading.ignore_unknown_fields)?;
    Ok(ExpectedAlert {
        labels: fields.read("exp_labels", map)?.unwrap_or_default(),
        annotations: fields.read("exp_annotations", map)?.unwrap_or_default(),
    })
}

fn expr_test(node: &Node, reading: Reading) -> Result<ExprTest, Problem> {
    let fields =
        node.fields("an expression test", &["expr", "eval_time", "exp_samples"], reading.ignore_unknown_fields)?;
    Ok(ExprTest {
        expr: fields.read("expr", Node::text)?.unwrap_or_default(),
        eval_time: fields.read("eval_time", reading::duration)?.unwrap_or(0),
        exp_samples: fields.read("exp_samples", each(expected_sample, reading))?.unwrap_or_default(),
    })
}

fn expected_sample(node: &Node, reading: Reading) -> Result<ExpectedSample, Problem> {
    let fields = node.fields("a sample", &["labels", "value", "histogram"], reading.ignore_unknown_fields)?;
    Ok(ExpectedSample {
        labels: fields.read("labels", Node::text)?.unwrap_or_default(),
        value: fields.read("value", reading::number)?.unwrap_or(0.0),
        histogram: fields.read("histogram", Node::text)?.unwrap_or_default(),
    })
}
