//! The body of a request, decompressed within a limit.

use std::io::Read;

use base::{Exceeded, Limit};

/// Zstandard frames may look back so far (2^25 bytes): more than the encoders of collectors and agents ask for,
/// and a bound on what a frame's header can make us allocate.
pub const ZSTD_WINDOW_LOG: u32 = 25;

/// No byte of a Snappy block becomes more than this many: three bytes copy at most 64.
const SNAPPY_RATIO: usize = 22;

/// How Snappy's framing format begins (its `framing_format.txt`), and no block does: there it would be a copy of what is not there.
const FRAMED: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// How much is decompressed before the limit is asked again, in bytes.
const STEP: usize = 64 * 1024;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip (RFC 1952), of one member or several.
    Gzip,
    /// zlib (RFC 1950), which HTTP calls `deflate`; bare deflate (RFC 1951) is read too.
    Deflate,
    /// Zstandard (RFC 8878).
    Zstd,
    /// Snappy: its block format, as remote write and Loki's push have it, or its framing format, as gRPC's libraries and the
    /// collector have it. They are told apart by how they begin, since senders give both names to both.
    Snappy,
}

/// Why a body cannot be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// A `Content-Encoding` that nobody here reads: 415.
    #[error("the encoding `{0}` is not read: gzip, deflate, zstd, snappy and identity are")]
    Unknown(String),
    /// Larger than its limit: 413.
    #[error("the decompressed body is too large: {0}")]
    TooLarge(#[from] Exceeded),
    /// Not what its `Content-Encoding` says: 400.
    #[error("the body is not valid {encoding}: {reason}")]
    Damaged {
        /// The encoding's name.
        encoding: &'static str,
        /// What its decoder says.
        reason: String,
    },
}

impl Encoding {
    /// From the value of a `Content-Encoding` header; no header is an empty value.
    ///
    /// # Errors
    /// [`BodyError::Unknown`], also for several encodings one over the other.
    pub fn parse(header: &str) -> Result<Self, BodyError> {
        let all = [Self::Identity, Self::Gzip, Self::Deflate, Self::Zstd, Self::Snappy];
        let name = header.trim();
        if name.is_empty() {
            return Ok(Self::Identity);
        }
        let aliases = [("x-gzip", Self::Gzip), ("x-snappy-framed", Self::Snappy)];
        if let Some((_, encoding)) = aliases.into_iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)) {
            return Ok(encoding);
        }
        let found = all.into_iter().find(|encoding| encoding.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| BodyError::Unknown(name.chars().take(64).collect()))
    }

    /// Its name in `Content-Encoding`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
        }
    }

    /// Decompresses `body` into `buffer`, whose room is used again, and gives the bytes; those of a body
    /// that is not compressed stay where they are.
    ///
    /// # Errors
    /// More than `limit` allows, or bytes that are not of this encoding.
    pub fn decode<'a>(self, body: &'a [u8], limit: Limit, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], BodyError> {
        let is_block = self == Self::Snappy && !body.starts_with(FRAMED);
        if !is_block {
            buffer.clear();
        }
        match self {
            Self::Identity => {
                limit.check(body.len() as u64)?;
                return Ok(body);
            }
            Self::Snappy if is_block => self.block(body, limit, buffer)?,
            Self::Snappy => self.stream(snap::read::FrameDecoder::new(body), limit, buffer)?,
            Self::Gzip => self.stream(flate2::read::MultiGzDecoder::new(body), limit, buffer)?,
            Self::Deflate if is_zlib(body) => self.stream(flate2::read::ZlibDecoder::new(body), limit, buffer)?,
            Self::Deflate => self.stream(flate2::read::DeflateDecoder::new(body), limit, buffer)?,
            Self::Zstd => {
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(body).map_err(|error| self.damaged(&error))?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|error| self.damaged(&error))?;
                self.stream(decoder, limit, buffer)?;
            }
        }
        Ok(buffer)
    }

    fn damaged(self, reason: &dyn std::fmt::Display) -> BodyError {
        BodyError::Damaged { encoding: self.name(), reason: reason.to_string() }
    }

    /// The size stands at the beginning: it is held to the limit, and to what so many bytes can become,
    /// before anything is allocated.
    fn block(self, body: &[u8], limit: Limit, buffer: &mut Vec<u8>) -> Result<(), BodyError> {
        let size = snap::raw::decompress_len(body).map_err(|error| self.damaged(&error))?;
        limit.check(size as u64)?;
        if size > body.len().saturating_mul(SNAPPY_RATIO) {
            return Err(self.damaged(&format!("{size} bytes cannot come from {}", body.len())));
        }
        // What was there is written over: only room that is new is made zero.
        buffer.resize(size, 0);
        let written = snap::raw::Decoder::new().decompress(body, buffer).map_err(|error| self.damaged(&error))?;
        buffer.truncate(written);
        Ok(())
    }

    fn stream(self, mut from: impl Read, limit: Limit, buffer: &mut Vec<u8>) -> Result<(), BodyError> {
        loop {
            let read = from.by_ref().take(STEP as u64).read_to_end(buffer).map_err(|error| self.damaged(&error))?;
            limit.check(buffer.len() as u64)?;
            if read < STEP {
                return Ok(());
            }
        }
    }
}

