use std::collections::HashSet;
use std::ffi::OsString;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use collect::{CollectError, Collector, Cover, Cx, Seen};
use futures::StreamExt;
use inotify::{EventMask, EventStream, Inotify, WatchMask};

/// From the first event to the look, in which a tool finishes what it writes.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// Rows handed over at once.
const STEP: usize = 512;

/// Something that is small enough to be looked at whole.
#[async_trait]
pub(crate) trait Look: Send {
    /// Everything that is there.
    ///
    /// # Errors
    /// If it cannot be read: then nothing is known, and nothing is said to be gone.
    async fn look(&mut self) -> Result<Vec<Seen>, CollectError>;
}

/// A collector that looks from time to time, and at once when a file changes.
pub(crate) struct Poll<L> {
    pub(crate) name: &'static str,
    pub(crate) scope: String,
    pub(crate) covers: Vec<Cover>,
    pub(crate) interval: Duration,
    /// Files, or directories of files, whose change is a reason to look.
    pub(crate) watch: Vec<PathBuf>,
    pub(crate) look: L,
}

#[async_trait]
impl<L: Look> Collector for Poll<L> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn scope(&self) -> &str {
        &self.scope
    }

    fn covers(&self) -> Vec<Cover> {
        self.covers.clone()
    }

    async fn run(&mut self, cx: &mut dyn Cx) -> Result<(), CollectError> {
        let (clock, shutdown) = (cx.clock().clone(), cx.shutdown().clone());
        let mut watched = Watched::open(&self.watch);
        loop {
            let Some(seen) = shutdown.or(self.look.look()).await else { return Ok(()) };
            let mut seen = seen?;
            while !seen.is_empty() {
                let rest = seen.split_off(seen.len().min(STEP));
                cx.seen(std::mem::replace(&mut seen, rest)).await?;
            }
            cx.complete().await?;
            let next = async {
                tokio::select! {
                    () = clock.sleep(self.interval) => {}
                    () = watched.changed() => clock.sleep(DEBOUNCE).await,
                }
            };
            if shutdown.or(next).await.is_none() {
                return Ok(());
            }
        }
    }
}

/// A few files under inotify, through their directories: tools replace files by renaming.
struct Watched {
    events: Option<EventStream<Vec<u8>>>,
    names: HashSet<OsString>,
}

impl Watched {
    /// Without inotify, or for what is not there, the interval has to do.
    fn open(paths: &[PathBuf]) -> Self {
        let names = paths.iter().filter_map(|path| path.file_name().map(OsString::from)).collect();
        let events = if paths.is_empty() { None } else { Self::events(paths).ok() };
        Self { events, names }
    }

    fn events(paths: &[PathBuf]) -> std::io::Result<EventStream<Vec<u8>>> {
        let inotify = Inotify::init()?;
        let mask = WatchMask::CLOSE_WRITE
            | WatchMask::MOVED_TO
            | WatchMask::DELETE
            | WatchMask::CREATE
            | WatchMask::MOVED_FROM;
        for path in paths {
            let directories = [path.as_path(), path.parent().unwrap_or(Path::new("/"))];
            for directory in directories.into_iter().filter(|path| path.is_dir()) {
                let _ = inotify.watches().add(directory, mask | WatchMask::ONLYDIR);
            }
        }
        inotify.into_event_stream(vec![0; 4096])
    }

    /// Ends when one of the files may have changed. Events of others (every name of a watched
    /// directory of files counts) are passed over.
    async fn changed(&mut self) {
        let Some(events) = &mut self.events else { return pending().await };
        while let Some(event) = events.next().await {
            let Ok(event) = event else { continue };
            let named = event.name.is_some_and(|name| self.names.contains(&name));
            if named || event.mask.contains(EventMask::Q_OVERFLOW) {
                return;
            }
        }
        pending().await
    }
}
