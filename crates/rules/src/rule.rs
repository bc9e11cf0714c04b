use std::sync::Arc;

use promql::parser::ast::Expr;

use crate::problem::Place;

/// Rules that are evaluated one after the other at the same times.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name, once in a file.
    pub name: String,
    /// Milliseconds between evaluations; none for what the configuration says.
    pub interval: Option<i64>,
    /// How many milliseconds before the time of evaluation is looked.
    pub query_offset: Option<i64>,
    /// How many alerts or series a rule may give; 0 for any number.
    pub limit: usize,
    /// Its rules in order.
    pub rules: Vec<Rule>,
}

/// What a rule asks.
#[derive(Clone, Debug)]
pub enum Query {
    /// PromQL.
    Promql {
        /// As it was written.
        text: String,
        /// As it was read.
        expr: Arc<Expr>,
    },
    /// SQL, an extension of ours.
    Sql(String),
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What it does.
    pub kind: Kind,
    /// What it asks.
    pub query: Query,
    /// Labels that it adds, those of its group included; templates, if it alerts.
    pub labels: Vec<(String, String)>,
    /// Where it stands in its file.
    pub place: Place,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Writes what it finds as a series.
    Recording {
        /// The series' name.
        record: String,
    },
    /// Alerts about what it finds.
    Alerting(Alerting),
}

/// How a rule alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alerting {
    /// The name of its alerts.
    pub alert: String,
    /// How many milliseconds something has to be found before it fires (`for`).
    pub hold: i64,
    /// How many milliseconds an alert goes on firing when nothing is found any more.
    pub keep_firing: i64,
    /// Templates by name.
    pub annotations: Vec<(String, String)>,
}

impl Rule {
    /// The name of its alerts or series.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Recording { record } => record,
            Kind::Alerting(alerting) => &alerting.alert,
        }
    }
}
