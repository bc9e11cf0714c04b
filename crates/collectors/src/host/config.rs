use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::pattern::Pattern;

/// What is collected of this host. The defaults suit a fresh Debian or Ubuntu.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostConfig {
    /// The host's name in resource ids; without it the system's.
    pub name: Option<String>,
    /// Which instance of the host this is.
    pub boot: BootConfig,
    /// Files under roots.
    pub files: FilesConfig,
    /// Packages and their files.
    pub packages: PackagesConfig,
    /// Units of systemd.
    pub systemd: SystemdConfig,
    /// Users and groups.
    pub accounts: AccountsConfig,
    /// Kernel parameters.
    pub sysctl: SysctlConfig,
    /// Listening sockets.
    pub sockets: SocketsConfig,
    /// Measurements.
    pub metrics: MetricsConfig,
}

/// Notices that the host was started anew or replaced.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BootConfig {
    /// Whether it runs.
    pub enabled: bool,
    /// How often to look, beside when the machine's id changes.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub interval: Duration,
}

/// Watches files under roots.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilesConfig {
    /// Whether it runs.
    pub enabled: bool,
    /// Where files are watched. A root inside another one has its own rules.
    pub roots: Vec<RootConfig>,
    /// Files that hold secrets, beside the names that are always taken for such: only a keyed
    /// digest of them is kept.
    pub secrets: Vec<Pattern>,
    /// Files whose text is kept though not every user of the host may read them.
    pub shown: Vec<Pattern>,
    /// From the end of a full sweep to the next; changes are seen at once by inotify.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub sweep: Duration,
    /// Directories that are watched at most.
    pub watches: usize,
}

/// A file or directory whose content is watched.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootConfig {
    /// Absolute; `*`, `?` and `[...]` may stand in it (`/home/*/.ssh`). Nothing is wrong if it is not there.
    pub path: PathBuf,
    /// If given, only files that match one are watched.
    #[serde(default)]
    pub include: Vec<Pattern>,
    /// What matches is not watched; a directory, with all that is in it. Such a file is not to be declared.
    #[serde(default = "never_config")]
    pub exclude: Vec<Pattern>,
    /// Files up to so many bytes keep their text, so that a diff can be shown. At most 256 KiB.
    #[serde(default = "text_bytes")]
    pub text_bytes: usize,
    /// Files of more bytes are not read: their size stands for their content.
    #[serde(default = "max_bytes")]
    pub max_bytes: u64,
}

/// Compares the files of packages with what the packages brought.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackagesConfig {
    /// Whether it runs.
    pub enabled: bool,
    /// Files that are not looked at, beside those that dpkg was told not to unpack.
    pub exclude: Vec<Pattern>,
    /// From the end of a full sweep to the next.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub sweep: Duration,
    /// Directories that are watched at most: first those under `/etc`, then those of programs, then the rest.
    pub watches: usize,
    /// How often the list of packages is read, beside when dpkg changes it.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub interval: Duration,
}

/// Watches units of systemd.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SystemdConfig {
    /// Whether it runs.
    pub enabled: bool,
    /// How often to look.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub interval: Duration,
}

/// Watches users and groups.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountsConfig {
    /// Whether it runs.
    pub enabled: bool,
    /// How often to look, beside when the files change.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub interval: Duration,
}

/// Watches kernel parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SysctlConfig {
    /// Whether it runs.
    pub enabled: bool,
    /// Parameters beside the list that is always watched: `net.core.*`.
    pub include: Vec<String>,
    /// How often to look.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub interval: Duration,
}

/// Watches listening sockets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SocketsConfig {
    /// Whether it runs.
    pub enabled: bool,
    /// Whether UDP sockets on ports that the kernel chose count: clients have those.
    pub ephemeral: bool,
    /// How often to look.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub interval: Duration,
}

/// Measures the host.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// Whether it runs.
    pub enabled: bool,
    /// How often to measure.
    #[serde(deserialize_with = "base::duration::deserialize")]
    pub interval: Duration,
}

impl RootConfig {
    /// A root with the usual rules.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            include: Vec::new(),
            exclude: never_config(),
            text_bytes: text_bytes(),
            max_bytes: max_bytes(),
        }
    }

    fn only(path: &str, include: &[&str]) -> Self {
        Self { include: Pattern::list(include), ..Self::new(path) }
    }
}

/// What editors and package managers leave behind while they work.
fn never_config() -> Vec<Pattern> {
    Pattern::list(&[
        "*.swp",
        "*.swx",
        "*~",
        "4913",
        ".#*",
        "*.dpkg-new",
        "*.dpkg-tmp",
        "*.pyc",
        "/etc/mtab",
        "/etc/.pwd.lock",
    ])
}

fn text_bytes() -> usize {
    64 << 10
}

fn max_bytes() -> u64 {
    4 << 30
}

impl Default for FilesConfig {
    fn default() -> Self {
        let keys = ["authorized_keys*"];
        Self {
            enabled: true,
            roots: vec![
                RootConfig::new("/etc"),
                RootConfig::new("/usr/local/bin"),
                RootConfig::new("/usr/local/sbin"),
                RootConfig::new("/var/spool/cron"),
                RootConfig::only("/root/.ssh", &keys),
                RootConfig::only("/home/*/.ssh", &keys),
            ],
            secrets: Vec::new(),
            shown: Pattern::list(&["/etc/sudoers", "/etc/sudoers.d/*", "/var/spool/cron/**", "authorized_keys*"]),
            sweep: Duration::from_secs(600),
            watches: 65_536,
        }
    }
}

impl Default for PackagesConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            exclude: Pattern::list(&[
                "/usr/share/doc/**",
                "/usr/share/man/**",
                "/usr/share/locale/**",
                "/usr/share/info/**",
                "*.pyc",
            ]),
            sweep: Duration::from_secs(3600),
            watches: 4096,
            interval: Duration::from_secs(600),
        }
    }
}

/// A collector that looks from time to time and is on.
macro_rules! looks_every {
    ($($config:ty: $seconds:literal $(, $field:ident: $value:expr)*;)+) => {$(
        impl Default for $config {
            fn default() -> Self {
                Self { enabled: true, interval: Duration::from_secs($seconds) $(, $field: $value)* }
            }
        }
    )+};
}

looks_every! {
    BootConfig: 300;
    SystemdConfig: 30;
    AccountsConfig: 300;
    SysctlConfig: 60, include: Vec::new();
    SocketsConfig: 15, ephemeral: false;
    MetricsConfig: 15;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_on_and_an_unknown_key_or_bad_pattern_is_refused() {
        let config: HostConfig =
            serde_json::from_str(r#"{"files": {"sweep": "5m", "roots": [{"path": "/srv"}]}}"#).unwrap();
        assert_eq!((config.files.sweep, config.files.roots[0].text_bytes), (Duration::from_secs(300), 65_536));
        assert!(config.files.enabled && config.packages.enabled && config.metrics.enabled);
        for (bad, says) in [
            (r#"{"file": {}}"#, "unknown field `file`"),
            (r#"{"files": {"secrets": ["["]}}"#, "is not a pattern"),
            (r#"{"files": {"roots": [{"path": "/a", "glob": 1}]}}"#, "unknown field `glob`"),
            (r#"{"systemd": {"interval": "often"}}"#, "is not a duration"),
        ] {
            let error = serde_json::from_str::<HostConfig>(bad).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
