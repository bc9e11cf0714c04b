//! Parts of several folds in one blob:
//!
//! ```text
//! magic "STFDPART" | version u32 | (name length u32 | name | parts length u32 | parts)*, compressed by snappy
//! ```
//!
//! Numbers are little-endian. Its checksum is in the checkpoint that names it.

use base::Limit;

use crate::FoldError;
use crate::checkpoint::problem;
use crate::parts::PartWriter;

const MAGIC: &[u8; 8] = b"STFDPART";
const VERSION: u32 = 1;
/// Bytes of a segment once it is decompressed.
const MAX: Limit = Limit::new("checkpoint_segment_bytes", 1 << 30);

/// What is still to be written.
#[derive(Debug, Default)]
pub(super) struct Segment(Vec<u8>);

impl Segment {
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub const fn len(&self) -> usize {
        self.0.len()
    }

    pub fn push(&mut self, fold: &str, parts: &PartWriter) {
        for bytes in [fold.as_bytes(), parts.bytes()].into_iter().filter(|_| !parts.bytes().is_empty()) {
            // A writer is full long before.
            self.0.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
            self.0.extend(bytes);
        }
    }

    pub fn encode(&self) -> Result<Vec<u8>, FoldError> {
        MAX.check(self.0.len() as u64).map_err(|error| problem(&error))?;
        let packed = snap::raw::Encoder::new().compress_vec(&self.0).map_err(|error| problem(&error))?;
        Ok([&MAGIC[..], &VERSION.to_le_bytes(), &packed].concat())
    }
}

/// What a segment says: sections of it are read by [`sections`].
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<u8>, FoldError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| problem(&"a segment does not begin as one does"))?;
    let (version, packed) = rest.split_first_chunk::<4>().ok_or_else(|| problem(&"a segment is cut off"))?;
    let version = u32::from_le_bytes(*version);
    if version != VERSION {
        return Err(problem(&format_args!("a segment is of version {version}, this program reads {VERSION}")));
    }
    let length = snap::raw::decompress_len(packed).map_err(|error| problem(&error))?;
    MAX.check(length as u64).map_err(|error| problem(&error))?;
    snap::raw::Decoder::new().decompress_vec(packed).map_err(|error| problem(&error))
}

/// The folds of a decoded segment, with their parts.
pub(super) fn sections(body: &[u8]) -> Result<Vec<(&str, &[u8])>, FoldError> {
    let (mut sections, mut rest) = (Vec::new(), body);
    while !rest.is_empty() {
        let cut = || problem(&"a section of a segment is cut off");
        let (name, after) = text(rest).ok_or_else(cut)?;
        let (parts, after) = text(after).ok_or_else(cut)?;
        sections.push((std::str::from_utf8(name).map_err(|error| problem(&error))?, parts));
        rest = after;
    }
    Ok(sections)
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_reads_as_it_was_written_and_every_cut_is_noticed() {
        let mut segment = Segment::default();
        let mut parts = PartWriter::new(100);
        parts.put(b"key", b"text");
        parts.gone(b"other");
        segment.push("routing", &parts);
        segment.push("empty", &PartWriter::new(1));
        let bytes = segment.encode().unwrap();
        let body = decode(&bytes).unwrap();
        assert_eq!(sections(&body).unwrap(), [("routing", parts.bytes())]);
        for n in 0..bytes.len() {
            let read = decode(&bytes[..n]).and_then(|body| sections(&body).map(|sections| sections.len()));
            assert!(read.is_err(), "cut at {n}");
        }
        for n in 1..body.len() {
            assert!(sections(&body[..n]).is_err(), "cut at {n}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = Segment::default().encode().unwrap();
        bytes[8] = 7;
        assert!(decode(&bytes).unwrap_err().to_string().contains("version 7"));
    }

    #[test]
    fn a_length_that_nobody_can_hold_is_refused_before_it_is_allocated() {
        let bytes = [&MAGIC[..], &VERSION.to_le_bytes(), &[0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
        assert!(decode(&bytes).unwrap_err().to_string().contains("checkpoint_segment_bytes"));
    }
}
