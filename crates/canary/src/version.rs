use kubernetes::Body;
use model::rows::Live;
use model::{Document, Fingerprint};
use serde::{Deserialize, Serialize};

/// What runs of a workload, by the template of its pods: as long as that is the same, no other rollout has begun, whatever else
/// is changed of the object or said of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    /// Which version and schema the template's form is of.
    schema: String,
    template: Fingerprint,
}

impl Version {
    /// Of a row; nothing of what has no pods.
    pub fn of(row: &Live) -> Option<Self> {
        let document = serde_json::from_str(row.document.as_deref().filter(|_| row.present)?).ok()?;
        let Body { tree, schema, .. } = Body::from_document(document)?;
        let template = Document::new(tree.pointer("/spec/template")?.clone()).fingerprint();
        Some(Self { schema, template })
    }

    /// Whether another version has taken its place. Forms of two schemas are not compared.
    pub fn is_followed_by(&self, next: &Self) -> bool {
        self.schema == next.schema && self.template != next.template
    }
}
