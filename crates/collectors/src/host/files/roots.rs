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

    /// The directory in which the root will appear, and its path there; nothing if patterns lead to it.
    pub(crate) fn door(&self) -> Option<(PathBuf, PathBuf)> {
        let parent = self.path.parent().filter(|_| !has_pattern(&self.path))?.canonicalize().ok()?;
        let path = parent.join(self.path.file_name()?);
        Some((parent, path))
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

/// What is watched whole: roots without a pattern in their path and without `include`, but for what
/// they exclude and the roots in them, which have their own rules.
pub(crate) fn covers(roots: &[RootConfig]) -> Vec<Cover> {
    let whole = |root: &&RootConfig| root.include.is_empty() && !has_pattern(&root.path);
    let inner = |root: &RootConfig| {
        let inside =
            |other: &&RootConfig| other.path != root.path && start(&other.path).starts_with(&start(&root.path));
        roots.iter().filter(inside).flat_map(|other| within_too(&glob(&other.path))).collect::<Vec<_>>()
    };
    let cover = |root: &RootConfig| {
        let excluded = root.exclude.iter().flat_map(|pattern| within_too(pattern.glob()));
        let except = excluded.chain(inner(root)).collect();
        Cover { except, ..Cover::below("file", &start(&root.path)) }
    };
    roots.iter().filter(whole).map(cover).collect()
}

fn has_pattern(path: &Path) -> bool {
    path.as_os_str().as_bytes().iter().any(|byte| b"*?[".contains(byte))
}

/// What the names of all that is below the path begin with.
fn start(path: &Path) -> String {
    let name = escape_name(path.as_os_str().as_bytes());
    let name = name.trim_matches('/');
    if name.is_empty() { String::new() } else { format!("{name}/") }
}

/// The path as a pattern.
fn glob(path: &Path) -> String {
    let name = escape_name(path.as_os_str().as_bytes());
    let name = name.trim_end_matches('/');
    if has_pattern(path) { name.to_owned() } else { globset::escape(name) }
}

/// A pattern leaves out what it matches and all that is in it.
pub(crate) fn within_too(pattern: &str) -> [String; 2] {
    [pattern.to_owned(), format!("{pattern}/**")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roots_that_are_watched_whole_are_covered_but_for_what_they_leave_out() {
        let plain = |path: &str| RootConfig { exclude: Vec::new(), ..RootConfig::new(path) };
        let only = RootConfig { include: crate::host::Pattern::list(&["a"]), ..plain("/root/.ssh") };
        let roots = [
            RootConfig { exclude: crate::host::Pattern::list(&["*.swp", "/etc/mtab"]), ..plain("/etc/") },
            only,
            plain("/home/*/.ssh"),
            plain("/etc/app"),
            RootConfig { include: crate::host::Pattern::list(&["a"]), ..plain("/etc/*.d") },
        ];
        let covers = covers(&roots);
        let shown: Vec<&str> = covers.iter().map(|cover| cover.prefix.as_str()).collect();
        assert_eq!(shown, ["etc/", "etc/app/"]);
        assert_eq!(
            covers[0].except,
            [
                "**/*.swp",
                "**/*.swp/**",
                "/etc/mtab",
                "/etc/mtab/**",
                "/etc/app",
                "/etc/app/**",
                "/etc/*.d",
                "/etc/*.d/**"
            ]
        );
        assert_eq!(covers[1].except, [] as [&str; 0]);
        assert_eq!(super::covers(&[plain("/")]), [Cover::all("file")]);
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
