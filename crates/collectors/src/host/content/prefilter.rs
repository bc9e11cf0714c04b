use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use base::{Limit, Timestamp};

use super::digest::{Algorithm, Digest};
use super::stat::Stat;

/// Files that a prefilter remembers; more are read anew in each sweep.
const FILES: Limit = Limit::new("collector_prefilter_files", 4_000_000);

/// Before a file has been left alone for so long, a change of it could hide behind the same
/// times (their clock ticks every few milliseconds, and another machine's may be behind).
const SETTLED: Duration = Duration::from_secs(2);

/// For so long a file that is being written to counts as it was when it was last read in one piece.
const BUSY: Duration = Duration::from_secs(10);

const MAGIC: &[u8; 8] = b"SFPREF\x00\x01";
const RECORD: usize = 16 + 16 + 1 + 32;

/// 128 bits for a path.
pub(crate) type PathKey = [u8; 16];

/// What makes a cache file of another configuration or digest key worthless.
pub(crate) type Binding = [u8; 16];

/// What is known of a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cached {
    pub(crate) digest: Digest,
    /// Whether it has a text that is kept.
    pub(crate) has_text: bool,
}

/// Remembers what was read, so that a file that did not change is not read again: neither in the
/// next sweep nor after a restart. About 90 bytes a file.
///
/// The file: magic and version (8 bytes), binding (16), count (8, little-endian), then per file its
/// path's key (16), signature (16), algorithm with 0x80 for a text (1) and digest (32); at the end
/// a CRC-32 of all before it (4). What is damaged or of another binding is ignored.
pub(crate) struct Prefilter {
    entries: HashMap<PathKey, Entry>,
    /// Files that changed each time they were read: since when, by a clock that only goes on.
    busy: HashMap<PathKey, Duration>,
    pass: u32,
    changed: bool,
}

struct Entry {
    /// Zeros if the next look must read again.
    signature: [u8; 16],
    cached: Cached,
    pass: u32,
}

impl Prefilter {
    pub(crate) fn new() -> Self {
        Self { entries: HashMap::new(), busy: HashMap::new(), pass: 0, changed: false }
    }

    pub(crate) fn key(path: &Path) -> PathKey {
        let mut key = [0; 16];
        key.copy_from_slice(&blake3::hash(path.as_os_str().as_bytes()).as_bytes()[..16]);
        key
    }

    /// What is known of the file, if it did not change since.
    pub(crate) fn unchanged(&mut self, key: &PathKey, stat: &Stat) -> Option<Cached> {
        let entry = self.entries.get_mut(key)?;
        entry.pass = self.pass;
        (entry.signature == stat.signature()).then_some(entry.cached)
    }

    /// What was known of the file last, changed or not.
    pub(crate) fn last(&self, key: &PathKey) -> Option<Cached> {
        self.entries.get(key).map(|entry| entry.cached)
    }

    /// The same of a file that at `now` changes each time it is read; nothing once it has done so for long: it may be
    /// anything by then.
    pub(crate) fn while_busy(&mut self, key: &PathKey, now: Duration) -> Option<Cached> {
        let last = self.last(key)?;
        let since = *self.busy.entry(*key).or_insert(now);
        (now.saturating_sub(since) < BUSY).then_some(last)
    }

    /// Remembers what was read at `now`.
    pub(crate) fn put(&mut self, key: PathKey, stat: &Stat, cached: Cached, now: Timestamp) {
        self.busy.remove(&key);
        if !self.entries.contains_key(&key) && FILES.check(self.entries.len() as u64 + 1).is_err() {
            return;
        }
        let settled = i128::from(now.nanos()) - stat.ctime.max(stat.mtime) > SETTLED.as_nanos() as i128;
        let signature = if settled { stat.signature() } else { [0; 16] };
        self.entries.insert(key, Entry { signature, cached, pass: self.pass });
        self.changed = true;
    }

