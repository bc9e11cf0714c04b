//! What the types of the configuration cannot say: names that must be there and differ, keys that
//! exclude each other.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::http::{HttpConfig, TlsConfig};
use super::place::Places;
use super::{Config, InhibitRule, Problem, Route, receivers};
use crate::matcher::{Matcher, Op};

/// Gathers mistakes, each at a place.
pub(super) struct Checker<'a> {
    places: &'a Places,
    path: String,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Checker<'a> {
    pub(super) const fn new(places: &'a Places) -> Self {
        Self { places, path: String::new(), problems: Vec::new() }
    }

    /// Checks what is under a key or item.
    pub(super) fn within<T>(&mut self, key: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path = self.join(key);
        let result = check(self);
        self.path.truncate(length);
        result
    }

    fn join(&self, key: &str) -> String {
        let dot = if self.path.is_empty() || key.is_empty() || key.starts_with('[') { "" } else { "." };
        format!("{}{dot}{key}", self.path)
    }

    /// A mistake at a key; with an empty one, at what is being checked.
    pub(super) fn say(&mut self, key: &str, message: impl Into<String>) {
        let key = self.join(key);
        let (line, column) = self.places.find(&key);
        self.problems.push(Problem { line, column, key, message: message.into() });
    }

    /// A mistake unless something holds.
    pub(super) fn needs(&mut self, key: &str, holds: bool, message: &str) {
        if !holds {
            self.say(key, message);
        }
    }

    pub(super) fn at_most_one(&mut self, a: (&str, bool), b: (&str, bool)) {
        if a.1 && b.1 {
            self.say(b.0, format!("at most one of {} & {} must be configured", a.0, b.0));
        }
    }

    pub(super) fn exactly_one(&mut self, a: (&str, bool), b: (&str, bool)) {
        if !a.1 && !b.1 {
            self.say("", format!("one of {} or {} must be configured", a.0, b.0));
        }
        self.at_most_one(a, b);
    }
}

/// Whether a path is given.
pub(super) fn set(path: &Option<PathBuf>) -> bool {
    path.as_ref().is_some_and(|path| !path.as_os_str().is_empty())
}

/// All mistakes of a configuration as it was read, before anything is inherited.
pub(super) fn check(config: &Config, at: &mut Checker<'_>) {
    at.within("global", |at| global(config, at));
    let mut names = BTreeSet::new();
    for (index, receiver) in config.receivers.iter().enumerate() {
        at.within(&format!("receivers[{index}]"), |at| {
            at.needs("name", !receiver.name.is_empty(), "missing name in receiver");
            if !names.insert(&*receiver.name) {
                at.say("name", format!("notification config name \"{}\" is not unique", receiver.name));
            }
            receivers::check(receiver, at);
        });
    }
    for (index, rule) in config.inhibit_rules.iter().enumerate() {
        at.within(&format!("inhibit_rules[{index}]"), |at| inhibit_rule(rule, at));
    }
    let intervals = intervals(config, at);
    match &config.route {
        Some(route) => at.within("route", |at| {
            root(route, at);
            node(route, &names, &intervals, at);
        }),
        None => at.say("", "no routes provided"),
    }
}

fn global(config: &Config, at: &mut Checker<'_>) {
    let it = &config.global;
    let (token, url) = (
        it.slack_app_token.is_some() || set(&it.slack_app_token_file),
        it.slack_api_url.is_some() || set(&it.slack_api_url_file),
    );
    at.at_most_one(
        ("slack_app_token", it.slack_app_token.is_some()),
        ("slack_app_token_file", set(&it.slack_app_token_file)),
    );
    at.at_most_one(("slack_api_url", it.slack_api_url.is_some()), ("slack_api_url_file", set(&it.slack_api_url_file)));
    let same = match (&it.slack_api_url, &it.slack_app_url) {
        (Some(api), Some(app)) => api.expose() == app.as_str(),
        _ => false,
    };
    if token && url && !same {
        at.say(
            "slack_app_token",
            "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be configured",
        );
    }
    macro_rules! pairs {
        ($($key:ident $file:ident,)*) => {$(
            at.at_most_one((stringify!($key), it.$key.is_some()), (stringify!($file), set(&it.$file)));
        )*};
    }
    pairs! {
        opsgenie_api_key opsgenie_api_key_file,
        victorops_api_key victorops_api_key_file,
        telegram_bot_token telegram_bot_token_file,
        smtp_auth_password smtp_auth_password_file,
        smtp_auth_secret smtp_auth_secret_file,
        rocketchat_token rocketchat_token_file,
        rocketchat_token_id rocketchat_token_id_file,
        wechat_api_secret wechat_api_secret_file,
        mattermost_webhook_url mattermost_webhook_url_file,
    }
    if let Some(http) = &it.http_config {
        at.within("http_config", |at| check_http(http, at));
    }
    if let Some(tls) = &it.smtp_tls_config {
        at.within("smtp_tls_config", |at| check_tls(tls, at));
    }
}

