//! The files that patterns name.

use std::fs;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::identity::is_compressed;
use crate::host::{Pattern, Patterns};

/// Folders within folders that `**` goes into.
const DEPTH: usize = 16;

/// A part of a pattern between slashes.
#[derive(Clone, Debug)]
enum Part {
    Name(String),
    Names(GlobMatcher),
    /// `**`: any number of folders.
    Folders,
}

/// Patterns of whole paths, and what of it is left out.
#[derive(Clone, Debug)]
pub(in crate::logs) struct Find {
    include: Vec<Vec<Part>>,
    /// The same patterns, for whole paths.
    paths: Patterns,
    exclude: Patterns,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// Files, with each pattern's in order of their names.
    pub files: Vec<PathBuf>,
    /// Folders in which files were looked for.
    pub folders: Vec<PathBuf>,
}

impl Find {
    /// # Errors
    /// A pattern that is none.
    pub(in crate::logs) fn new(include: &[String], exclude: &[Pattern]) -> Result<Self, String> {
        let whole = include.iter().cloned().map(Pattern::try_from).collect::<Result<Vec<_>, _>>()?;
        let include = include.iter().map(|pattern| parts(pattern)).collect::<Result<_, _>>()?;
        Ok(Self { include, paths: Patterns::new(&whole)?, exclude: Patterns::new(exclude)? })
    }

    /// Looks for files, at most `max` of them.
    pub(super) fn look(&self, max: usize) -> Found {
        let mut found = Found::default();
        for parts in &self.include {
            self.walk(Path::new("/"), parts, 0, max, &mut found);
        }
        found.folders.sort();
        found.folders.dedup();
        found
    }

    /// Whether a path is one of those that are looked for.
    pub(super) fn names(&self, path: &Path) -> bool {
        self.paths.matches(path)
    }

    fn walk(&self, folder: &Path, parts: &[Part], depth: usize, max: usize, found: &mut Found) {
        match parts.split_first() {
            None => {}
            Some((Part::Name(name), rest)) if !rest.is_empty() => {
                self.walk(&folder.join(name), rest, depth, max, found)
            }
            Some((Part::Name(name), _)) => {
                found.folders.push(folder.to_owned());
                self.file(folder.join(name), max, found);
            }
            Some((Part::Names(matcher), rest)) => {
                for (name, path) in entries(folder, found) {
                    if !matcher.is_match(&name) {
                        continue;
                    }
                    if rest.is_empty() {
                        self.file(path, max, found);
                    } else {
                        self.walk(&path, rest, depth, max, found);
                    }
                }
            }
            Some((Part::Folders, rest)) => {
                self.walk(folder, rest, depth, max, found);
                if depth < DEPTH {
                    let real = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
                    let folders: Vec<_> =
                        entries(folder, found).into_iter().map(|(_, path)| path).filter(real).collect();
                    folders.iter().for_each(|folder| self.walk(folder, parts, depth + 1, max, found));
                }
            }
        }
    }

    fn file(&self, path: PathBuf, max: usize, found: &mut Found) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if found.files.len() < max && !is_compressed(&name) && !self.exclude.matches(&path) {
            found.files.push(path);
        }
    }
}

/// What is in a folder, in order; links to files and folders too.
fn entries(folder: &Path, found: &mut Found) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    found.folders.push(folder.to_owned());
    let named = entries.flatten().map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    let mut named: Vec<_> = named.collect();
    named.sort();
    named
}

fn parts(pattern: &str) -> Result<Vec<Part>, String> {
    let part = |text: &str| match text {
        "**" => Ok(Part::Folders),
        text if text.contains(['*', '?', '[', '{', '\\']) => {
            let glob = GlobBuilder::new(text).literal_separator(true).build();
            glob.map(|glob| Part::Names(glob.compile_matcher())).map_err(|error| format!("`{pattern}`: {error}"))
        }
        text => Ok(Part::Name(text.to_owned())),
    };
    let mut parts = pattern.split('/').filter(|text| !text.is_empty()).map(part).collect::<Result<Vec<_>, _>>()?;
    if matches!(parts.last(), Some(Part::Folders)) {
        parts.push(part("*")?);
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_files_and_leave_out_what_is_compressed() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "pods/a_b_c/web/0.log",
            "pods/a_b_c/web/0.log.gz",
            "pods/a_b_c/web/0.txt",
            "pods/d/x/1.log",
            "one.log",
            "deep/a/b/c.log",
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(dir.path(), dir.path().join("deep/loop")).unwrap();
        let look = |include: &str, exclude: &[&str], max| {
            let include = format!("{}/{include}", dir.path().display());
            let found = Find::new(&[include], &Pattern::list(exclude)).unwrap().look(max);
            let names =
                found.files.iter().map(|path| path.strip_prefix(dir.path()).unwrap().to_string_lossy().into_owned());
            (names.collect::<Vec<_>>(), found.folders.len())
        };
        assert_eq!(
            look("pods/*/*/*.log*", &[], 9),
            (vec!["pods/a_b_c/web/0.log".to_owned(), "pods/d/x/1.log".to_owned()], 5)
        );
        assert_eq!(look("pods/*/*/*", &["*.txt", "**/d/**"], 9).0, ["pods/a_b_c/web/0.log"]);
        assert_eq!(look("one.log", &[], 9), (vec!["one.log".to_owned()], 1));
        assert_eq!(look("none/x.log", &[], 9), (vec!["none/x.log".to_owned()], 1), "it may come");
        assert_eq!(look("deep/**/*.log", &[], 9).0, ["deep/a/b/c.log"]);
        assert_eq!(
            look("deep/**", &[], 9).0,
            ["deep/a", "deep/loop", "deep/a/b", "deep/a/b/c.log"],
            "folders are no files"
        );
        assert_eq!(look("pods/*/*/*", &[], 1).0.len(), 1);
        assert!(Find::new(&["/x/[".to_owned()], &[]).unwrap_err().contains("`/x/[`"));
    }
}
