use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What a writer does to the disk. A seam: tests put faults in it. Readers use the file system.
pub trait Disk: Send + Sync {
    /// A new, empty file; one that is there already is emptied.
    ///
    /// # Errors
    /// As of the file system, here and below.
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;
    /// A file that is there, to write on.
    ///
    /// # Errors
    /// See [`Self::create`].
    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>>;
    /// Removes a file.
    ///
    /// # Errors
    /// See [`Self::create`].
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// See [`Self::create`].
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// A segment file to write.
pub trait SegmentFile: Send {
    /// Writes some of `bytes` at `position`; says how many.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn write_at(&mut self, bytes: &[u8], position: u64) -> io::Result<usize>;
    /// Cuts the file.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn set_len(&mut self, length: u64) -> io::Result<()>;
    /// Makes the bytes and the length durable.
    ///
    /// # Errors
    /// See [`Disk::create`].
    fn sync(&mut self) -> io::Result<()>;
}

/// Writes all of `bytes`.
pub(super) fn write_all(file: &mut dyn SegmentFile, mut bytes: &[u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write_at(bytes, position) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                bytes = &bytes[n..];
                position += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The machine's file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files;

impl Disk for Files {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(OpenOptions::new().write(true).create(true).truncate(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(OpenOptions::new().write(true).open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

impl SegmentFile for File {
    fn write_at(&mut self, bytes: &[u8], position: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, position)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}
