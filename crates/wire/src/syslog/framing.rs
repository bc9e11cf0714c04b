use base::Limit;

/// What a stream's buffer begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A message.
    Message {
        /// Its bytes, without the frame.
        bytes: &'a [u8],
        /// How many bytes of the buffer it took.
        consumed: usize,
        /// Whether it is only the beginning of a message, whose rest is over the limit.
        cut: bool,
    },
    /// The rest of a message that was cut.
    Rest {
        /// How many bytes of the buffer it took.
        consumed: usize,
    },
    /// Nothing whole: read more.
    More,
}

/// Why a stream cannot be read on: where its next message begins is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a syslog frame begins with a length that is none")]
pub struct FrameError;

/// Takes the messages of a stream out of its buffer, one by one. As RFC 6587 has it: a length, a space and so many
/// bytes, or a message up to the end of the line; each frame may be of either kind, told by whether it begins with a
/// digit. Of a message that is over the limit the beginning is given, and its rest is passed over; the limit counts it.
///
/// A buffer needs room for the limit and [`Framer::HEAD`] bytes more.
#[derive(Clone, Debug)]
pub struct Framer {
    limit: Limit,
    passing: Passing,
    /// Bytes of the buffer in which no line ends.
    scanned: usize,
}

/// What is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passing {
    Nothing,
    Bytes(u64),
    Line,
}

impl Framer {
    /// Bytes of a frame's length at most, with the space behind it.
    pub const HEAD: usize = 11;

    /// Of a stream from its beginning.
    pub const fn new(limit: Limit) -> Self {
        Self { limit, passing: Passing::Nothing, scanned: 0 }
    }

    /// The first message of the buffer. Who calls takes away what it `consumed`, and adds what comes in at its end.
    ///
    /// # Errors
    /// A length that is none.
    pub fn next<'a>(&mut self, buffer: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        match (self.passing, buffer.first()) {
            (_, None) => Ok(Frame::More),
            (Passing::Bytes(left), _) => Ok(self.pass(left, buffer)),
            (Passing::Line, _) => Ok(self.pass_line(buffer)),
            (Passing::Nothing, Some(b'1'..=b'9')) => self.counted(buffer),
            (Passing::Nothing, Some(_)) => Ok(self.line(buffer)),
        }
    }

    fn pass<'a>(&mut self, left: u64, buffer: &[u8]) -> Frame<'a> {
        let consumed = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let left = left.saturating_sub(consumed as u64);
        self.passing = if left == 0 { Passing::Nothing } else { Passing::Bytes(left) };
        Frame::Rest { consumed }
    }

    fn pass_line<'a>(&mut self, buffer: &[u8]) -> Frame<'a> {
        match newline(buffer) {
            None => Frame::Rest { consumed: buffer.len() },
            Some(end) => {
                self.passing = Passing::Nothing;
                Frame::Rest { consumed: end + 1 }
            }
        }
    }

    fn counted<'a>(&mut self, buffer: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        let len = buffer.iter().take(Self::HEAD).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = buffer.split_at_checked(len).unwrap_or_default();
        let digits = std::str::from_utf8(digits).ok().filter(|_| len < Self::HEAD);
        let count: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or(FrameError)?;
        let rest = match rest.split_first() {
            None => return Ok(Frame::More),
            Some((b' ', rest)) => rest,
            _ => return Err(FrameError),
        };
        let kept = usize::try_from(count.min(self.limit.max())).map_err(|_| FrameError)?;
        let Some(bytes) = rest.get(..kept) else { return Ok(Frame::More) };
        let over = count - kept as u64;
        let cut = over > 0 && self.limit.check(count).is_err();
        if cut {
            self.passing = Passing::Bytes(over);
        }
        Ok(Frame::Message { bytes, consumed: len + 1 + kept, cut })
    }

    fn line<'a>(&mut self, buffer: &'a [u8]) -> Frame<'a> {
        let unseen = buffer.get(self.scanned..).unwrap_or_default();
        let end = newline(unseen).map(|end| end + self.scanned);
        let most = usize::try_from(self.limit.max()).unwrap_or(usize::MAX);
        let len = end.unwrap_or(buffer.len());
        if len > most {
            // Where a line ends that is cut is looked for again, once.
            let _ = self.limit.check(len as u64);
            (self.passing, self.scanned) = (Passing::Line, 0);
            return Frame::Message { bytes: buffer.get(..most).unwrap_or_default(), consumed: most, cut: true };
        }
        let Some(end) = end else {
            self.scanned = buffer.len();
            return Frame::More;
        };
        self.scanned = 0;
        Frame::Message { bytes: trimmed(buffer.get(..end).unwrap_or_default()), consumed: end + 1, cut: false }
    }
}

fn newline(bytes: &[u8]) -> Option<usize> {
    memchr::memchr(b'\n', bytes)
}

/// Without what some senders end a message with: CR, a zero, both, or a newline in a frame of its own length.
pub fn trimmed(line: &[u8]) -> &[u8] {
    let bytes = line.strip_suffix(b"\n").unwrap_or(line);
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    bytes.strip_suffix(b"\0").unwrap_or(bytes)
}
