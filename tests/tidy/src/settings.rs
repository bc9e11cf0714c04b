//! `docs/configuration.md` lists every setting with its type, default and meaning, as the `Config`
//! structs have them.

use std::collections::BTreeSet;

use regex::Regex;

use crate::list::List;
use crate::project::{self, File};
use crate::source;

const LIST: List = List { page: "docs/configuration.md", name: "settings" };

/// Where settings are: their place in the file, the folder under `crates` and the struct.
const SECTIONS: &[(&str, &str, &str)] = &[
    ("host", "collectors", "HostConfig"),
    ("host.boot", "collectors", "BootConfig"),
    ("host.files", "collectors", "FilesConfig"),
    ("host.files.roots[]", "collectors", "RootConfig"),
    ("host.packages", "collectors", "PackagesConfig"),
    ("host.systemd", "collectors", "SystemdConfig"),
    ("host.accounts", "collectors", "AccountsConfig"),
    ("host.sysctl", "collectors", "SysctlConfig"),
    ("host.sockets", "collectors", "SocketsConfig"),
    ("host.metrics", "collectors", "MetricsConfig"),
    ("kubernetes[]", "collectors", "KubernetesConfig"),
    ("kubernetes[].audit", "collectors", "AuditConfig"),
    ("kubernetes[].audit.webhook", "collectors", "AuditWebhookConfig"),
    ("kubernetes[].controllers[]", "kubernetes", "Controller"),
    ("desired", "app", "DesiredConfig"),
    ("desired.git[]", "sources/src/git", "GitConfig"),
    ("desired.git[].credentials", "sources/src/git", "Credentials"),
    ("desired.git[].kubernetes", "sources/src/git", "ObjectsConfig"),
    ("desired.git[].kubernetes.render", "sources/src/render", "RenderConfig"),
    ("desired.git[].kubernetes.render.kustomize", "sources/src/render", "KustomizeConfig"),
    ("desired.git[].kubernetes.render.helm", "sources/src/render", "HelmConfig"),
    ("desired.helm[]", "sources/src/helm", "HelmReleasesConfig"),
    ("desired.packages", "sources/src/packages", "PackagesConfig"),
    ("drift", "folds", "DriftConfig"),
    ("drift.confirm", "folds", "ConfirmConfig"),
    ("drift.ignore[]", "folds", "IgnoreRule"),
    ("alerts", "folds", "AlertConfig"),
    ("alertmanager", "app", "AlertmanagerConfig"),
    ("rules", "app", "RulesConfig"),
    ("rules.missing", "app", "MissingConfig"),
    ("rules.flapping", "app", "FlappingConfig"),
    ("canaries[]", "canary", "CanaryConfig"),
    ("canaries[].discover", "canary", "DiscoverConfig"),
    ("canaries[].discover.pairs[]", "kubernetes/src/rollouts", "Pair"),
    ("canaries[].metrics[]", "canary", "CanaryMetricConfig"),
    ("receivers[]", "app", "ReceiverConfig"),
    ("receivers[].pagerduty", "integrations", "PagerdutyConfig"),
    ("receivers[].opsgenie", "integrations/src/opsgenie", "OpsgenieConfig"),
    ("receivers[].jira_service_management", "integrations/src/opsgenie", "OpsgenieConfig"),
    ("receivers[].jira_service_management.proof", "integrations/src/opsgenie", "ProofConfig"),
    ("receivers[].slack", "integrations/src/slack", "SlackConfig"),
    ("receivers[].teams", "integrations", "TeamsConfig"),
    ("receivers[].email", "integrations/src/email", "EmailConfig"),
    ("receivers[].alertmanager", "integrations", "AlertmanagerConfig"),
    ("receivers[].webhook", "integrations", "WebhookConfig"),
    ("receivers[].webhook.basic_auth", "integrations", "BasicAuth"),
    ("receivers[].rollback", "integrations", "RollbackConfig"),
    ("receivers[].rollback.basic_auth", "integrations", "BasicAuth"),
    ("receivers[].limits", "notify", "ReceiverConfig"),
    ("server", "server", "ServerConfig"),
    ("server.tls", "server", "TlsConfig"),
    ("server.tokens[]", "server", "TokenConfig"),
    ("postgres", "postgres", "PostgresConfig"),
    ("postgres.users[]", "postgres", "UserConfig"),
    ("query", "query", "QueryConfig"),
    ("ingest", "ingest", "IngestConfig"),
    ("scrape", "scrape", "ScrapeConfig"),
    ("kafka_in[]", "collectors", "KafkaInConfig"),
    ("syslog[]", "collectors/src/syslog", "SyslogConfig"),
    ("syslog[].tls", "collectors/src/syslog", "SyslogTlsConfig"),
    ("logs", "collectors/src/logs", "LogSourcesConfig"),
    ("logs.files[]", "collectors/src/logs", "LogFilesConfig"),
    ("logs.files[].multiline", "collectors/src/logs", "MultilineConfig"),
    ("logs.journald", "collectors/src/logs", "JournaldConfig"),
    ("store", "store", "StoreConfig"),
    ("store.s3", "store", "S3Config"),
    ("log", "app", "LogsConfig"),
    ("log.files", "bus", "EmbeddedConfig"),
    ("log.kafka", "bus-kafka", "KafkaConfig"),
    ("telemetry", "telemetry", "TelemetryConfig"),
    ("telemetry.otlp", "telemetry", "OtlpConfig"),
];

