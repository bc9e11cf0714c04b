//! What the types of integrations cannot say: keys that are needed, and keys that exclude each other.

use std::collections::BTreeSet;

use super::{
    Email, Incidentio, Jira, Opsgenie, Pagerduty, Pushover, Receiver, Rocketchat, Slack, Sns, Telegram, Victorops,
    Webex, Wechat,
};
use crate::config::check::{Checker, check_http, set};

/// Keys of VictorOps' own, which no custom field may have.
const VICTOROPS_KEYS: [&str; 7] = [
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
];

/// Calls a check for each integration of a kind, at its place.
macro_rules! each {
    ($at:ident, $receiver:ident, $($field:ident: $check:expr,)*) => {$(
        for (index, settings) in $receiver.$field.iter().enumerate() {
            $at.within(&format!("{}[{index}]", stringify!($field)), |at| ($check)(settings, at));
        }
    )*};
}

/// Checks all integrations of a receiver.
pub(in crate::config) fn check(receiver: &Receiver, at: &mut Checker<'_>) {
    each! { at, receiver,
        email_configs: email,
        incidentio_configs: incidentio,
        jira_configs: jira,
        opsgenie_configs: opsgenie,
        pagerduty_configs: pagerduty,
        pushover_configs: pushover,
        rocketchat_configs: rocketchat,
        slack_configs: slack,
        sns_configs: sns,
        telegram_configs: telegram,
        victorops_configs: victorops,
        webex_configs: webex,
        wechat_configs: wechat,
        webhook_configs: |it: &super::Webhook, at: &mut Checker<'_>| {
            at.exactly_one(("url", it.url.is_some()), ("url_file", set(&it.url_file)));
        },
        discord_configs: |it: &super::Discord, at: &mut Checker<'_>| {
            at.exactly_one(("webhook_url", it.webhook_url.is_some()), ("webhook_url_file", set(&it.webhook_url_file)));
        },
        msteams_configs: |it: &super::MsTeams, at: &mut Checker<'_>| {
            at.exactly_one(("webhook_url", it.webhook_url.is_some()), ("webhook_url_file", set(&it.webhook_url_file)));
        },
        msteamsv2_configs: |it: &super::MsTeamsV2, at: &mut Checker<'_>| {
            at.exactly_one(("webhook_url", it.webhook_url.is_some()), ("webhook_url_file", set(&it.webhook_url_file)));
        },
        mattermost_configs: |it: &super::Mattermost, at: &mut Checker<'_>| {
            at.at_most_one(("webhook_url", it.webhook_url.is_some()), ("webhook_url_file", set(&it.webhook_url_file)));
        },
    }
    check_clients(receiver, at);
}