/// What an `http_config` must not say at once.
pub(super) fn check_http(it: &HttpConfig, at: &mut Checker<'_>) {
    let bearer = it.bearer_token.is_some() || set(&it.bearer_token_file);
    at.at_most_one(("bearer_token", it.bearer_token.is_some()), ("bearer_token_file", set(&it.bearer_token_file)));
    let ways = [it.basic_auth.is_some(), it.oauth2.is_some(), it.authorization.is_some(), bearer];
    if ways.iter().filter(|is_set| **is_set).count() > 1 {
        at.say("", "at most one of basic_auth, oauth2, bearer_token & authorization must be configured");
    }
    if let Some(basic) = &it.basic_auth {
        at.within("basic_auth", |at| {
            at.at_most_one(("username", basic.username.is_some()), ("username_file", set(&basic.username_file)));
            at.at_most_one(("password", basic.password.is_some()), ("password_file", set(&basic.password_file)));
        });
    }
    if let Some(authorization) = &it.authorization {
        at.within("authorization", |at| {
            let file = set(&authorization.credentials_file);
            at.at_most_one(("credentials", authorization.credentials.is_some()), ("credentials_file", file));
            let basic = authorization.kind.as_deref().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("basic"));
            at.needs("type", !basic, "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
        });
    }
    if let Some(oauth2) = &it.oauth2 {
        at.within("oauth2", |at| {
            at.needs("client_id", !oauth2.client_id.is_empty(), "oauth2 client_id must be configured");
            at.needs("token_url", !oauth2.token_url.is_empty(), "oauth2 token_url must be configured");
            let file = set(&oauth2.client_secret_file);
            at.at_most_one(("client_secret", oauth2.client_secret.is_some()), ("client_secret_file", file));
        });
    }
    if it.proxy_from_environment && it.proxy_url.is_some() {
        at.say("proxy_url", "if proxy_from_environment is configured, proxy_url must not be configured");
    }
    if let Some(tls) = &it.tls_config {
        at.within("tls_config", |at| check_tls(tls, at));
    }
}

fn check_tls(it: &TlsConfig, at: &mut Checker<'_>) {
    at.at_most_one(("ca", it.ca.is_some()), ("ca_file", set(&it.ca_file)));
    at.at_most_one(("cert", it.cert.is_some()), ("cert_file", set(&it.cert_file)));
    at.at_most_one(("key", it.key.is_some()), ("key_file", set(&it.key_file)));
    let cert = it.cert.is_some() || set(&it.cert_file) || it.cert_ref.is_some();
    let key = it.key.is_some() || set(&it.key_file) || it.key_ref.is_some();
    if cert != key {
        let (there, missing) = if cert { ("cert", "key") } else { ("key", "cert") };
        at.say("", format!("a client {there} is configured without a client {missing}"));
    }
    let versions = ["TLS10", "TLS11", "TLS12", "TLS13"];
    for (key, version) in [("min_version", &it.min_version), ("max_version", &it.max_version)] {
        if version.as_deref().is_some_and(|version| !versions.contains(&version)) {
            at.say(key, format!("unknown TLS version; known are {}", versions.join(", ")));
        }
    }
}

/// The names of all time intervals.
fn intervals<'c>(config: &'c Config, at: &mut Checker<'_>) -> BTreeSet<&'c str> {
    let mut names = BTreeSet::new();
    let lists = [("mute_time_intervals", &config.mute_time_intervals), ("time_intervals", &config.time_intervals)];
    for (key, list) in lists {
        for (index, interval) in list.iter().enumerate() {
            at.within(&format!("{key}[{index}]"), |at| {
                at.needs("name", !interval.name.is_empty(), "missing name in time interval");
                if !names.insert(&*interval.name) {
                    at.say("name", format!("time interval \"{}\" is not unique", interval.name));
                }
            });
        }
    }
    names
}

