//! The bytes of a segment file. All numbers are little-endian; everything starts at a multiple of
//! 8, so that Arrow buffers are aligned when a file is read into aligned memory.
//!
//! ```text
//! header, once, at the start of the file
//!  0  8  "STDFLOG\n"
//!  8  u32  format version: 1
//! 12  u32  shard
//! 16  u64  offset of the first record
//! 24  u64  salt: random; starts the CRC of every frame of this file
//! 32  i64  time of the last record before this file, nanoseconds since the epoch
//! 40  u32  CRC-32 (IEEE) of bytes 0..40
//! 44  u32  zero
//!
//! frame, one a record
//!  0  4    "rec\n"
//!  4  u32  length of the body = n
//!  8  u32  CRC-32 of: the salt, bytes 4..8, bytes 12 to the frame's end
//! 12  u32  place: how many records before this one were written in the same group (one write, one fsync)
//! 16  u64  offset
//! 24  i64  time, nanoseconds since the epoch
//! 32  n    the body, see [`crate::codec`]
//!     0-7  zeros, up to a multiple of 8
//! ```
//!
//! The salt makes that bytes inside a record, or left over from another file, never pass for a
//! frame. The place tells a torn tail from damage: a group is begun only after the one before it
//! was synced, so a bad frame with a good frame of a *later* group behind it had been synced.

use arrow::buffer::{Buffer, MutableBuffer};
use base::Timestamp;
use model::Offset;

/// The length of a file's header.
pub(super) const HEADER: u64 = 48;
/// The length of a frame's head.
pub(super) const HEAD: usize = 32;
/// The format that is written, and the only one that is read.
pub(super) const VERSION: u32 = 1;
const MAGIC: &[u8; 8] = b"STDFLOG\n";
const MARK: &[u8; 4] = b"rec\n";

/// A file's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub shard: u32,
    pub first: Offset,
    pub salt: u64,
    pub floor: Timestamp,
}

/// A frame that was found whole and good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub offset: Offset,
    pub place: u32,
    pub time: Timestamp,
    /// The length of the body; it starts at [`HEAD`].
    pub body: usize,
    /// The length of the frame with its padding.
    pub size: usize,
}

/// What some bytes begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Frame(Frame),
    /// A frame of this length, more than there are bytes; or not even a head.
    Short(usize),
    Bad(&'static str),
}

impl Header {
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER as usize);
        bytes.extend_from_slice(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.shard.to_le_bytes());
        bytes.extend(self.first.0.to_le_bytes());
        bytes.extend(self.salt.to_le_bytes());
        bytes.extend(self.floor.nanos().to_le_bytes());
        let crc = crc32fast::hash(&bytes);
        bytes.extend(crc.to_le_bytes());
        bytes.extend([0; 4]);
        bytes
    }

    /// # Errors
    /// Says what is wrong with the bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let short = || format!("the file header is {} bytes long, not {HEADER}", bytes.len());
        let bytes: &[u8; HEADER as usize] = bytes.first_chunk().ok_or_else(short)?;
        if !bytes.starts_with(MAGIC) {
            return Err("this is not a log segment".to_owned());
        }
        if crc32fast::hash(&bytes[..40]) != u32_at(bytes, 40) {
            return Err("the file header's checksum is wrong".to_owned());
        }
        match u32_at(bytes, 8) {
            VERSION => Ok(Self {
                shard: u32_at(bytes, 12),
                first: Offset(u64_at(bytes, 16)),
                salt: u64_at(bytes, 24),
                floor: Timestamp::from_nanos(u64_at(bytes, 32).cast_signed()),
            }),
            other => Err(format!("segment format {other} is unknown, this program reads {VERSION}")),
        }
    }
}

/// Appends a frame to `out`, which starts where a frame may start.
pub(super) fn write(out: &mut Vec<u8>, salt: u64, offset: Offset, place: u32, time: Timestamp, body: &[u8]) {
    let start = out.len();
    out.extend_from_slice(MARK);
    out.extend((body.len() as u32).to_le_bytes());
    out.extend([0; 4]);
    out.extend(place.to_le_bytes());
    out.extend(offset.0.to_le_bytes());
    out.extend(time.nanos().to_le_bytes());
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(8), 0);
    let crc = checksum(salt, &out[start..]);
    out[start + 8..start + 12].copy_from_slice(&crc.to_le_bytes());
}

