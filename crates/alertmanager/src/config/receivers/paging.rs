//! What wakes people: incident.io, Opsgenie, PagerDuty, Pushover, VictorOps.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::chat::Free;
use crate::config::http::HttpConfig;
use crate::config::settings::settings;
use crate::config::types::{GoSpan, Secret, Url};

settings! {
    /// `incidentio_configs`.
    Incidentio {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        url: Option<Url>,
        url_file: Option<PathBuf>,
        alert_source_token: Option<Secret>,
        alert_source_token_file: Option<PathBuf>,
        max_alerts: u64,
        timeout: Option<GoSpan>,
        metadata: BTreeMap<String, String>,
    }

    /// `opsgenie_configs`.
    Opsgenie {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_key: Option<Secret>,
        api_key_file: Option<PathBuf>,
        api_url: Option<Url>,
        message: String = r#"{{ template "opsgenie.default.message" . }}"#,
        description: String = r#"{{ template "opsgenie.default.description" . }}"#,
        source: String = r#"{{ template "opsgenie.default.source" . }}"#,
        details: BTreeMap<String, String>,
        entity: Option<String>,
        responders: Vec<Responder>,
        actions: Option<String>,
        tags: Option<String>,
        note: Option<String>,
        priority: Option<String>,
        update_alerts: bool,
    }

    /// Who answers an Opsgenie alert.
    Responder {
        id: Option<String>,
        name: Option<String>,
        username: Option<String>,
        kind as "type": String,
    }

    /// `pagerduty_configs`.
    Pagerduty {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        service_key: Option<Secret>,
        service_key_file: Option<PathBuf>,
        routing_key: Option<Secret>,
        routing_key_file: Option<PathBuf>,
        url: Option<Url>,
        client: String = r#"{{ template "pagerduty.default.client" . }}"#,
        client_url: String = r#"{{ template "pagerduty.default.clientURL" . }}"#,
        description: String = r#"{{ template "pagerduty.default.description" .}}"#,
        details: Free,
        images: Vec<PagerdutyImage>,
        links: Vec<PagerdutyLink>,
        source: Option<String>,
        severity: Option<String>,
        class: Option<String>,
        component: Option<String>,
        group: Option<String>,
        timeout: Option<GoSpan>,
    }

    /// A link of a PagerDuty event.
    PagerdutyLink {
        href: Option<String>,
        text: Option<String>,
    }

    /// An image of a PagerDuty event.
    PagerdutyImage {
        src: Option<String>,
        alt: Option<String>,
        href: Option<String>,
    }

    /// `pushover_configs`.
    Pushover {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        user_key: Option<Secret>,
        user_key_file: Option<PathBuf>,
        token: Option<Secret>,
        token_file: Option<PathBuf>,
        title: String = r#"{{ template "pushover.default.title" . }}"#,
        message: String = r#"{{ template "pushover.default.message" . }}"#,
        url: String = r#"{{ template "pushover.default.url" . }}"#,
        url_title: Option<String>,
        device: Option<String>,
        sound: Option<String>,
        priority: String = r#"{{ if eq .Status "firing" }}2{{ else }}0{{ end }}"#,
        retry: GoSpan = Duration::from_secs(60),
        expire: GoSpan = Duration::from_secs(3600),
        ttl: Option<GoSpan>,
        html: bool,
        monospace: bool,
    }

    /// `victorops_configs`.
    Victorops {
        send_resolved: bool = true,
        http_config: Option<HttpConfig>,
        api_key: Option<Secret>,
        api_key_file: Option<PathBuf>,
        api_url: Option<Url>,
        routing_key: String,
        message_type: String = "CRITICAL",
        state_message: String = r#"{{ template "victorops.default.state_message" . }}"#,
        entity_display_name: String = r#"{{ template "victorops.default.entity_display_name" . }}"#,
        monitoring_tool: String = r#"{{ template "victorops.default.monitoring_tool" . }}"#,
        custom_fields: BTreeMap<String, String>,
    }
}

/// `details` of a PagerDuty event where the file gives none of that name.
const DETAILS: [(&str, &str); 4] = [
    ("firing", r#"{{ template "pagerduty.default.instances" .Alerts.Firing }}"#),
    ("resolved", r#"{{ template "pagerduty.default.instances" .Alerts.Resolved }}"#),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];

impl Pagerduty {
    /// Its details with those that are always there, and its source, which is else the client.
    pub(super) fn complete(&mut self) {
        for (name, template) in DETAILS {
            self.details.entry(name.to_owned()).or_insert_with(|| template.into());
        }
        if self.source.as_deref().is_none_or(str::is_empty) {
            self.source = Some(self.client.clone());
        }
    }
}
