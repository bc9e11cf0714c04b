//! Templates of labels and annotations, as Prometheus expands them.

use std::collections::BTreeMap;
use std::sync::Arc;

use go_template::{Escape, Functions, Limits, Templates, Value};
use promql::Labels;

use crate::functions::{self, QueryFunction, label_map, labels_of};

/// What a query of a template gave.
type Answered = Result<Vec<(Labels, f64)>, String>;

/// Answers to what templates ask, by query: they are asked before templates are expanded, so that
/// expanding needs no I/O.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answers(Arc<BTreeMap<String, Answered>>);

impl FromIterator<(String, Answered)> for Answers {
    fn from_iter<I: IntoIterator<Item = (String, Answered)>>(answers: I) -> Self {
        Self(Arc::new(answers.into_iter().collect()))
    }
}

impl Answers {
    /// By query.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Answered)> {
        self.0.iter()
    }

    /// Whether nothing was asked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What `query` in a template gives.
    pub fn function(&self) -> QueryFunction {
        let answers = Arc::clone(&self.0);
        Arc::new(move |query, _| {
            let unasked = || Err("this query was not asked before".to_owned());
            answers.get(query).cloned().unwrap_or_else(unasked)
        })
    }
}

/// What all templates of a process share.
#[derive(Clone)]
pub struct Expander {
    /// Labels that are added to what leaves this process.
    pub external_labels: BTreeMap<String, String>,
    /// Where this process is reached.
    pub external_url: String,
    /// Asks for series.
    pub query: QueryFunction,
}

/// So that texts say `$labels` and `$value`.
const VARIABLES: &str =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// The data of one alert's templates.
pub(crate) struct Scope {
    templates: Templates,
    data: Value,
    name: String,
}

impl Expander {
    /// The scope of the templates of one alert: what was found, and when, in milliseconds.
    pub(crate) fn scope(&self, alert: &str, labels: &Labels, value: Value, t: i64) -> Scope {
        let mut functions = Functions::new();
        functions::add(&mut functions, &self.query, &self.external_url, t);
        let external = self.external_labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let data = Value::map([
            ("Labels".to_owned(), labels_of(labels)),
            ("ExternalLabels".to_owned(), label_map(external)),
            ("ExternalURL".to_owned(), Value::from(self.external_url.as_str())),
            ("Value".to_owned(), value),
        ]);
        Scope { templates: Templates::new(functions, Limits::default()), data, name: format!("__alert_{alert}") }
    }
}

impl Scope {
    /// A template with the data of the alert; what goes wrong stands in the text, so that no alert is
    /// lost by it.
    pub(crate) fn expand(&self, text: &str) -> String {
        if !text.contains("{{") {
            return text.to_owned();
        }
        let mut templates = self.templates.clone();
        let expanded = templates
            .parse(&self.name, &format!("{VARIABLES}{text}"))
            .map_err(|error| format!("error parsing template {}: {error}", self.name))
            .and_then(|()| {
                let executed = templates.execute(&self.name, &self.data, Escape::None);
                executed.map_err(|error| format!("error executing template {}: {error}", self.name))
            });
        expanded.unwrap_or_else(|error| format!("<error expanding template: {error}>"))
    }
}

/// Says whether a text of a rule is a template.
pub(crate) fn check(alert: &str, text: &str) -> Result<(), String> {
    let nothing = Expander {
        external_labels: BTreeMap::new(),
        external_url: String::new(),
        query: Arc::new(|_, _| Ok(Vec::new())),
    };
    let scope = nothing.scope(alert, &Labels::empty(), Value::Float(0.0), 0);
    scope.templates.check(&format!("{VARIABLES}{text}")).map_err(|error| error.to_string())
}
