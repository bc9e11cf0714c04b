//! The settings of each kind, in our terms.

use std::collections::BTreeMap;
use std::path::PathBuf;

use alertmanager::config::{
    Email, HttpConfig, Integration as Configured, Opsgenie, Pagerduty, Secret as Text, SecretUrl, Settings, Slack,
    TlsConfig, Webhook,
};
use base::{Secret, SecretRef};
use notify::Integration;

use crate::plugin::{BuildError, Context};
use crate::{
    Address, BasicAuth, EmailConfig, OpsgenieConfig, PagerdutyConfig, SlackConfig, TeamsConfig, TlsMode, WebhookConfig,
};

type Built = Result<Box<dyn Integration>, BuildError>;

pub(super) fn build(configured: &Configured<'_>, cx: &Context) -> Built {
    match &configured.settings {
        Settings::Webhook(it) => webhook(it, cx),
        Settings::Pagerduty(it) => pagerduty(it, cx),
        Settings::Opsgenie(it) => opsgenie(it, cx),
        Settings::Slack(it) => slack(it, cx),
        Settings::MsTeams(it) => {
            plain(it.http_config.as_ref())?;
            TeamsConfig { url: secret_url("webhook_url", &it.webhook_url, &it.webhook_url_file)? }.build(cx)
        }
        Settings::MsTeamsV2(it) => {
            plain(it.http_config.as_ref())?;
            TeamsConfig { url: secret_url("webhook_url", &it.webhook_url, &it.webhook_url_file)? }.build(cx)
        }
        Settings::Email(it) => email(it, cx),
        _ => Err(BuildError::value("receiver", format!("there is no integration `{}` here", configured.name))),
    }
}

fn webhook(it: &Webhook, cx: &Context) -> Built {
    if it.payload.is_some() {
        return Err(BuildError::value("payload", "a payload of one's own is not sent: the body is that of version 4"));
    }
    let auth = Auth::of(it.http_config.as_ref())?;
    let mut cx = cx.clone();
    cx.timeout = it.timeout.map(|timeout| timeout.0).filter(|timeout| !timeout.is_zero()).or(cx.timeout);
    literal("url", it.url.as_ref().map(SecretUrl::expose))?;
    let max = usize::try_from(it.max_alerts).unwrap_or(usize::MAX);
    let config = WebhookConfig {
        url: Address::Secret(secret_url("url", &it.url, &it.url_file)?),
        bearer_token: auth.bearer_token,
        basic_auth: auth.basic_auth,
        headers: auth.headers,
        max_alerts: if max == 0 { usize::MAX } else { max },
    };
    config.build(&cx)
}

fn pagerduty(it: &Pagerduty, cx: &Context) -> Built {
    plain(it.http_config.as_ref())?;
    let key = secret("routing_key", &it.routing_key, &it.routing_key_file);
    let routing_key =
        key.or_else(|error| secret("service_key", &it.service_key, &it.service_key_file).map_err(|_| error))?;
    PagerdutyConfig {
        routing_key,
        url: it.url.as_ref().map(|url| url.as_str().to_owned()),
        change_events: false,
        webhook_secret: None,
    }
    .build(cx)
}

fn opsgenie(it: &Opsgenie, cx: &Context) -> Built {
    plain(it.http_config.as_ref())?;
    let config = OpsgenieConfig {
        api_key: secret("api_key", &it.api_key, &it.api_key_file)?,
        url: it.api_url.as_ref().map(|url| url.as_str().to_owned()),
        responders: Vec::new(),
        tags: Vec::new(),
        proof: None,
    };
    if !it.responders.is_empty() {
        return Err(BuildError::value(
            "responders",
            "templates of responders are not followed: use a receiver of ours",
        ));
    }
    config.build(&crate::opsgenie::OPSGENIE, cx)
}

fn slack(it: &Slack, cx: &Context) -> Built {
    // A token of `app_token` is in it too, as a header.
    it.http_config.as_ref().map_or(Ok(()), followed)?;
    literal("channel", it.channel.as_deref())?;
    let token = secret("app_token", &it.app_token, &it.app_token_file).ok();
    let webhook_url = match &token {
        Some(_) => None,
        None => Some(secret_url("api_url", &it.api_url, &it.api_url_file)?),
    };
    let url = it.app_url.as_ref().map(|url| url.as_str().trim_end_matches("/chat.postMessage").to_owned());
    let channel = it.channel.clone().filter(|_| token.is_some());
    SlackConfig { webhook_url, url: url.filter(|_| token.is_some()), token, channel }.build(cx)
}

