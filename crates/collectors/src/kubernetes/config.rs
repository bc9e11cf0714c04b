use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base::{Clock, SecretRef};
use kubernetes::Controller;
use kubernetes::schema::ApiKind;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::api::{Api, ApiError};

/// A cluster that is watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesConfig {
    /// Its name in ids of resources: `prod-eu` in `k8s/prod-eu/apps.Deployment/shop/cart`.
    pub cluster: String,
    /// How to reach it. Without: `$KUBECONFIG` or `~/.kube/config`, else as a pod of it.
    #[serde(default)]
    pub kubeconfig: Option<PathBuf>,
    /// The context there; the current one if there is none.
    #[serde(default)]
    pub context: Option<String>,
    /// The uid that its namespace `kube-system` must have. Without: the one that it had when it was looked at last. Another cluster is refused.
    #[serde(default)]
    pub uid: Option<String>,
    /// Kinds that are watched beside those that are declared: `apps/v1/Deployment`, `v1/ConfigMap`.
    #[serde(default, deserialize_with = "kinds")]
    pub kinds: Vec<ApiKind>,
    /// Only these namespaces; all if empty. What is in no namespace is watched all the same.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Whether the images of pods are watched, to find tags with more than one content.
    #[serde(default = "yes")]
    pub images: bool,
    /// Whether the releases that Helm keeps in Secrets are read, for `desired.helm`.
    #[serde(default)]
    pub helm: bool,
    /// Whether what Argo CD and Flux say of what they apply is read, where the server serves their objects.
    #[serde(default = "yes")]
    pub gitops: bool,
    /// The API server's audit log: who a change was made by. A path alone is `file`.
    #[serde(default, deserialize_with = "audit")]
    pub audit: AuditConfig,
    /// Controllers beside those that are known, and what is theirs to write.
    #[serde(default)]
    pub controllers: Vec<Controller>,
    /// Whether the server is asked, by a dry run, whether what is declared would change an object, before
    /// people are told that it was modified. Needs the right to `patch`.
    #[serde(default)]
    pub confirm: bool,
    /// From one full list to the next; changes are seen at once by watching.
    #[serde(default = "resync", with = "base::duration")]
    pub resync: Duration,
}

/// Where the events of an API server's audit log come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditConfig {
    /// A file that the server writes (`--audit-log-path`).
    pub file: Option<PathBuf>,
    /// Takes what the server posts (`--audit-webhook-config-file`) to `/api/intake/kubernetes/<cluster>/audit`.
    pub webhook: Option<AuditWebhookConfig>,
}

/// Who may post events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditWebhookConfig {
    /// What the server sends as `Authorization: Bearer`. Only on loopback it may be left out.
    pub token: Option<SecretRef>,
}

impl KubernetesConfig {
    /// Reads the kubeconfig; the server is not asked anything yet.
    pub(super) async fn connect(&self, clock: &Clock) -> Result<Api, ApiError> {
        Api::connect(self.kubeconfig.as_deref(), self.context.as_deref(), clock).await
    }
}

const fn yes() -> bool {
    true
}

const fn resync() -> Duration {
    Duration::from_secs(3600)
}

fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ApiKind>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| text.parse().map_err(serde::de::Error::custom)).collect()
}

fn audit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AuditConfig, D::Error> {
    struct PathOrMap;
    impl<'de> Visitor<'de> for PathOrMap {
        type Value = AuditConfig;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the path of an audit log, or a map of `file` and `webhook`")
        }

        fn visit_str<E>(self, path: &str) -> Result<AuditConfig, E> {
            Ok(AuditConfig { file: Some(path.into()), webhook: None })
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuditConfig, A::Error> {
            AuditConfig::deserialize(MapAccessDeserializer::new(map))
        }
    }
    deserializer.deserialize_any(PathOrMap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audit_log_is_a_path_or_says_where_events_come_from() {
        let read = |audit: &str| {
            serde_json::from_str::<KubernetesConfig>(&format!(r#"{{"cluster": "prod", "audit": {audit}}}"#))
                .map(|config| config.audit)
                .map_err(|error| error.to_string())
        };
        let file = Some(PathBuf::from("/var/log/audit.log"));
        assert_eq!(read(r#""/var/log/audit.log""#).unwrap(), AuditConfig { file: file.clone(), webhook: None });
        let token = Some(SecretRef::Env("AUDIT".to_owned()));
        let both = read(r#"{"file": "/var/log/audit.log", "webhook": {"token": {"env": "AUDIT"}}}"#).unwrap();
        assert_eq!(both, AuditConfig { file, webhook: Some(AuditWebhookConfig { token }) });
        assert!(read("7").unwrap_err().contains("the path of an audit log, or a map"));
        assert!(read(r#"{"webhok": {}}"#).unwrap_err().contains("webhok"));
    }

    #[test]
    fn kinds_are_written_as_version_and_kind() {
        let config: KubernetesConfig =
            serde_json::from_str(r#"{"cluster": "prod", "kinds": ["v1/ConfigMap", "apps/v1/Deployment"]}"#).unwrap();
        assert_eq!(config.kinds[0], ApiKind { api_version: "v1".to_owned(), kind: "ConfigMap".to_owned() });
        assert_eq!(config.kinds[1].api_version, "apps/v1");
        for bad in ["Deployment", "apps/v1/x/Deployment", "/Deployment"] {
            assert!(bad.parse::<ApiKind>().unwrap_err().contains("such as"), "{bad}");
        }
    }
}
