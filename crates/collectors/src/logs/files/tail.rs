//! All files that are followed. It blocks: it runs where that may be.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Limit};
use ingest::{LogBatch, Logs};

use super::decode::{Counts, Out};
use super::follow::{Common, Follow, Look, tell};
use super::identity::FileId;
use super::input::Input;
use super::positions::{Position, Positions};
use super::trouble::Trouble;

/// Bytes that are read of a file before it is another's turn.
const CHUNK: usize = 256 << 10;
/// How long a file that is gone is read on, from when it last grew: who writes it may not know so far.
const GRACE: Duration = Duration::from_secs(30);

/// What a tail works with.
pub(super) struct Settings {
    pub host: String,
    pub inputs: Vec<Arc<Input>>,
    pub max_files: usize,
    pub max_open: usize,
    pub max_line: usize,
    /// Records and bytes of a batch.
    pub full: (usize, usize),
}

/// See the module.
pub(super) struct Tail {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    pub(super) files: BTreeMap<FileId, Follow>,
    /// Names by which the system tells of files.
    pub(super) names: HashMap<PathBuf, FileId>,
    /// Files that may have something to read, in turn.
    pub(super) ready: VecDeque<FileId>,
    waiting: BTreeSet<FileId>,
    /// Files that are open, in the order in which they were opened.
    pub(super) opened: VecDeque<FileId>,
    /// What earlier processes have read.
    pub(super) known: Positions,
    /// Nothing was read before this process.
    pub(super) fresh: bool,
    /// Files were looked for once.
    pub(super) started: bool,
    pub(super) trouble: Trouble,
    /// New files that may be copies that are being made, and how large they were.
    pub(super) copies: HashMap<FileId, u64>,
    common: Common,
}

/// What is to be done.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    /// Look for files.
    pub scan: bool,
    /// Files that have changed.
    pub touched: BTreeSet<PathBuf>,
}

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Step {
    pub logs: Option<Logs>,
    /// How far files are read once `logs` are taken.
    pub positions: Vec<Position>,
    /// Files that are done with then.
    pub gone: Vec<FileId>,
    /// All files that are followed, when files were looked for.
    pub followed: Vec<FileId>,
    /// Folders to watch.
    pub folders: Vec<PathBuf>,
    /// There is more to read.
    pub more: bool,
    /// When a record is late whose next line may come, on the monotonic clock.
    pub late: Option<Duration>,
}

impl Tail {
    pub(super) fn new(settings: Settings, known: Positions, clock: Clock) -> Self {
        let common = Common { buffer: vec![0; CHUNK.max(settings.max_line + 2)], ..Common::default() };
        Self {
            settings,
            trouble: Trouble::new(clock.clone()),
            clock,
            files: BTreeMap::new(),
            names: HashMap::new(),
            ready: VecDeque::new(),
            waiting: BTreeSet::new(),
            opened: VecDeque::new(),
            fresh: known.is_empty(),
            started: false,
            known,
            copies: HashMap::new(),
            common,
        }
    }

    /// Reads until a batch is full or nothing is left.
    pub(super) fn step(&mut self, work: &Work) -> Step {
        let mut step = Step::default();
        if work.scan {
            step.folders = self.scan();
        }
        for path in &work.touched {
            if let Some(id) = self.names.get(path) {
                self.wake(*id);
            }
        }
        let (mut batch, mut counts) = (LogBatch::default(), Counts::default());
        self.common.stamps.at(self.clock.now());
        let mut touched = BTreeSet::new();
        step.more = self.read(&mut batch, &mut counts, &mut touched);
        self.late(&mut batch, &mut counts, &mut touched);
        if work.scan {
            self.finish(&mut batch, &mut counts, &mut step.gone);
            step.followed = self.files.keys().copied().collect();
        }
        tell(counts);
        step.positions = touched.iter().filter_map(|id| self.files.get(id)).map(Follow::position).collect();
        step.late = self.waiting.iter().filter_map(|id| self.files.get(id)?.deadline()).min();
        step.logs = batch.finish().unwrap_or_else(|error| {
            tracing::error!(%error, "log records are lost: this is a bug, please report it");
            None
        });
        step
    }

