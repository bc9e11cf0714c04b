use std::path::PathBuf;
use std::time::Duration;

use base::SecretRef;
use serde::Deserialize;

/// A repository that declares what hosts must be.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
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
    /// How often it is fetched. A local repository is looked at five times a second besides.
    #[serde(default = "poll", with = "base::duration")]
    pub poll: Duration,
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
    /// Earlier revisions that are read at the start, so that `behind` can be named right away.
    #[serde(default = "history")]
    pub history: usize,
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

impl Config {
    /// A repository with everything else as it is by default.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            branch: None,
            path: None,
            poll: poll(),
            timeout: timeout(),
            host: None,
            credentials: None,
            ssh_key: None,
            ssh_known_hosts: None,
            history: history(),
        }
    }
}

fn name() -> String {
    "main".to_owned()
}

const fn poll() -> Duration {
    Duration::from_secs(30)
}

const fn timeout() -> Duration {
    Duration::from_secs(120)
}

fn username() -> String {
    "x-access-token".to_owned()
}

const fn history() -> usize {
    5
}
