use std::collections::BTreeMap;

use model::FieldChange;
use serde::{Deserialize, Serialize};

/// What differs: the JSON of `drift`, `diff` and `/api/drift`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Resources that are not in sync, in order of id.
    pub resources: Vec<Entry>,
    /// How many resources have each verdict.
    pub summary: BTreeMap<String, i64>,
    /// Resources with fields that differ by the server's own doing, as a dry run has shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refuted: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// One resource.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Its verdict.
    pub verdict: String,
    /// The revision that counts, or for `behind` the one that live agrees with.
    pub revision: Option<String>,
    /// The file that declares it.
    pub file: Option<String>,
    /// The line there.
    pub line: Option<i64>,
    /// Since when it has been so.
    pub since: Option<String>,
    /// Who made the revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Who changed the resource, as far as is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What the GitOps tool that applies it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gitops: Option<String>,
    /// What differs.
    pub fields: Vec<FieldChange>,
    /// What a dry run said of that, where one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// Fields that it refuted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refuted: Vec<String>,
}

impl Report {
    /// Whether there is anything that a person should look at.
    pub fn has_drift(&self) -> bool {
        let drift = |verdict: &str| verdict.parse::<model::Verdict>().is_ok_and(model::Verdict::is_drift);
        self.resources.iter().any(|entry| drift(&entry.verdict))
    }
}
