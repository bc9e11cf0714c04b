//! Looks for files: which are new, which have another name, which are gone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::follow::{Follow, Opened, open};
use super::identity::{FileId, is_compressed, is_copy, is_rotated};
use super::input::Input;
use super::positions::Position;
use super::tail::Tail;

/// So many times the files that may be followed are looked at: one that is followed must not look gone since others come
/// before it, and those that are left out are told.
const LOOKED_AT: usize = 8;

/// The files of folders, by their numbers.
type Folders = HashMap<PathBuf, BTreeMap<FileId, PathBuf>>;

impl Tail {
    /// Looks for files; gives the folders that are to be watched.
    pub(super) fn scan(&mut self) -> Vec<PathBuf> {
        let mut seen: BTreeMap<FileId, (PathBuf, Arc<Input>)> = BTreeMap::new();
        let mut folders = BTreeSet::new();
        for input in self.settings.inputs.clone() {
            let found = input.find.look(self.settings.max_files.saturating_mul(LOOKED_AT));
            folders.extend(found.folders);
            for path in found.files {
                let metadata = match std::fs::metadata(&path) {
                    Ok(metadata) => metadata,
                    Err(error) => {
                        self.trouble.not_found(&path, &error);
                        continue;
                    }
                };
                let id = FileId { device: metadata.dev(), inode: metadata.ino() };
                if metadata.is_file() && !seen.contains_key(&id) {
                    self.there(&path, id, metadata.len());
                    seen.insert(id, (path, Arc::clone(&input)));
                }
            }
        }
        self.gone(&seen);
        for (id, (path, input)) in &seen {
            if !self.files.contains_key(id) {
                self.new_file(path, *id, input);
            }
        }
        if !std::mem::replace(&mut self.started, true) {
            self.earlier();
        }
        self.tell(seen.len());
        folders.extend(self.names.keys().filter_map(|path| path.parent()).map(Path::to_owned));
        folders.into_iter().collect()
    }

    /// A file that is followed is where it was, or has another name.
    fn there(&mut self, path: &Path, id: FileId, size: u64) {
        let Some(file) = self.files.get_mut(&id) else { return };
        file.gone = None;
        let changed = size != file.size || size != file.read;
        if file.path != path {
            file.renamed(path);
            self.name(path, id);
        }
        if changed {
            self.wake(id);
        }
    }

    /// Files that are not found any more are read to their end.
    fn gone(&mut self, seen: &BTreeMap<FileId, (PathBuf, Arc<Input>)>) {
        let now = self.clock.monotonic();
        let mut folders = Folders::new();
        let lost: Vec<FileId> = self.files.keys().copied().filter(|id| !seen.contains_key(id)).collect();
        for id in lost {
            let Some(file) = self.files.get_mut(&id) else { continue };
            if file.gone.is_none() {
                file.gone = Some(now);
            }
            if !file.is_open() {
                // It was closed since others were to be open: it may be there under a name that nobody looks for.
                match located(&mut folders, &file.path, id) {
                    Some(path) => file.renamed(&path),
                    None => lose(file),
                }
            }
            self.wake(id);
        }
    }

    fn new_file(&mut self, path: &Path, id: FileId, input: &Arc<Input>) {
        if self.files.len() >= self.settings.max_files {
            let limit = base::Limit::new("logs.max_files", self.settings.max_files as u64);
            let _ = limit.check(self.files.len() as u64 + 1);
            return self.trouble.too_many(path, self.settings.max_files);
        }
        if self.trouble.rests(id) || !self.room() {
            return;
        }
        match open(path) {
            Err(error) => self.trouble.say(id, path, &error),
            Ok(opened) if opened.id != id => {}
            Ok(opened) => self.begin(path, opened, input),
        }
    }

    /// Begins a file where an earlier process, or the reading of its original, has ended.
    fn begin(&mut self, path: &Path, opened: Opened, input: &Arc<Input>) {
        let id = opened.id;
        self.trouble.over(id);
        let known = self.known.find(id, path, &opened.head).filter(|known| known.offset <= opened.size);
        // It was emptied while no process looked.
        let before = if known.is_none() { self.known.original(id) } else { None };
        let (read, passing) = match known {
            Some(known) => (known.offset, known.passing),
            None => match self.copied(path, &opened) {
                Copied::BeingMade => return,
                Copied::Of(read) => (read, false),
                Copied::No if self.fresh && !self.started && input.begins_at_end() => (opened.size, opened.in_line()),
                Copied::No => (0, false),
            },
        };
        let mut file = Follow::new(path, opened, input, &self.settings.host, read, passing);
        file.before = before;
        self.name(path, id);
        if let Ok(real) = std::fs::canonicalize(path) {
            self.name(&real, id);
        }
        self.known.followed(id);
        self.files.insert(id, file);
        self.opened.push_back(id);
        self.wake(id);
    }