/// A setting: name, type, default, meaning.
#[derive(Debug, PartialEq, Eq)]
struct Setting {
    name: String,
    kind: String,
    default: Option<String>,
    meaning: String,
}

/// The settings of struct `name` in `code`.
fn settings(name: &str, code: &str) -> Vec<Setting> {
    let body = Regex::new(&format!(r"(?s)pub struct {name} \{{\n(.*?)\n\}}")).unwrap();
    let field = Regex::new(
        r"(?s)((?:    ///[^\n]*\n)+)((?:    #\[[^\n]*\n)*)    pub(?:\([a-z]+\))? ([a-z_0-9]+): ([^\n]+),(?:\n|$)",
    )
    .unwrap();
    let Some(body) = body.captures(code).map(|found| format!("{}\n", &found[1])) else { return Vec::new() };
    let defaults = Regex::new(&format!(r"(?s)impl Default for {name} \{{.*?\n\}}")).unwrap();
    let defaults = defaults.find(code).map_or("", |found| found.as_str());
    let rows = field
        .captures_iter(&body)
        .filter(|found| !found[2].contains("serde(skip") && !found[2].contains("serde(flatten"));
    rows.map(|found| Setting {
        name: found[3].to_owned(),
        kind: kind(&found[4], &found[2]),
        default: default(&found[3], &found[2], defaults, code),
        meaning: meaning(&found[1]),
    })
    .collect()
}

fn meaning(doc: &str) -> String {
    let words = doc.lines().map(|line| line.trim().trim_start_matches("///").trim());
    let text = words.collect::<Vec<_>>().join(" ");
    // Links of rustdoc are plain code here; a pipe would end the cell.
    text.replace("[`", "`").replace("`]", "`").replace("Self::", "").replace("crate::", "").replace('|', "or")
}

/// How the file spells a type.
fn kind(rust: &str, attributes: &str) -> String {
    let inner = |prefix: &str| rust.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('>'));
    if attributes.contains("duration") || rust.ends_with("Duration") {
        return "duration".to_owned();
    }
    if let Some(inner) = inner("Option<").or_else(|| inner("Box<")) {
        return kind(inner, attributes);
    }
    if let Some(inner) = inner("Vec<").or_else(|| inner("OneOrMany<")) {
        return format!("list of {}", kind(inner, attributes));
    }
    let word = rust.rsplit("::").next().unwrap_or(rust);
    match word {
        "bool" => "boolean",
        "u16" | "u32" | "u64" | "usize" | "i32" | "i64" | "f64" | "NonZeroU32" | "NonZeroUsize" => "number",
        "String" => "text",
        "PathBuf" => "path",
        "Pattern" => "glob",
        "SecretRef" => "secret",
        "SocketAddr" => "address",
        "Address" => "text or secret",
        "Query" => "text or section",
        "Credentials" | "BasicAuth" | "Controller" | "IgnoreRule" | "Follow" | "Pair" => "section",
        "ApiKind" => "text",
        "Labels" => "map",
        _ if rust.starts_with("BTreeMap<") => "map",
        _ if word.ends_with("Config") || word.contains('<') => "section",
        _ => "word",
    }
    .to_owned()
}

