//! What integrations take from `global`, and what must then be there.

use super::{Email, Opsgenie, Receiver, Rocketchat, Slack, Telegram, Victorops, Wechat};
use crate::config::check::{Checker, set};
use crate::config::global::Global;
use crate::config::http::Authorization;
use crate::config::types::{SecretUrl, Url};

/// Calls a completion for each integration of a kind, at its place.
macro_rules! each {
    ($at:ident, $receiver:ident, $global:ident, $($field:ident: $complete:expr,)*) => {$(
        for (index, settings) in $receiver.$field.iter_mut().enumerate() {
            $at.within(&format!("{}[{index}]", stringify!($field)), |at| ($complete)(settings, $global, at));
        }
    )*};
}

/// Takes the other's value if there is none.
fn or<T: Clone>(own: &mut Option<T>, global: &Option<T>) {
    if own.is_none() {
        own.clone_from(global);
    }
}

/// Takes both of the other's values if there is neither.
fn or_both<T: Clone, F: Clone>(own: (&mut Option<T>, &mut Option<F>), global: (&Option<T>, &Option<F>)) {
    if own.0.is_none() && own.1.is_none() {
        own.0.clone_from(global.0);
        own.1.clone_from(global.1);
    }
}

/// Completes all integrations of a receiver.
pub(in crate::config) fn inherit(receiver: &mut Receiver, global: &Global, at: &mut Checker<'_>) {
    each! { at, receiver, global,
        email_configs: email,
        opsgenie_configs: opsgenie,
        rocketchat_configs: rocketchat,
        slack_configs: slack,
        telegram_configs: telegram,
        victorops_configs: victorops,
        wechat_configs: wechat,
        pagerduty_configs: |it: &mut super::Pagerduty, global: &Global, at: &mut Checker<'_>| {
            it.complete();
            or(&mut it.url, &global.pagerduty_url);
            at.needs("url", it.url.is_some(), "no global PagerDuty URL set");
        },
        webex_configs: |it: &mut super::Webex, global: &Global, at: &mut Checker<'_>| {
            or(&mut it.api_url, &global.webex_api_url);
            at.needs("api_url", it.api_url.is_some(), "no global Webex URL set");
        },
        jira_configs: |it: &mut super::Jira, global: &Global, at: &mut Checker<'_>| {
            or(&mut it.api_url, &global.jira_api_url);
            at.needs("api_url", it.api_url.is_some(), "no global Jira Cloud URL set");
        },
        mattermost_configs: |it: &mut super::Mattermost, global: &Global, at: &mut Checker<'_>| {
            let own = (&mut it.webhook_url, &mut it.webhook_url_file);
            or_both(own, (&global.mattermost_webhook_url, &global.mattermost_webhook_url_file));
            let is_set = it.webhook_url.is_some() || set(&it.webhook_url_file);
            at.needs("webhook_url", is_set, "missing webhook_url or webhook_url_file on mattermost_config");
        },
    }
    clients(receiver, global);
}

fn clients(receiver: &mut Receiver, global: &Global) {
    macro_rules! clients {
        ($($field:ident)*) => {$(
            receiver.$field.iter_mut().for_each(|it| or(&mut it.http_config, &global.http_config));
        )*};
    }
    clients!(discord_configs incidentio_configs jira_configs mattermost_configs msteams_configs msteamsv2_configs);
    clients!(opsgenie_configs pagerduty_configs pushover_configs rocketchat_configs sns_configs);
    clients!(telegram_configs victorops_configs webex_configs webhook_configs wechat_configs);
}

/// With a slash at the end, since paths are appended.
fn slash(url: &mut Option<Url>) {
    *url = url.take().map(Url::with_slash);
}

fn email(it: &mut Email, global: &Global, at: &mut Checker<'_>) {
    or(&mut it.tls_config, &global.smtp_tls_config);
    or(&mut it.smarthost, &global.smtp_smarthost);
    at.needs("smarthost", it.smarthost.is_some(), "no global SMTP smarthost set");
    or(&mut it.from, &global.smtp_from);
    at.needs("from", it.from.as_deref().is_some_and(|from| !from.is_empty()), "no global SMTP from set");
    it.hello.get_or_insert_with(|| global.smtp_hello.clone());
    or(&mut it.auth_username, &global.smtp_auth_username);
    let password = (&mut it.auth_password, &mut it.auth_password_file);
    or_both(password, (&global.smtp_auth_password, &global.smtp_auth_password_file));
    or_both((&mut it.auth_secret, &mut it.auth_secret_file), (&global.smtp_auth_secret, &global.smtp_auth_secret_file));
    or(&mut it.auth_identity, &global.smtp_auth_identity);
    it.require_tls.get_or_insert(global.smtp_require_tls);
    or(&mut it.force_implicit_tls, &global.smtp_force_implicit_tls);
}

