//! Files that an Alertmanager configuration consists of.

use std::path::Path;

use base::Limit;

use crate::AppError;
use crate::files::{expand, read};

/// Bytes of one file.
pub(super) const BYTES: Limit = Limit::new("alertmanager.file_bytes", 4 << 20);
/// Files with templates.
const FILES: Limit = Limit::new("alertmanager.templates", 1_000);

/// The templates: name and text of every file that a pattern names, each pattern relative to `folder`.
pub(super) fn templates(folder: &Path, patterns: &[String]) -> Result<Vec<(String, String)>, AppError> {
    let mut texts = Vec::new();
    for pattern in patterns {
        for file in expand("alertmanager: templates", folder, pattern)? {
            FILES.check(texts.len() as u64 + 1).map_err(|error| AppError::file(&file, error))?;
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            texts.push((name, read(&file, BYTES)?));
        }
    }
    Ok(texts)
}
