use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base::Limit;
use inotify::{Event, EventMask};

use super::watch::Watch;

/// Changed paths that wait; with more, everything is swept.
const PATHS: Limit = Limit::new("collector_pending_paths", 65_536);

/// Paths that changed, each with whether everything below it is to be looked at too.
pub(crate) type Changes = HashMap<PathBuf, bool>;

/// What inotify has said since the last look, one entry a path.
#[derive(Default)]
pub(crate) struct Pending {
    changes: Changes,
    /// Something was missed: everything is to be swept.
    pub(crate) sweep: bool,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn take(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }

    /// Takes an event in.
    pub(crate) fn event(&mut self, event: &Event<OsString>, watch: &Watch) {
        let mask = event.mask;
        if mask.contains(EventMask::Q_OVERFLOW) {
            metrics::counter!("steadfast_collector_inotify_overflows_total").increment(1);
            self.sweep = true;
            return;
        }
        let number = event.wd.get_watch_descriptor_id();
        self.change(mask, number, event.name.as_deref().map(Path::new), watch);
    }

    fn change(&mut self, mask: EventMask, number: i32, name: Option<&Path>, watch: &Watch) {
        let directory = mask.contains(EventMask::ISDIR);
        let moved_away = mask.contains(EventMask::MOVED_FROM) && directory;
        let deep = directory && mask.intersects(EventMask::CREATE | EventMask::MOVED_TO);
        for parent in watch.names(number) {
            let path = name.map_or_else(|| parent.clone(), |name| parent.join(name));
            if moved_away {
                // Nothing tells what was below it.
                watch.forget(&path);
            }
            self.add(path, deep);
        }
        if mask.contains(EventMask::IGNORED) {
            watch.dropped(number);
        }
        self.sweep |= moved_away || mask.intersects(EventMask::UNMOUNT | EventMask::MOVE_SELF);
    }

    fn add(&mut self, path: PathBuf, deep: bool) {
        if let Some(known) = self.changes.get_mut(&path) {
            *known |= deep;
        } else if PATHS.check(self.changes.len() as u64 + 1).is_ok() {
            self.changes.insert(path, deep);
        } else {
            self.sweep = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[(EventMask, i32, Option<&str>)], watch: &Watch) -> Pending {
        let mut pending = Pending::default();
        for (mask, number, name) in events {
            pending.change(*mask, *number, name.map(Path::new), watch);
        }
        pending
    }

    #[test]
    fn events_of_one_path_are_one_change_and_links_have_several_names() {
        let watch = Watch::for_test(&[(1, "/bin"), (1, "/usr/bin"), (2, "/etc")]);
        let modify = (EventMask::MODIFY, 2, Some("a"));
        let mut pending =
            after(&[modify, modify, (EventMask::CLOSE_WRITE, 1, Some("ls")), (EventMask::ATTRIB, 2, None)], &watch);
        let mut paths: Vec<_> = pending.take().into_iter().collect();
        paths.sort();
        let expected = ["/bin/ls", "/etc", "/etc/a", "/usr/bin/ls"].map(|path| (PathBuf::from(path), false));
        assert_eq!((paths.as_slice(), pending.sweep), (expected.as_slice(), false));
    }

    #[test]
    fn a_new_directory_is_looked_into_and_one_that_moved_away_makes_a_sweep() {
        let watch = Watch::for_test(&[(1, "/etc"), (2, "/etc/d"), (3, "/etc/d/e"), (4, "/etc/dd")]);
        let mut made = after(&[(EventMask::CREATE | EventMask::ISDIR, 1, Some("new"))], &watch);
        assert_eq!((made.take().into_iter().collect::<Vec<_>>(), made.sweep), (vec![("/etc/new".into(), true)], false));
        let moved = after(&[(EventMask::MOVED_FROM | EventMask::ISDIR, 1, Some("d"))], &watch);
        assert!(moved.sweep);
        let left = [1, 2, 3, 4].map(|number| watch.names(number).len());
        assert_eq!(left, [1, 0, 0, 1], "the watches below the old name are forgotten");
        assert!(after(&[(EventMask::MODIFY, 3, Some("x"))], &watch).is_empty());
    }

    #[test]
    fn lost_events_make_a_sweep() {
        let dir = tempfile::tempdir().unwrap();
        let inotify = inotify::Inotify::init().unwrap();
        let wd = inotify.watches().add(dir.path(), inotify::WatchMask::CREATE).unwrap();
        let mut pending = Pending::default();
        let watch = Watch::for_test(&[(1, "/etc")]);
        pending.event(&Event { wd, mask: EventMask::Q_OVERFLOW, cookie: 0, name: None }, &watch);
        assert!(pending.sweep && pending.is_empty());
    }

    #[test]
    fn too_many_changes_make_a_sweep() {
        let watch = Watch::for_test(&[(1, "/etc")]);
        let mut pending = Pending::default();
        for n in 0..=PATHS.max() {
            pending.change(EventMask::MODIFY, 1, Some(Path::new(&n.to_string())), &watch);
        }
        assert!(pending.sweep && pending.take().len() as u64 == PATHS.max());
    }
}
