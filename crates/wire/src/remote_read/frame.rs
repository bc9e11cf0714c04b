use super::answer::write_labels;
use crate::pb::Writer;

/// Samples of a series, in one encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The time of the first, in milliseconds since the epoch.
    pub min_time_ms: i64,
    /// The time of the last.
    pub max_time_ms: i64,
    /// As [`super::xor::encode`] writes them.
    pub data: Vec<u8>,
}

/// The encoding of [`super::xor`].
const XOR: u64 = 1;

/// A part of an answer of chunks: some of a series, in the answer to the query of that number. It is
/// the message's length as a varint, its CRC-32C with the highest byte first, and the message
/// `prometheus.ChunkedReadResponse`.
pub fn frame<'a>(query: u64, labels: impl Iterator<Item = (&'a str, &'a str)>, chunks: &[Chunk]) -> Vec<u8> {
    let mut message = Writer::default();
    message.message(1, |out| {
        write_labels(out, labels);
        for chunk in chunks {
            out.message(2, |out| {
                out.varint(1, chunk.min_time_ms.cast_unsigned());
                out.varint(2, chunk.max_time_ms.cast_unsigned());
                out.varint(3, XOR);
                out.bytes(4, &chunk.data);
            });
        }
    });
    message.varint(2, query);
    let message = message.finish();
    let mut out = Writer::new(Vec::with_capacity(message.len() + 14));
    out.bare_varint(message.len() as u64);
    out.bare_bytes(&crc32c(&message).to_be_bytes());
    out.bare_bytes(&message);
    out.finish()
}

/// The checksum of Castagnoli's polynomial, as RFC 3720 has it.
pub(super) fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let at = (crc ^ u32::from(*byte)) & 0xff;
        TABLE.get(at as usize).copied().unwrap_or_default() ^ (crc >> 8)
    };
    !bytes.iter().fold(u32::MAX, step)
}

static TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let (mut crc, mut bit) = (n as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { 0x82f6_3b78 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
}
