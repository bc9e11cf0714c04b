use std::path::Path;

use collect::CollectError;
use secrecy::Names;

use super::stat::Stat;

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

    /// By the name and mode of a file, and by whether everybody may enter the folders that it is in; its content may
    /// still say more, see [`secrecy::holds_private_key`].
    pub(crate) fn of(&self, path: &Path, mode: u32, is_open: impl FnOnce() -> bool) -> Secrecy {
        if self.names.is_secret(path) {
            Secrecy::Secret
        } else if (mode & 0o004 == 0 || !is_open()) && !self.shown.matches(path) {
            Secrecy::Private
        } else {
            Secrecy::Open
        }
    }
}

/// Whether everybody on the host may go to where `path`, which has no links, is; `root` is the host's root directory.
/// Rights that access lists give or take besides are not looked at.
pub(crate) fn is_open_to_all(path: &Path, root: &Path) -> bool {
    let above = path.ancestors().skip(1).take_while(|folder| folder.starts_with(root) && *folder != root);
    let mut modes = above.map(|folder| Stat::of(folder).map(|stat| stat.mode));
    modes.all(|mode| mode.is_ok_and(|mode| mode & 0o001 != 0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

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
            assert_eq!(rules().of(Path::new(path), 0o644, || true), Secrecy::Secret, "{path}");
        }
        for path in ["/etc/passwd", "/etc/ssh/ssh_host_rsa_key.pub", "/etc/ssl/certs/ca.pem", "/etc/environment"] {
            assert_eq!(rules().of(Path::new(path), 0o644, || true), Secrecy::Open, "{path}");
        }
        assert_eq!(rules().of(Path::new("/etc/at.deny"), 0o640, || true), Secrecy::Private);
        assert_eq!(rules().of(Path::new("/etc/sudoers"), 0o440, || true), Secrecy::Open);
        assert_eq!(rules().of(Path::new("/srv/app/config.yaml"), 0o644, || false), Secrecy::Private);
        assert_eq!(rules().of(Path::new("/etc/sudoers"), 0o644, || false), Secrecy::Open, "it is shown");
    }

    #[test]
    fn a_folder_that_not_everybody_may_enter_makes_what_is_in_it_private() {
        let dir = tempfile::tempdir().unwrap();
        let (root, app) = (dir.path(), dir.path().join("srv/app"));
        std::fs::create_dir_all(app.join("in")).unwrap();
        let file = app.join("in/config.yaml");
        for (mode, open) in [(0o755, true), (0o750, false), (0o700, false), (0o711, true)] {
            std::fs::set_permissions(&app, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_open_to_all(&file, root), open, "{mode:o}");
        }
        assert!(is_open_to_all(&root.join("motd"), root));
        assert!(!is_open_to_all(&root.join("none/motd"), root));
    }
}
