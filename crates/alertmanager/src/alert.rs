//! Alerts: how one that was posted is completed and checked, and how two versions become one.

use std::time::Duration;

use base::{Exceeded, Limit, Timestamp};
use serde::{Deserialize, Serialize};

use crate::labels::{Fingerprint, Labels, fingerprint};

/// An alert has no more labels, nor annotations.
const MAX_LABELS: Limit = Limit::new("alert_labels", 256);

/// The names and values of an alert's labels are no longer together, in bytes; nor its annotations.
const MAX_BYTES: Limit = Limit::new("alert_label_bytes", 64 << 10);

/// An alert as a client posts it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostedAlert {
    /// What identifies it.
    pub labels: Labels,
    /// What is told of it.
    pub annotations: Labels,
    /// When it began.
    pub starts_at: Option<Timestamp>,
    /// When it ended, or will end unless it is posted again.
    pub ends_at: Option<Timestamp>,
    /// Where it comes from; may be empty.
    pub generator_url: String,
}

/// An alert that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What identifies it; none has an empty value.
    pub labels: Labels,
    /// What is told of it.
    pub annotations: Labels,
    /// When it began.
    pub starts_at: Timestamp,
    /// From when it is resolved.
    pub ends_at: Timestamp,
    /// When it was posted.
    pub updated_at: Timestamp,
    /// Where it comes from; may be empty.
    pub generator_url: String,
    /// Whether `ends_at` was not posted, but is the resolve timeout.
    pub timeout: bool,
}

/// Why an alert is refused; the texts are Alertmanager's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It ends before it starts.
    #[error("start time must be before end time")]
    EndsBeforeStart,
    /// No label, or none with a value.
    #[error("at least one label pair required")]
    NoLabels,
    /// A label without a name.
    #[error("invalid label set: invalid name \"\"")]
    LabelName,
    /// An annotation without a name.
    #[error("invalid annotations: invalid name \"\"")]
    AnnotationName,
    /// Too many labels, or too long ones.
    #[error("invalid label set: {0}")]
    Labels(Exceeded),
    /// Too many annotations, or too long ones.
    #[error("invalid annotations: {0}")]
    Annotations(Exceeded),
}

/// Completes and checks an alert that came at `now`, in Alertmanager's order: the start is `now` or,
/// if only the end is given, that; the end is `now + resolve_timeout`, by timeout; labels without a
/// value go; then it is checked. (Names and values are UTF-8, since they are texts here.)
///
/// # Errors
/// Why it is refused.
pub fn accept(posted: PostedAlert, now: Timestamp, resolve_timeout: Duration) -> Result<Alert, Refused> {
    let PostedAlert { mut labels, annotations, starts_at, ends_at, generator_url } = posted;
    labels.retain(|_, value| !value.is_empty());
    let alert = Alert {
        starts_at: starts_at.or(ends_at).unwrap_or(now),
        ends_at: ends_at.unwrap_or_else(|| now.plus(resolve_timeout)),
        timeout: ends_at.is_none(),
        updated_at: now,
        labels,
        annotations,
        generator_url,
    };
    check(&alert)?;
    Ok(alert)
}

fn check(alert: &Alert) -> Result<(), Refused> {
    if alert.ends_at < alert.starts_at {
        return Err(Refused::EndsBeforeStart);
    }
    if alert.labels.is_empty() {
        return Err(Refused::NoLabels);
    }
    if alert.labels.contains_key("") {
        return Err(Refused::LabelName);
    }
    if alert.annotations.contains_key("") {
        return Err(Refused::AnnotationName);
    }
    bounded(&alert.labels).map_err(Refused::Labels)?;
    bounded(&alert.annotations).map_err(Refused::Annotations)
}

fn bounded(labels: &Labels) -> Result<(), Exceeded> {
    MAX_LABELS.check(labels.len() as u64)?;
    MAX_BYTES.check(labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() as u64)
}

impl Alert {
    /// What identifies it.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.labels)
    }

    /// Whether it is over: from `ends_at` on.
    pub fn is_resolved(&self, now: Timestamp) -> bool {
        self.ends_at <= now
    }

    /// `resolved` or `firing`.
    pub fn status(&self, now: Timestamp) -> &'static str {
        if self.is_resolved(now) { "resolved" } else { "firing" }
    }
}

/// Two versions of one alert as one, whichever came first. The later `updated_at` is the base and
/// the earliest start is kept. If the base is resolved, a later end of a version that is resolved too
/// wins; if it fires, a later end wins unless it came from the resolve timeout.
pub fn merge(a: &Alert, b: &Alert, now: Timestamp) -> Alert {
    let (older, newer) = if b.updated_at < a.updated_at { (b, a) } else { (a, b) };
    let mut merged = newer.clone();
    merged.starts_at = older.starts_at.min(newer.starts_at);
    let counts = if newer.is_resolved(now) { older.is_resolved(now) } else { !older.timeout };
    if counts && older.ends_at > newer.ends_at {
        merged.ends_at = older.ends_at;
    }
    merged
}

/// What is kept when `new` comes and `old` is held: both as one if their times overlap, else `new`.
pub fn succeed(old: &Alert, new: Alert, now: Timestamp) -> Alert {
    let within = |at: Timestamp| old.starts_at < at && at < old.ends_at;
    if within(new.ends_at) || within(new.starts_at) { merge(old, &new, now) } else { new }
}
