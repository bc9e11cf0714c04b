//! How a target is spoken to
//! (<https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config>).

use std::path::{Path, PathBuf};

use base::Secret;
use url::Url;
use yaml::{Fields, Node};

use crate::mistakes::Mistakes;

/// The keys that are read; a job has them beside its own.
pub(super) const KEYS: [&str; 10] = [
    "basic_auth",
    "authorization",
    "bearer_token",
    "bearer_token_file",
    "tls_config",
    "follow_redirects",
    "enable_http2",
    "proxy_url",
    "proxy_from_environment",
    "no_proxy",
];
/// Prometheus' own that nobody here reads.
pub(super) const MISSING: [&str; 3] = ["oauth2", "proxy_connect_header", "http_headers"];

/// A text that stands in the configuration, or in a file that is read at each use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// The text.
    Inline(Secret),
    /// Where it is; its end is trimmed.
    File(PathBuf),
}

/// `basic_auth`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicAuth {
    /// The user.
    pub username: Text,
    /// The password; none is empty.
    pub password: Option<Text>,
}

/// `authorization`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// `Bearer`, or another scheme.
    pub scheme: String,
    /// What comes behind it.
    pub credentials: Text,
}

/// `tls_config`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Authorities that are believed beside the system's, as PEM.
    pub ca: Option<Text>,
    /// Our own certificate, as PEM.
    pub cert: Option<Text>,
    /// Its key, as PEM.
    pub key: Option<Text>,
    /// Any certificate is believed.
    pub insecure_skip_verify: bool,
    /// The oldest version, 2 or 3 for TLS 1.2 or 1.3.
    pub min_version: Option<u8>,
    /// The newest version.
    pub max_version: Option<u8>,
}

/// How a target is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// User and password.
    pub basic_auth: Option<BasicAuth>,
    /// `Authorization`.
    pub authorization: Option<Authorization>,
    /// TLS.
    pub tls: TlsConfig,
    /// Whether an answer may lead elsewhere.
    pub follow_redirects: bool,
    /// Whether HTTP/2 may be spoken over TLS.
    pub enable_http2: bool,
    /// A proxy.
    pub proxy_url: Option<Url>,
    /// Whether the environment names proxies.
    pub proxy_from_environment: bool,
    /// Hosts that are reached without a proxy.
    pub no_proxy: Option<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            tls: TlsConfig::default(),
            follow_redirects: true,
            enable_http2: true,
            proxy_url: None,
            proxy_from_environment: false,
            no_proxy: None,
        }
    }
}

