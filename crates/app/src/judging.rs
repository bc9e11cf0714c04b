use std::io::Read;
use std::path::Path;

use judge::request::MAX_BYTES;
use judge::{Judge, JudgeResult, Request};

use crate::AppError;

/// Judges a metric-set file (`-` is standard input) by the judge of that name; without one, by the
/// judge that the file names.
///
/// # Errors
/// Names the file and the field that cannot be used, or the judge that is not known.
pub fn judge(file: &Path, name: Option<&str>) -> Result<JudgeResult, AppError> {
    let wrong = |problem: &dyn std::fmt::Display| AppError::file(file, problem);
    let named = name.map(|name| known(name).map_err(|problem| AppError::part("--judge", problem))).transpose()?;
    let request = Request::parse(&read(file)?).map_err(|error| wrong(&error))?;
    let judge = match (named, &request.judge) {
        (Some(judge), _) => judge,
        (None, Some(name)) => known(name).map_err(|problem| wrong(&format!("canaryConfig.judge.name: {problem}")))?,
        (None, None) => return Err(wrong(&"canaryConfig.judge.name: is missing, and there is no --judge")),
    };
    judge.judge(&request).map_err(|error| wrong(&error))
}

fn known(name: &str) -> Result<Judge, String> {
    let known = Judge::NAMES.join(" and ");
    Judge::named(name).ok_or_else(|| format!("there is no judge `{}`; there are {known}", name.escape_debug()))
}

/// The whole file, or an error once it is longer than a request may be.
fn read(file: &Path) -> Result<Vec<u8>, AppError> {
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    let done = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    done.map_err(|error| AppError::file(file, error))?;
    Ok(bytes)
}