fn check_clients(receiver: &Receiver, at: &mut Checker<'_>) {
    macro_rules! clients {
        ($($field:ident)*) => { each! { at, receiver, $($field: |it, at: &mut Checker<'_>| client(it, at),)* } };
    }
    trait HasClient {
        fn client(&self) -> Option<&crate::config::HttpConfig>;
    }
    macro_rules! has_client {
        ($($name:ident)*) => {$(
            impl HasClient for super::$name {
                fn client(&self) -> Option<&crate::config::HttpConfig> {
                    self.http_config.as_ref()
                }
            }
        )*};
    }
    has_client!(Discord Incidentio Jira Mattermost MsTeams MsTeamsV2 Opsgenie Pagerduty Pushover Rocketchat Slack);
    has_client!(Sns Telegram Victorops Webex Webhook Wechat);
    fn client(it: &impl HasClient, at: &mut Checker<'_>) {
        if let Some(http) = it.client() {
            at.within("http_config", |at| check_http(http, at));
        }
    }
    clients!(discord_configs incidentio_configs jira_configs mattermost_configs msteams_configs msteamsv2_configs);
    clients!(opsgenie_configs pagerduty_configs pushover_configs rocketchat_configs slack_configs sns_configs);
    clients!(telegram_configs victorops_configs webex_configs webhook_configs wechat_configs);
}

fn email(it: &Email, at: &mut Checker<'_>) {
    if it.to.is_empty() {
        at.say("to", "missing to address in email config");
    }
    let mut names = BTreeSet::new();
    for name in it.headers.keys() {
        if !names.insert(name.to_ascii_lowercase()) {
            at.say("headers", format!("duplicate header \"{name}\" in email config"));
        }
    }
    let by_date = it.threading.as_ref().and_then(|threading| threading.thread_by_date.as_deref());
    if by_date.is_some_and(|by_date| !matches!(by_date, "daily" | "none")) {
        at.say("threading.thread_by_date", "thread_by_date must be \"daily\" or \"none\"");
    }
}

fn incidentio(it: &Incidentio, at: &mut Checker<'_>) {
    at.exactly_one(("url", it.url.is_some()), ("url_file", set(&it.url_file)));
    let (token, file) = (it.alert_source_token.is_some(), set(&it.alert_source_token_file));
    at.at_most_one(("alert_source_token", token), ("alert_source_token_file", file));
    let authorized = it.http_config.as_ref().is_some_and(|http| http.authorization.is_some());
    if authorized && (token || file) {
        at.say(
            "http_config.authorization",
            "cannot specify alert_source_token or alert_source_token_file when using http_config.authorization",
        );
    }
    if !(authorized || token || file) {
        at.say(
            "",
            "at least one of alert_source_token, alert_source_token_file or http_config.authorization must be configured",
        );
    }
}

fn jira(it: &Jira, at: &mut Checker<'_>) {
    at.needs("project", !it.project.is_empty(), "missing project in jira_config");
    at.needs("issue_type", !it.issue_type.is_empty(), "missing issue_type in jira_config");
    if !matches!(&*it.api_type, "auto" | "cloud" | "datacenter") {
        at.say("api_type", "unknown api_type on jira_config, must be auto, cloud or datacenter");
    }
}

fn opsgenie(it: &Opsgenie, at: &mut Checker<'_>) {
    at.at_most_one(("api_key", it.api_key.is_some()), ("api_key_file", set(&it.api_key_file)));
    for (index, responder) in it.responders.iter().enumerate() {
        let named = [&responder.id, &responder.name, &responder.username];
        if named.iter().all(|name| name.as_deref().is_none_or(str::is_empty)) {
            let message = "a responder has to have at least one of id, username or name specified";
            at.say(&format!("responders[{index}]"), message);
        }
        let kinds = ["team", "teams", "user", "escalation", "schedule"];
        let known = kinds.contains(&&*responder.kind.to_ascii_lowercase()) || responder.kind.contains("{{");
        if !known {
            let message = format!("the type of a responder is one of {}", kinds.join(", "));
            at.say(&format!("responders[{index}].type"), message);
        }
    }
}

fn pagerduty(it: &Pagerduty, at: &mut Checker<'_>) {
    let routing = (("routing_key", it.routing_key.is_some()), ("routing_key_file", set(&it.routing_key_file)));
    let service = (("service_key", it.service_key.is_some()), ("service_key_file", set(&it.service_key_file)));
    if ![routing.0, routing.1, service.0, service.1].iter().any(|(_, is_set)| *is_set) {
        at.say("", "missing service or routing key in PagerDuty config");
    }
    at.at_most_one(routing.0, routing.1);
    at.at_most_one(service.0, service.1);
}

fn pushover(it: &Pushover, at: &mut Checker<'_>) {
    at.exactly_one(("user_key", it.user_key.is_some()), ("user_key_file", set(&it.user_key_file)));
    at.exactly_one(("token", it.token.is_some()), ("token_file", set(&it.token_file)));
    at.at_most_one(("html", it.html), ("monospace", it.monospace));
}

fn rocketchat(it: &Rocketchat, at: &mut Checker<'_>) {
    at.at_most_one(("token", it.token.is_some()), ("token_file", set(&it.token_file)));
    at.at_most_one(("token_id", it.token_id.is_some()), ("token_id_file", set(&it.token_id_file)));
}

fn slack(it: &Slack, at: &mut Checker<'_>) {
    at.at_most_one(("api_url", it.api_url.is_some()), ("api_url_file", set(&it.api_url_file)));
    at.at_most_one(("app_token", it.app_token.is_some()), ("app_token_file", set(&it.app_token_file)));
    let url = it.api_url.is_some() || set(&it.api_url_file);
    let token = it.app_token.is_some() || set(&it.app_token_file);
    if url && token {
        at.say("app_token", "at most one of api_url/api_url_file & app_token/app_token_file must be configured");
    }
    for (index, field) in it.fields.iter().enumerate() {
        let key = format!("fields[{index}]");
        at.needs(&key, !field.title.is_empty(), "missing title in Slack field configuration");
        at.needs(&key, !field.value.is_empty(), "missing value in Slack field configuration");
    }
    for (index, action) in it.actions.iter().enumerate() {
        let key = format!("actions[{index}]");
        let is_set = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        at.needs(&key, !action.kind.is_empty(), "missing type in Slack action configuration");
        at.needs(&key, !action.text.is_empty(), "missing text in Slack action configuration");
        let named = is_set(&action.url) || is_set(&action.name);
        at.needs(&key, named, "missing name or url in Slack action configuration");
        let confirms = action.confirm.as_ref().is_none_or(|confirm| !confirm.text.is_empty());
        at.needs(&key, confirms, "missing text in Slack confirmation configuration");
    }
}

fn sns(it: &Sns, at: &mut Checker<'_>) {
    let targets = [&it.target_arn, &it.topic_arn, &it.phone_number];
    let count = targets.iter().filter(|target| target.as_deref().is_some_and(|target| !target.is_empty())).count();
    at.needs("", count == 1, "must provide either a Target ARN, Topic ARN, or Phone Number for SNS config");
    if let Some(sigv4) = &it.sigv4 {
        let both = sigv4.access_key.is_some() == sigv4.secret_key.is_some();
        at.needs("sigv4", both, "must provide a AWS SigV4 Access key and Secret Key if credentials are specified");
    }
}

fn telegram(it: &Telegram, at: &mut Checker<'_>) {
    at.at_most_one(("bot_token", it.bot_token.is_some()), ("bot_token_file", set(&it.bot_token_file)));
    let chat = it.chat_id.as_ref().is_some_and(|id| *id != super::Number::Int(0));
    if !chat && !set(&it.chat_id_file) {
        at.say("chat_id", "missing chat_id or chat_id_file on telegram_config");
    }
    at.at_most_one(("chat_id", chat), ("chat_id_file", set(&it.chat_id_file)));
    if !matches!(&*it.parse_mode, "" | "Markdown" | "MarkdownV2" | "HTML") {
        let message = "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string";
        at.say("parse_mode", message);
    }
}

fn victorops(it: &Victorops, at: &mut Checker<'_>) {
    at.needs("routing_key", !it.routing_key.is_empty(), "missing Routing key in VictorOps config");
    at.at_most_one(("api_key", it.api_key.is_some()), ("api_key_file", set(&it.api_key_file)));
    for name in it.custom_fields.keys().filter(|name| VICTOROPS_KEYS.contains(&name.as_str())) {
        let key = format!("custom_fields.{name}");
        at.say(&key, format!("custom field {name} conflicts with a field of VictorOps' own"));
    }
}

fn webex(it: &Webex, at: &mut Checker<'_>) {
    at.needs("room_id", !it.room_id.is_empty(), "missing room_id on webex_config");
    let authorized = it.http_config.as_ref().is_some_and(|http| http.authorization.is_some());
    at.needs("http_config", authorized, "missing webex_configs.http_config.authorization");
}

fn wechat(it: &Wechat, at: &mut Checker<'_>) {
    at.at_most_one(("api_secret", it.api_secret.is_some()), ("api_secret_file", set(&it.api_secret_file)));
    if !matches!(&*it.message_type, "text" | "markdown") {
        at.say("message_type", "the message type of WeChat is text or markdown");
    }
}
