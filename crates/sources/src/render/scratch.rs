use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::RenderError;

/// Where folders of ours are, below the source's cache folder.
const FOLDER: &str = "render";

/// Tells folders of one revision apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A folder that is removed when this is dropped; nobody but us may look into it.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes one below the cache folder of a source, which no other process uses.
    ///
    /// # Errors
    /// [`RenderError::Unavailable`] if it cannot be made.
    pub(crate) fn new(cache: &Path, name: &str) -> Result<Self, RenderError> {
        let path = cache.join(FOLDER).join(format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        let failed = |error: io::Error| unwritable(&path, &error);
        // One that a process before us left behind has our name if it had our number.
        remove(&path).map_err(failed)?;
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(failed)?;
        let whole = fs::canonicalize(&path).map_err(failed)?;
        Ok(Self(whole))
    }

    /// Removes what processes before us left behind in the cache folder of a source. Only before
    /// the first rendering.
    ///
    /// # Errors
    /// [`RenderError::Unavailable`] if it cannot be removed.
    pub(crate) fn sweep(cache: &Path) -> Result<(), RenderError> {
        let path = cache.join(FOLDER);
        remove(&path).map_err(|error| unwritable(&path, &error))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Makes a folder in it.
    ///
    /// # Errors
    /// [`RenderError::Unavailable`] if it cannot be made.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, RenderError> {
        let path = self.0.join(name);
        fs::create_dir(&path).map_err(|error| unwritable(&path, &error))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "a temporary folder stays behind");
        }
    }
}

/// A temporary file or folder that cannot be written.
pub(crate) fn unwritable(path: &Path, error: &io::Error) -> RenderError {
    RenderError::Unavailable(format!("cannot write {}: {error}", path.display()))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_goes_with_its_owner_and_what_was_left_behind_with_a_sweep() {
        let cache = tempfile::tempdir().unwrap();
        let (one, two) = (Scratch::new(cache.path(), "c0ffee").unwrap(), Scratch::new(cache.path(), "c0ffee").unwrap());
        assert_ne!(one.path(), two.path());
        let gone = one.path().to_owned();
        fs::write(one.folder("home").unwrap().join("x"), "x").unwrap();
        drop(one);
        assert!(!gone.exists() && two.path().exists());
        std::mem::forget(two);
        Scratch::sweep(cache.path()).unwrap();
        assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
        Scratch::sweep(cache.path()).unwrap();
    }
}