impl HttpConfig {
    pub(super) fn read(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Self {
        let mut truth = |key: &str, default: bool| mistakes.read(fields, key, Node::truth).unwrap_or(default);
        let (follow_redirects, enable_http2) = (truth("follow_redirects", true), truth("enable_http2", true));
        let proxy_from_environment = truth("proxy_from_environment", false);
        let (basic_auth, authorization) = credentials(fields, mistakes);
        let proxy_url = mistakes.read(fields, "proxy_url", Node::text).and_then(|text| {
            let url = Url::parse(&text);
            url.map_err(|error| mistakes.of(fields, "proxy_url", error.to_string())).ok()
        });
        let no_proxy = mistakes.read(fields, "no_proxy", Node::text);
        if no_proxy.is_some() && proxy_url.is_none() {
            mistakes.of(fields, "no_proxy", "it means something only with proxy_url");
        }
        if proxy_from_environment && proxy_url.is_some() {
            mistakes.of(fields, "proxy_from_environment", "if it is set, proxy_url must not be");
        }
        let tls = fields.get("tls_config").map(|node| mistakes.within("tls_config", |mistakes| tls(node, mistakes)));
        Self {
            basic_auth,
            authorization,
            tls: tls.unwrap_or_default(),
            follow_redirects,
            enable_http2,
            proxy_url,
            proxy_from_environment,
            no_proxy,
        }
    }

    /// Every text that may be in a file.
    fn texts(&mut self) -> impl Iterator<Item = &mut Text> {
        let basic = self.basic_auth.as_mut().map(|auth| (&mut auth.username, auth.password.as_mut()));
        let (user, password) = basic.map_or((None, None), |(user, password)| (Some(user), password));
        let token = self.authorization.as_mut().map(|auth| &mut auth.credentials);
        let TlsConfig { ca, cert, key, .. } = &mut self.tls;
        [user, password, token, ca.as_mut(), cert.as_mut(), key.as_mut()].into_iter().flatten()
    }

    /// Makes paths relative to `folder`.
    pub(super) fn at(&mut self, folder: &Path) {
        for text in self.texts() {
            if let Text::File(path) = text {
                *path = folder.join(&path);
            }
        }
    }
}

/// A text of `key`, or of the file that `key_file` names.
fn text(fields: &Fields<'_>, key: &str, file: &str, mistakes: &mut Mistakes) -> Option<Text> {
    let inline = mistakes.read(fields, key, Node::text).filter(|text| !text.is_empty());
    let path = mistakes.read(fields, file, Node::text).filter(|path| !path.is_empty());
    match (inline, path) {
        (Some(_), Some(_)) => {
            mistakes.of(fields, file, format!("at most one of {key} and {file} must be configured"));
            None
        }
        (Some(text), None) => Some(Text::Inline(Secret::new(text))),
        (None, path) => path.map(|path| Text::File(path.into())),
    }
}

fn credentials(fields: &Fields<'_>, mistakes: &mut Mistakes) -> (Option<BasicAuth>, Option<Authorization>) {
    let basic =
        fields.get("basic_auth").and_then(|node| mistakes.within("basic_auth", |mistakes| basic(node, mistakes)));
    let mut authorization = fields
        .get("authorization")
        .and_then(|node| mistakes.within("authorization", |mistakes| self::authorization(node, mistakes)));
    // What these were called before there was `authorization`.
    if let Some(credentials) = text(fields, "bearer_token", "bearer_token_file", mistakes) {
        if authorization.is_some() {
            mistakes.of(fields, "authorization", "authorization is not compatible with bearer_token");
        }
        authorization = Some(Authorization { scheme: "Bearer".to_owned(), credentials });
    }
    if basic.is_some() && authorization.is_some() {
        mistakes.of(fields, "basic_auth", "at most one of basic_auth and authorization must be configured");
    }
    (basic, authorization)
}

fn basic(node: &Node, mistakes: &mut Mistakes) -> Option<BasicAuth> {
    let known = ["username", "username_file", "password", "password_file"];
    let fields = mistakes.fields(node, "basic_auth", &known, &["username_ref", "password_ref"])?;
    let username = text(&fields, "username", "username_file", mistakes);
    let password = text(&fields, "password", "password_file", mistakes);
    Some(BasicAuth { username: username.unwrap_or(Text::Inline(Secret::new(""))), password })
}

fn authorization(node: &Node, mistakes: &mut Mistakes) -> Option<Authorization> {
    let fields =
        mistakes.fields(node, "authorization", &["type", "credentials", "credentials_file"], &["credentials_ref"])?;
    let scheme = mistakes.read(&fields, "type", Node::text).map(|scheme| scheme.trim().to_owned());
    let scheme = scheme.filter(|scheme| !scheme.is_empty()).unwrap_or_else(|| "Bearer".to_owned());
    if scheme.eq_ignore_ascii_case("basic") {
        mistakes.of(&fields, "type", "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
    }
    let credentials = text(&fields, "credentials", "credentials_file", mistakes)?;
    Some(Authorization { scheme, credentials })
}

const TLS: [&str; 9] =
    ["ca", "ca_file", "cert", "cert_file", "key", "key_file", "insecure_skip_verify", "min_version", "max_version"];

fn tls(node: &Node, mistakes: &mut Mistakes) -> TlsConfig {
    let missing = ["server_name", "ca_ref", "cert_ref", "key_ref"];
    let Some(fields) = mistakes.fields(node, "tls_config", &TLS, &missing) else { return TlsConfig::default() };
    let [ca, cert, key] = [("ca", "ca_file"), ("cert", "cert_file"), ("key", "key_file")]
        .map(|(key, file)| text(&fields, key, file, mistakes));
    if cert.is_some() != key.is_some() {
        mistakes.of(&fields, "cert_file", "a certificate and its key must be configured together");
    }
    let mut version = |key: &str| {
        let name = mistakes.read(&fields, key, Node::text)?;
        match name.as_str() {
            "TLS12" => Some(2),
            "TLS13" => Some(3),
            _ => {
                mistakes.of(&fields, key, format!("{name:?} is not supported: TLS12 and TLS13 are"));
                None
            }
        }
    };
    let (min_version, max_version) = (version("min_version"), version("max_version"));
    let insecure_skip_verify = mistakes.read(&fields, "insecure_skip_verify", Node::truth).unwrap_or(false);
    TlsConfig { ca, cert, key, insecure_skip_verify, min_version, max_version }
}
