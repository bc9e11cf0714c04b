//! The labels of a series of OpenTelemetry, as Prometheus has them.

use std::borrow::Cow;

use model::Labels;
use wire::names::{
    Identity, SCOPE_NAME, SCOPE_SCHEMA_URL, SCOPE_VERSION, Strategy, label_name, merge_labels, scope_label,
};
use wire::otlp::{AnyValue, KeyValue, Scope};
use wire::pb::{Error, Repeated};

use crate::request::METRIC_NAME;

/// What the points of a metric have in common.
#[derive(Clone, Copy)]
pub(super) struct Common<'a, 'w> {
    pub identity: &'a Identity<'w>,
    /// Attributes of the resource that are labels of each of its series.
    pub promoted: &'a [(String, String)],
    pub scope: Option<Scope<'w>>,
    pub scope_schema: &'w str,
    pub strategy: Strategy,
}

/// An attribute's value as text.
pub(super) fn text<'a>(value: Option<AnyValue<'a>>) -> Result<Cow<'a, str>, Error> {
    match value {
        None => Ok(Cow::Borrowed("")),
        Some(AnyValue::String(text)) => Ok(Cow::Borrowed(text)),
        Some(other) => other.text().map(|text| Cow::Owned(text.into_owned())),
    }
}

/// Attributes of a resource that are configured to be labels.
pub(super) fn promoted<'w>(
    attributes: &Repeated<'w, KeyValue<'w>>,
    wanted: &[String],
    strategy: Strategy,
) -> Result<Vec<(String, String)>, Error> {
    let mut found = Vec::new();
    for attribute in attributes.iter() {
        let KeyValue { key, value } = attribute?;
        if wanted.iter().any(|name| name == key)
            && let Ok(name) = label_name(key, strategy)
        {
            found.push((name.into_owned(), text(value)?.into_owned()));
        }
    }
    Ok(found)
}

impl Common<'_, '_> {
    /// The labels of a series: those of its attributes, of its scope, and who sends; the last wins.
    pub fn labels<'w>(
        &self,
        name: &str,
        attributes: &Repeated<'w, KeyValue<'w>>,
        more: &[(&str, &str)],
    ) -> Result<Result<Labels, String>, Error> {
        let mut labels = Labels::new();
        let mut put = |name: &str, value: &str| match value.is_empty() {
            true => labels.remove(name),
            false => labels.insert(name.to_owned(), value.to_owned()),
        };
        for (name, value) in self.promoted {
            put(name, value);
        }
        let mut sent = Vec::with_capacity(attributes.len());
        for attribute in attributes.iter() {
            let KeyValue { key, value } = attribute?;
            sent.push((key, text(value)?));
        }
        let mut merged = Vec::with_capacity(sent.len());
        if let Err(error) = merge_labels(&mut sent, self.strategy, &mut merged) {
            return Ok(Err(error.to_string()));
        }
        for (name, value) in &merged {
            put(name, value);
        }
        if let Some(scope) = self.scope {
            put(SCOPE_NAME, scope.name);
            put(SCOPE_VERSION, scope.version);
            for attribute in scope.attributes {
                let KeyValue { key, value } = attribute?;
                if let Ok(Some(name)) = scope_label(key, self.strategy) {
                    put(&name, &text(value)?);
                }
            }
        }
        put(SCOPE_SCHEMA_URL, self.scope_schema);
        put("job", &self.identity.job().unwrap_or_default());
        put("instance", self.identity.instance.as_deref().unwrap_or_default());
        for (name, value) in more {
            put(name, value);
        }
        put(METRIC_NAME, name);
        Ok(Ok(labels))
    }
}
