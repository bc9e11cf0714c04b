//! What the API's bodies look like.

use alertmanager::engine::{AlertView, GroupHead};
use alertmanager::{Labels, Matcher, PostedAlert, PostedSilence, Silence, WireMatcher};
use base::{Limit, Timestamp};
use serde::{Deserialize, Serialize};

use super::Problem;

/// Bytes of a `generatorURL`.
const URL: Limit = Limit::new("alertmanager.generator_url_bytes", 16 << 10);

/// A posted alert. Go writes a time that is not set as the first second of the year 1.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostableAlert {
    #[serde(default)]
    labels: Labels,
    #[serde(default)]
    annotations: Option<Labels>,
    #[serde(default)]
    starts_at: Option<String>,
    #[serde(default)]
    ends_at: Option<String>,
    #[serde(default, rename = "generatorURL")]
    generator_url: Option<String>,
}

impl PostableAlert {
    pub fn read(self) -> Result<PostedAlert, String> {
        let url = self.generator_url.as_ref().map_or(0, String::len) as u64;
        URL.check(url).map_err(|exceeded| exceeded.to_string())?;
        Ok(PostedAlert {
            starts_at: time("startsAt", self.starts_at.as_deref())?,
            ends_at: time("endsAt", self.ends_at.as_deref())?,
            labels: self.labels,
            annotations: self.annotations.unwrap_or_default(),
            generator_url: self.generator_url.unwrap_or_default(),
        })
    }
}

fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = Timestamp::nearest(text).map_err(|error| format!("{name}: {error}"))?;
    Ok((time != Timestamp::MIN).then_some(time))
}

#[derive(Serialize)]
pub struct Name {
    name: String,
}

impl Name {
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned() }
    }
}

/// A receiver in the list of them.
#[derive(Serialize)]
pub struct Named {
    name: String,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    labels: Labels,
}

impl Named {
    pub fn of(name: &str, labels: &Labels) -> Self {
        Self { name: name.to_owned(), labels: labels.clone() }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GettableAlert {
    annotations: Labels,
    ends_at: String,
    fingerprint: String,
    receivers: Vec<Name>,
    starts_at: String,
    status: AlertStatus,
    updated_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    labels: Labels,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertStatus {
    inhibited_by: Vec<String>,
    muted_by: Vec<String>,
    silenced_by: Vec<String>,
    state: &'static str,
}

impl GettableAlert {
    /// An alert in a list, or in a group that these time intervals mute.
    pub fn of(view: AlertView, muted_by: &[String]) -> Self {
        let is_suppressed = view.status.is_suppressed() || !muted_by.is_empty();
        let state = if is_suppressed { "suppressed" } else { "active" };
        let alert = view.alert;
        Self {
            annotations: alert.annotations,
            ends_at: alert.ends_at.to_string(),
            fingerprint: view.fingerprint.to_string(),
            receivers: view.receivers.iter().map(|name| Name::of(name)).collect(),
            starts_at: alert.starts_at.to_string(),
            status: AlertStatus {
                inhibited_by: view.status.inhibited_by.iter().map(ToString::to_string).collect(),
                muted_by: muted_by.iter().cloned().chain(view.status.joined).collect(),
                silenced_by: view.status.silenced_by,
                state,
            },
            updated_at: alert.updated_at.to_string(),
            generator_url: alert.generator_url,
            labels: alert.labels,
        }
    }
}

/// What is said of a group beside its alerts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertGroup<'a> {
    labels: &'a Labels,
    route_labels: &'a Labels,
    receiver: Name,
}

impl<'a> From<&'a GroupHead> for AlertGroup<'a> {
    fn from(head: &'a GroupHead) -> Self {
        Self { labels: head.labels(), route_labels: &head.route_labels, receiver: Name::of(head.receiver()) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostableSilence {
    #[serde(default)]
    id: Option<String>,
    matchers: Vec<WireMatcher>,
    starts_at: String,
    ends_at: String,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    annotations: Option<Labels>,
}

impl PostableSilence {
    pub fn read(self) -> Result<PostedSilence, Problem> {
        let time = |name, text: &str| {
            let time = time(name, Some(text)).map_err(Problem::bad)?;
            time.ok_or_else(|| Problem::bad(format!("{name}: a time is needed")))
        };
        let matchers: Result<Vec<_>, _> = self.matchers.into_iter().map(Matcher::try_from).collect();
        let bad = |error| Problem::bad(format!("invalid silence: invalid label matcher: {error}"));
        Ok(PostedSilence {
            id: self.id,
            matchers: matchers.map_err(bad)?,
            starts_at: time("startsAt", &self.starts_at)?,
            ends_at: time("endsAt", &self.ends_at)?,
            created_by: self.created_by,
            comment: self.comment,
            annotations: self.annotations.unwrap_or_default(),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GettableSilence {
    id: String,
    status: SilenceStatus,
    updated_at: String,
    comment: String,
    created_by: String,
    ends_at: String,
    matchers: Vec<WireMatcher>,
    starts_at: String,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    annotations: Labels,
}

#[derive(Serialize)]
struct SilenceStatus {
    state: String,
}

impl GettableSilence {
    pub fn of(silence: &Silence, now: Timestamp) -> Self {
        Self {
            id: silence.id.clone(),
            status: SilenceStatus { state: silence.state(now).to_string() },
            updated_at: silence.updated_at.to_string(),
            comment: silence.comment.clone(),
            created_by: silence.created_by.clone(),
            ends_at: silence.ends_at.to_string(),
            matchers: silence.matchers.as_slice().iter().map(WireMatcher::from).collect(),
            starts_at: silence.starts_at.to_string(),
            annotations: silence.annotations.clone(),
        }
    }
}
