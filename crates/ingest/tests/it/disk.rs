//! A disk that loses what was not synced when the power goes, or that is full.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base::Rng;
use bus::{Disk, Files, SegmentFile};

/// Bytes that reach the platter together.
const SECTOR: usize = 512;

/// Files are where they seem to be, as in a page cache; what would be left after a power cut is known beside.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: BTreeMap<PathBuf, Simulated>,
    /// Changes until nothing works any more.
    left: Option<u64>,
    off: bool,
    full: bool,
}

#[derive(Default)]
struct Simulated {
    /// What is on the platter.
    synced: Vec<u8>,
    /// What may be, or not.
    pending: Vec<Change>,
    /// Whether the name is on the platter.
    named: bool,
    /// Removed, but the name may still be on the platter.
    removed: bool,
}

enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

/// A change was made, and that was said, or the power went before.
enum Answer {
    Given,
    Lost,
}

impl Answer {
    fn give<T>(self, done: T) -> io::Result<T> {
        match self {
            Self::Given => Ok(done),
            Self::Lost => Err(off()),
        }
    }
}

fn off() -> io::Error {
    io::Error::other("the power is off")
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(position, bytes) => {
                let (from, to) = (*position as usize, *position as usize + bytes.len());
                if content.len() < to {
                    content.resize(to, 0);
                }
                content[from..to].copy_from_slice(bytes);
            }
            Self::Length(length) => content.resize(*length as usize, 0),
        }
    }
}

impl Simulated {
    /// The platter after a power cut: of what was not synced some sectors, in any order.
    fn after_power_cut(&self, rng: &Rng) -> Vec<u8> {
        let mut content = self.synced.clone();
        for change in &self.pending {
            match change {
                Change::Write(position, bytes) => {
                    let survives = rng.below(3);
                    for (n, sector) in bytes.chunks(SECTOR).enumerate() {
                        if survives == 0 || (survives == 1 && rng.below(2) == 0) {
                            Change::Write(position + (n * SECTOR) as u64, sector.to_vec()).apply(&mut content);
                        }
                    }
                }
                length if rng.below(2) == 0 => length.apply(&mut content),
                Change::Length(_) => {}
            }
        }
        content
    }
}

impl SimulatedDisk {
    /// Nothing works any more after so many changes.
    pub fn plan(&self, changes: u64) {
        self.0.lock().unwrap().left = Some(changes);
    }

    pub fn off(&self) {
        self.0.lock().unwrap().off = true;
    }

    pub fn fill_up(&self, full: bool) {
        self.0.lock().unwrap().full = full;
    }

    /// Works again, as after the end of a process; with `power_cut` as after one of those.
    pub fn on(&self, power_cut: bool, rng: &Rng) {
        let mut state = self.0.lock().unwrap();
        (state.left, state.off) = (None, false);
        if !power_cut {
            return;
        }
        for (path, file) in std::mem::take(&mut state.files) {
            let gone = (file.removed || !file.named) && rng.below(2) == 0;
            if gone {
                let _ = std::fs::remove_file(&path);
            } else {
                std::fs::write(&path, file.after_power_cut(rng)).unwrap();
            }
        }
    }

    /// Whether the disk does what changes no file's content.
    fn does(&self, path: &Path) -> io::Result<()> {
        self.changes(path, None)?.give(())
    }

    /// Whether the disk makes that change, and whether it says so.
    fn changes(&self, path: &Path, change: Option<Change>) -> io::Result<Answer> {
        let mut state = self.0.lock().unwrap();
        if state.off {
            return Err(off());
        }
        if state.full && matches!(change, Some(Change::Write(..))) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.left = state.left.map(|left| left.saturating_sub(1));
        state.off = state.left == Some(0);
        let answer = if state.off { Answer::Lost } else { Answer::Given };
        if let (Some(change), Some(file)) = (change, state.files.get_mut(path)) {
            file.pending.push(change);
        }
        Ok(answer)
    }

    fn file(&self, path: &Path, inner: Box<dyn SegmentFile>) -> Box<dyn SegmentFile> {
        Box::new(OnDisk { disk: self.clone(), path: path.to_owned(), inner })
    }
}

impl Disk for SimulatedDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.does(path)?;
        let inner = Files.create(path)?;
        let mut state = self.0.lock().unwrap();
        let named = state.files.get(path).is_some_and(|file| file.named);
        state.files.insert(path.to_owned(), Simulated { named, ..Simulated::default() });
        drop(state);
        Ok(self.file(path, inner))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.does(path)?;
        let inner = Files.open(path)?;
        let synced = std::fs::read(path)?;
        let known = Simulated { synced, named: true, ..Simulated::default() };
        self.0.lock().unwrap().files.entry(path.to_owned()).or_insert(known);
        Ok(self.file(path, inner))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.does(path)?;
        let content = std::fs::read(path)?;
        Files.remove(path)?;
        let mut state = self.0.lock().unwrap();
        let known = Simulated { synced: content, named: true, ..Simulated::default() };
        state.files.entry(path.to_owned()).or_insert(known).removed = true;
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.does(path)?;
        let mut state = self.0.lock().unwrap();
        state.files.retain(|file, it| !(it.removed && file.parent() == Some(path)));
        state.files.iter_mut().filter(|(file, _)| file.parent() == Some(path)).for_each(|(_, it)| it.named = true);
        Ok(())
    }
}

struct OnDisk {
    disk: SimulatedDisk,
    path: PathBuf,
    inner: Box<dyn SegmentFile>,
}

impl SegmentFile for OnDisk {
    fn write_at(&mut self, bytes: &[u8], position: u64) -> io::Result<usize> {
        let answer = self.disk.changes(&self.path, Some(Change::Write(position, bytes.to_vec())))?;
        let mut written = 0;
        while written < bytes.len() {
            written += self.inner.write_at(&bytes[written..], position + written as u64)?;
        }
        answer.give(written)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        let answer = self.disk.changes(&self.path, Some(Change::Length(length)))?;
        self.inner.set_len(length)?;
        answer.give(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.does(&self.path)?;
        let mut state = self.disk.0.lock().unwrap();
        if let Some(file) = state.files.get_mut(&self.path) {
            for change in std::mem::take(&mut file.pending) {
                change.apply(&mut file.synced);
            }
        }
        Ok(())
    }
}
