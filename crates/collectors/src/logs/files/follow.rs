//! A file that is followed.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::decode::{Counts, Out, Stamps};
use super::identity::{FileId, HEAD, Head, Original, Verdict, begins_compressed, judge};
use super::input::Input;
use super::join::{Join, Record, STREAMS};
use super::lines::{self, Piece};
use super::links;
use super::origin::Origin;
use super::positions::Position;

/// Bytes before the place where is read next, by which a copy is known.
const LAST: usize = 256;

/// A file, and how far it was read.
pub(super) struct Follow {
    pub path: PathBuf,
    /// Its path as text.
    shown: String,
    pub id: FileId,
    input: Arc<Input>,
    origin: Origin,
    head: Head,
    pub read: u64,
    /// The rest of a line that was cut is passed over.
    passing: bool,
    join: Join,
    file: Option<File>,
    /// The last bytes before `read`; nothing if they are not known.
    last: Vec<u8>,
    /// What it was before it was emptied.
    pub before: Option<Original>,
    /// How large it was when it was looked at.
    pub size: u64,
    /// It is not where files are looked for, since that time on the monotonic clock.
    pub gone: Option<Duration>,
    /// It is compressed: nothing of it is read.
    pub ignored: bool,
}

/// What a look works with.
pub(super) struct Look<'a> {
    pub out: Out<'a>,
    pub buffer: &'a mut [u8],
    /// The monotonic clock.
    pub now: Duration,
    pub max_line: usize,
    /// Records and bytes that the batch may have.
    pub full: (usize, usize),
}

impl Look<'_> {
    pub(super) fn is_full(&self) -> bool {
        self.out.batch.len() >= self.full.0 || self.out.batch.bytes() >= self.full.1
    }
}

/// What was opened.
pub(super) struct Opened {
    file: File,
    pub id: FileId,
    pub size: u64,
    /// How it begins.
    pub head: Vec<u8>,
}

/// Opens a file; what is no regular file is an error, and never waited for.
pub(super) fn open(path: &Path) -> io::Result<Opened> {
    let file = links::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let head = read_at(&file, 0, HEAD)?;
    Ok(Opened { id: FileId { device: metadata.dev(), inode: metadata.ino() }, size: metadata.len(), head, file })
}

impl Opened {
    /// Whether its last line has no end.
    pub(super) fn in_line(&self) -> bool {
        let last = self.size.checked_sub(1).and_then(|at| read_at(&self.file, at, 1).ok());
        last.is_some_and(|last| last != b"\n")
    }

    /// The bytes before a place, as many as `last` is of.
    pub(super) fn before(&self, original: &Original) -> Vec<u8> {
        let length = usize::try_from(original.last.length()).unwrap_or(LAST).min(LAST);
        read_at(&self.file, original.read.saturating_sub(length as u64), length).unwrap_or_default()
    }
}

