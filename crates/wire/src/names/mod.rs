//! The names that metrics and attributes of OTLP have in Prometheus, as the OpenTelemetry specification
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>) and Prometheus'
//! `otlptranslator` 1.0 have them, with the defaults of Prometheus' configuration.

mod label;
mod metric;
mod resource;
mod units;

pub use label::{label_name, merge_labels};
pub use metric::{Kind, metric_name};
pub use resource::{
    IDENTIFYING, Identity, SCOPE_NAME, SCOPE_SCHEMA_URL, SCOPE_VERSION, SPAN_ID, TARGET_INFO, TRACE_ID,
    has_target_info, scope_label,
};
pub use units::unit_name;

/// What happens to names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// What a classic name may not have becomes `_`; unit and type are added.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// What a classic name may not have becomes `_`.
    UnderscoreEscapingWithoutSuffixes,
    /// Unit and type are added.
    NoUtf8EscapingWithSuffixes,
    /// Nothing.
    NoTranslation,
}

impl Strategy {
    /// All, in the order of Prometheus' documentation.
    pub const ALL: [Self; 4] = [
        Self::UnderscoreEscapingWithSuffixes,
        Self::UnderscoreEscapingWithoutSuffixes,
        Self::NoUtf8EscapingWithSuffixes,
        Self::NoTranslation,
    ];

    /// Its name in Prometheus' configuration (`otlp.translation_strategy`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnderscoreEscapingWithSuffixes => "UnderscoreEscapingWithSuffixes",
            Self::UnderscoreEscapingWithoutSuffixes => "UnderscoreEscapingWithoutSuffixes",
            Self::NoUtf8EscapingWithSuffixes => "NoUTF8EscapingWithSuffixes",
            Self::NoTranslation => "NoTranslation",
        }
    }

    /// The strategy with a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name)
    }

    const fn escapes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes)
    }

    const fn adds_suffixes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }
}

/// A name of which nothing is left.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name `{0}` is empty or nothing but underscores to Prometheus")]
pub struct NameError(pub String);

#[cfg(test)]
mod tests;
