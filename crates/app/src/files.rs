//! Files that others' configurations consist of.

use std::fs;
use std::path::{Path, PathBuf};

use base::Limit;
use globset::Glob;

use crate::AppError;

/// Files that a pattern may match.
const MATCHES: Limit = Limit::new("pattern_matches", 10_000);

/// The text of a file.
pub(crate) fn read(file: &Path, bytes: Limit) -> Result<String, AppError> {
    let wrong = |problem: &dyn std::fmt::Display| AppError::file(file, problem);
    let size = fs::metadata(file).map_err(|error| wrong(&error))?.len();
    bytes.check(size).map_err(|error| wrong(&error))?;
    fs::read_to_string(file).map_err(|error| wrong(&error))
}

/// The files that a pattern matches, part by part, in order of name; `key` is where it is configured.
pub(crate) fn expand(key: &str, folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, AppError> {
    let mut found = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { folder.to_owned() }];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        if !part.contains(['*', '?', '[']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let glob = Glob::new(part).map_err(|error| AppError::part(key, error))?.compile_matcher();
        let mut next = Vec::new();
        let here = |path: &PathBuf| if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.clone() };
        for entry in found.iter().filter_map(|path| fs::read_dir(here(path)).ok()).flatten().filter_map(Result::ok) {
            if glob.is_match(entry.file_name()) {
                next.push(entry.path());
            }
        }
        MATCHES.check(next.len() as u64).map_err(|exceeded| AppError::part(key, exceeded))?;
        next.sort();
        found = next;
    }
    found.retain(|path| path.is_file());
    Ok(found)
}
