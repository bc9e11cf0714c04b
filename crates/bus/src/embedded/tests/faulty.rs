use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::embedded::disk::{Disk, Files, SegmentFile};

/// A disk that fails as it is told.
#[derive(Clone, Default)]
pub(super) struct Faulty(Arc<Mutex<Faults>>);

#[derive(Default)]
pub(super) struct Faults {
    /// Bytes that still fit; then writes are short, then there is no space.
    pub space: Option<u64>,
    /// At most so many bytes a write.
    pub chunk: Option<usize>,
    /// Bytes until the power goes: those before are written, nothing works after.
    pub power: Option<u64>,
    /// Syncs nothing: for tests that open hundreds of logs and end no machine.
    pub lazy: bool,
    pub sync_fails: bool,
    pub cut_fails: bool,
    pub remove_fails: bool,
    pub syncs: u64,
    pub writes: u64,
}

impl Faulty {
    /// Syncs nothing.
    pub fn lazy() -> Self {
        let disk = Self::default();
        disk.set(|faults| faults.lazy = true);
        disk
    }

    pub fn set(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.0.lock());
    }

    pub fn get<T>(&self, read: impl FnOnce(&Faults) -> T) -> T {
        read(&self.0.lock())
    }

    fn wrap(&self, file: Box<dyn SegmentFile>) -> Box<dyn SegmentFile> {
        Box::new(FaultyFile { file, disk: self.clone() })
    }

    fn powered(&self) -> io::Result<()> {
        if self.get(|faults| faults.power == Some(0)) { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }
}

impl Disk for Faulty {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.powered()?;
        Ok(self.wrap(Files.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.powered()?;
        Ok(self.wrap(Files.open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.powered()?;
        if self.get(|faults| faults.remove_fails) {
            return Err(io::Error::other("cannot remove"));
        }
        Files.remove(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.powered()?;
        if self.get(|faults| faults.lazy) { Ok(()) } else { Files.sync_dir(path) }
    }
}

struct FaultyFile {
    file: Box<dyn SegmentFile>,
    disk: Faulty,
}

impl SegmentFile for FaultyFile {
    fn write_at(&mut self, bytes: &[u8], position: u64) -> io::Result<usize> {
        self.disk.powered()?;
        let mut length = bytes.len();
        {
            let mut faults = self.disk.0.lock();
            faults.writes += 1;
            length = length.min(faults.chunk.unwrap_or(usize::MAX));
            for left in [faults.space, faults.power].into_iter().flatten() {
                length = length.min(usize::try_from(left).unwrap());
            }
            if length == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            faults.space = faults.space.map(|left| left - length as u64);
            faults.power = faults.power.map(|left| left - length as u64);
        }
        self.file.write_at(&bytes[..length], position)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        self.disk.powered()?;
        if self.disk.get(|faults| faults.cut_fails) {
            return Err(io::Error::other("cannot cut"));
        }
        self.file.set_len(length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.powered()?;
        self.disk.set(|faults| faults.syncs += 1);
        if self.disk.get(|faults| faults.sync_fails) {
            return Err(io::Error::other("the device is gone"));
        }
        if self.disk.get(|faults| faults.lazy) { Ok(()) } else { self.file.sync() }
    }
}
