use std::sync::Arc;

use promql::parser::ast::Expr;
use serde::{Deserialize, Serialize};
use yaml::Place;

/// Rules that are evaluated one after the other at the same times.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
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

/// A query as it is kept: PromQL is parsed again.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Expr(String),
    Sql(String),
}

impl From<Query> for Written {
    fn from(query: Query) -> Self {
        match query {
            Query::Promql { text, .. } => Written::Expr(text),
            Query::Sql(text) => Written::Sql(text),
        }
    }
}

impl TryFrom<Written> for Query {
    type Error = promql::ParseError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Expr(text) => Self::promql(text),
            Written::Sql(text) => Ok(Self::Sql(text)),
        }
    }
}

impl Query {
    /// A query in PromQL.
    ///
    /// # Errors
    /// It cannot be parsed.
    pub fn promql(text: String) -> Result<Self, promql::ParseError> {
        let expr = Arc::new(promql::parse(&text)?);
        Ok(Self::Promql { text, expr })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        match self {
            Self::Promql { text, .. } | Self::Sql(text) => text,
        }
    }
}

/// A rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
