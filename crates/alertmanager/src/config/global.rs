//! `global`: what holds for every receiver that says nothing else.

use std::path::PathBuf;
use std::time::Duration;

use super::http::{HttpConfig, TlsConfig, known};
use super::settings::settings;
use super::types::{HostPort, Secret, SecretUrl, Span, Url};

settings! {
    /// `global`.
    Global {
        resolve_timeout: Span = Duration::from_secs(300),
        http_config: Option<HttpConfig>,
        jira_api_url: Option<Url>,
        smtp_from: Option<String>,
        smtp_hello: String = "localhost",
        smtp_smarthost: Option<HostPort>,
        smtp_auth_username: Option<String>,
        smtp_auth_password: Option<Secret>,
        smtp_auth_password_file: Option<PathBuf>,
        smtp_auth_secret: Option<Secret>,
        smtp_auth_secret_file: Option<PathBuf>,
        smtp_auth_identity: Option<String>,
        smtp_require_tls: bool = true,
        smtp_tls_config: Option<TlsConfig>,
        smtp_force_implicit_tls: Option<bool>,
        slack_api_url: Option<SecretUrl>,
        slack_api_url_file: Option<PathBuf>,
        slack_app_token: Option<Secret>,
        slack_app_token_file: Option<PathBuf>,
        slack_app_url: Option<Url> = known("https://slack.com/api/chat.postMessage"),
        pagerduty_url: Option<Url> = known("https://events.pagerduty.com/v2/enqueue"),
        opsgenie_api_url: Option<Url> = known("https://api.opsgenie.com/"),
        opsgenie_api_key: Option<Secret>,
        opsgenie_api_key_file: Option<PathBuf>,
        wechat_api_url: Option<Url> = known("https://qyapi.weixin.qq.com/cgi-bin/"),
        wechat_api_secret: Option<Secret>,
        wechat_api_secret_file: Option<PathBuf>,
        wechat_api_corp_id: Option<String>,
        victorops_api_url: Option<Url> = known("https://alert.victorops.com/integrations/generic/20131114/alert/"),
        victorops_api_key: Option<Secret>,
        victorops_api_key_file: Option<PathBuf>,
        telegram_api_url: Option<Url> = known("https://api.telegram.org"),
        telegram_bot_token: Option<Secret>,
        telegram_bot_token_file: Option<PathBuf>,
        webex_api_url: Option<Url> = known("https://webexapis.com/v1/messages"),
        rocketchat_api_url: Option<Url> = known("https://open.rocket.chat/"),
        rocketchat_token: Option<Secret>,
        rocketchat_token_file: Option<PathBuf>,
        rocketchat_token_id: Option<Secret>,
        rocketchat_token_id_file: Option<PathBuf>,
        mattermost_webhook_url: Option<SecretUrl>,
        mattermost_webhook_url_file: Option<PathBuf>,
    }
}
