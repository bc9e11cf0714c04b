use std::path::Path;

use crate::pattern::{Pattern, Patterns};

/// Names of files that hold secrets on every host.
const SECRET_NAMES: &[&str] = &[
    "/etc/shadow*",
    "/etc/gshadow*",
    "/etc/security/opasswd",
    "/etc/krb5.keytab",
    "*.keytab",
    "*.key",
    "*_key",
    "*-key.pem",
    "privkey*.pem",
    "id_*",
    "/etc/ssl/private/**",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.kdbx",
    ".netrc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".git-credentials",
    "*credentials*",
    ".env",
    "*.env",
    ".env.*",
    "*secret*",
    "*.ovpn",
    "/etc/wireguard/**",
    "/etc/ppp/*-secrets",
];

/// Names that look like those but hold none: public keys.
const NOT_SECRET: &[&str] = &["id_*.pub", "*_key.pub"];

/// Which files are secrets by their name.
#[derive(Clone, Debug)]
pub struct Names {
    secret: Patterns,
    not_secret: Patterns,
}

impl Names {
    /// `more`: patterns beside those that are always there.
    ///
    /// # Errors
    /// If the patterns are too large.
    pub fn new(more: &[Pattern]) -> Result<Self, String> {
        let secret = [Pattern::list(SECRET_NAMES), more.to_vec()].concat();
        Ok(Self { secret: Patterns::new(&secret)?, not_secret: Patterns::new(&Pattern::list(NOT_SECRET))? })
    }

    /// Whether the file at `path` (with its first slash) is one.
    pub fn is_secret(&self, path: impl AsRef<Path>) -> bool {
        let path = path.as_ref();
        self.secret.matches(path) && !self.not_secret.matches(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_secrets_and_public_keys_are_not() {
        let names = Names::new(&Pattern::list(&["/srv/vault/**"])).unwrap();
        let secrets = ["/etc/shadow-", "/root/.ssh/id_ed25519", "/etc/ssl/private/a", "/srv/vault/x", "/app/.env"];
        assert!(secrets.iter().all(|path| names.is_secret(path)));
        let open = ["/root/.ssh/id_ed25519.pub", "/etc/passwd", "/etc/ssh/ssh_host_rsa_key.pub"];
        assert!(open.iter().all(|path| !names.is_secret(path)));
    }
}
