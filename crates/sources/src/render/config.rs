use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// How folders with a `kustomization.yaml` or a `Chart.yaml` become Kubernetes objects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenderConfig {
    /// How long rendering one folder may take.
    #[serde(default = "timeout", with = "base::duration")]
    pub timeout: Duration,
    /// For folders with a `kustomization.yaml`.
    #[serde(default)]
    pub kustomize: KustomizeConfig,
    /// For folders with a `Chart.yaml`.
    #[serde(default)]
    pub helm: HelmConfig,
}

/// How a folder with a `kustomization.yaml` is rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KustomizeConfig {
    /// The program, `kustomize` or one whose name begins with `kubectl`; if there is none, the first
    /// `kustomize` of `PATH`, or else its `kubectl`. It gets no environment, so a script must name
    /// the programs that it calls by their whole paths.
    #[serde(default)]
    pub program: Option<PathBuf>,
}

/// How a chart is rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelmConfig {
    /// The program; the first `helm` of `PATH` if there is none. It gets no environment.
    #[serde(default)]
    pub program: Option<PathBuf>,
    /// The name of the release; the chart's name if there is none.
    #[serde(default)]
    pub release: Option<String>,
    /// The namespace of the release; that of the manifests if there is none.
    #[serde(default)]
    pub namespace: String,
    /// Files with values, relative to the chart's folder and within the repository; a later one
    /// counts before an earlier one.
    #[serde(default)]
    pub values: Vec<String>,
    /// Values that count before those of all files. No place for secrets.
    #[serde(default)]
    pub set: BTreeMap<String, Value>,
    /// The version of Kubernetes that templates see, such as `1.34`; helm's own if there is none.
    #[serde(default)]
    pub kube_version: Option<String>,
    /// Versions of APIs that templates see besides the built-in ones, such as `monitoring.coreos.com/v1`.
    #[serde(default)]
    pub api_versions: Vec<String>,
}

impl Default for RenderConfig {
    fn default() -> Self {
        Self { timeout: timeout(), kustomize: KustomizeConfig::default(), helm: HelmConfig::default() }
    }
}

const fn timeout() -> Duration {
    Duration::from_secs(60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_has_a_default_and_what_is_misspelled_is_refused() {
        let read = |text: &str| serde_json::from_str::<RenderConfig>(text);
        assert_eq!(read("{}").unwrap(), RenderConfig::default());
        let config = read(r#"{"timeout": "5s", "helm": {"set": {"image": {"tag": "1.2"}}, "values": ["prod.yaml"]}}"#);
        let config = config.unwrap();
        assert_eq!((config.timeout, config.helm.namespace.as_str()), (Duration::from_secs(5), ""));
        assert_eq!(config.helm.set["image"]["tag"], "1.2");
        for bad in [r#"{"time": "5s"}"#, r#"{"helm": {"value": []}}"#, r#"{"kustomize": {"enable_helm": true}}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