fn root(it: &Route, at: &mut Checker<'_>) {
    if it.receiver.as_deref().is_none_or(str::is_empty) {
        at.say("receiver", "root route must specify a default receiver");
    }
    let matchers = [
        ("match", it.match_equal.is_empty()),
        ("match_re", it.match_re.is_empty()),
        ("matchers", it.matchers.is_empty()),
    ];
    for (key, _) in matchers.iter().filter(|(_, empty)| !empty) {
        at.say(key, "root route must not have any matchers");
    }
    at.needs(
        "mute_time_intervals",
        it.mute_time_intervals.is_empty(),
        "root route must not have any mute time intervals",
    );
    at.needs(
        "active_time_intervals",
        it.active_time_intervals.is_empty(),
        "root route must not have any active time intervals",
    );
    at.needs("continue", !it.continues, "cannot have continue in root route");
}

fn node(it: &Route, receivers: &BTreeSet<&str>, intervals: &BTreeSet<&str>, at: &mut Checker<'_>) {
    if let Some(receiver) = it.receiver.as_deref().filter(|name| !name.is_empty() && !receivers.contains(name)) {
        at.say("receiver", format!("undefined receiver \"{receiver}\" used in route"));
    }
    for (key, names) in
        [("active_time_intervals", &it.active_time_intervals), ("mute_time_intervals", &it.mute_time_intervals)]
    {
        for (index, name) in names.iter().enumerate().filter(|(_, name)| !intervals.contains(name.as_str())) {
            at.say(&format!("{key}[{index}]"), format!("undefined time interval \"{name}\" used in route"));
        }
    }
    group_by(it, at);
    old_matchers(("match", &it.match_equal), ("match_re", &it.match_re), at);
    for (key, span) in [("group_interval", it.group_interval), ("repeat_interval", it.repeat_interval)] {
        if span.is_some_and(|span| span.0.is_zero()) {
            at.say(key, format!("{key} cannot be zero"));
        }
    }
    for (index, child) in it.routes.iter().enumerate() {
        at.within(&format!("routes[{index}]"), |at| node(child, receivers, intervals, at));
    }
}

fn group_by(it: &Route, at: &mut Checker<'_>) {
    let labels = it.group_by.as_deref().unwrap_or_default();
    let mut seen = BTreeSet::new();
    for (index, label) in labels.iter().enumerate() {
        let key = format!("group_by[{index}]");
        if label.is_empty() {
            at.say(&key, "invalid label name \"\" in group_by list");
        } else if !seen.insert(label) && label != "..." {
            at.say(&key, format!("duplicated label \"{label}\" in group_by"));
        }
    }
    if labels.iter().any(|label| label == "...") && seen.len() > 1 {
        at.say("group_by", "cannot have wildcard group_by (`...`) and other labels at the same time");
    }
}

/// Names and regular expressions of the old forms.
fn old_matchers(
    equal: (&str, &std::collections::BTreeMap<String, String>),
    regex: (&str, &std::collections::BTreeMap<String, String>),
    at: &mut Checker<'_>,
) {
    for name in equal.1.keys().filter(|name| !is_classic(name)) {
        at.say(&format!("{}.{name}", equal.0), format!("invalid label name \"{name}\""));
    }
    for (name, value) in regex.1 {
        if let Err(error) = Matcher::new(name, Op::Regex, value) {
            at.say(&format!("{}.{name}", regex.0), error.to_string());
        }
    }
}

/// Whether a name is one that Prometheus took before UTF-8 names.
fn is_classic(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn inhibit_rule(it: &InhibitRule, at: &mut Checker<'_>) {
    let old = !(it.source_match.is_empty() && it.source_match_re.is_empty() && it.source_matchers.is_empty());
    if !it.sources.is_empty() && (old || !it.equal.is_empty()) {
        at.say("sources", "sources cannot be combined with source_match, source_match_re, source_matchers, or equal");
    }
    for (index, source) in it.sources.iter().enumerate() {
        at.within(&format!("sources[{index}]"), |at| {
            if source.matchers.is_empty() {
                at.say("matchers", "matchers must not be empty");
            } else if source.matchers.match_empty() {
                at.say("matchers", "at least one matcher must not match the empty string");
            }
            at.needs(
                "equal",
                source.equal.iter().all(|label| !label.is_empty()),
                "invalid label name \"\" in source equal list",
            );
        });
    }
    old_matchers(("source_match", &it.source_match), ("source_match_re", &it.source_match_re), at);
    old_matchers(("target_match", &it.target_match), ("target_match_re", &it.target_match_re), at);
    at.needs("equal", it.equal.iter().all(|label| !label.is_empty()), "invalid label name \"\" in equal list");
}
