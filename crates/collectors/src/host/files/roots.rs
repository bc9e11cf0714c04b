use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use collect::{CollectError, Cover};
use globset::Glob;
use model::escape_name;

use crate::host::pattern::{Patterns, patterns};
use crate::host::{Place, RootConfig};

/// Directories that the pattern in a root's path may lead to.
const EXPANSIONS: usize = 10_000;

/// A root that is there.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// Without links.
    pub(crate) path: PathBuf,
    /// Which rules are for it.
    pub(crate) rules: usize,
}

/// The rules of one configured root.
pub(crate) struct Rules {
    path: PathBuf,
    include: Patterns,
    exclude: Patterns,
    pub(crate) text_bytes: usize,
    pub(crate) max_bytes: u64,
}

impl Rules {
    pub(crate) fn new(config: &RootConfig, place: &Place) -> Result<Self, CollectError> {
        Ok(Self {
            path: place.path(&config.path.to_string_lossy()),
            include: patterns(&config.include)?,
            exclude: patterns(&config.exclude)?,
            text_bytes: config.text_bytes,
            max_bytes: config.max_bytes,
        })
    }

    /// Whether nothing of this path, nor below it, is watched.
    pub(crate) fn excludes(&self, path: &Path) -> bool {
        self.exclude.matches(path)
    }

    /// Whether a file is watched (a directory may lead to such files all the same).
    pub(crate) fn includes(&self, path: &Path, directory: bool) -> bool {
        self.include.is_empty() || (!directory && self.include.matches(path))
    }

    /// The roots that are there now.
    pub(crate) fn expand(&self) -> Vec<PathBuf> {
        let mut paths = vec![PathBuf::new()];
        for component in self.path.components() {
            let part = component.as_os_str();
            let pattern =
                matches!(component, Component::Normal(_)) && part.as_bytes().iter().any(|byte| b"*?[".contains(byte));
            paths =
                if pattern { within(&paths, part) } else { paths.into_iter().map(|path| path.join(part)).collect() };
            paths.truncate(EXPANSIONS);
        }
        paths.iter().filter_map(|path| resolve(path)).collect()
    }
}

/// The entries of `directories` whose names match.
fn within(directories: &[PathBuf], pattern: &OsStr) -> Vec<PathBuf> {
    let Ok(glob) = Glob::new(&pattern.to_string_lossy()) else { return Vec::new() };
    let matcher = glob.compile_matcher();
    let entries = directories.iter().filter_map(|directory| std::fs::read_dir(directory).ok());
    let found = entries.flat_map(|entries| entries.flatten()).filter(|entry| matcher.is_match(entry.file_name()));
    let mut paths: Vec<PathBuf> = found.map(|entry| entry.path()).take(EXPANSIONS).collect();
    paths.sort_unstable();
    paths
}

/// A root without links on the way; a link that leads to a directory is that directory.
fn resolve(path: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok();
    if let Some(real) = real.filter(|real| real.is_dir()) {
        return Some(real);
    }
    let real = path.parent()?.canonicalize().ok()?.join(path.file_name()?);
    real.symlink_metadata().ok().map(|_| real)
}

/// What is watched whole: roots without a pattern in their path and without `include`.
pub(crate) fn covers(roots: &[RootConfig]) -> Vec<Cover> {
    let whole = |root: &&RootConfig| {
        root.include.is_empty() && !root.path.as_os_str().as_bytes().iter().any(|byte| b"*?[".contains(byte))
    };
    let prefix = |root: &RootConfig| {
        let name = escape_name(root.path.as_os_str().as_bytes());
        name.trim_matches('/').to_owned()
    };
    roots
        .iter()
        .filter(whole)
        .map(|root| Cover { kind: "file".to_owned(), prefix: format!("{}/", prefix(root)) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roots_that_are_watched_whole_are_covered() {
        let only = RootConfig { include: crate::host::Pattern::list(&["a"]), ..RootConfig::new("/root/.ssh") };
        let roots = [RootConfig::new("/etc/"), only, RootConfig::new("/home/*/.ssh")];
        assert_eq!(covers(&roots), [Cover { kind: "file".to_owned(), prefix: "etc/".to_owned() }]);
    }

    #[test]
    fn a_pattern_in_a_root_leads_to_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().canonicalize().unwrap();
        for name in ["home/a/.ssh", "home/b/.ssh", "home/c"] {
            std::fs::create_dir_all(base.join(name)).unwrap();
        }
        let place = Place::new(Some("a"), None).at(&base);
        let expand = |path: &str| Rules::new(&RootConfig::new(path), &place).unwrap().expand();
        assert_eq!(expand("/home/*/.ssh"), [base.join("home/a/.ssh"), base.join("home/b/.ssh")]);
        assert_eq!(expand("/home/[bc]"), [base.join("home/b"), base.join("home/c")]);
        assert_eq!(expand("/none"), [] as [PathBuf; 0]);
        std::os::unix::fs::symlink("home", base.join("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", base.join("dangling")).unwrap();
        assert_eq!((expand("/link"), expand("/dangling")), (vec![base.join("home")], vec![base.join("dangling")]));
    }
}