fn read_at(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let read = fill(file, at, &mut bytes)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Reads as much as there is.
fn fill(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + read as u64) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

impl Follow {
    /// A file that was opened, from the byte `read` on.
    pub(super) fn new(path: &Path, opened: Opened, input: &Arc<Input>, host: &str, read: u64, passing: bool) -> Self {
        let ignored = begins_compressed(&opened.head);
        let length = usize::try_from(read).unwrap_or(LAST).min(LAST);
        let last = read_at(&opened.file, read - length as u64, length).unwrap_or_default();
        Self {
            path: path.to_owned(),
            shown: path.to_string_lossy().into_owned(),
            id: opened.id,
            input: Arc::clone(input),
            origin: input.origin(path, host),
            head: Head::of(&opened.head),
            read,
            passing,
            join: Join::default(),
            file: Some(opened.file),
            last,
            before: None,
            size: opened.size,
            gone: None,
            ignored,
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn close(&mut self) {
        self.file = None;
    }

    /// It has another name, under which it is still who wrote it.
    pub(super) fn renamed(&mut self, path: &Path) {
        self.path = path.to_owned();
        self.shown = path.to_string_lossy().into_owned();
    }

    /// By what a copy is known.
    pub(super) fn original(&self) -> Original {
        Original { head: self.head, read: self.read, last: Head::of(&self.last) }
    }

    /// Up to where it need not be read again.
    pub(super) fn position(&self) -> Position {
        let offset = self.join.safe(self.read);
        let passing = self.passing && offset == self.read;
        let last = if offset == self.read { Head::of(&self.last) } else { Head::default() };
        Position { path: self.path.clone(), id: self.id, offset, head: self.head, passing, last }
    }

    /// Reads a piece of what is there; says whether there may be more.
    ///
    /// # Errors
    /// The file cannot be opened or read, or another one has its name.
    pub(super) fn look(&mut self, look: &mut Look<'_>) -> io::Result<bool> {
        let fresh = !self.is_open();
        if fresh {
            let opened = open(&self.path)?;
            if opened.id != self.id {
                return Err(io::ErrorKind::NotFound.into());
            }
            self.file = Some(opened.file);
        }
        let Some(file) = &self.file else { return Ok(false) };
        let size = file.metadata()?.len();
        if fresh || size != self.size || self.head.is_short() {
            let head = read_at(file, 0, HEAD)?;
            if judge(self.head, self.read, size, &head) == Verdict::Anew {
                self.anew(look);
                self.ignored = begins_compressed(&head);
            }
            // What was read of it is in what it begins with, so that this is not another file's.
            self.head = Head::of(&head);
        }
        self.size = size;
        if self.ignored {
            self.read = size;
            return Ok(false);
        }
        let Some(file) = &self.file else { return Ok(false) };
        let read = fill(file, self.read, look.buffer)?;
        let buffer = std::mem::take(&mut look.buffer);
        let taken = self.take(buffer.get(..read).unwrap_or_default(), look);
        let full = read == buffer.len();
        look.buffer = buffer;
        if taken > 0 && self.gone.is_some() {
            // Who writes it goes on.
            self.gone = Some(look.now);
        }
        Ok(taken > 0 && (full || look.is_full()))
    }

    /// It is emptied, or another file in its place.
    fn anew(&mut self, look: &mut Look<'_>) {
        metrics::counter!("steadfast_log_files_emptied_total").increment(1);
        self.end(look);
        self.before = (self.read > 0).then(|| self.original());
        (self.read, self.passing) = (0, false);
        self.last.clear();
    }

    /// Takes whole lines; says how many bytes that were.
    fn take(&mut self, bytes: &[u8], look: &mut Look<'_>) -> usize {
        let mut at = 0;
        while !look.is_full() {
            let rest = bytes.get(at..).unwrap_or_default();
            if self.passing {
                let (length, ended) = lines::rest(rest);
                at += length;
                self.passing = !ended;
                if ended { continue } else { break }
            }
            let start = self.read + at as u64;
            match lines::next(rest, look.max_line) {
                Piece::More => break,
                Piece::Line { bytes, consumed } => {
                    self.line(bytes, start, false, look);
                    at += consumed;
                }
                Piece::Cut { bytes, consumed } => {
                    self.line(bytes, start, true, look);
                    at += consumed;
                    self.passing = true;
                }
            }
        }
        self.read += at as u64;
        let taken = bytes.get(..at).unwrap_or_default();
        self.last.extend_from_slice(taken.get(taken.len().saturating_sub(LAST)..).unwrap_or_default());
        self.last.drain(..self.last.len().saturating_sub(LAST));
        at
    }

    fn line(&mut self, bytes: &[u8], start: u64, cut: bool, look: &mut Look<'_>) {
        let plain = |bytes| Record { start, stream: 0, time: None, text: bytes, cut, split: false };
        let (record, partial) = match self.origin.format.read(bytes) {
            None => (plain(bytes.into()), false),
            Some(Err(_)) => {
                look.out.counts.unparsed += 1;
                (plain(bytes.into()), false)
            }
            Some(Ok(line)) => {
                let stream = STREAMS.iter().position(|stream| *stream == line.stream).unwrap_or(0);
                let record = Record { stream, time: line.time, ..plain(line.text) };
                (record, line.partial)
            }
        };
        let (rules, now) = (self.input.rules(look.max_line), look.now);
        let (origin, shown, out) = (&self.origin, &self.shown, &mut look.out);
        self.join.add(record, partial, now, rules, &mut |record| out.push(origin, shown, &record));
    }

    /// When a record is late whose next line may come.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.join.deadline(self.input.rules(0))
    }

    /// Gives records whose next line has not come in time.
    pub(super) fn late(&mut self, look: &mut Look<'_>) {
        let (rules, now) = (self.input.rules(look.max_line), look.now);
        let (origin, shown, out) = (&self.origin, &self.shown, &mut look.out);
        self.join.late(now, rules, &mut |record| out.push(origin, shown, &record));
    }

    /// Nothing more comes: gives what was begun.
    fn end(&mut self, look: &mut Look<'_>) {
        let rules = self.input.rules(look.max_line);
        let (origin, shown, out) = (&self.origin, &self.shown, &mut look.out);
        self.join.end(rules, &mut |record| out.push(origin, shown, &record));
    }

    /// It is gone and read to its end, but for a last line without one.
    pub(super) fn finish(&mut self, look: &mut Look<'_>) {
        if let Some(file) = self.file.take().filter(|_| !self.ignored && !self.passing) {
            let rest = read_at(&file, self.read, look.max_line).unwrap_or_default();
            if !rest.is_empty() {
                self.line(&rest, self.read, false, look);
                self.read += rest.len() as u64;
            }
        }
        self.end(look);
    }
}

/// Counts of a step, told.
pub(super) fn tell(counts: Counts) {
    let Counts { records, cut, split, lossy, unparsed } = counts;
    let all = [("records", records), ("cut", cut), ("split", split), ("lossy", lossy), ("unparsed", unparsed)];
    for (what, many) in all.into_iter().filter(|(_, many)| *many > 0) {
        crate::deliver::count(super::FROM, what, many);
    }
}

/// What steps have in common.
#[derive(Debug, Default)]
pub(super) struct Common {
    pub stamps: Stamps,
    pub buffer: Vec<u8>,
}