/// Whether the first bytes are a zlib header: method 8, and a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::mutate;

    const LIMIT: Limit = Limit::new("test_body_bytes", 1 << 20);
    const ALL: [Encoding; 5] =
        [Encoding::Identity, Encoding::Gzip, Encoding::Deflate, Encoding::Zstd, Encoding::Snappy];

    fn encode(encoding: Encoding, text: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        match encoding {
            Encoding::Identity => text.to_vec(),
            Encoding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Encoding::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(text).unwrap();
                encoder.finish().unwrap()
            }
            Encoding::Zstd => zstd::stream::encode_all(text, 3).unwrap(),
            Encoding::Snappy => snap::raw::Encoder::new().compress_vec(text).unwrap(),
        }
    }

    fn text() -> Vec<u8> {
        (0..30_000u32).flat_map(|n| (n % 977).to_le_bytes()).collect()
    }

    #[test]
    fn each_encoding_gives_the_text_back_into_a_buffer_that_is_used_again() {
        let mut buffer = vec![1; 3];
        for encoding in ALL {
            let body = encode(encoding, &text());
            assert_eq!(encoding.decode(&body, LIMIT, &mut buffer).unwrap(), text(), "{encoding:?}");
            assert_eq!(Encoding::parse(&format!(" {} ", encoding.name().to_uppercase())).unwrap(), encoding);
        }
        assert_eq!(Encoding::parse("").unwrap(), Encoding::Identity);
    }

    #[test]
    fn bare_deflate_and_gzip_of_several_members_are_read() {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"bare").unwrap();
        let bare = encoder.finish().unwrap();
        assert_eq!(Encoding::Deflate.decode(&bare, LIMIT, &mut Vec::new()).unwrap(), b"bare");
        let two = [encode(Encoding::Gzip, b"one "), encode(Encoding::Gzip, b"two")].concat();
        assert_eq!(Encoding::Gzip.decode(&two, LIMIT, &mut Vec::new()).unwrap(), b"one two");
    }

    fn framed(text: &[u8]) -> Vec<u8> {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(text).unwrap();
        encoder.into_inner().unwrap()
    }

    #[test]
    fn snappy_is_read_in_blocks_and_in_frames_under_either_name() {
        let (block, frames, mut buffer) = (encode(Encoding::Snappy, &text()), framed(&text()), vec![1; 3]);
        for name in ["snappy", "x-snappy-framed"] {
            let encoding = Encoding::parse(name).unwrap();
            for body in [&block, &frames, &frames, &block] {
                assert_eq!(encoding.decode(body, LIMIT, &mut buffer).unwrap(), text(), "{name}");
            }
        }
        let error = Encoding::Snappy.decode(&framed(&vec![0; 8 << 20]), LIMIT, &mut buffer).unwrap_err();
        assert!(matches!(&error, BodyError::TooLarge(what) if what.name == "test_body_bytes"), "{error}");
        let cut = Encoding::Snappy.decode(&frames[..frames.len() / 2], LIMIT, &mut buffer).unwrap_err();
        assert!(matches!(cut, BodyError::Damaged { encoding: "snappy", .. }), "{cut}");
        mutate::each(&frames, 300, |bytes| {
            let mut buffer = Vec::new();
            let _ = Encoding::Snappy.decode(bytes, LIMIT, &mut buffer);
            assert!(buffer.capacity() <= 4 << 20);
        });
    }

    #[test]
    fn what_is_larger_than_the_limit_is_refused_by_its_name() {
        let bomb = vec![0; 8 << 20];
        for encoding in ALL {
            let mut buffer = Vec::new();
            let error = encoding.decode(&encode(encoding, &bomb), LIMIT, &mut buffer).unwrap_err();
            assert!(matches!(&error, BodyError::TooLarge(what) if what.name == "test_body_bytes"), "{error}");
            assert!(buffer.capacity() <= 4 << 20, "{encoding:?} allocated {}", buffer.capacity());
        }
    }

    #[test]
    fn a_size_that_snappy_cannot_mean_is_refused_before_it_is_allocated() {
        let mut buffer = Vec::new();
        let error = Encoding::Snappy.decode(&[0x80, 0x80, 0x20, 0], LIMIT, &mut buffer).unwrap_err();
        assert!(error.to_string().contains("cannot come from 4"), "{error}");
        assert_eq!(buffer.capacity(), 0);
    }

    #[test]
    fn unknown_encodings_are_named() {
        for header in ["br", "gzip, snappy"] {
            assert_eq!(Encoding::parse(header), Err(BodyError::Unknown(header.to_owned())));
        }
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        for encoding in &ALL[1..] {
            let body = encode(*encoding, &text());
            let cut = &body[..body.len() / 2];
            let error = encoding.decode(cut, LIMIT, &mut Vec::new()).unwrap_err();
            assert!(matches!(error, BodyError::Damaged { encoding: name, .. } if name == encoding.name()));
            mutate::each(&body, 300, |bytes| {
                let mut buffer = Vec::new();
                let _ = encoding.decode(bytes, LIMIT, &mut buffer);
                assert!(buffer.capacity() <= 4 << 20);
            });
        }
    }
}
