use std::path::{Path, PathBuf};

/// A remote that is safe to hand to git: of a known protocol, and without a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    /// As git takes it.
    pub(crate) url: String,
    /// The repository's folder, if it is on this machine.
    pub(crate) local: Option<PathBuf>,
    /// `https://host:port`, for which credentials may be given.
    pub(crate) origin: Option<String>,
}

impl Remote {
    /// Checks a URL of a configuration.
    ///
    /// # Errors
    /// What is wrong with it; never holds a password.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        if url.is_empty() || url.starts_with('-') || url.contains(char::is_control) {
            return Err("must be a path or a URL".to_owned());
        }
        let Some((scheme, rest)) = url.split_once("://") else {
            return if url.starts_with('/') { Ok(Self::local(url, url)) } else { Self::scp(url) };
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        if user.is_some_and(|user| user.contains(':')) {
            return Err(format!("{scheme}://***@{host}: holds a password; put it where `credentials.token` points to"));
        }
        match scheme {
            "file" if authority.is_empty() => Ok(Self::local(url, rest)),
            "file" => Err("must be file:// and an absolute path: file:///srv/git/infra".to_owned()),
            "http" | "https" | "ssh" if host.is_empty() || host.starts_with('-') => Err("names no host".to_owned()),
            "http" | "https" => {
                let origin = Some(format!("{scheme}://{host}"));
                Ok(Self { url: url.to_owned(), local: None, origin })
            }
            "ssh" => Ok(Self { url: url.to_owned(), local: None, origin: None }),
            other => Err(format!("`{other}` is no protocol that is read: a path, file, https, http and ssh are")),
        }
    }

    fn local(url: &str, path: &str) -> Self {
        Self { url: url.to_owned(), local: Some(Path::new(path).to_owned()), origin: None }
    }

    /// `user@host:path`. `ext::command` and relative paths are refused: git would run the one, and
    /// the other depends on where the process was started.
    fn scp(url: &str) -> Result<Self, String> {
        match url.split_once(':') {
            Some((host, path))
                if host.contains('@') && !path.is_empty() && !path.starts_with(':') && !host.contains('/') =>
            {
                Ok(Self { url: url.to_owned(), local: None, origin: None })
            }
            _ => Err("must be an absolute path, user@host:path, or a URL with file, https or ssh".to_owned()),
        }
    }
}

/// Checks the name of a branch (git-check-ref-format's rules, so far as they are about safety).
///
/// # Errors
/// What is wrong with it.
pub(crate) fn branch(name: &str) -> Result<(), String> {
    let bad = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let wrong = name.is_empty()
        || name.starts_with(['-', '/', '.'])
        || name.ends_with(['/', '.'])
        || name.ends_with(".lock")
        || ["..", "//", "@{", "/."].iter().any(|part| name.contains(part))
        || name.contains(bad);
    if wrong { Err(format!("`{}` is no name of a branch", name.escape_debug())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_may_be_given_is_let_through() {
        for url in
            ["/srv/git/x", "file:///srv/git/x", "https://git.example.org/x.git", "ssh://git@h:22/x", "git@h:x.git"]
        {
            assert!(Remote::parse(url).is_ok(), "{url}");
        }
        assert_eq!(Remote::parse("https://u@h:8443/x").unwrap().origin.as_deref(), Some("https://h:8443"));
        assert_eq!(Remote::parse("file:///srv/x").unwrap().local.as_deref(), Some(Path::new("/srv/x")));
    }

    #[test]
    fn what_would_run_a_command_or_hold_a_password_is_refused() {
        for url in [
            "",
            "x",
            "../x",
            "ext::sh -c x",
            "--upload-pack=x",
            "ssh://-oProxyCommand=x/y",
            "git://h/x",
            "file://h/x",
            "-@h:x",
        ] {
            assert!(Remote::parse(url).is_err(), "{url}");
        }
        let error = Remote::parse("https://me:hunter2@git.example.org/x").unwrap_err();
        assert!(
            error.contains("git.example.org") && error.contains("credentials") && !error.contains("hunter2"),
            "{error}"
        );
        for name in ["", "-x", "a..b", "a b", "x.lock", "a:b", "+a^"] {
            assert!(branch(name).is_err(), "{name}");
        }
        assert!(branch("release/1.2").is_ok());
    }
}
