use std::path::PathBuf;
use std::time::Duration;

use base::SecretRef;
use serde::{Deserialize, Deserializer};

use crate::render::RenderConfig;

/// A repository that declares what hosts must be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GitConfig {
    /// What the source is called on records: `git.<name>`.
    #[serde(default = "name")]
    pub name: String,
    /// A local path, `file://`, `https://`, `ssh://` or `user@host:path`; without a password.
    pub url: String,
    /// The branch; the remote's `HEAD` if there is none.
    #[serde(default)]
    pub branch: Option<String>,
    /// The folder of the manifests in it; its root if there is none.
    #[serde(default)]
    pub path: Option<String>,
    /// How often it is fetched, if not as often as other sources. A local repository is looked at
    /// five times a second besides.
    #[serde(default, deserialize_with = "poll")]
    pub poll: Option<Duration>,
    /// How long one fetch may take.
    #[serde(default = "timeout", with = "base::duration")]
    pub timeout: Duration,
    /// The host of manifests that name none.
    #[serde(default)]
    pub host: Option<String>,
    /// For `https://`.
    #[serde(default)]
    pub credentials: Option<Credentials>,
    /// The private key for `ssh`; the agent's and the user's keys if there is none.
    #[serde(default)]
    pub ssh_key: Option<PathBuf>,
    /// The file of known hosts for `ssh`; a host that is not in it is refused.
    #[serde(default)]
    pub ssh_known_hosts: Option<PathBuf>,
    /// The cluster whose objects the Kubernetes manifests in it declare; without, such a manifest is an error.
    #[serde(default)]
    pub kubernetes: Option<ObjectsConfig>,
    /// Earlier revisions that are read at the start, so that `behind` can be named right away.
    #[serde(default = "history")]
    pub history: usize,
}

/// Kubernetes manifests of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectsConfig {
    /// The cluster, as `kubernetes` in the configuration and ids of resources have it.
    pub cluster: String,
    /// The namespace of manifests that name none.
    #[serde(default = "namespace")]
    pub namespace: String,
    /// Namespaces in which every object of a watched kind is to be declared: what else is there is `unmanaged`.
    #[serde(default)]
    pub manage: Vec<String>,
    /// Reads the commit that a GitOps tool was last asked to apply, not the head of the branch.
    #[serde(default)]
    pub follow: Option<Follow>,
    /// How a folder with a `kustomization.yaml` or a `Chart.yaml` becomes objects.
    #[serde(default)]
    pub render: RenderConfig,
}

/// Whose commit is read: an object of the cluster, as `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Follow {
    /// An `Application` of Argo CD.
    ArgoCd(String),
    /// A `Kustomization` of Flux.
    Flux(String),
}

/// What an `https` remote asks for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The user; most forges take any for a token.
    #[serde(default = "username")]
    pub username: String,
    /// Where the token or password is.
    pub token: SecretRef,
}

impl GitConfig {
    /// A repository with everything else as it is by default.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            branch: None,
            path: None,
            poll: None,
            timeout: timeout(),
            host: None,
            credentials: None,
            ssh_key: None,
            ssh_known_hosts: None,
            kubernetes: None,
            history: history(),
        }
    }
}

fn name() -> String {
    "main".to_owned()
}

fn poll<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    base::duration::deserialize(deserializer).map(Some)
}

const fn timeout() -> Duration {
    Duration::from_secs(120)
}

fn username() -> String {
    "x-access-token".to_owned()
}

fn namespace() -> String {
    "default".to_owned()
}

const fn history() -> usize {
    5
}
