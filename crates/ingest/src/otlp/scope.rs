//! What OTLP says of a library beside its name, and of what a sender left out, as attributes of records and spans. The names are
//! those of OpenTelemetry where there is no field: <https://opentelemetry.io/docs/specs/otel/common/mapping-to-non-otlp/>.

use model::Labels;
use wire::otlp::Scope;

use crate::IngestError;
use crate::request::Request;

/// Attributes, events and links that the sender left out, where there are some.
pub(super) const LEFT_OUT: [&str; 3] =
    ["otel.dropped_attributes_count", "otel.dropped_events_count", "otel.dropped_links_count"];

/// With this the names begin that are ours beside [`crate::logs::LOSSY`].
pub(super) const OURS: &str = "otel.";

/// A library, as its records and spans have it.
pub(super) struct Library<'a> {
    pub name: &'a str,
    /// Its attributes and the like, by the names that they have there.
    pub about: Labels,
    /// Whether something of it, or of its resource, was no Unicode.
    pub is_lossy: bool,
}

impl Request<'_> {
    /// What is known of a library; `is_lossy` says whether something of its resource was no Unicode.
    pub(super) fn of_library<'a>(
        &mut self,
        scope: Option<&Scope<'a>>,
        schema_url: &str,
        is_lossy: bool,
    ) -> Result<Library<'a>, IngestError> {
        let name = scope.map_or("", |scope| scope.name);
        let about = self.about(scope, schema_url)?;
        let is_lossy = is_lossy || self.is_replaced(name) || self.any_replaced(&about);
        Ok(Library { name, about, is_lossy })
    }

    /// Whether something of these was probably replaced.
    pub fn any_replaced(&self, labels: &Labels) -> bool {
        self.is_lossy && labels.iter().any(|(key, value)| self.is_replaced(key) || self.is_replaced(value))
    }

    fn about(&mut self, scope: Option<&Scope<'_>>, schema_url: &str) -> Result<Labels, IngestError> {
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
