//! The labels of a series of OpenTelemetry, as Prometheus has them.

use std::borrow::Cow;

use model::Labels;
use wire::names::{
    Identity, SCOPE_NAME, SCOPE_SCHEMA_URL, SCOPE_VERSION, Strategy, label_name, merge_labels, scope_label,
};
use wire::otlp::{AnyValue, KeyValue, Scope};
use wire::pb::{Error, Repeated};

use crate::IngestConfig;
use crate::request::{METRIC_NAME, too_long, too_many};

/// What the points of a metric have in common.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    pub config: &'a IngestConfig,
    /// Attributes of the resource that are labels of each of its series which has no other of that name.
    pub promoted: &'a Labels,
    /// The labels of the scope, and who sends: they take the place of all others of their names. None is empty.
    pub scope: &'a Labels,
    pub sender: &'a Labels,
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
) -> Result<Labels, Error> {
    let mut found = Labels::new();
    for attribute in attributes.iter() {
        let KeyValue { key, value } = attribute?;
        if wanted.iter().any(|name| name == key)
            && let Ok(name) = label_name(key, strategy)
        {
            found.insert(name.into_owned(), text(value)?.into_owned());
        }
    }
    Ok(found)
}

fn pairs(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// The labels of who sends, as far as it says who it is.
pub(super) fn sender(identity: &Identity<'_>) -> Labels {
    let pairs = [("job", identity.job()), ("instance", identity.instance.as_deref().map(Cow::Borrowed))];
    let said = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into_owned())));
    said.filter(|(_, value)| !value.is_empty()).collect()
}

/// The labels of a scope, as far as it has them.
pub(super) fn scope(scope: Option<Scope<'_>>, schema: &str, strategy: Strategy) -> Result<Labels, Error> {
    let mut labels = Labels::new();
    if let Some(scope) = scope {
        labels.insert(SCOPE_NAME.to_owned(), scope.name.to_owned());
        labels.insert(SCOPE_VERSION.to_owned(), scope.version.to_owned());
        for attribute in scope.attributes {
            let KeyValue { key, value } = attribute?;
            if let Ok(Some(name)) = scope_label(key, strategy) {
                labels.insert(name, text(value)?.into_owned());
            }
        }
    }
    labels.insert(SCOPE_SCHEMA_URL.to_owned(), schema.to_owned());
    labels.retain(|_, value| !value.is_empty());
    Ok(labels)
}

/// Which limit labels exceed that are in each series of a resource or a scope. It is asked once: copied and then refused for each
/// series, a long one would take hours.
pub(super) fn problem(config: &IngestConfig, labels: &Labels) -> Option<String> {
    let there = || pairs(labels).filter(|(_, value)| !value.is_empty());
    too_many(there().count(), config).or_else(|| too_long(there(), config))
}

impl Common<'_> {
    /// The labels of a series: those of its attributes, of its scope, and who sends; the last wins. Or why its attributes cannot
    /// be labels.
    pub fn labels<'w>(
        &self,
        name: &str,
        attributes: &Repeated<'w, KeyValue<'w>>,
        more: &[(&str, &str)],
    ) -> Result<Result<Labels, String>, Error> {
        let mut sent = Vec::with_capacity(attributes.len());
        for attribute in attributes.iter() {
            let KeyValue { key, value } = attribute?;
            sent.push((key, text(value)?));
        }
        let mut merged = Vec::with_capacity(sent.len());
        if let Err(error) = merge_labels(&mut sent, self.config.strategy(), &mut merged) {
            return Ok(Err(error.to_string()));
        }
        if let Some(problem) = self.exceeded(&merged, more) {
            return Ok(Err(problem));
        }
        let mut labels = Labels::new();
        let mut put = |name: &str, value: &str| match value.is_empty() {
            true => labels.remove(name),
            false => labels.insert(name.to_owned(), value.to_owned()),
        };
        let attributes = merged.iter().map(|(name, value)| (&**name, &**value));
        let all = pairs(self.promoted).chain(attributes).chain(pairs(self.scope)).chain(pairs(self.sender));
        for (name, value) in all.chain(more.iter().copied()) {
            put(name, value);
        }
        put(METRIC_NAME, name);
        Ok(Ok(labels))
    }

    /// Which limit the labels of attributes exceed that no others take the place of.
    fn exceeded(&self, merged: &[(Cow<'_, str>, Cow<'_, str>)], more: &[(&str, &str)]) -> Option<String> {
        let is_kept = |(name, value): &(&str, &str)| {
            let is_other = self.scope.contains_key(*name) || self.sender.contains_key(*name) || *name == METRIC_NAME;
            !value.is_empty() && !is_other && more.iter().all(|(other, _)| other != name)
        };
        let kept = || merged.iter().map(|(name, value)| (&**name, &**value)).filter(is_kept);
        too_many(kept().count(), self.config).or_else(|| too_long(kept(), self.config))
    }
}
