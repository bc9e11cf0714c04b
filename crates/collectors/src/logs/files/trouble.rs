//! Files that cannot be read: named, and tried again.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use base::Clock;

use super::identity::FileId;
use crate::deliver::Quiet;

/// The first and the longest time until it is tried again.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(300)];

struct Rest {
    until: Duration,
    wait: Duration,
    problem: String,
}

/// See the module.
pub(super) struct Trouble {
    clock: Clock,
    files: BTreeMap<FileId, Rest>,
    many: Quiet,
    unknown: Quiet,
}

impl Trouble {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, files: BTreeMap::new(), many: Quiet::default(), unknown: Quiet::default() }
    }

    /// Whether it is too early to try again.
    pub(super) fn rests(&self, id: FileId) -> bool {
        self.files.get(&id).is_some_and(|rest| self.clock.monotonic() < rest.until)
    }

    /// It cannot be read: it is named when it begins, and when the reason is another.
    pub(super) fn say(&mut self, id: FileId, path: &Path, error: &io::Error) {
        let (now, problem) = (self.clock.monotonic(), error.to_string());
        metrics::counter!("steadfast_log_files_failed_total").increment(1);
        let before = self.files.get(&id);
        let wait = before.map_or(WAITS[0], |rest| (rest.wait * 2).min(WAITS[1]));
        // A file that was just moved is found again by its number.
        if error.kind() != io::ErrorKind::NotFound && before.is_none_or(|rest| rest.problem != problem) {
            tracing::warn!(file = %path.display(), problem, "a log cannot be read; it is tried again");
        }
        self.files.insert(id, Rest { until: now + wait, wait, problem });
    }

    /// It is not followed, since others are.
    pub(super) fn too_many(&self, path: &Path, max: usize) {
        if let Some(untold) = self.many.turn(&self.clock) {
            tracing::warn!(file = %path.display(), max, untold, "a log is not read: logs.max_files are followed");
        }
    }

    /// It is not known what is there.
    pub(super) fn not_found(&self, path: &Path, error: &io::Error) {
        if error.kind() == io::ErrorKind::NotFound {
            return;
        }
        metrics::counter!("steadfast_log_files_failed_total").increment(1);
        if let Some(untold) = self.unknown.turn(&self.clock) {
            tracing::warn!(file = %path.display(), %error, untold, "a log cannot be looked at; it is tried again");
        }
    }

    /// It can be read.
    pub(super) fn over(&mut self, id: FileId) {
        self.files.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_rests_longer_each_time_until_it_can_be_read() {
        let (clock, simulation) = Clock::simulated(base::Timestamp::ZERO);
        let mut trouble = Trouble::new(clock);
        let (id, error) = (FileId { device: 1, inode: 2 }, io::Error::from(io::ErrorKind::PermissionDenied));
        for secs in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            assert!(!trouble.rests(id));
            trouble.say(id, Path::new("/log"), &error);
            simulation.advance(Duration::from_millis(secs * 1_000 - 1));
            assert!(trouble.rests(id), "{secs}");
            simulation.advance(Duration::from_millis(1));
        }
        trouble.over(id);
        trouble.say(id, Path::new("/log"), &error);
        simulation.advance(Duration::from_secs(1));
        assert!(!trouble.rests(id), "it begins anew");
    }
}