/// The default of a field, as the code has it; nothing where it is no plain value.
fn default(name: &str, attributes: &str, defaults: &str, code: &str) -> Option<String> {
    let function =
        Regex::new(r#"default = "([a-z_]+)""#).unwrap().captures(attributes).map(|found| found[1].to_owned());
    if let Some(function) = function {
        let body = Regex::new(&format!(r"(?s)fn {function}\(\)[^{{]*\{{\s*(.*?)\s*\}}")).unwrap();
        return plain(body.captures(code)?.get(1)?.as_str());
    }
    let value = Regex::new(&format!(r"[{{\s]{name}: ([^\n]+?)(?:,\n|,? \}}|, [a-z_]+:)")).unwrap();
    if let Some(found) = value.captures(defaults) {
        return plain(&found[1]);
    }
    None
}

/// A value of Rust as the file spells it.
fn plain(value: &str) -> Option<String> {
    let shift = Regex::new(r"^(\d[\d_]*) << (10|20|30)$").unwrap();
    let seconds = Regex::new(r"^(?:std::time::)?Duration::from_(secs|millis)\(([\d_ *]+)\)$").unwrap();
    let text = Regex::new(r#"^"([^"]*)"(?:\.to_owned\(\)|\.into\(\))?$|^(?:[A-Za-z]+::)from\("([^"]*)"\)$"#).unwrap();
    let number = Regex::new(r"^(\d[\d_]*(?:\.\d+)?|true|false)$").unwrap();
    if let Some(found) = shift.captures(value) {
        let factor: u64 = 1 << found[2].parse::<u32>().ok()?;
        let count: u64 = found[1].replace('_', "").parse().ok()?;
        return Some((count * factor).to_string());
    }
    if let Some(found) = seconds.captures(value) {
        let product: u64 =
            found[2].replace('_', "").split('*').filter_map(|part| part.trim().parse::<u64>().ok()).product();
        return Some(format!("{product}{}", if &found[1] == "secs" { "s" } else { "ms" }));
    }
    if let Some(found) = text.captures(value) {
        return found.get(1).or_else(|| found.get(2)).map(|text| text.as_str().to_owned());
    }
    number.captures(value).map(|found| found[1].replace('_', ""))
}

fn render(files: &[File], problems: &mut Vec<String>) -> String {
    let mut out = String::new();
    for (place, member, name) in SECTIONS {
        let start = format!("crates/{member}/");
        let of_crate = files.iter().filter(|file| file.path.starts_with(&start) && !source::is_test(&file.path));
        let marker = format!("pub struct {name} {{");
        let settings =
            of_crate.filter(|file| file.text.contains(&marker)).map(|file| settings(name, &file.text)).next();
        let settings = settings.unwrap_or_default();
        if settings.is_empty() {
            problems.push(format!("{place}: tidy reads no settings of {name} in {member}"));
        }
        out += &format!("\n### `{place}`\n\n| setting | type | default | meaning |\n|---|---|---|---|\n");
        for Setting { name, kind, default, meaning } in settings {
            let default = default.map_or(String::new(), |default| format!("`{default}`"));
            out += &format!("| `{name}` | {kind} | {default} | {meaning} |\n");
        }
    }
    out + "\n"
}

/// Settings that a document names (`store.retention`) and `list` does not have.
fn lost(path: &str, text: &str, list: &str) -> Vec<String> {
    let named =
        Regex::new(r"`((?:desired|drift|alerts|server|query|store|log|telemetry)\.[a-z_.]+)(?:: [^`]*)?`").unwrap();
    let mut known = BTreeSet::new();
    let mut section = String::new();
    for line in list.lines() {
        if let Some(name) = line.strip_prefix("### `") {
            section = name.trim_end_matches('`').replace("[]", "");
            known.insert(section.clone());
        } else if let Some(name) = line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) {
            known.insert(format!("{section}.{name}"));
        }
    }
    let names = named.captures_iter(text).map(|found| found[1].to_owned());
    names.filter(|name| !known.contains(name)).map(|name| format!("{path}: there is no setting `{name}`")).collect()
}

/// Top-level keys of the configuration that have no section here.
fn uncovered(code: &str) -> Vec<String> {
    let keys = code.split("const KEYS: &[&str]").nth(1).and_then(|rest| rest.split(';').next()).unwrap_or_default();
    let keys: Vec<&str> = keys.split('"').skip(1).step_by(2).collect();
    let known = |key: &str| {
        matches!(key, "data_dir" | "digest_key" | "roles")
            || SECTIONS.iter().any(|(place, ..)| place.split(['.', '[']).next() == Some(key))
    };
    let lost = keys.iter().filter(|key| !known(key)).map(|key| format!("{}: no section `{key}`", LIST.page));
    lost.chain(keys.is_empty().then(|| "tidy reads no keys of the configuration".to_owned())).collect()
}

#[test]
fn the_page_has_every_setting() {
    let mut problems = uncovered(&project::read("crates/app/src/config/mod.rs"));
    let list = render(&project::files(&[".rs"]), &mut problems);
    problems.extend(LIST.settle(&list));
    let documents = project::files(&[".md"]);
    problems.extend(documents.iter().flat_map(|file| lost(&file.path, &file.text, &list)));
    project::assert_none(problems);
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = r#"
pub struct AConfig {
    /// How much, see
    /// [`Self::b`].
    pub size: u64,
    /// How long.
    #[serde(with = "base::duration")]
    pub wait: Duration,
    /// Maybe.
    #[serde(default = "often")]
    pub names: Vec<String>,
    #[serde(skip)]
    /// Not a setting.
    pub hidden: u8,
}
impl Default for AConfig {
    fn default() -> Self {
        Self { size: 64 << 20, wait: Duration::from_secs(15 * 60), names: Vec::new() }
    }
}
"#;

    #[test]
    fn names_types_defaults_and_meanings_are_read() {
        let found = settings("AConfig", CODE);
        let row = |n: usize| {
            (found[n].name.as_str(), found[n].kind.as_str(), found[n].default.as_deref(), found[n].meaning.as_str())
        };
        assert_eq!(row(0), ("size", "number", Some("67108864"), "How much, see `b`."));
        assert_eq!(row(1), ("wait", "duration", Some("900s"), "How long."));
        assert_eq!(row(2), ("names", "list of text", None, "Maybe."));
    }

    #[test]
    fn values_are_spelled_as_in_the_file() {
        for (rust, file) in [
            ("\"info\".to_owned()", "info"),
            ("1_000", "1000"),
            ("Duration::from_millis(50)", "50ms"),
            ("true", "true"),
        ] {
            assert_eq!(plain(rust).as_deref(), Some(file));
        }
        assert_eq!(plain("Pattern::list(&[])"), None);
    }

    #[test]
    fn a_setting_that_a_document_names_must_be_there() {
        let list = "### `store`\n\n| `flush_bytes` | number |\n### `desired.git[]`\n\n| `url` | text |\n";
        assert!(lost("a.md", "`store.flush_bytes: 1`, `desired.git.url`, `desired.git`, `host.x`", list).is_empty());
        assert_eq!(lost("a.md", "`store.flush`", list), ["a.md: there is no setting `store.flush`"]);
    }

    #[test]
    fn what_cannot_be_read_is_found() {
        let mut problems = Vec::new();
        render(&[], &mut problems);
        assert_eq!(problems.len(), SECTIONS.len());
        assert_eq!(uncovered("const KEYS: &[&str] = &[\"data_dir\", \"store\", \"sotre\"];").len(), 1);
        assert_eq!(uncovered("").len(), 1);
    }
}
