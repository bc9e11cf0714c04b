//! Receivers of an Alertmanager configuration, made of our integrations.
//!
//! What such a receiver says of texts are templates; they give the summary that our integrations
//! tell. A template that fails does not hold the page back: the error is part of it.

mod ways;

use std::sync::Arc;
use std::time::Duration;

use alertmanager::config::{Integration as Configured, Settings};
use alertmanager::template::{Data, Template};
use alertmanager::webhook::Body;
use async_trait::async_trait;
use notify::{Integration, Limits, Notification, Proof, SendError, Sent};

use crate::plugin::{BuildError, Context};

/// Alertmanager's own first wait after a failed attempt.
const FIRST_BACKOFF: Duration = Duration::from_millis(500);
/// Characters of a summary.
const SUMMARY: usize = 1024;

/// Makes the integration that an Alertmanager configuration describes.
///
/// # Errors
/// If it is of a kind that we do not have, or one of its settings is one that we cannot follow: each
/// is named, so that nobody finds out by a page that did not come.
pub fn migrated(
    configured: &Configured<'_>,
    templates: &Arc<Template>,
    cx: &Context,
) -> Result<Box<dyn Integration>, BuildError> {
    let inner = ways::build(configured, cx)?;
    let title = title(&configured.settings).map(str::to_owned);
    if let Some(title) = &title {
        templates.check(title).map_err(|error| BuildError::value("template", error.to_string()))?;
    }
    let (templates, external_url) = (Arc::clone(templates), cx.external_url.clone());
    Ok(Box::new(Migrated { inner, title, templates, external_url }))
}

/// The template of what people read first.
fn title<'a>(settings: &Settings<'a>) -> Option<&'a str> {
    match settings {
        Settings::Pagerduty(it) => Some(&it.description),
        Settings::Opsgenie(it) => Some(&it.message),
        Settings::Slack(it) => Some(&it.title),
        Settings::MsTeams(it) => Some(&it.title),
        Settings::MsTeamsV2(it) => Some(&it.title),
        Settings::Email(it) => {
            let subject = it.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("subject"));
            Some(subject.map_or(r#"{{ template "email.default.subject" . }}"#, |(_, text)| text))
        }
        _ => None,
    }
}

#[derive(Debug)]
struct Migrated {
    inner: Box<dyn Integration>,
    title: Option<String>,
    templates: Arc<Template>,
    external_url: String,
}

impl Migrated {
    /// The notification with where we are reached, which what was decided does not know.
    fn addressed(&self, notification: &Notification) -> Notification {
        let mut addressed = notification.clone();
        if let Some(group) = addressed.group.as_deref_mut() {
            group.external_url.clone_from(&self.external_url);
        }
        addressed
    }

    /// The same with what the template says as its summary.
    fn titled(&self, notification: &Notification) -> Notification {
        let mut titled = self.addressed(notification);
        let (Some(group), Some(title)) = (titled.group.as_deref(), &self.title) else { return titled };
        match self.render(title, group, notification) {
            Ok(text) if !text.trim().is_empty() => {
                titled.summary = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SUMMARY).collect();
            }
            Ok(_) => {}
            Err(error) => {
                metrics::counter!("steadfast_template_errors_total", "integration" => self.inner.kind()).increment(1);
                titled.summary = format!("{} (its template fails: {error})", titled.summary);
            }
        }
        titled
    }

    fn render(&self, title: &str, group: &Body, notification: &Notification) -> Result<String, String> {
        let data = Data::of(group, notification.time);
        let renderer = self.templates.renderer(&data, notification.time);
        renderer.text(title).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl Integration for Migrated {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn limits(&self) -> Limits {
        let limits = self.inner.limits();
        Limits { first_backoff: limits.first_backoff.min(FIRST_BACKOFF), ..limits }
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.inner.send(&self.titled(notification)).await
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.inner.send_safe(&self.addressed(notification)).await
    }

    async fn prove(&self, reference: &str) -> Result<Proof, SendError> {
        self.inner.prove(reference).await
    }

    fn refresh(&self) -> Option<Duration> {
        self.inner.refresh()
    }
}
