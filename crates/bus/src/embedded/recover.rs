use std::fs::File;
use std::path::{Path, PathBuf};

use base::{Rng, Timestamp};
use model::Offset;

use super::disk::{Disk, SegmentFile, write_all};
use super::frame::{self, HEADER, Header, Parsed};
use super::place::{self, Place};
use super::state::Segment;
use crate::BusError;

/// How much is read at once.
const CHUNK: usize = 1 << 20;

/// A shard as it was found on the disk, ready to be written on.
pub(super) struct Recovered {
    pub segments: Vec<Segment>,
    pub next: Offset,
    pub last_time: Timestamp,
    pub salt: u64,
    pub file: Box<dyn SegmentFile>,
}

/// Finds the shard's segments, checks the last one, cuts what was written but never acknowledged
/// off its end, and syncs it. The others are checked when they are read.
pub(super) fn recover(place: &Place, shard: u32, disk: &dyn Disk, rng: &Rng) -> Result<Recovered, BusError> {
    let dir = place.shard(shard);
    let mut firsts = place::segments(place, &dir)?;
    drop_unborn(place, &dir, &mut firsts, disk)?;
    let Some(last) = firsts.pop() else { return start(place, shard, &dir, disk, rng) };

    let path = place::segment(&dir, last);
    let scan = Scan::of(place, &path, shard, last)?;
    let mut file = disk.open(&path).map_err(|error| place.io(&path, "open", &error))?;
    if scan.torn > 0 {
        tracing::warn!(
            log = place.log, shard, file = %path.display(), position = scan.end, bytes = scan.torn, problem = scan.problem,
            "cut a torn tail: these bytes were being written when the process ended, and were never acknowledged"
        );
        metrics::counter!("steadfast_log_torn_tails_total", "log" => place.log.clone()).increment(1);
        file.set_len(scan.end).map_err(|error| place.io(&path, "cut", &error))?;
    }
    // Whole frames may have been written but not synced when the process ended: readers get them from now on.
    file.sync().map_err(|error| place.io(&path, "sync", &error))?;
    // It may have ended before the name of its last file was durable: what is appended to it now would go with the name.
    disk.sync_dir(&dir).map_err(|error| place.io(&dir, "sync", &error))?;

    let mut segments = Vec::with_capacity(firsts.len() + 1);
    for first in firsts {
        let path = place::segment(&dir, first);
        let bytes = std::fs::metadata(&path).map_err(|error| place.io(&path, "look at", &error))?.len();
        segments.push(Segment { first, bytes, index: Vec::new() });
    }
    segments.push(Segment { first: last, bytes: scan.end, index: scan.index });
    Ok(Recovered { segments, next: scan.next, last_time: scan.last_time, salt: scan.header.salt, file })
}

/// Removes a last file that the process did not get to give a header: it holds no record.
fn drop_unborn(place: &Place, dir: &Path, firsts: &mut Vec<Offset>, disk: &dyn Disk) -> Result<(), BusError> {
    let Some(last) = firsts.last() else { return Ok(()) };
    let path = place::segment(dir, *last);
    let header = File::open(&path).and_then(|file| frame::read_at(&file, 0, HEADER as usize + 1));
    let header = header.map_err(|error| place.io(&path, "read", &error))?;
    // A log that starts behind 0 once had a record before this file, whose time only this header knew.
    let unborn = header.len() as u64 <= HEADER && Header::parse(&header).is_err();
    if !unborn
        || (firsts.len() == 1 && last.0 > 0)
        || (header.len() as u64 == HEADER && header.starts_with(b"STDFLOG\n"))
    {
        return Ok(());
    }
    tracing::warn!(log = place.log, file = %path.display(), "removed a segment without a header: it was being made when the process ended");
    disk.remove(&path).and_then(|()| disk.sync_dir(dir)).map_err(|error| place.io(&path, "remove", &error))?;
    firsts.pop();
    Ok(())
}

fn start(place: &Place, shard: u32, dir: &Path, disk: &dyn Disk, rng: &Rng) -> Result<Recovered, BusError> {
    let header = Header { shard, first: Offset(0), salt: salt(rng), floor: Timestamp::ZERO };
    let path = place::segment(dir, Offset(0));
    let file = create(disk, dir, &header).map_err(|error| place.io(&path, "create", &error))?;
    Ok(Recovered {
        segments: vec![Segment { first: Offset(0), bytes: HEADER, index: Vec::new() }],
        next: Offset(0),
        last_time: Timestamp::ZERO,
        salt: header.salt,
        file,
    })
}

/// A salt for a new file.
pub(super) fn salt(rng: &Rng) -> u64 {
    rng.below(u64::MAX)
}

/// Makes a segment file that has its header, durably.
pub(super) fn create(disk: &dyn Disk, dir: &Path, header: &Header) -> std::io::Result<Box<dyn SegmentFile>> {
    let mut file = disk.create(&place::segment(dir, header.first))?;
    write_all(file.as_mut(), &header.encode(), 0)?;
    file.sync()?;
    disk.sync_dir(dir)?;
    Ok(file)
}

/// What a segment holds.
struct Scan {
    header: Header,
    /// Where its good frames end.
    end: u64,
    next: Offset,
    last_time: Timestamp,
    index: Vec<(Offset, u64)>,
    /// How many bytes follow that are no good frame, and why.
    torn: u64,
    problem: &'static str,
}

