//! Rule files of Prometheus.

use std::collections::HashSet;
use std::sync::Arc;

use promql::labels::{METRIC_NAME, is_classic_name};
use promql::parse;
use yaml::{Fields, Node, Place, Problem};

use crate::reading;
use crate::rule::{Alerting, Group, Kind, Query, Rule};
use crate::template;

/// How strictly a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Fields that are not known are no mistakes.
    pub ignore_unknown_fields: bool,
}

const GROUP: [&str; 6] = ["name", "interval", "query_offset", "limit", "labels", "rules"];
const RULE: [&str; 8] = ["record", "alert", "expr", "sql", "for", "keep_firing_for", "labels", "annotations"];

/// Reads a rule file.
///
/// # Errors
/// The first mistake of its YAML or types, otherwise all mistakes of its rules, each with line and key.
pub fn parse_rules(text: &str, reading: Reading) -> Result<Vec<Group>, Vec<Problem>> {
    let one = |problem| vec![problem];
    let Some(root) = reading::parse(text).map_err(one)? else { return Ok(Vec::new()) };
    let file = root.fields("a rule file", &["groups"], reading.ignore_unknown_fields).map_err(one)?;
    let Some(list) = file.get("groups") else { return Ok(Vec::new()) };
    let mut problems = Vec::new();
    let (mut groups, mut names): (Vec<Group>, HashSet<String>) = (Vec::new(), HashSet::new());
    for node in list.list("groups").map_err(one)? {
        let Some(group) = group(node, reading, &mut problems).map_err(one)? else { continue };
        if !names.insert(group.name.clone()) {
            let message = format!("groupname: {:?} is repeated in the same file", group.name);
            problems.push(Problem::new(node.place, "name", message));
        }
        groups.push(group);
    }
    if problems.is_empty() { Ok(groups) } else { Err(problems) }
}

/// A group, unless it has no name, which is a mistake that leaves nothing to go on with.
fn group(node: &Node, reading: Reading, problems: &mut Vec<Problem>) -> Result<Option<Group>, Problem> {
    let fields = node.fields("a group", &GROUP, reading.ignore_unknown_fields)?;
    let name = fields.read("name", Node::text)?.unwrap_or_default();
    if name.is_empty() {
        problems.push(Problem::new(node.place, "name", "Groupname must not be empty"));
        return Ok(None);
    }
    let labels = labels(&fields, problems)?;
    let mut rules = Vec::new();
    for node in fields.read("rules", Node::list)?.unwrap_or_default() {
        rules.extend(rule(node, &labels, reading, problems)?);
    }
    Ok(Some(Group {
        name,
        interval: fields.read("interval", reading::duration)?.filter(|interval| *interval > 0),
        query_offset: fields.read("query_offset", reading::duration)?,
        limit: fields.read("limit", Node::whole)?.unwrap_or(0),
        rules,
    }))
}

fn labels(fields: &Fields<'_>, problems: &mut Vec<Problem>) -> Result<Vec<(String, String)>, Problem> {
    let mut labels = Vec::new();
    for (key, value) in fields.read("labels", Node::texts)?.unwrap_or_default() {
        if key.text.is_empty() || key.text == METRIC_NAME {
            problems.push(Problem::new(key.place, "labels", format!("invalid label name: {}", key.text)));
        }
        labels.push((key.text, value));
    }
    Ok(labels)
}

fn rule(
    node: &Node,
    group_labels: &[(String, String)],
    reading: Reading,
    problems: &mut Vec<Problem>,
) -> Result<Option<Rule>, Problem> {
    let fields = node.fields("a rule", &RULE, reading.ignore_unknown_fields)?;
    let before = problems.len();
    let own = labels(&fields, problems)?;
    let mut wrong = |key: &str, message: String| {
        let place = fields.get(key).map_or(node.place, |node| node.place);
        problems.push(Problem::new(place, key, message));
    };
    let record = fields.read("record", Node::text)?.filter(|name| !name.is_empty());
    let alert = fields.read("alert", Node::text)?.filter(|name| !name.is_empty());
    let hold = fields.read("for", reading::duration)?;
    let keep_firing = fields.read("keep_firing_for", reading::duration)?;
    let annotations: Vec<(String, String)> = fields
        .read("annotations", Node::texts)?
        .unwrap_or_default()
        .into_iter()
        .map(|(key, value)| (key.text, value))
        .collect();
    let kind = match (record, alert) {
        (Some(_), Some(_)) => {
            wrong("record", "only one of 'record' and 'alert' must be set".into());
            None
        }
        (None, None) => {
            wrong("", "one of 'record' or 'alert' must be set".into());
            None
        }
        (Some(record), None) => {
            for (key, there) in [
                ("annotations", !annotations.is_empty()),
                ("for", hold.is_some_and(|hold| hold != 0)),
                ("keep_firing_for", keep_firing.is_some_and(|keep| keep != 0)),
            ] {
                if there {
                    wrong(key, format!("invalid field '{key}' in recording rule"));
                }
            }
            if record.contains(['{', '}']) && !is_classic_name(&record, true) {
                wrong("record", format!("braces present in the recording rule name; should it be in expr?: {record}"));
            }
            Some(Kind::Recording { record })
        }
        (None, Some(alert)) => {
            for (name, text) in own.iter().chain(&annotations) {
                if let Err(error) = template::check(&alert, text) {
                    wrong(
                        if own.iter().any(|(label, _)| label == name) { "labels" } else { "annotations" },
                        format!("{name}: {error}"),
                    );
                }
            }
            let (hold, keep_firing) = (hold.unwrap_or(0), keep_firing.unwrap_or(0));
            Some(Kind::Alerting(Alerting { alert, hold, keep_firing, annotations }))
        }
    };
    let query = query(&fields, &mut wrong)?;
    let (Some(kind), Some(query), true) = (kind, query, problems.len() == before) else { return Ok(None) };
    // What a rule says itself counts before what its group says.
    let inherited = group_labels.iter().filter(|(name, _)| !own.iter().any(|(label, _)| label == name));
    let labels = inherited.cloned().chain(own.iter().cloned()).collect();
    Ok(Some(Rule { kind, query, labels, place: node.place }))
}

fn query(fields: &Fields<'_>, wrong: &mut impl FnMut(&str, String)) -> Result<Option<Query>, Problem> {
    let expr = fields.read("expr", Node::text)?.filter(|text| !text.is_empty());
    let sql = fields.read("sql", Node::text)?.filter(|text| !text.is_empty());
    match (expr, sql) {
        (Some(_), Some(_)) => wrong("sql", "only one of 'expr' and 'sql' must be set".into()),
        (None, None) => wrong("expr", "field 'expr' must be set in rule".into()),
        (None, Some(sql)) => return Ok(Some(Query::Sql(sql))),
        (Some(text), None) => match parse(&text) {
            Ok(expr) => return Ok(Some(Query::Promql { text, expr: Arc::new(expr) })),
            Err(error) => wrong("expr", format!("could not parse expression: {error}")),
        },
    }
    Ok(None)
}

impl Group {
    /// How many milliseconds before the time of evaluation is looked.
    pub fn offset(&self) -> i64 {
        self.query_offset.unwrap_or(0)
    }

    /// Where its first rule stands.
    pub fn place(&self) -> Place {
        self.rules.first().map_or(Place::START, |rule| rule.place)
    }
}
