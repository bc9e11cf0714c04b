use std::path::PathBuf;
use std::time::Duration;

use kubernetes::Controller;
use kubernetes::schema::ApiKind;
use serde::{Deserialize, Deserializer};

/// A cluster that is watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesConfig {
    /// Its name in ids of resources: `prod-eu` in `k8s/prod-eu/apps.Deployment/shop/cart`.
    pub cluster: String,
    /// How to reach it. Without: as a pod of it, else `$KUBECONFIG` or `~/.kube/config`.
    #[serde(default)]
    pub kubeconfig: Option<PathBuf>,
    /// The context there; the current one if there is none.
    #[serde(default)]
    pub context: Option<String>,
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
    /// The API server's audit log: who a change was made by. A file that the server writes.
    #[serde(default)]
    pub audit: Option<PathBuf>,
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

#[cfg(test)]
mod tests {
    use super::*;

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
