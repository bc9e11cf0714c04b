use std::path::Path;

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;

/// A glob in a configuration. Without a slash it is for the last part of a path (`*.key`), with
/// one for the whole path (`/etc/ssl/private/**`); `*` stops at slashes, `**` does not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(Glob);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let whole = if text.contains('/') { text.clone() } else { format!("**/{text}") };
        let glob = GlobBuilder::new(&whole).literal_separator(true).build();
        glob.map(Self).map_err(|error| format!("`{text}` is not a pattern such as `*.key` or `/etc/ssl/**`: {error}"))
    }
}

impl Pattern {
    /// The patterns in `texts`; those that are none are left out, so these are for texts of ours.
    pub fn list(texts: &[&str]) -> Vec<Self> {
        texts.iter().filter_map(|text| Self::try_from((*text).to_owned()).ok()).collect()
    }

    /// The glob for whole paths.
    pub fn glob(&self) -> &str {
        self.0.glob()
    }
}

/// Many patterns, matched at once.
#[derive(Clone, Debug)]
pub struct Patterns(GlobSet);

impl Patterns {
    /// Makes one matcher of them.
    ///
    /// # Errors
    /// If together they are too large.
    pub fn new(patterns: &[Pattern]) -> Result<Self, String> {
        Self::of(patterns.iter().map(|pattern| pattern.0.clone()))
    }

    /// Makes one matcher of globs that were built otherwise.
    ///
    /// # Errors
    /// If together they are too large.
    pub fn of(globs: impl IntoIterator<Item = Glob>) -> Result<Self, String> {
        let mut builder = GlobSetBuilder::new();
        for glob in globs {
            builder.add(glob);
        }
        builder.build().map(Self).map_err(|error| format!("the patterns: {error}"))
    }

    /// Whether one of them matches.
    pub fn matches(&self, path: impl AsRef<Path>) -> bool {
        self.0.is_match(path)
    }

    /// The highest number among the patterns that match.
    pub fn last_match(&self, path: &Path) -> Option<usize> {
        self.0.matches(path).into_iter().max()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_pattern_without_a_slash_is_for_names_and_one_with_for_paths() {
        let patterns = Patterns::new(&Pattern::list(&["*.key", "id_*", "/etc/shadow*", "/srv/**"])).unwrap();
        for path in ["/etc/ssl/a.key", "/root/.ssh/id_ed25519", "/etc/shadow-", "/srv/a/b"] {
            assert!(patterns.matches(path), "{path}");
        }
        for path in ["/etc/keys", "/etc/x/shadow", "/etc/shadow.d/x", "/srv"] {
            assert!(!patterns.matches(path), "{path}");
        }
        assert!(patterns.matches(std::ffi::OsStr::from_bytes(b"/a/\xff.key")));
        assert!(Pattern::try_from("[".to_owned()).unwrap_err().contains("`[` is not a pattern"));
    }
}
