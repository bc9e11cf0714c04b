use std::fs::{DirEntry, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use base::Limit;
use collect::CollectError;
use rustix::io::Errno;

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

/// As text; nothing if there is no such file.
///
/// # Errors
/// As [`read`]: that it cannot be read does not say that it is not there.
pub(crate) fn text_if_there(path: &Path) -> io::Result<Option<String>> {
    if_there(text(path))
}

/// Nothing of what is not there.
pub(crate) fn if_there<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Ok(it) => Ok(Some(it)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is in a directory; nothing if there is none.
///
/// # Errors
/// As [`read`]: what cannot be listed is not empty.
pub(crate) fn entries(path: &Path) -> io::Result<Vec<DirEntry>> {
    // One that goes while it is listed is none either.
    if_there(std::fs::read_dir(path).and_then(Iterator::collect)).map(Option::unwrap_or_default)
}

/// Whether the system or this process has run short of something: the error says nothing of the file.
pub(crate) fn is_shortage(error: &io::Error) -> bool {
    Errno::from_io_error(error).is_some_and(|errno| [Errno::MFILE, Errno::NFILE, Errno::NOMEM].contains(&errno))
}

/// As a number or a word: without the white space around it.
pub(crate) fn word(path: &Path) -> Option<String> {
    text(path).ok().map(|text| text.trim().to_owned())
}

/// An error that names the file.
pub(crate) fn failed(path: &Path, error: impl std::fmt::Display) -> CollectError {
    CollectError::Source { what: path.display().to_string(), problem: error.to_string() }
}
