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

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PostableSilence {
    id: Option<String>,
    matchers: Option<Vec<WireMatcher>>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    created_by: Option<String>,
    comment: Option<String>,
    annotations: Option<Labels>,
}

impl PostableSilence {
    /// What is posted at `now`. What the API's description demands and is not there is a 422, as with Alertmanager, which
    /// takes an empty comment or author, and a start in the year 1 as now.
    pub fn read(self, now: Timestamp) -> Result<PostedSilence, Problem> {
        let comment = needed("comment", self.comment)?;
        let created_by = needed("createdBy", self.created_by)?;
        let ends_at = needed("endsAt", self.ends_at)?;
        let matchers = needed("matchers", self.matchers)?;
        if matchers.is_empty() {
            return Err(Problem::unfit("matchers in body should have at least 1 items"));
        }
        let starts_at = needed("startsAt", self.starts_at)?;
        let time = |name, text: &str| time(name, Some(text)).map_err(Problem::bad);
        let (starts_at, ends_at) = (time("startsAt", &starts_at)?, time("endsAt", &ends_at)?);
        let matchers: Result<Vec<_>, _> = matchers.into_iter().map(Matcher::try_from).collect();
        let bad = |error| Problem::bad(format!("invalid silence: invalid label matcher: {error}"));
        Ok(PostedSilence {
            id: self.id,
            matchers: matchers.map_err(bad)?,
            starts_at: starts_at.unwrap_or(now),
            ends_at: ends_at.unwrap_or(Timestamp::MIN),
            created_by,
            comment,
            annotations: self.annotations.unwrap_or_default(),
        })
    }
}

fn needed<T>(name: &str, value: Option<T>) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::unfit(format!("{name} in body is required")))
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

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::{Value, json};

    use super::*;

    fn silence() -> Value {
        json!({"matchers": [{"name": "b", "value": "1"}, {"name": "a", "value": "2"}], "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "2100-01-01T00:00:00Z", "createdBy": "", "comment": ""})
    }

    fn read(silence: &Value) -> Result<PostedSilence, Problem> {
        serde_json::from_value::<PostableSilence>(silence.clone()).unwrap().read(Timestamp::from_secs(7))
    }

    #[test]
    fn what_a_silence_lacks_is_named_and_an_empty_comment_is_one() {
        assert!(read(&silence()).is_ok());
        for name in ["matchers", "startsAt", "endsAt", "createdBy", "comment"] {
            for without in [Value::Null, json!([])].into_iter().take(if name == "matchers" { 2 } else { 1 }) {
                let mut silence = silence();
                silence[name] = without;
                let problem = read(&silence).unwrap_err();
                assert_eq!(problem.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
                assert!(problem.message.starts_with(name), "{}", problem.message);
            }
        }
    }

    #[test]
    fn a_silence_that_starts_in_the_year_1_starts_now() {
        let mut silence = silence();
        silence["startsAt"] = json!("0001-01-01T00:00:00Z");
        assert_eq!(read(&silence).unwrap().starts_at, Timestamp::from_secs(7));
        silence["startsAt"] = json!("yesterday");
        assert_eq!(read(&silence).unwrap_err().status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn matchers_come_back_in_the_order_in_which_they_were_posted() {
        let (mut silences, now) = (alertmanager::Silences::default(), Timestamp::from_secs(7));
        silences.set(read(&silence()).unwrap(), now, "one").unwrap();
        let shown = serde_json::to_value(GettableSilence::of(silences.get("one").unwrap(), now)).unwrap();
        let names: Vec<_> = shown["matchers"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
        assert_eq!(names, ["b", "a"]);
    }
}
