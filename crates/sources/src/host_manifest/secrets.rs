use base::DigestKey;
use globset::{Glob, GlobSet, GlobSetBuilder};

/// Paths whose content is a secret unless a configuration says otherwise: of these a manifest
/// holds a keyed digest only.
pub const SECRET_PATTERNS: &[&str] = &[
    "**/shadow",
    "**/shadow-",
    "**/gshadow",
    "**/gshadow-",
    "**/ssh_host_*_key",
    "**/id_rsa",
    "**/id_dsa",
    "**/id_ecdsa",
    "**/id_ed25519",
    "**/*.key",
    "**/*.pem",
    "**/*.p12",
    "**/*.pfx",
    "**/*.jks",
    "**/*.keytab",
    "**/.netrc",
    "**/.pgpass",
    "**/.my.cnf",
    "**/.htpasswd",
    "**/.env",
    "**/*.env",
    "**/*secret*",
    "**/*password*",
    "**/*credential*",
    "/etc/ssl/private/**",
    "/etc/letsencrypt/archive/**",
    "/etc/wireguard/**",
    "/etc/openvpn/**/*.conf",
    "/etc/NetworkManager/system-connections/**",
];

/// Which files are secrets, and the key for their digests.
#[derive(Clone, Debug)]
pub struct Secrets {
    key: DigestKey,
    patterns: GlobSet,
}

impl Secrets {
    /// Files whose path (with its first slash) matches one of `patterns` are secrets.
    ///
    /// # Errors
    /// If a pattern is no glob; names it.
    pub fn new<S: AsRef<str>>(key: DigestKey, patterns: &[S]) -> Result<Self, String> {
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let glob = Glob::new(pattern.as_ref()).map_err(|e| format!("`{}` is no pattern: {e}", pattern.as_ref()))?;
            set.add(glob);
        }
        let patterns = set.build().map_err(|error| error.to_string())?;
        Ok(Self { key, patterns })
    }

    /// Whether the file at `path` (with its first slash) is a secret.
    pub fn is_secret(&self, path: &str) -> bool {
        self.patterns.is_match(path)
    }

    /// The keyed digest of a secret value.
    pub fn digest(&self, value: &[u8]) -> String {
        self.key.digest(value)
    }
}
