//! Mail, Jira, SNS, Telegram and the generic webhook.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Number;
use super::chat::Free;
use crate::config::http::{HttpConfig, SigV4, TlsConfig};
use crate::config::settings::{Setting, settings};
use crate::config::types::{GoSpan, HostPort, Secret, SecretUrl, Span, Url};

settings! {
    /// `email_configs`.
    Email {
        send_resolved: bool,
        to: String,
        from: Option<String>,
        hello: Option<String>,
        smarthost: Option<HostPort>,
        auth_username: Option<String>,
        auth_password: Option<Secret>,
        auth_password_file: Option<PathBuf>,
        auth_secret: Option<Secret>,
        auth_secret_file: Option<PathBuf>,
        auth_identity: Option<String>,
        headers: BTreeMap<String, String>,
        html: String = r#"{{ template "email.default.html" . }}"#,
        text: Option<String>,
        require_tls: Option<bool>,
        tls_config: Option<TlsConfig>,
        force_implicit_tls: Option<bool>,
        threading: Option<EmailThreading>,
    }

    /// `threading` of a mail.
    EmailThreading {
        enabled: bool,
        thread_by_date: Option<String>,
    }

    /// `jira_configs`.
    Jira {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_url: Option<Url>,
        api_type: String = "auto",
        project: String,
        summary: JiraText = r#"{{ template "jira.default.summary" . }}"#,
        description: JiraText = r#"{{ template "jira.default.description" . }}"#,
        labels: Vec<String>,
        priority: String = r#"{{ template "jira.default.priority" . }}"#,
        issue_type: String,
        reopen_transition: Option<String>,
        resolve_transition: Option<String>,
        wont_fix_resolution: Option<String>,
        reopen_duration: Option<Span>,
        fields: Free,
        custom_fields: Free,
    }

    /// `sns_configs`.
    Sns {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_url: Option<String>,
        sigv4: Option<SigV4>,
        topic_arn: Option<String>,
        phone_number: Option<String>,
        target_arn: Option<String>,
        subject: String = r#"{{ template "sns.default.subject" . }}"#,
        message: String = r#"{{ template "sns.default.message" . }}"#,
        attributes: BTreeMap<String, String>,
    }

    /// `telegram_configs`.
    Telegram {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_url: Option<Url>,
        bot_token: Option<Secret>,
        bot_token_file: Option<PathBuf>,
        chat_id: Option<Number>,
        chat_id_file: Option<PathBuf>,
        message_thread_id: Option<Number>,
        message: String = r#"{{ template "telegram.default.message" . }}"#,
        disable_notifications: bool,
        parse_mode: String = "HTML",
    }

    /// `webhook_configs`.
    Webhook {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        url: Option<SecretUrl>,
        url_file: Option<PathBuf>,
        max_alerts: u64,
        timeout: Option<GoSpan>,
        payload: Option<serde_json::Value>,
    }
}

/// A text of a Jira issue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum JiraText {
    /// A template.
    Template(String),
    /// A template, and whether the text is changed later.
    Updated {
        /// The template.
        template: String,
        /// Whether a later notification changes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        enable_update: Option<bool>,
    },
}

impl Setting for JiraText {}

impl From<&str> for JiraText {
    fn from(template: &str) -> Self {
        Self::Template(template.to_owned())
    }
}

impl JiraText {
    /// The template.
    pub fn template(&self) -> &str {
        match self {
            Self::Template(template) | Self::Updated { template, .. } => template,
        }
    }
}