    /// It may have something to read.
    pub(super) fn wake(&mut self, id: FileId) {
        if !self.ready.contains(&id) && !self.trouble.rests(id) {
            self.ready.push_back(id);
        }
    }

    /// Reads each file in turn; says whether there is more.
    fn read(&mut self, batch: &mut LogBatch, counts: &mut Counts, touched: &mut BTreeSet<FileId>) -> bool {
        let now = self.clock.monotonic();
        let mut postponed = Vec::new();
        let mut full = false;
        while !full && let Some(id) = self.ready.pop_front() {
            let open = self.files.get(&id).is_some_and(Follow::is_open);
            if !open && !self.room() {
                postponed.push(id);
                continue;
            }
            let Some(file) = self.files.get_mut(&id) else { continue };
            let mut look = look(&mut self.common, &self.settings, batch, counts, now);
            let more = match file.look(&mut look) {
                Ok(more) => {
                    self.trouble.over(id);
                    more
                }
                Err(error) => {
                    self.trouble.say(id, &file.path, &error);
                    false
                }
            };
            full = look.is_full();
            if !open && file.is_open() {
                self.opened.push_back(id);
            }
            if file.deadline().is_some() {
                self.waiting.insert(id);
            }
            touched.insert(id);
            if more {
                self.ready.push_back(id);
            }
        }
        let more = !self.ready.is_empty();
        self.ready.extend(postponed);
        more
    }

    fn late(&mut self, batch: &mut LogBatch, counts: &mut Counts, touched: &mut BTreeSet<FileId>) {
        let now = self.clock.monotonic();
        for id in self.waiting.clone() {
            if let Some(file) = self.files.get_mut(&id) {
                file.late(&mut look(&mut self.common, &self.settings, batch, counts, now));
                if file.deadline().is_some() {
                    continue;
                }
                touched.insert(id);
            }
            self.waiting.remove(&id);
        }
    }

    /// Files that are gone and were read to their end are done with.
    fn finish(&mut self, batch: &mut LogBatch, counts: &mut Counts, gone: &mut Vec<FileId>) {
        let now = self.clock.monotonic();
        let over = |file: &Follow| file.gone.is_some_and(|since| now >= since + GRACE || !file.is_open());
        let ready: BTreeSet<FileId> = self.ready.iter().copied().collect();
        let done: Vec<FileId> =
            self.files.values().filter(|file| over(file) && !ready.contains(&file.id)).map(|file| file.id).collect();
        for id in done {
            if let Some(mut file) = self.files.remove(&id) {
                file.finish(&mut look(&mut self.common, &self.settings, batch, counts, now));
            }
            self.opened.retain(|open| *open != id);
            self.waiting.remove(&id);
            self.trouble.over(id);
            gone.push(id);
        }
        if !gone.is_empty() {
            let files = &self.files;
            self.names.retain(|_, id| files.contains_key(id));
        }
    }

    /// Closes a file if as many as may be are open. Those that are gone could not be opened again.
    pub(super) fn room(&mut self) -> bool {
        if self.opened.len() < self.settings.max_open {
            return true;
        }
        for _ in 0..self.opened.len() {
            let Some(id) = self.opened.pop_front() else { break };
            match self.files.get_mut(&id) {
                Some(file) if file.gone.is_some() => self.opened.push_back(id),
                Some(file) => {
                    file.close();
                    return true;
                }
                None => return true,
            }
        }
        let _ = Limit::new("logs.max_open_files", self.settings.max_open as u64).check(self.opened.len() as u64 + 1);
        false
    }

    /// The number of a file that goes by that name.
    pub(super) fn name(&mut self, path: &Path, id: FileId) {
        self.names.insert(path.to_owned(), id);
    }
}

fn look<'a>(
    common: &'a mut Common,
    settings: &Settings,
    batch: &'a mut LogBatch,
    counts: &'a mut Counts,
    now: Duration,
) -> Look<'a> {
    let out = Out { batch, stamps: &mut common.stamps, counts };
    Look { out, buffer: &mut common.buffer, now, max_line: settings.max_line, full: settings.full }
}
