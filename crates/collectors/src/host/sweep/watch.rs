use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use inotify::{EventStream, Inotify, WatchMask, Watches};

/// Bytes of events that are read at once.
const BUFFER: usize = 64 << 10;

/// The directories that inotify watches for a collector. Without inotify, or when the system's
/// watches are used up, it watches fewer: the sweep sees the rest, later.
pub(crate) struct Watch {
    inner: Option<Watches>,
    /// Watch number -> the names of that directory (several if links lead to it).
    directories: Mutex<HashMap<i32, Vec<PathBuf>>>,
    limit: usize,
    exhausted: AtomicBool,
    unwatched: AtomicUsize,
}

/// Where the events come from.
pub(crate) type Events = Option<EventStream<Vec<u8>>>;

/// Opens inotify for at most `limit` directories. Where the system gives none, nothing is watched.
pub(crate) fn open(limit: usize) -> (Watch, Events) {
    let opened = Inotify::init().and_then(|inotify| {
        let watches = inotify.watches();
        Ok((watches, inotify.into_event_stream(vec![0; BUFFER])?))
    });
    let (inner, events) = match opened {
        Ok((watches, events)) => (Some(watches), Some(events)),
        Err(error) => {
            tracing::warn!(%error, "the system gives no inotify: changes are seen by sweeps only");
            (None, None)
        }
    };
    (Watch::new(inner, limit), events)
}

impl Watch {
    fn new(inner: Option<Watches>, limit: usize) -> Self {
        let exhausted = AtomicBool::new(inner.is_none());
        let (directories, unwatched) = (Mutex::default(), AtomicUsize::new(0));
        Self { inner, directories, limit, exhausted, unwatched }
    }

    /// Watches a directory; does nothing if it is watched.
    pub(crate) fn add(&self, directory: &Path) {
        let Some(inner) = &self.inner else { return };
        let mask = WatchMask::MODIFY
            | WatchMask::CLOSE_WRITE
            | WatchMask::ATTRIB
            | WatchMask::CREATE
            | WatchMask::DELETE
            | WatchMask::MOVED_FROM
            | WatchMask::MOVED_TO
            | WatchMask::DELETE_SELF
            | WatchMask::MOVE_SELF
            | WatchMask::EXCL_UNLINK
            | WatchMask::ONLYDIR;
        match inner.clone().add(directory, mask) {
            Ok(descriptor) => {
                let number = descriptor.get_watch_descriptor_id();
                let directories = lock(&self.directories);
                let full = directories.len() >= self.limit && !directories.contains_key(&number);
                drop(directories);
                if full {
                    let _ = inner.clone().remove(descriptor);
                    self.leave_out();
                } else {
                    self.added(number, directory);
                }
            }
            // ENOSPC: fs.inotify.max_user_watches is reached.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => self.leave_out(),
            Err(error) => tracing::debug!(directory = %directory.display(), %error, "not watched"),
        }
    }

    fn added(&self, number: i32, directory: &Path) {
        let mut directories = lock(&self.directories);
        let names = directories.entry(number).or_default();
        if !names.iter().any(|name| name == directory) {
            names.push(directory.to_owned());
        }
        metrics::gauge!("steadfast_collector_watches").set(directories.len() as f64);
    }

    fn leave_out(&self) {
        self.exhausted.store(true, Ordering::Relaxed);
        self.unwatched.fetch_add(1, Ordering::Relaxed);
    }

    /// A sweep begins, which will add every directory again.
    pub(crate) fn begin(&self) {
        self.unwatched.store(0, Ordering::Relaxed);
        self.exhausted.store(self.inner.is_none(), Ordering::Relaxed);
    }

    /// Whether some directories are not watched.
    pub(crate) fn exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Relaxed)
    }

    /// What to tell about directories that are not watched.
    pub(crate) fn message(&self) -> Option<String> {
        match (self.inner.is_some(), self.unwatched.load(Ordering::Relaxed)) {
            (false, _) => Some("the system gives no inotify: changes are seen by sweeps only".to_owned()),
            (true, 0) => None,
            (true, count) => Some(format!(
                "{count} directories are not watched (fs.inotify.max_user_watches or the configured limit is reached): \
                 changes there are seen by sweeps only"
            )),
        }
    }

    /// The names of a watched directory.
    pub(crate) fn names(&self, number: i32) -> Vec<PathBuf> {
        lock(&self.directories).get(&number).cloned().unwrap_or_default()
    }

    /// The system has dropped a watch.
    pub(crate) fn dropped(&self, number: i32) {
        lock(&self.directories).remove(&number);
    }

    /// A directory was moved away: its watches would report the old names. The watches themselves
    /// stay with the system (events of unknown watches are dropped) until the directory is deleted
    /// or, at its new place, watched again.
    pub(crate) fn forget(&self, directory: &Path) {
        let under = |names: &Vec<PathBuf>| names.iter().any(|name| name.starts_with(directory));
        lock(&self.directories).retain(|_, names| !under(names));
    }

    #[cfg(test)]
    pub(crate) fn for_test(directories: &[(i32, &str)]) -> Self {
        let watch = Self::new(None, 100);
        directories.iter().for_each(|(number, name)| watch.added(*number, Path::new(name)));
        watch
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
