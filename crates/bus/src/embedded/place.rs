//! The folders and files of a log:
//!
//! ```text
//! DIR/NAME/lock                              held by the process that has the log open
//! DIR/NAME/log                               three lines: `steadfast-log 1`, `shards N`, and `id H`: 32 digits that no other log has
//! DIR/NAME/0003/00000000000000001234.seg     shard 3: the segment that starts with offset 1234
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use base::Rng;
use model::Offset;

use super::EmbeddedConfig;
use crate::BusError;

const FORMAT: &str = "steadfast-log 1";
/// Of an identity.
const DIGITS: usize = 32;

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

/// A log's folders, held by this process.
pub(super) struct Prepared {
    pub place: Place,
    pub lock: File,
    /// See [`crate::Log::identity`].
    pub identity: Option<String>,
}

/// Makes the log's folders if they are not there, and locks them for this process.
pub(super) fn prepare(config: &EmbeddedConfig, rng: &Rng) -> Result<Prepared, BusError> {
    let place = Place { log: config.name.clone(), dir: config.path() };
    std::fs::create_dir_all(&place.dir).map_err(|error| place.io(&place.dir, "create", &error))?;
    let lock = lock(&place)?;
    let identity = meta(&place, config.shards, rng)?;
    for shard in 0..config.shards {
        let dir = place.shard(shard);
        std::fs::create_dir_all(&dir).map_err(|error| place.io(&dir, "create", &error))?;
    }
    for dir in [&place.dir, &config.dir] {
        sync_dir(dir).map_err(|error| place.io(dir, "sync", &error))?;
    }
    Ok(Prepared { place, lock, identity })
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

/// Checks the file `log`, or writes it if the log is new; gives the log's identity.
fn meta(place: &Place, shards: u32, rng: &Rng) -> Result<Option<String>, BusError> {
    let path = place.dir.join("log");
    let failed = |doing: &'static str| {
        let path = &path;
        move |error: io::Error| place.io(path, doing, &error)
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return write_meta(place, &path, shards, rng).map(Some);
        }
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
        Some(n) if n == shards => {}
        Some(n) => {
            return Err(place.setup(format!(
                "{} says that it was made with {n} shards, the configuration says {shards}; the number cannot be changed",
                path.display()
            )));
        }
        None => return Err(place.setup(format!("{}: the second line is not `shards N`", path.display()))),
    }
    identity(place, &path, lines.next(), shards, rng)
}

/// The identity that the file `log` gives in its third line. A log of before gets one now, and so does one whose segments were removed: it
/// begins anew.
fn identity(
    place: &Place,
    path: &Path,
    line: Option<&str>,
    shards: u32,
    rng: &Rng,
) -> Result<Option<String>, BusError> {
    if (0..shards).any(|shard| is_empty(&place.shard(shard))) {
        let id = write_meta(place, path, shards, rng)?;
        if let Some(before) = line {
            tracing::warn!(log = place.log, before, id, "a shard of the log has no segment: it is another log now");
        }
        return Ok(Some(id));
    }
    let Some(line) = line else {
        let written = write_meta(place, path, shards, rng);
        // On a full disk the log is better without one than not at all.
        let report = |error: &BusError| tracing::warn!(log = place.log, %error, "the log gets no identity before the next start");
        return Ok(written.inspect_err(report).ok());
    };
    let is_id = |id: &&str| id.len() == DIGITS && id.bytes().all(|digit| digit.is_ascii_hexdigit());
    match line.strip_prefix("id ").filter(is_id) {
        Some(id) => Ok(Some(id.to_owned())),
        None => Err(place.setup(format!("{}: the third line is not `id` and {DIGITS} digits", path.display()))),
    }
}

/// Whether a shard has no segment.
fn is_empty(dir: &Path) -> bool {
    let is_segment = |entry: io::Result<std::fs::DirEntry>| {
        // What cannot be read is looked at once more when the shard is recovered, and then it is an error.
        entry.map_or(true, |entry| entry.path().extension().is_some_and(|extension| extension == "seg"))
    };
    match std::fs::read_dir(dir) {
        Ok(mut entries) => !entries.any(is_segment),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Writes the file `log` with a new identity, which it gives.
fn write_meta(place: &Place, path: &Path, shards: u32, rng: &Rng) -> Result<String, BusError> {
    let new = path.with_extension("new");
    let id = format!("{:032x}", u128::from_le_bytes(rng.bytes()));
    let write = || {
        let mut file = File::create(&new)?;
        write!(file, "{FORMAT}\nshards {shards}\nid {id}\n")?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    write().map_err(|error| place.io(path, "write", &error))?;
    Ok(id)
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
