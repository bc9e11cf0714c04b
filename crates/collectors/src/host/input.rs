use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use base::Limit;
use collect::CollectError;

/// Bytes of a database or a file of the kernel that are read whole.
const INPUT: Limit = Limit::new("collector_input_bytes", 64 << 20);

/// Reads a whole file of the system, up to a limit.
///
/// # Errors
/// What the system says, or that it is longer than the limit.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(INPUT.max() + 1).read_to_end(&mut bytes)?;
    INPUT.check(bytes.len() as u64).map_err(|error| io::Error::new(io::ErrorKind::FileTooLarge, error))?;
    Ok(bytes)
}

/// As text; what is not UTF-8 is replaced.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&read(path)?).into_owned())
}

/// As a number or a word: without the white space around it.
pub(crate) fn word(path: &Path) -> Option<String> {
    text(path).ok().map(|text| text.trim().to_owned())
}

/// An error that names the file.
pub(crate) fn failed(path: &Path, error: impl std::fmt::Display) -> CollectError {
    CollectError::Source { what: path.display().to_string(), problem: error.to_string() }
}
