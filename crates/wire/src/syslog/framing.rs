use base::{Exceeded, Limit};

/// What a stream's buffer begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A message.
    Message {
        /// Its bytes, without the frame.
        bytes: &'a [u8],
        /// How many bytes of the buffer it took.
        consumed: usize,
    },
    /// Nothing whole: read more.
    More,
}

/// Why a stream cannot be read on: where its next message begins is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message larger than the limit.
    #[error("a syslog message is too large: {0}")]
    TooLarge(#[from] Exceeded),
    /// A length that is none.
    #[error("a syslog frame begins with a length that is none")]
    Length,
}

/// Takes the first message of a buffer. As RFC 6587 has it: a length, a space and so many bytes, or a message
/// up to the end of the line; each frame may be of either kind, told by whether it begins with a digit.
///
/// # Errors
/// A message larger than `limit`, which is known before all of it was read, or a length that is none.
pub fn next_frame(buffer: &[u8], limit: Limit) -> Result<Frame<'_>, FrameError> {
    match buffer.first() {
        None => Ok(Frame::More),
        Some(b'1'..=b'9') => counted(buffer, limit),
        Some(_) => line(buffer, limit),
    }
}

fn counted(buffer: &[u8], limit: Limit) -> Result<Frame<'_>, FrameError> {
    let len = buffer.iter().take(11).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = buffer.split_at_checked(len).unwrap_or_default();
    let count: u64 =
        std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(FrameError::Length)?;
    limit.check(count)?;
    match rest.split_first() {
        None if len <= 10 => Ok(Frame::More),
        Some((b' ', rest)) => {
            let count = usize::try_from(count).map_err(|_| FrameError::Length)?;
            Ok(rest.get(..count).map_or(Frame::More, |bytes| Frame::Message { bytes, consumed: len + 1 + count }))
        }
        _ => Err(FrameError::Length),
    }
}

fn line(buffer: &[u8], limit: Limit) -> Result<Frame<'_>, FrameError> {
    let end = buffer.iter().position(|byte| *byte == b'\n');
    let line = buffer.get(..end.unwrap_or(buffer.len())).unwrap_or_default();
    limit.check(line.len() as u64)?;
    let bytes = line.strip_suffix(b"\r").unwrap_or(line);
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes); // some senders end messages with both
    Ok(end.map_or(Frame::More, |end| Frame::Message { bytes, consumed: end + 1 }))
}