fn email(it: &Email, cx: &Context) -> Built {
    let tls = it.tls_config.clone().unwrap_or_default();
    let only_ca = TlsConfig { ca_file: tls.ca_file.clone(), ..TlsConfig::default() };
    let not_followed = [
        ("auth_secret", it.auth_secret.is_some() || it.auth_secret_file.is_some()),
        ("auth_identity", it.auth_identity.as_ref().is_some_and(|text| !text.is_empty())),
        ("tls_config", tls != only_ca),
    ];
    if let Some((key, _)) = not_followed.into_iter().find(|(_, used)| *used) {
        return Err(BuildError::value("email_configs", format!("`{key}` is not followed here")));
    }
    let host = it.smarthost.clone().ok_or_else(|| BuildError::value("smarthost", "there is none"))?;
    let port = host.port.parse().map_err(|_| BuildError::value("smarthost", "its port is no number"))?;
    let tls = match (it.force_implicit_tls, it.require_tls) {
        (Some(true), _) => TlsMode::Implicit,
        (_, Some(false)) => TlsMode::None,
        _ => TlsMode::Starttls,
    };
    let config = EmailConfig {
        host: host.host,
        port: Some(port),
        tls,
        ca: it.tls_config.as_ref().and_then(|tls| tls.ca_file.clone()),
        username: it.auth_username.clone().filter(|name| !name.is_empty()),
        password: secret("auth_password", &it.auth_password, &it.auth_password_file).ok(),
        from: it.from.clone().unwrap_or_default(),
        to: it.to.split(',').map(|to| to.trim().to_owned()).collect(),
    };
    config.build(cx)
}

/// What of `http_config` goes into headers.
#[derive(Default)]
struct Auth {
    bearer_token: Option<SecretRef>,
    basic_auth: Option<BasicAuth>,
    headers: BTreeMap<String, SecretRef>,
}

impl Auth {
    fn of(config: Option<&HttpConfig>) -> Result<Self, BuildError> {
        let Some(config) = config else { return Ok(Self::default()) };
        followed(config)?;
        let mut auth =
            Self { bearer_token: secret("", &config.bearer_token, &config.bearer_token_file).ok(), ..Self::default() };
        if let Some(it) = &config.authorization {
            let credentials = secret("authorization.credentials", &it.credentials, &it.credentials_file)?;
            match it.kind.as_deref().unwrap_or("Bearer") {
                kind if kind.eq_ignore_ascii_case("bearer") => auth.bearer_token = Some(credentials),
                kind => {
                    let value = credentials.resolve().map_err(BuildError::secret("authorization.credentials"))?;
                    let value = SecretRef::Given(Secret::new(format!("{kind} {}", value.expose())));
                    auth.headers.insert("Authorization".to_owned(), value);
                }
            }
        }
        if let Some(it) = &config.basic_auth {
            let username = it.username.clone().unwrap_or_default();
            let password = secret("basic_auth.password", &it.password, &it.password_file);
            auth.basic_auth = Some(BasicAuth { username, password: password? });
        }
        for (name, header) in &config.http_headers {
            let values = header.values.iter().cloned().chain(header.secrets.iter().map(|it| it.expose().to_owned()));
            let values: Vec<String> = values.collect();
            if !header.files.is_empty() || values.len() != 1 {
                return Err(BuildError::value("http_headers", format!("`{name}` needs one value or secret")));
            }
            auth.headers.insert(name.clone(), SecretRef::Given(Secret::new(values.concat())));
        }
        Ok(auth)
    }
}

/// Refuses what changes how a request is made and is not followed here.
fn followed(config: &HttpConfig) -> Result<(), BuildError> {
    let tls = config.tls_config.as_ref();
    let not_followed = [
        ("oauth2", config.oauth2.is_some()),
        ("proxy_url", config.proxy_url.as_ref().is_some_and(|url| !url.is_empty())),
        ("tls_config", tls.is_some_and(|tls| *tls != TlsConfig::default())),
        ("proxy_from_environment", config.proxy_from_environment),
        ("no_proxy", config.no_proxy.as_ref().is_some_and(|text| !text.is_empty())),
        ("proxy_connect_header", !config.proxy_connect_header.is_empty()),
    ];
    match not_followed.iter().find(|(_, used)| *used) {
        Some((key, _)) => Err(BuildError::value("http_config", format!("`{key}` is not followed here"))),
        None => Ok(()),
    }
}

/// Refuses an `http_config` that says more than nothing, where the provider has its own way.
fn plain(config: Option<&HttpConfig>) -> Result<(), BuildError> {
    let Some(config) = config else { return Ok(()) };
    followed(config)?;
    let auth = config.basic_auth.is_some() || config.authorization.is_some() || config.bearer_token.is_some();
    if auth || !config.http_headers.is_empty() {
        return Err(BuildError::value("http_config", "credentials and headers are not sent to this provider"));
    }
    Ok(())
}

/// Refuses a template where one is not followed.
fn literal(key: &'static str, text: Option<&str>) -> Result<(), BuildError> {
    match text {
        Some(text) if text.contains("{{") => Err(BuildError::value(key, "a template is not followed here")),
        _ => Ok(()),
    }
}

fn secret(key: &'static str, text: &Option<Text>, file: &Option<PathBuf>) -> Result<SecretRef, BuildError> {
    match (text, file) {
        (Some(text), _) => Ok(SecretRef::Given(Secret::new(text.expose()))),
        (None, Some(file)) => Ok(SecretRef::File(file.clone())),
        (None, None) => Err(BuildError::value(key, "there is none")),
    }
}

fn secret_url(key: &'static str, url: &Option<SecretUrl>, file: &Option<PathBuf>) -> Result<SecretRef, BuildError> {
    match (url, file) {
        (Some(url), _) => Ok(SecretRef::Given(Secret::new(url.expose()))),
        (None, Some(file)) => Ok(SecretRef::File(file.clone())),
        (None, None) => Err(BuildError::value(key, "there is none")),
    }
}
