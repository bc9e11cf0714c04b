use base::{Exceeded, Limit};

use super::error::Error;
use super::reader::Reader;
use super::schema::{Message, Scalar};
use super::write::Writer;

/// Why a message is not written anew.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LossyError {
    /// Its bytes are no such message.
    #[error(transparent)]
    Bytes(#[from] Error),
    /// It becomes larger than its limit.
    #[error(transparent)]
    TooLarge(#[from] Exceeded),
}

/// Writes `body`, a message of the form `root`, into `buffer`, whose room is used again: in its strings U+FFFD is in place of what
/// is not UTF-8, all else is as it was sent. It is for bodies whose views say [`super::Fault::Utf8`].
///
/// # Errors
/// Bytes that are no such message, or more than `limit` of them.
pub fn lossy(body: &[u8], root: &'static Message, limit: Limit, buffer: &mut Vec<u8>) -> Result<(), LossyError> {
    buffer.clear();
    let mut out = Writer::new(std::mem::take(buffer));
    let done = message(Reader::new(body, root), root, limit, &mut out);
    *buffer = out.finish();
    done
}

fn message(mut from: Reader<'_>, form: &'static Message, limit: Limit, out: &mut Writer) -> Result<(), LossyError> {
    limit.check(out.len() as u64)?;
    loop {
        let start = from.rest();
        let Some(tag) = from.tag()? else { return Ok(()) };
        let scalar = form.field(tag.number()).map(|field| field.shape.scalar);
        match scalar.filter(|_| tag.has_length()) {
            Some(Scalar::String) => {
                let text = crate::utf8::lossy_within(from.bytes(tag)?, limit)?;
                limit.check((out.len() + text.len()) as u64)?;
                out.bytes(tag.number(), text.as_bytes());
            }
            Some(Scalar::Message(inner)) => {
                let within = from.message(tag)?;
                let start = out.begin(tag.number());
                message(within, inner(), limit, out)?;
                out.end(start);
            }
            _ => {
                from.skip(tag)?;
                let length = start.len() - from.rest().len();
                out.bare_bytes(start.get(..length).unwrap_or_default());
            }
        }
    }
}
