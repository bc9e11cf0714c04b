use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use serde::Deserialize;

/// A glob in a configuration. Without a slash it is for the last part of a path (`*.key`), with
/// one for the whole path (`/etc/ssl/private/**`); `*` stops at slashes, `**` does not. The same
/// as that of the collectors of hosts, since both must agree on what a secret is.
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
    /// The patterns in `texts`.
    ///
    /// # Errors
    /// Names the one that is none.
    pub fn list<S: AsRef<str>>(texts: &[S]) -> Result<Vec<Self>, String> {
        texts.iter().map(|text| Self::try_from(text.as_ref().to_owned())).collect()
    }
}

/// Matches many patterns at once.
///
/// # Errors
/// If together they are too large.
pub(crate) fn set(patterns: &[Pattern]) -> Result<GlobSet, String> {
    let mut builder = GlobSetBuilder::new();
    patterns.iter().for_each(|pattern| _ = builder.add(pattern.0.clone()));
    builder.build().map_err(|error| error.to_string())
}