impl Scan {
    fn of(place: &Place, path: &PathBuf, shard: u32, first: Offset) -> Result<Self, BusError> {
        let file = File::open(path).map_err(|error| place.io(path, "open", &error))?;
        let length = file.metadata().map_err(|error| place.io(path, "look at", &error))?.len();
        let header = read_header(place, &file, path, shard, first)?;
        let mut scan =
            Self { header, end: HEADER, next: first, last_time: header.floor, index: Vec::new(), torn: 0, problem: "" };
        while scan.end < length {
            let piece = Piece::read(&file, header.salt, scan.end, length, CHUNK)
                .map_err(|error| place.io(path, "read", &error))?;
            for found in &piece.frames {
                scan.admit(place, path, found)?;
            }
            if let Some(problem) = piece.bad {
                scan.tail(place, &file, path, length, problem)?;
                break;
            }
        }
        Ok(scan)
    }

    fn admit(&mut self, place: &Place, path: &Path, found: &Found) -> Result<(), BusError> {
        check_offset(place, path, found, self.next)?;
        note(&mut self.index, found.frame.offset, found.position);
        self.next = found.frame.offset.next();
        self.last_time = self.last_time.max(found.frame.time);
        self.end = found.position + found.frame.size as u64;
        Ok(())
    }

    /// What is behind the good frames is a torn tail, unless something after it was synced later.
    fn tail(
        &mut self,
        place: &Place,
        file: &File,
        path: &Path,
        length: u64,
        problem: &'static str,
    ) -> Result<(), BusError> {
        self.torn = length - self.end;
        self.problem = problem;
        let rest = frame::read_at(file, self.end, usize::try_from(self.torn).unwrap_or(usize::MAX))
            .map_err(|error| place.io(path, "read", &error))?;
        match frame::later_group(self.header.salt, &rest, self.next) {
            None => Ok(()),
            Some(at) => Err(place.corrupt(
                path,
                self.end,
                format!(
                    "{problem}; it was acknowledged, for a later record is at byte {}: offset {} is damaged",
                    self.end + at as u64,
                    self.next
                ),
            )),
        }
    }
}

/// Reads and checks a file's header.
pub(super) fn read_header(
    place: &Place,
    file: &File,
    path: &Path,
    shard: u32,
    first: Offset,
) -> Result<Header, BusError> {
    let bytes = frame::read_at(file, 0, HEADER as usize).map_err(|error| place.io(path, "read", &error))?;
    let header = Header::parse(&bytes).map_err(|problem| place.corrupt(path, 0, problem))?;
    if header.shard != shard {
        return Err(place.corrupt(path, 12, format!("the header says shard {}, the folder {shard}", header.shard)));
    }
    if header.first != first {
        return Err(place.corrupt(path, 16, format!("the header says offset {}, the name {first}", header.first)));
    }
    Ok(header)
}

/// A frame must be the next one.
pub(super) fn check_offset(place: &Place, path: &Path, found: &Found, next: Offset) -> Result<(), BusError> {
    if found.frame.offset == next {
        return Ok(());
    }
    let problem = format!("offset {} follows where {next} should", found.frame.offset);
    Err(place.corrupt(path, found.position, problem))
}

/// Keeps a position in a sparse index.
pub(super) fn note(index: &mut Vec<(Offset, u64)>, offset: Offset, position: u64) {
    const STEP: u64 = 64 << 10;
    if index.last().map_or(HEADER, |(_, last)| *last) + STEP <= position {
        index.push((offset, position));
    }
}

/// A good frame and where it is.
pub(super) struct Found {
    pub position: u64,
    pub frame: frame::Frame,
    pub body: arrow::buffer::Buffer,
}

/// The whole frames of a part of a file.
pub(super) struct Piece {
    pub frames: Vec<Found>,
    /// What is wrong behind them, if anything is.
    pub bad: Option<&'static str>,
}

impl Piece {
    /// Reads about `chunk` bytes, at least one frame, from `position` on and never behind `end`.
    pub fn read(file: &File, salt: u64, position: u64, end: u64, chunk: usize) -> std::io::Result<Self> {
        let left = usize::try_from(end.saturating_sub(position)).unwrap_or(usize::MAX);
        let mut bytes = frame::read_at(file, position, left.min(chunk))?;
        if let Parsed::Short(size) = frame::parse(salt, &bytes)
            && size <= left
            && size > bytes.len()
        {
            bytes = frame::read_at(file, position, size)?;
        }
        let mut piece = Self { frames: Vec::new(), bad: None };
        let mut at = 0;
        while at < bytes.len() && piece.bad.is_none() {
            match frame::parse(salt, &bytes.as_slice()[at..]) {
                Parsed::Frame(frame) => {
                    let body = bytes.slice_with_length(at + frame::HEAD, frame.body);
                    piece.frames.push(Found { position: position + at as u64, frame, body });
                    at += frame.size;
                }
                Parsed::Short(size) if at + size > left => piece.bad = Some("the file ends inside a record"),
                // The rest of it is behind this chunk.
                Parsed::Short(_) => break,
                Parsed::Bad(problem) => piece.bad = Some(problem),
            }
        }
        if piece.frames.is_empty() && piece.bad.is_none() {
            piece.bad = Some("the file is shorter than it was");
        }
        Ok(piece)
    }
}
