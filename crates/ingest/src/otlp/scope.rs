//! What OTLP says of a library beside its name, and of what a sender left out, as attributes of records and spans. The names are
//! those of OpenTelemetry where there is no field: <https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/>.

use model::Labels;
use wire::otlp::Scope;

use crate::IngestError;
use crate::request::Request;

/// Attributes, events and links that the sender left out, where there are some.
pub(super) const LEFT_OUT: [&str; 3] =
    ["otel.dropped_attributes_count", "otel.dropped_events_count", "otel.dropped_links_count"];

impl Request<'_> {
    /// What is known of a library.
    pub fn about(&mut self, scope: Option<&Scope<'_>>, schema_url: &str) -> Result<Labels, IngestError> {
        let mut about = Labels::new();
        if let Some(scope) = scope {
            let own = self.labels(&scope.attributes)?;
            about.extend(own.into_iter().map(|(key, value)| (format!("otel.scope.{key}"), value)));
            about.extend(said("otel.scope.version", scope.version));
        }
        about.extend(said("otel.scope.schema_url", schema_url));
        Ok(about)
    }
}

fn said(name: &str, text: &str) -> Option<(String, String)> {
    (!text.is_empty()).then(|| (name.to_owned(), text.to_owned()))
}
