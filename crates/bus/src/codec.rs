//! How a batch looks in bytes: the body of a frame of the embedded log and the payload of a Kafka
//! message. All numbers are little-endian.
//!
//! ```text
//!  0  u8   version: 1
//!  1  u8   flags: bit 0 = it has an id; the others are zero
//!  2  u16  length of the stream's name  = s
//!  4  u32  length of the key            = k
//!  8  u16  length of the id's producer  = p   (zero without an id, like the next three)
//! 10  u16  zero
//! 12  u32  the id's shard
//! 16  u64  the id's offset
//! 24  u32  the id's index
//! 28  u32  length of the Arrow part     = a
//! 32  s    the stream's name, UTF-8
//!     k    the key, UTF-8
//!     p    the producer, UTF-8
//!     0-7  zeros, up to a multiple of 8
//!     a    an Arrow IPC stream: schema (with its metadata), dictionaries, one record batch, end
//! ```
//!
//! The Arrow part starts at a multiple of 8 and its buffers are padded to 8 bytes, so that a body
//! that itself starts at a multiple of 8 is decoded without a copy.

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow::ipc::{MetadataVersion, root_as_message};
use base::Limit;
use model::{Batch, Offset, RecordId, Stream};

const VERSION: u8 = 1;
const HAS_ID: u8 = 1;
const HEAD: usize = 32;
/// What stands before the length of each message of an Arrow IPC stream.
const CONTINUATION: u32 = 0xffff_ffff;
/// The longest key, in bytes.
pub const KEY: Limit = Limit::new("bus.key_bytes", 16 * 1024);
/// The longest producer of an id, in bytes.
pub const PRODUCER: Limit = Limit::new("bus.producer_bytes", 256);

