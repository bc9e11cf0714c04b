use std::path::Path;

use collect::CollectError;
use secrecy::Names;

use crate::host::pattern::{Pattern, Patterns, patterns, too_large};

/// How much of a content may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// A digest, and the text with the secrets in it replaced.
    Open,
    /// A digest: not every user of the host may read it, so not every user of the store may.
    Private,
    /// A keyed digest only.
    Secret,
}

/// Which files hold secrets.
pub(crate) struct SecretRules {
    names: Names,
    shown: Patterns,
}

impl SecretRules {
    /// `secret`: patterns beside those that are always there; `shown`: files whose text is kept
    /// though not everyone on the host may read them.
    ///
    /// # Errors
    /// If the patterns are too large.
    pub(crate) fn new(secret: &[Pattern], shown: &[Pattern]) -> Result<Self, CollectError> {
        Ok(Self { names: Names::new(secret).map_err(too_large)?, shown: patterns(shown)? })
    }

    /// By the name and mode of a file; its content may still say more, see [`secrecy::holds_private_key`].
    pub(crate) fn of(&self, path: &Path, mode: u32) -> Secrecy {
        if self.names.is_secret(path) {
            Secrecy::Secret
        } else if mode & 0o004 == 0 && !self.shown.matches(path) {
            Secrecy::Private
        } else {
            Secrecy::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> SecretRules {
        SecretRules::new(&Pattern::list(&["/opt/app/vault"]), &Pattern::list(&["/etc/sudoers"])).unwrap()
    }

    #[test]
    fn names_and_modes_say_what_may_be_kept() {
        let secret = [
            "/etc/shadow",
            "/etc/shadow-",
            "/etc/gshadow",
            "/a/tls.key",
            "/etc/ssh/ssh_host_rsa_key",
            "/root/.ssh/id_rsa",
        ];
        let more = [
            "/a/x.p12",
            "/a/.netrc",
            "/home/a/.aws/credentials",
            "/a/.env",
            "/opt/app/vault",
            "/etc/wireguard/wg0.conf",
        ];
        for path in secret.iter().chain(&more) {
            assert_eq!(rules().of(Path::new(path), 0o644), Secrecy::Secret, "{path}");
        }
        for path in ["/etc/passwd", "/etc/ssh/ssh_host_rsa_key.pub", "/etc/ssl/certs/ca.pem", "/etc/environment"] {
            assert_eq!(rules().of(Path::new(path), 0o644), Secrecy::Open, "{path}");
        }
        assert_eq!(rules().of(Path::new("/etc/at.deny"), 0o640), Secrecy::Private);
        assert_eq!(rules().of(Path::new("/etc/sudoers"), 0o440), Secrecy::Open);
    }
}