fn slack(it: &mut Slack, global: &Global, at: &mut Checker<'_>) {
    or(&mut it.app_url, &global.slack_app_url);
    let authorized = it.http_config.as_ref().is_some_and(|http| http.authorization.is_some());
    let own_url = it.api_url.is_some() || set(&it.api_url_file);
    if !authorized && !own_url {
        or_both((&mut it.app_token, &mut it.app_token_file), (&global.slack_app_token, &global.slack_app_token_file));
    }
    or_both((&mut it.api_url, &mut it.api_url_file), (&global.slack_api_url, &global.slack_api_url_file));
    or(&mut it.http_config, &global.http_config);
    if it.app_token.is_none() && it.app_token_file.is_none() {
        let is_set = it.api_url.is_some() || set(&it.api_url_file);
        at.needs("api_url", is_set, "no Slack API URL nor App token set either inline or in a file");
        return;
    }
    let http = it.http_config.get_or_insert_default();
    if http.authorization.is_some() {
        at.say("http_config.authorization", "http authorization can't be set when using Slack App tokens");
    }
    http.authorization = Some(Authorization {
        kind: Some("Bearer".to_owned()),
        credentials: it.app_token.clone(),
        credentials_file: it.app_token_file.clone(),
        credentials_ref: None,
    });
    it.api_url = it.app_url.as_ref().map(SecretUrl::from);
    it.api_url_file = None;
}

fn opsgenie(it: &mut Opsgenie, global: &Global, at: &mut Checker<'_>) {
    or(&mut it.api_url, &global.opsgenie_api_url);
    at.needs("api_url", it.api_url.is_some(), "no global OpsGenie URL set");
    slash(&mut it.api_url);
    or_both((&mut it.api_key, &mut it.api_key_file), (&global.opsgenie_api_key, &global.opsgenie_api_key_file));
    let is_set = it.api_key.is_some() || set(&it.api_key_file);
    at.needs("api_key", is_set, "no global OpsGenie API Key set either inline or in a file");
}

fn wechat(it: &mut Wechat, global: &Global, at: &mut Checker<'_>) {
    or(&mut it.api_url, &global.wechat_api_url);
    at.needs("api_url", it.api_url.is_some(), "no global Wechat URL set");
    slash(&mut it.api_url);
    let own = (&mut it.api_secret, &mut it.api_secret_file);
    or_both(own, (&global.wechat_api_secret, &global.wechat_api_secret_file));
    let is_set = it.api_secret.is_some() || set(&it.api_secret_file);
    at.needs("api_secret", is_set, "no global Wechat Api Secret set either inline or in a file");
    or(&mut it.corp_id, &global.wechat_api_corp_id);
    at.needs("corp_id", it.corp_id.is_some(), "no global Wechat CorpID set");
}

fn victorops(it: &mut Victorops, global: &Global, at: &mut Checker<'_>) {
    or(&mut it.api_url, &global.victorops_api_url);
    at.needs("api_url", it.api_url.is_some(), "no global VictorOps URL set");
    slash(&mut it.api_url);
    or_both((&mut it.api_key, &mut it.api_key_file), (&global.victorops_api_key, &global.victorops_api_key_file));
    let is_set = it.api_key.is_some() || set(&it.api_key_file);
    at.needs("api_key", is_set, "no global VictorOps API Key set");
}

fn telegram(it: &mut Telegram, global: &Global, at: &mut Checker<'_>) {
    or(&mut it.api_url, &global.telegram_api_url);
    let own = (&mut it.bot_token, &mut it.bot_token_file);
    or_both(own, (&global.telegram_bot_token, &global.telegram_bot_token_file));
    let is_set = it.bot_token.is_some() || set(&it.bot_token_file);
    at.needs("bot_token", is_set, "missing bot_token or bot_token_file on telegram_config");
}

fn rocketchat(it: &mut Rocketchat, global: &Global, at: &mut Checker<'_>) {
    or(&mut it.api_url, &global.rocketchat_api_url);
    or_both((&mut it.token_id, &mut it.token_id_file), (&global.rocketchat_token_id, &global.rocketchat_token_id_file));
    let is_set = it.token_id.is_some() || set(&it.token_id_file);
    at.needs("token_id", is_set, "no global Rocketchat TokenID set either inline or in a file");
    or_both((&mut it.token, &mut it.token_file), (&global.rocketchat_token, &global.rocketchat_token_file));
    let is_set = it.token.is_some() || set(&it.token_file);
    at.needs("token", is_set, "no global Rocketchat Token set either inline or in a file");
}
