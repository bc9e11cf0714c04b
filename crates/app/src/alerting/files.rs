//! Files that an Alertmanager configuration consists of.

use std::fs;
use std::path::{Path, PathBuf};

use base::Limit;
use globset::Glob;

use crate::AppError;

/// Bytes of one file.
const BYTES: Limit = Limit::new("alertmanager.file_bytes", 4 << 20);
/// Files with templates.
const FILES: Limit = Limit::new("alertmanager.templates", 1_000);

/// The text of a file.
pub(super) fn read(file: &Path) -> Result<String, AppError> {
    let wrong = |problem: &dyn std::fmt::Display| AppError::file(file, problem);
    let size = fs::metadata(file).map_err(|error| wrong(&error))?.len();
    BYTES.check(size).map_err(|error| wrong(&error))?;
    fs::read_to_string(file).map_err(|error| wrong(&error))
}

/// The templates: name and text of every file that a pattern names, each pattern relative to `folder`.
pub(super) fn templates(folder: &Path, patterns: &[String]) -> Result<Vec<(String, String)>, AppError> {
    let mut texts = Vec::new();
    for pattern in patterns {
        for file in expand(folder, pattern)? {
            FILES.check(texts.len() as u64 + 1).map_err(|error| AppError::file(&file, error))?;
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            texts.push((name, read(&file)?));
        }
    }
    Ok(texts)
}

/// The files that match a pattern, part by part, in order of name.
fn expand(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, AppError> {
    let mut found = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { folder.to_owned() }];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        if !part.contains(['*', '?', '[']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        let glob = Glob::new(part).map_err(|error| AppError::part("alertmanager: templates", error))?.compile_matcher();
        let mut next = Vec::new();
        for entry in found.iter().filter_map(|path| fs::read_dir(path).ok()).flatten().filter_map(Result::ok) {
            if glob.is_match(entry.file_name()) {
                next.push(entry.path());
            }
        }
        next.sort();
        found = next;
    }
    found.retain(|path| path.is_file());
    Ok(found)
}
