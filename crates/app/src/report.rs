use std::collections::BTreeMap;

use model::{FieldChange, Verdict};
use serde::{Deserialize, Serialize};

/// What differs: the JSON of `drift`, `diff` and `/api/drift`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Resources that are not in sync: drift first, then those that roll out, then the unknown ones; in order of id.
    pub resources: Vec<Entry>,
    /// How many resources have each verdict.
    pub summary: BTreeMap<String, i64>,
    /// Resources with fields that differ by the server's own doing, as a dry run has shown.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refuted: i64,
    /// There are more than `resources` has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Who cannot read what is declared or live.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<Unread>,
}

/// A source or collector that cannot read what it is for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unread {
    /// Its name.
    pub source: String,
    /// What it speaks of.
    pub scope: String,
    /// How many scopes have the same problem.
    pub scopes: i64,
    /// Since when, and why.
    pub problem: String,
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
        let drift = |verdict: &str| verdict.parse::<Verdict>().is_ok_and(Verdict::is_drift);
        // Of a large estate only the first resources are listed; the summary counts all.
        self.summary.iter().any(|(verdict, count)| *count > 0 && drift(verdict))
            || self.resources.iter().any(|entry| drift(&entry.verdict))
    }

    /// How many resources that are not in sync are counted and not listed.
    pub fn left_out(&self) -> usize {
        let in_sync = |verdict: &str| verdict == Verdict::InSync.as_str();
        let counted: i64 = self.summary.iter().filter(|(verdict, _)| !in_sync(verdict)).map(|(_, count)| *count).sum();
        let listed = self.resources.iter().filter(|entry| !in_sync(&entry.verdict)).count();
        usize::try_from(counted).unwrap_or_default().saturating_sub(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(listed: &[&str], summary: &[(&str, i64)]) -> Report {
        let entry = |verdict: &&str| Entry { verdict: (*verdict).to_owned(), ..Entry::default() };
        let summary = summary.iter().map(|(verdict, count)| ((*verdict).to_owned(), *count)).collect();
        Report { resources: listed.iter().map(entry).collect(), summary, ..Report::default() }
    }

    #[test]
    fn drift_that_is_counted_and_not_listed_is_drift() {
        assert!(report(&["unknown"], &[("unknown", 1_000), ("modified", 3)]).has_drift());
        assert!(!report(&["unknown"], &[("unknown", 1_000), ("in_sync", 3), ("modified", 0)]).has_drift());
        assert!(report(&["missing"], &[]).has_drift());
    }

    #[test]
    fn what_is_not_listed_is_counted_but_for_what_is_in_sync() {
        assert_eq!(
            report(&["modified", "unknown"], &[("modified", 790), ("unknown", 4), ("in_sync", 9)]).left_out(),
            792
        );
        assert_eq!(report(&["modified"], &[("modified", 1), ("in_sync", 9)]).left_out(), 0);
        // Rows may be newer than their counts.
        assert_eq!(report(&["modified"], &[]).left_out(), 0);
    }
}
