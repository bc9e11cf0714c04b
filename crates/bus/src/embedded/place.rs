//! The folders and files of a log:
//!
//! ```text
//! DIR/NAME/lock                              held by the process that has the log open
//! DIR/NAME/log                               two lines: `steadfast-log 1` and `shards N`
//! DIR/NAME/0003/00000000000000001234.seg     shard 3: the segment that starts with offset 1234
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use model::Offset;

use super::EmbeddedConfig;
use crate::BusError;

const FORMAT: &str = "steadfast-log 1";

/// A log's name and folder, to make errors with.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub log: String,
    pub dir: PathBuf,
}

impl Place {
    pub fn setup(&self, problem: String) -> BusError {
        BusError::Setup { log: self.log.clone(), problem }
    }

    pub fn io(&self, path: &Path, doing: &str, error: &io::Error) -> BusError {
        self.setup(format!("cannot {doing} {}: {error}", path.display()))
    }

    pub fn corrupt(&self, path: &Path, position: u64, problem: impl Into<String>) -> BusError {
        BusError::Corrupt { log: self.log.clone(), file: path.display().to_string(), position, problem: problem.into() }
    }

    pub fn shard(&self, shard: u32) -> PathBuf {
        self.dir.join(format!("{shard:04}"))
    }
}

/// The path of the segment that starts with `first`.
pub(super) fn segment(dir: &Path, first: Offset) -> PathBuf {
    dir.join(format!("{:020}.seg", first.0))
}

/// Makes the log's folders if they are not there, and locks them for this process.
pub(super) fn prepare(config: &EmbeddedConfig) -> Result<(Place, File), BusError> {
    let place = Place { log: config.name.clone(), dir: config.path() };
    std::fs::create_dir_all(&place.dir).map_err(|error| place.io(&place.dir, "create", &error))?;
    let lock = lock(&place)?;
    meta(&place, config.shards)?;
    for shard in 0..config.shards {
        let dir = place.shard(shard);
        std::fs::create_dir_all(&dir).map_err(|error| place.io(&dir, "create", &error))?;
    }
    for dir in [&place.dir, &config.dir] {
        sync_dir(dir).map_err(|error| place.io(dir, "sync", &error))?;
    }
    Ok((place, lock))
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Locks the log; the lock ends with the file that is returned, or with the process.
fn lock(place: &Place) -> Result<File, BusError> {
    let path = place.dir.join("lock");
    let failed = |error: io::Error| place.io(&path, "lock", &error);
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = (&file).take(64).read_to_string(&mut holder);
            let holder =
                if holder.is_empty() { "another process".to_owned() } else { format!("process {}", holder.trim()) };
            return Err(place.setup(format!("{} is locked: {holder} has this log open", path.display())));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // The number is only for the message above: that it cannot be written (a full disk) is no reason to stop.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

/// Checks the file `log`, or writes it if the log is new.
fn meta(place: &Place, shards: u32) -> Result<(), BusError> {
    let path = place.dir.join("log");
    let failed = |doing: &'static str| {
        let path = &path;
        move |error: io::Error| place.io(path, doing, &error)
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return write_meta(place, &path, shards),
        Err(error) => return Err(failed("read")(error)),
    };
    let mut lines = text.lines();
    match lines.next() {
        Some(FORMAT) => {}
        other => {
            let got = other.unwrap_or_default();
            return Err(
                place.setup(format!("{}: the format is `{got}`, this program reads `{FORMAT}`", path.display()))
            );
        }
    }
    match lines.next().and_then(|line| line.strip_prefix("shards ")).and_then(|n| n.parse::<u32>().ok()) {
        Some(n) if n == shards => Ok(()),
        Some(n) => Err(place.setup(format!(
            "{} says that it was made with {n} shards, the configuration says {shards}; the number cannot be changed",
            path.display()
        ))),
        None => Err(place.setup(format!("{}: the second line is not `shards N`", path.display()))),
    }
}

fn write_meta(place: &Place, path: &Path, shards: u32) -> Result<(), BusError> {
    let new = path.with_extension("new");
    let write = || {
        let mut file = File::create(&new)?;
        write!(file, "{FORMAT}\nshards {shards}\n")?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    write().map_err(|error| place.io(path, "write", &error))
}

/// The first offsets of the segments in `dir`, in order.
pub(super) fn segments(place: &Place, dir: &Path) -> Result<Vec<Offset>, BusError> {
    let failed = |error: io::Error| place.io(dir, "list", &error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|extension| extension != "seg") {
            continue;
        }
        let first = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok()).map(Offset);
        match first {
            Some(first) if segment(dir, first) == path => found.push(first),
            _ => return Err(place.corrupt(&path, 0, "the name is not 20 digits and .seg")),
        }
    }
    found.sort_unstable();
    Ok(found)
}