    /// Whether a new file is a copy of one that is followed, and was or is to be emptied.
    fn copied(&mut self, path: &Path, opened: &Opened) -> Copied {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (own, folder) = (name(path), path.parent());
        // What earlier processes have read may have been copied and emptied since.
        let known =
            self.known.all().filter(|known| known.path.parent() == folder && is_rotated(&own, &name(&known.path)));
        let earlier = known.map(Position::original).find(|known| is_copy(known, &opened.head, &opened.before(known)));
        if let Some(original) = earlier {
            return Copied::Of(original.read);
        }
        let originals =
            self.files.values().filter(|file| file.path.parent() == folder && is_rotated(&own, &name(&file.path)));
        for original in originals.flat_map(|file| file.before.into_iter().chain([file.original()])) {
            if is_copy(&original, &opened.head, &opened.before(&original)) {
                self.copies.remove(&opened.id);
                return Copied::Of(original.read);
            }
            // Not all of it may be there so far; while it grows, it is waited for.
            let grows = self.copies.get(&opened.id).is_none_or(|before| *before < opened.size);
            if grows && opened.size < original.read && original.goes_on(&opened.head) {
                self.copies.insert(opened.id, opened.size);
                return Copied::BeingMade;
            }
        }
        self.copies.remove(&opened.id);
        Copied::No
    }

    /// Files that an earlier process has read and that have another name since, which nobody looks for.
    fn earlier(&mut self) {
        let mut folders = Folders::new();
        let known: Vec<_> = self.known.all().filter(|known| !self.files.contains_key(&known.id)).cloned().collect();
        for known in known {
            let Some(path) = located(&mut folders, &known.path, known.id) else { continue };
            let name = known.path.clone();
            let Some(input) = self.settings.inputs.iter().find(|input| input.find.names(&name)).cloned() else {
                continue;
            };
            let Ok(opened) = open(&path) else { continue };
            if opened.id == known.id && opened.size > known.offset && known.head.begins(&opened.head) && self.room() {
                let mut file = Follow::new(&name, opened, &input, &self.settings.host, known.offset, known.passing);
                file.renamed(&path);
                file.gone = Some(self.clock.monotonic());
                self.known.followed(known.id);
                self.files.insert(known.id, file);
                self.opened.push_back(known.id);
                self.wake(known.id);
            }
        }
    }

    fn tell(&self, found: usize) {
        let behind: u64 = self.files.values().map(|file| file.size.saturating_sub(file.read)).sum();
        metrics::gauge!("steadfast_log_files", "state" => "found").set(found as f64);
        metrics::gauge!("steadfast_log_files", "state" => "followed").set(self.files.len() as f64);
        metrics::gauge!("steadfast_log_files", "state" => "open").set(self.opened.len() as f64);
        metrics::gauge!("steadfast_log_files_behind_bytes").set(behind as f64);
    }
}

enum Copied {
    No,
    BeingMade,
    /// What is before that byte was read.
    Of(u64),
}

/// The name of a file in the folder where it was.
fn located(folders: &mut Folders, path: &Path, id: FileId) -> Option<PathBuf> {
    let folder = path.parent()?;
    let files = folders.entry(folder.to_owned()).or_insert_with(|| listed(folder));
    files.get(&id).cloned()
}

fn listed(folder: &Path) -> BTreeMap<FileId, PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let plain = entries.filter(|entry| !is_compressed(&entry.file_name().to_string_lossy()));
    let files = plain.filter_map(|entry| {
        let metadata = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((FileId { device: metadata.dev(), inode: metadata.ino() }, entry.path()))
    });
    files.collect()
}

fn lose(file: &Follow) {
    let unread = file.size.saturating_sub(file.read);
    if unread > 0 && !file.ignored {
        metrics::counter!("steadfast_log_files_lost_bytes_total").increment(unread);
        tracing::warn!(file = %file.path.display(), unread, "a log was deleted before it was read to its end");
    }
}
