//! The log's folder, what was ever put on it, and what goes wrong with it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use base::Clock;
use bus::BusError;
use model::Record;

/// The name of the log.
const LOG: &str = "state";

/// A record, and when it came: on the clock that never goes back.
#[derive(Clone, Debug)]
pub struct Kept {
    pub at: Duration,
    pub record: Record,
}

/// On which side of an append a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Before,
    After,
}

/// What goes wrong with the log, from now on.
#[derive(Debug, Default)]
struct Trouble {
    full_until: Duration,
    /// So many appends are durable and say that they are not.
    ambiguous: u32,
    /// So many reads fail.
    unreadable: u32,
    /// The process ends at the append after so many others.
    death: Option<(u32, Side)>,
    died: bool,
}

/// Outlives the processes that use it.
pub struct Disk {
    dir: tempfile::TempDir,
    pub clock: Clock,
    pub shards: u32,
    kept: Mutex<BTreeMap<u32, Vec<Kept>>>,
    trouble: Mutex<Trouble>,
}

impl Disk {
    pub fn new(clock: Clock, shards: u32) -> Self {
        // In memory where there is such a folder: what a disk does late is the tests' of the log.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Self { dir, clock, shards, kept: Mutex::default(), trouble: Mutex::default() }
    }

    pub fn config(&self) -> bus::EmbeddedConfig {
        let config = bus::EmbeddedConfig::new(self.dir.path(), LOG);
        bus::EmbeddedConfig { shards: self.shards, segment_bytes: 64 << 10, ..config }
    }

    pub fn fill_until(&self, until: Duration) {
        self.trouble.lock().unwrap().full_until = until;
    }

    pub fn doubt(&self, appends: u32) {
        self.trouble.lock().unwrap().ambiguous += appends;
    }

    pub fn fail_reads(&self, reads: u32) {
        self.trouble.lock().unwrap().unreadable += reads;
    }

    /// The process ends at the append after `appends` others.
    pub fn arm(&self, appends: u32, side: Side) {
        self.trouble.lock().unwrap().death = Some((appends, side));
    }

    /// Whether a process has come to its end.
    pub fn died(&self) -> bool {
        self.trouble.lock().unwrap().died
    }

    /// The disk of a new process; it works.
    pub fn mend(&self) {
        let mut trouble = self.trouble.lock().unwrap();
        let full_until = trouble.full_until;
        *trouble = Trouble { full_until, ..Trouble::default() };
    }

    /// Whether the process ends here.
    pub fn ends_at(&self, side: Side) -> bool {
        let mut trouble = self.trouble.lock().unwrap();
        let Some((left, armed)) = trouble.death else { return trouble.died };
        if left > 0 {
            trouble.death = Some((left - u32::from(side == Side::After), armed));
        } else if armed == side {
            (trouble.died, trouble.death) = (true, None);
        }
        trouble.died
    }

    pub fn refusal(&self) -> Option<BusError> {
        let full = self.trouble.lock().unwrap().full_until > self.clock.monotonic();
        full.then(|| unavailable("no space left on device"))
    }

    pub fn lost_answer(&self) -> Option<BusError> {
        let mut trouble = self.trouble.lock().unwrap();
        let lost = trouble.ambiguous > 0;
        trouble.ambiguous = trouble.ambiguous.saturating_sub(1);
        lost.then(|| unavailable("the answer was lost"))
    }

    pub fn read_error(&self) -> Option<BusError> {
        let mut trouble = self.trouble.lock().unwrap();
        let fails = trouble.unreadable > 0;
        trouble.unreadable = trouble.unreadable.saturating_sub(1);
        fails.then(|| unavailable("input/output error"))
    }

    /// Keeps what was put on the log.
    pub fn keep(&self, record: Record) {
        let at = self.clock.monotonic();
        self.kept.lock().unwrap().entry(record.shard).or_default().push(Kept { at, record });
    }

    /// Every record that was ever on the log, by shard and offset.
    pub fn kept(&self) -> Vec<Kept> {
        self.kept.lock().unwrap().values().flatten().cloned().collect()
    }

    /// A write that was under way when the process ended left some bytes.
    pub fn tear(&self, shard: u32, bytes: &[u8]) {
        let Some(newest) = self.newest_segment(shard) else { return };
        let mut content = std::fs::read(&newest).unwrap();
        content.extend_from_slice(bytes);
        std::fs::write(&newest, content).unwrap();
    }

    fn newest_segment(&self, shard: u32) -> Option<PathBuf> {
        let files = |dir: PathBuf| std::fs::read_dir(dir).into_iter().flatten().flatten().map(|file| file.path());
        let mut folders: Vec<PathBuf> = files(self.config().path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        files(folders.into_iter().nth(shard as usize)?).max()
    }
}

fn unavailable(problem: &str) -> BusError {
    BusError::Unavailable { log: LOG.to_owned(), problem: problem.to_owned(), retry_after: Duration::from_secs(1) }
}