/// Bytes that are no batch, or a batch that has no bytes.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// Too long to be written.
    #[error(transparent)]
    TooLarge(#[from] base::Exceeded),
    /// The bytes end early, or hold what nobody wrote.
    #[error("not a record: {0}")]
    Malformed(&'static str),
    /// Written by a newer program.
    #[error("record format {0} is unknown, {VERSION} is what this program reads: was it written by a newer one?")]
    Version(u8),
    /// Written by a newer program.
    #[error("stream `{0}` is unknown: was it written by a newer program?")]
    Stream(String),
    /// Arrow refused it.
    #[error("not an Arrow batch: {0}")]
    Arrow(#[from] ArrowError),
}

/// The bytes of `batch`.
///
/// # Errors
/// If the key or the producer is too long, or Arrow cannot write one of the columns.
pub fn encode(batch: &Batch) -> Result<Vec<u8>, CodecError> {
    encode_into(Vec::new(), batch)
}

/// The same in the memory of `body`, whose bytes go, if it is large enough.
pub(crate) fn encode_into(mut body: Vec<u8>, batch: &Batch) -> Result<Vec<u8>, CodecError> {
    let name = batch.stream.as_str();
    let producer = batch.id.as_ref().map_or("", |id| id.producer.as_str());
    KEY.check(batch.key.len() as u64)?;
    PRODUCER.check(producer.len() as u64)?;

    let room = HEAD + 1024 + batch.data.get_array_memory_size().min(1 << 20);
    body.clear();
    if body.capacity() < room {
        body = Vec::with_capacity(room);
    }
    body.extend([VERSION, if batch.id.is_some() { HAS_ID } else { 0 }]);
    body.extend(length16(name)?);
    body.extend(length32(batch.key.len())?);
    body.extend(length16(producer)?);
    body.extend([0; 2]);
    let (shard, offset, index) = batch.id.as_ref().map_or((0, 0, 0), |id| (id.shard, id.offset.0, id.index));
    body.extend(shard.to_le_bytes());
    body.extend(offset.to_le_bytes());
    body.extend(index.to_le_bytes());
    body.extend([0; 4]);
    for text in [name, &batch.key, producer] {
        body.extend_from_slice(text.as_bytes());
    }
    body.resize(body.len().next_multiple_of(8), 0);
    append_arrow(body, &batch.data)
}

fn append_arrow(body: Vec<u8>, data: &RecordBatch) -> Result<Vec<u8>, CodecError> {
    let start = body.len();
    let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5)?;
    let mut writer = StreamWriter::try_new_with_options(body, data.schema_ref(), options)?;
    writer.write(data)?;
    let mut body = writer.into_inner()?;
    let length = length32(body.len() - start)?;
    body[28..HEAD].copy_from_slice(&length);
    Ok(body)
}

fn length16(text: &str) -> Result<[u8; 2], CodecError> {
    let length = u16::try_from(text.len()).map_err(|_| CodecError::Malformed("a name is too long"))?;
    Ok(length.to_le_bytes())
}

fn length32(length: usize) -> Result<[u8; 4], CodecError> {
    let length = u32::try_from(length).map_err(|_| CodecError::Malformed("it is too long"))?;
    Ok(length.to_le_bytes())
}

/// The batch of `body`, which is the whole of what [`encode`] gave. The columns share the memory
/// of `body` where it is aligned.
///
/// # Errors
/// If it is anything else.
pub fn decode(body: &Buffer) -> Result<Batch, CodecError> {
    let mut rest = Parts(body.as_slice());
    match rest.take::<1>()? {
        [VERSION] => {}
        [other] => return Err(CodecError::Version(other)),
    }
    let [flags] = rest.take()?;
    let name = u16::from_le_bytes(rest.take()?).into();
    let key = u32::from_le_bytes(rest.take()?) as usize;
    let producer = u16::from_le_bytes(rest.take()?).into();
    let _: [u8; 2] = rest.take()?;
    let (shard, offset) = (u32::from_le_bytes(rest.take()?), u64::from_le_bytes(rest.take()?));
    let (index, arrow) = (u32::from_le_bytes(rest.take()?), u32::from_le_bytes(rest.take()?) as usize);
    let (name, key, producer) = (rest.text(name)?, rest.text(key)?, rest.text(producer)?);
    let start = (body.len() - rest.0.len()).next_multiple_of(8);
    if start.checked_add(arrow) != Some(body.len()) {
        return Err(CodecError::Malformed("its length is not what its head says"));
    }
    let id = match flags {
        0 => None,
        HAS_ID => Some(RecordId { producer: producer.to_owned(), shard, offset: Offset(offset), index }),
        _ => return Err(CodecError::Malformed("unknown flags")),
    };
    let stream = Stream::named(name).ok_or_else(|| CodecError::Stream(name.chars().take(64).collect()))?;
    Ok(Batch { stream, key: key.to_owned(), id, data: arrow_batch(body.slice(start))? })
}

/// Arrow 59 checks most, but panics on some bytes that no writer makes (buffers outside the
/// message); a log that others can write to must not end a reader by it.
fn arrow_batch(mut bytes: Buffer) -> Result<RecordBatch, CodecError> {
    let length = bytes.len();
    refuse_compressed(bytes.as_slice())?;
    let decoded = std::panic::catch_unwind(move || StreamDecoder::new().decode(&mut bytes));
    match decoded.map_err(|_| CodecError::Malformed("its Arrow part has buffers that are not there"))?? {
        // A column without buffers may have any number of rows; of all others a row takes a bit at least.
        Some(data) if data.num_rows() > 8 * length => Err(CodecError::Malformed("it has more rows than bits")),
        Some(data) => Ok(data),
        None => Err(CodecError::Malformed("it holds no record batch")),
    }
}

/// Nothing is written compressed. Arrow would take memory for what a compressed buffer says that it becomes, which
/// may be any number, and a process that asks for more than there is has ended.
fn refuse_compressed(bytes: &[u8]) -> Result<(), CodecError> {
    let mut rest = Parts(bytes);
    loop {
        let length = match rest.take::<4>().map(u32::from_le_bytes) {
            Ok(CONTINUATION) => rest.take().map(u32::from_le_bytes)?,
            Ok(length) => length,
            Err(_) => return Ok(()), // the end, which the decoder looks at
        };
        if length == 0 {
            return Ok(());
        }
        let message = root_as_message(rest.bytes(length as usize)?)
            .map_err(|_| CodecError::Malformed("its Arrow part has a message that is none"))?;
        let dictionary = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
        let batch = message.header_as_record_batch().or(dictionary);
        if batch.is_some_and(|batch| batch.compression().is_some()) {
            return Err(CodecError::Malformed("its Arrow part is compressed"));
        }
        rest.bytes(usize::try_from(message.bodyLength()).unwrap_or(usize::MAX))?;
    }
}

/// What is left of the bytes.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (part, rest) = self.0.split_first_chunk().ok_or(CodecError::Malformed("it ends early"))?;
        self.0 = rest;
        Ok(*part)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let (part, rest) = self.0.split_at_checked(length).ok_or(CodecError::Malformed("it ends early"))?;
        self.0 = rest;
        Ok(part)
    }

    fn text(&mut self, length: usize) -> Result<&'a str, CodecError> {
        std::str::from_utf8(self.bytes(length)?).map_err(|_| CodecError::Malformed("a text is not UTF-8"))
    }
}

#[cfg(test)]
mod tests;
