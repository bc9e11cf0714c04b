//! What of a finding is shown.

use model::rows::Finding;
use model::{Labels, Severity};
use notify::Symptom;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Characters of one text in an alert.
const TEXT: usize = 1024;
/// Labels of an alert.
const LABELS: usize = 64;
/// Bytes of a finding's own labels; of one with more only those are told that all findings share. As many are told of what was said
/// of a posted alert.
const OWN: usize = 4 << 10;

/// A finding with its texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Detail {
    pub severity: Severity,
    pub unknown: bool,
    pub symptom: Symptom,
}

/// The revision that a finding speaks of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Commit {
    pub revision: Option<String>,
    pub author: Option<String>,
    pub message: Option<String>,
}

/// Reads the parts of a finding's evidence that are shown: a JSON object with the optional texts
/// `diff`, `file`, `revision`, `author`, `message`, `actor` and the number `line`. What has another
/// shape is passed over. Of a posted alert it has `annotations` and `generator`.
pub(super) fn read(row: &Finding) -> (Detail, Option<Commit>) {
    let evidence = serde_json::from_str::<Value>(&row.evidence).unwrap_or_default();
    let text = |name: &str| evidence.get(name).and_then(Value::as_str).map(clip);
    let line = evidence.get("line").and_then(Value::as_i64);
    let declared_in = text("file").map(|file| line.map_or(file.clone(), |line| format!("{file}:{line}")));
    let symptom = Symptom {
        finding: row.finding.clone(),
        summary: clip(&row.summary),
        resource: row.resource.as_deref().map(clip),
        diff: text("diff"),
        declared_in,
        actor: text("actor"),
        since: row.since,
        labels: own(row),
        annotations: annotations(row, &evidence),
        generator_url: text("generator").filter(|url| is_posted(row) && !url.is_empty()),
    };
    let revision = text("revision");
    let commit = revision.is_some().then(|| Commit { revision, author: text("author"), message: text("message") });
    (Detail { severity: row.severity, unknown: false, symptom }, commit)
}

/// The labels of a finding, within limits.
pub(super) fn labels(row: &Finding) -> Labels {
    row.labels.iter().take(LABELS).map(|(name, value)| (clip(name), clip(value))).collect()
}

/// Whether somebody posted it, and it is a symptom of a rollout.
fn is_posted(row: &Finding) -> bool {
    row.kind == "alert" && row.labels.contains_key("alertname")
}

/// What was said of it by who posted it.
fn annotations(row: &Finding, evidence: &Value) -> Labels {
    let said = evidence.get("annotations").and_then(Value::as_object).filter(|_| is_posted(row));
    let texts = said.into_iter().flatten().filter_map(|(name, text)| Some((clip(name), clip(text.as_str()?))));
    let mut left = OWN;
    let fits = |(name, text): &(String, String)| {
        let size = name.len() + text.len();
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    texts.take(LABELS).take_while(fits).collect()
}

/// Those that a finding is known by where it is told of: they do not depend on what else goes wrong.
fn own(row: &Finding) -> Labels {
    let mut own = labels(row);
    if !is_posted(row) {
        own.entry("severity".to_owned()).or_insert_with(|| row.severity.to_string());
    } else if own != row.labels {
        // With a part of its labels it would be another alert.
        return Labels::new();
    }
    if bytes(&own) <= OWN { own } else { Labels::new() }
}

fn bytes(labels: &Labels) -> usize {
    labels.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn clip(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