    /// A full sweep is over: forgets the files that it did not see.
    pub(crate) fn end_pass(&mut self) {
        let (pass, before) = (self.pass, self.entries.len());
        self.entries.retain(|_, entry| entry.pass == pass);
        self.busy.retain(|key, _| self.entries.contains_key(key));
        self.changed |= self.entries.len() != before;
        self.pass = self.pass.wrapping_add(1);
    }

    /// Reads a cache file; an empty prefilter if there is none that fits.
    pub(crate) fn load(path: &Path, binding: &Binding) -> Self {
        let entries = load(path, binding).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::info!(file = %path.display(), %error, "a cache is not used: files are read anew");
            }
            HashMap::new()
        });
        Self { entries, busy: HashMap::new(), pass: 0, changed: false }
    }

    /// Writes the cache file if anything changed since.
    ///
    /// # Errors
    /// What the system says; the old file is still there.
    pub(crate) fn save(&mut self, path: &Path, binding: &Binding) -> io::Result<()> {
        if !self.changed {
            return Ok(());
        }
        let new = path.with_extension("new");
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let mut out = Checked { inner: BufWriter::new(file), crc: crc32fast::Hasher::new() };
        out.put(MAGIC)?;
        out.put(binding)?;
        out.put(&(self.entries.len() as u64).to_le_bytes())?;
        for (key, entry) in &self.entries {
            let flag = if entry.cached.has_text { 0x80 } else { 0 };
            out.put(key)?;
            out.put(&entry.signature)?;
            out.put(&[entry.cached.digest.algorithm.number() | flag])?;
            out.put(&entry.cached.digest.bytes)?;
        }
        let crc = out.crc.clone().finalize();
        out.put(&crc.to_le_bytes())?;
        out.inner.flush()?;
        fs::rename(new, path)?;
        self.changed = false;
        Ok(())
    }
}

fn load(path: &Path, binding: &Binding) -> io::Result<HashMap<PathKey, Entry>> {
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut input = Checked { inner: BufReader::new(file), crc: crc32fast::Hasher::new() };
    if input.take::<8>()? != *MAGIC {
        return Err(damaged("it is of another version"));
    }
    if input.take::<16>()? != *binding {
        return Err(damaged("it is of another configuration or key"));
    }
    let count = u64::from_le_bytes(input.take()?);
    if count > FILES.max() || length != 32 + count * RECORD as u64 + 4 {
        return Err(damaged("its length is not what it says"));
    }
    let mut entries = HashMap::with_capacity(count as usize);
    for _ in 0..count {
        let (key, signature) = (input.take()?, input.take()?);
        let [algorithm] = input.take::<1>()?;
        let bytes = input.take()?;
        let has_text = algorithm & 0x80 != 0;
        let algorithm = Algorithm::numbered(algorithm & 0x7f).ok_or_else(|| damaged("it names no algorithm"))?;
        let cached = Cached { digest: Digest { algorithm, bytes }, has_text };
        entries.insert(key, Entry { signature, cached, pass: u32::MAX });
    }
    let crc = input.crc.clone().finalize();
    if u32::from_le_bytes(input.take()?) != crc {
        return Err(damaged("its checksum is wrong"));
    }
    Ok(entries)
}

/// Reads or writes, with a checksum.
struct Checked<T> {
    inner: T,
    crc: crc32fast::Hasher,
}

impl<T: Write> Checked<T> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.crc.update(bytes);
        self.inner.write_all(bytes)
    }
}

impl<T: Read> Checked<T> {
    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.inner.read_exact(&mut bytes)?;
        self.crc.update(&bytes);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::stat::FileType;
    use super::*;

    const DAY: i128 = 86_400_000_000_000;

    fn stat(ctime: i128) -> Stat {
        Stat { kind: FileType::File, mode: 0o644, uid: 0, gid: 0, size: 1, dev: 1, ino: 1, mtime: 0, ctime }
    }

