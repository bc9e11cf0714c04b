//! Small files that are whole or not there.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use base::Limit;

/// Bytes of such a file.
const BYTES: Limit = Limit::new("log_positions_bytes", 64 << 20);

/// Reads it; nothing if it is not there.
pub(super) fn load(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(BYTES.max() + 1).read_to_end(&mut bytes)?;
    BYTES.check(bytes.len() as u64).map_err(io::Error::other)?;
    Ok(Some(bytes))
}

/// Writes it; when it returns, it is on the disk.
pub(super) fn save(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}

/// Sets a file aside that cannot be understood.
pub(super) fn set_aside(path: &Path, problem: &dyn std::fmt::Display) {
    let aside = path.with_extension("damaged");
    let moved = std::fs::rename(path, &aside).err().map(|error| error.to_string());
    tracing::error!(file = %path.display(), aside = %aside.display(), %problem, moved, "what was read of logs is not known any more: it is read again");
}