/// Looks at the frame that `bytes` begins with.
pub(super) fn parse(salt: u64, bytes: &[u8]) -> Parsed {
    if bytes.len() < HEAD {
        return Parsed::Short(HEAD);
    }
    if !bytes.starts_with(MARK) {
        return Parsed::Bad("no record starts here");
    }
    let body = u32_at(bytes, 4) as usize;
    let size = HEAD + body.next_multiple_of(8);
    if bytes.len() < size {
        return Parsed::Short(size);
    }
    if checksum(salt, &bytes[..size]) != u32_at(bytes, 8) {
        return Parsed::Bad("the record's checksum is wrong");
    }
    Parsed::Frame(Frame {
        offset: Offset(u64_at(bytes, 16)),
        place: u32_at(bytes, 12),
        time: Timestamp::from_nanos(u64_at(bytes, 24).cast_signed()),
        body,
        size,
    })
}

impl Frame {
    /// The offset of the first record that was written together with this one.
    pub fn group(&self) -> Offset {
        Offset(self.offset.0.saturating_sub(self.place.into()))
    }
}

/// The first good frame in `bytes` of a group begun after `offset`, by its position.
pub(super) fn later_group(salt: u64, bytes: &[u8], offset: Offset) -> Option<usize> {
    (0..bytes.len()).step_by(8).find(|at| match parse(salt, &bytes[*at..]) {
        Parsed::Frame(frame) => frame.group() > offset,
        _ => false,
    })
}

/// `length` bytes of `file` from `position` on, in aligned memory; fewer at the file's end.
pub(super) fn read_at(file: &std::fs::File, position: u64, length: usize) -> std::io::Result<Buffer> {
    use std::os::unix::fs::FileExt;
    let mut bytes = MutableBuffer::from_len_zeroed(length);
    let mut filled = 0;
    while filled < length {
        match file.read_at(&mut bytes.as_slice_mut()[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}

fn checksum(salt: u64, frame: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&salt.to_le_bytes());
    crc.update(&frame[4..8]);
    crc.update(&frame[12..]);
    crc.finalize()
}

// The callers have checked the length.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |part| u32::from_le_bytes(*part))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |part| u64::from_le_bytes(*part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u64 = 0x5eed;

    fn frame(offset: u64, place: u32, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, SALT, Offset(offset), place, Timestamp::from_secs(7), body);
        out
    }

    #[test]
    fn a_header_comes_back_and_names_what_is_wrong() {
        let header = Header { shard: 2, first: Offset(9), salt: SALT, floor: Timestamp::from_secs(5) };
        let bytes = header.encode();
        assert_eq!(bytes.len() as u64, HEADER);
        assert_eq!(Header::parse(&bytes), Ok(header));
        assert!(Header::parse(&bytes[..20]).unwrap_err().contains("20 bytes long"));
        let mut newer = bytes.clone();
        newer[8] = 2;
        let crc = crc32fast::hash(&newer[..40]);
        newer[40..44].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Header::parse(&newer), Err("segment format 2 is unknown, this program reads 1".to_owned()));
    }

    #[test]
    fn every_changed_bit_of_a_frame_is_noticed() {
        let good = frame(3, 1, b"hello");
        assert!(matches!(parse(SALT, &good), Parsed::Frame(f) if f.group() == Offset(2) && f.size == good.len()));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(parse(SALT, &bad), Parsed::Frame(_)), "bit {bit}");
        }
        assert!(matches!(parse(SALT + 1, &good), Parsed::Bad(_)), "a frame of another file");
    }

    #[test]
    fn only_a_later_group_shows_that_a_bad_frame_was_synced() {
        let mut bytes = vec![0; 40];
        bytes.extend(frame(6, 1, b"same group as offset 5"));
        assert_eq!(later_group(SALT, &bytes, Offset(5)), None);
        let at = bytes.len();
        bytes.extend(frame(7, 0, b"the next group"));
        assert_eq!(later_group(SALT, &bytes, Offset(5)), Some(at));
    }
}