    fn cached(n: u8) -> Cached {
        Cached { digest: Digest { algorithm: Algorithm::Blake3, bytes: [n; 32] }, has_text: true }
    }

    fn now() -> Timestamp {
        Timestamp::from_secs(2 * 86_400)
    }

    #[test]
    fn a_changed_ctime_a_fresh_file_and_a_clock_that_went_back_are_read_again() {
        let mut prefilter = Prefilter::new();
        let (old, fresh, future) = ([1; 16], [2; 16], [3; 16]);
        let in_the_future = i128::from(now().nanos()) + DAY;
        prefilter.put(old, &stat(DAY), cached(1), now());
        prefilter.put(fresh, &stat(i128::from(now().nanos()) - 1), cached(2), now());
        prefilter.put(future, &stat(in_the_future), cached(3), now());
        assert_eq!(prefilter.unchanged(&old, &stat(DAY)), Some(cached(1)));
        assert_eq!(prefilter.unchanged(&old, &stat(DAY + 1)), None);
        assert_eq!(prefilter.unchanged(&fresh, &stat(i128::from(now().nanos()) - 1)), None);
        assert_eq!(prefilter.unchanged(&future, &stat(in_the_future)), None);
        assert_eq!(prefilter.last(&fresh), Some(cached(2)));
    }

    #[test]
    fn a_cache_file_comes_back_and_every_damaged_one_is_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("files.cache");
        let mut prefilter = Prefilter::new();
        for n in 0..10 {
            prefilter.put([n; 16], &stat(DAY), cached(n), now());
        }
        prefilter.save(&path, &[9; 16]).unwrap();
        let mut loaded = Prefilter::load(&path, &[9; 16]);
        assert_eq!(loaded.unchanged(&[4; 16], &stat(DAY)), Some(cached(4)));
        assert!(Prefilter::load(&path, &[8; 16]).entries.is_empty(), "another key");
        let good = fs::read(&path).unwrap();
        for cut in 0..good.len() {
            fs::write(&path, &good[..cut]).unwrap();
            assert!(Prefilter::load(&path, &[9; 16]).entries.is_empty(), "cut at {cut}");
            let mut flipped = good.clone();
            flipped[cut] ^= 0x10;
            fs::write(&path, &flipped).unwrap();
            assert!(Prefilter::load(&path, &[9; 16]).entries.is_empty(), "byte {cut}");
        }
    }

    #[test]
    fn a_file_that_is_always_written_to_is_not_for_ever_what_it_was() {
        let mut prefilter = Prefilter::new();
        let (key, secs) = ([1; 16], Duration::from_secs);
        assert_eq!(prefilter.while_busy(&key, secs(0)), None, "it was never read");
        prefilter.put(key, &stat(DAY), cached(1), now());
        assert_eq!(prefilter.while_busy(&key, secs(5)), Some(cached(1)));
        assert_eq!(prefilter.while_busy(&key, secs(14)), Some(cached(1)));
        assert_eq!(prefilter.while_busy(&key, secs(15)), None);
        prefilter.put(key, &stat(DAY), cached(2), now());
        assert_eq!(prefilter.while_busy(&key, secs(16)), Some(cached(2)));
        prefilter.end_pass();
        prefilter.end_pass();
        assert!(prefilter.busy.is_empty(), "a file that is gone");
    }

    #[test]
    fn files_that_a_pass_does_not_see_are_forgotten() {
        let mut prefilter = Prefilter::new();
        prefilter.put([1; 16], &stat(DAY), cached(1), now());
        prefilter.put([2; 16], &stat(DAY), cached(2), now());
        prefilter.end_pass();
        let _ = prefilter.unchanged(&[1; 16], &stat(DAY));
        prefilter.end_pass();
        assert_eq!((prefilter.last(&[1; 16]), prefilter.last(&[2; 16])), (Some(cached(1)), None));
    }
}
