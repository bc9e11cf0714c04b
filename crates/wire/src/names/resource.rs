use std::borrow::Cow;

use super::{NameError, Strategy, label_name};
use crate::otlp::{AnyValue, KeyValue};
use crate::pb::{Error, Repeated};

/// The metric that has a resource's attributes as labels, and 1 as its value.
pub const TARGET_INFO: &str = "target_info";
/// The label of a scope's name.
pub const SCOPE_NAME: &str = "otel_scope_name";
/// The label of a scope's version.
pub const SCOPE_VERSION: &str = "otel_scope_version";
/// The label of a scope's schema.
pub const SCOPE_SCHEMA_URL: &str = "otel_scope_schema_url";
/// The label of an exemplar's trace.
pub const TRACE_ID: &str = "trace_id";
/// The label of an exemplar's span.
pub const SPAN_ID: &str = "span_id";
/// The attributes that become `job` and `instance`, and are no labels of [`TARGET_INFO`].
pub const IDENTIFYING: [&str; 3] = ["service.namespace", "service.name", "service.instance.id"];

/// What tells a resource from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// `service.namespace`
    pub namespace: Option<Cow<'a, str>>,
    /// `service.name`
    pub name: Option<Cow<'a, str>>,
    /// `service.instance.id`, the label `instance`.
    pub instance: Option<Cow<'a, str>>,
}

impl<'a> Identity<'a> {
    /// From the attributes of a resource; of a key that comes twice the first counts.
    ///
    /// # Errors
    /// Attributes that cannot be read.
    pub fn of(attributes: &Repeated<'a, KeyValue<'a>>) -> Result<Self, Error> {
        let mut found = Self::default();
        for attribute in attributes.iter() {
            let KeyValue { key, value } = attribute?;
            let place = match key {
                "service.namespace" => &mut found.namespace,
                "service.name" => &mut found.name,
                "service.instance.id" => &mut found.instance,
                _ => continue,
            };
            if place.is_none() {
                *place = Some(match value.unwrap_or(AnyValue::Empty) {
                    AnyValue::String(text) => Cow::Borrowed(text),
                    other => Cow::Owned(other.text()?.into_owned()),
                });
            }
        }
        Ok(found)
    }

    /// The label `job`: `namespace/name`, or the name alone.
    pub fn job(&self) -> Option<Cow<'_, str>> {
        let name = self.name.as_deref()?;
        Some(match self.namespace.as_deref() {
            Some(namespace) => format!("{namespace}/{name}").into(),
            None => Cow::Borrowed(name),
        })
    }

    /// How many of [`IDENTIFYING`] are there.
    fn len(&self) -> usize {
        [&self.namespace, &self.name, &self.instance].into_iter().filter(|part| part.is_some()).count()
    }
}

/// Whether a resource has a [`TARGET_INFO`]: it has `job` or `instance`, and something else to say.
pub fn has_target_info(identity: &Identity<'_>, attributes: usize) -> bool {
    (identity.name.is_some() || identity.instance.is_some()) && attributes > identity.len()
}

/// The label of a scope's attribute; none of those that would be the label of something else.
///
/// # Errors
/// A key of which nothing is left.
pub fn scope_label(key: &str, strategy: Strategy) -> Result<Option<String>, NameError> {
    let name = format!("otel_scope_{key}");
    if [SCOPE_NAME, SCOPE_VERSION, SCOPE_SCHEMA_URL].contains(&name.as_str()) {
        return Ok(None);
    }
    label_name(&name, strategy).map(|name| Some(name.into_owned()))
}
