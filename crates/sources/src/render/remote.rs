//! Names of what is not in the repository.

/// A URL without user and password.
pub(super) fn without_user(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => match rest.split('/').next().and_then(|host| host.rfind('@')) {
            Some(at) => format!("{scheme}://***{}", &rest[at..]),
            None => text.to_owned(),
        },
        None => text.to_owned(),
    }
}

/// Whether a file of this name is fetched over HTTP (`IsRemoteFile` in `api/internal/loader`).
pub(super) fn has_scheme(text: &str) -> bool {
    let text = text.trim().to_ascii_lowercase();
    text.starts_with("http:") || text.starts_with("https:") || text.contains("://")
}

/// Whether an entry is fetched, by HTTP or with git (`NewRepoSpecFromURL` in `api/internal/git`, and
/// what earlier versions took for a repository).
pub(super) fn is_remote(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    let begins = ["git::", "gh:", "git@", "ssh:", "github.com/", "github.com:"];
    let user = lower.split_once('@').is_some_and(|(user, rest)| {
        user.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !user.is_empty()
            && rest.contains(['/', ':'])
    });
    let query = ["?ref=", "?version=", "&ref=", "&version="].iter().any(|query| lower.contains(query));
    has_scheme(text) || user || query || begins.iter().any(|begin| lower.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_the_network_are_known_by_their_form() {
        for remote in [
            "https://example.org/x.yaml",
            "HTTP://example.org/x",
            "http:/x",
            "github.com/x/y",
            "GitHub.com:x/y.git",
            "git::https://h/x",
            "git@github.com:x/y",
            "me@h:x/y",
            "ssh://git@h/x",
            "file:///srv/x",
            "../base?ref=v1",
            "gh:x/y",
        ] {
            assert!(is_remote(remote), "{remote}");
        }
        for local in ["../base", "a/b.yaml", "github.companion/x", "x@y", "a.b@c", "x_git/y", "https.yaml", "ref=x"] {
            assert!(!is_remote(local), "{local}");
        }
        assert_eq!(without_user("https://me:hunter2@h/x@y"), "https://***@h/x@y");
    }
}
