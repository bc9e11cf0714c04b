use super::error::{Error, Fault};
use super::schema::{Message, path};

/// Messages may lie within messages so deep; protobuf's own libraries stop at 100.
pub const MAX_DEPTH: u8 = 64;

const MAX_NUMBER: u64 = (1 << 29) - 1;

/// The wire types that exist (<https://protobuf.dev/programming-guides/encoding/#structure>).
mod wire {
    pub(super) const VARINT: u8 = 0;
    pub(super) const FIXED64: u8 = 1;
    pub(super) const BYTES: u8 = 2;
    pub(super) const FIXED32: u8 = 5;
}

/// What stands before a field: its number and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag(u32);

impl Tag {
    /// The field's number.
    #[inline]
    pub fn number(self) -> u32 {
        self.0 >> 3
    }

    /// The same field in another wire type: what stands before each of several numbers in a row, as it were.
    #[inline]
    pub(super) fn with_wire(self, wire: u8) -> Self {
        Self(self.0 & !7 | u32::from(wire))
    }

    #[inline]
    fn wire(self) -> u8 {
        (self.0 & 7) as u8
    }

    /// Whether the value has a length before it: a string, bytes, a message or packed numbers.
    #[inline]
    pub fn has_length(self) -> bool {
        self.wire() == wire::BYTES
    }
}

/// Reads the fields of a message from a body without copying. Ask for [`Reader::tag`], then for the
/// value in the form that the field's declaration says, or [`Reader::skip`] it.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    body: &'a [u8],
    /// Names the fields when something fails; without it the path of an error is empty.
    root: Option<&'static Message>,
    depth: u8,
}

impl<'a> Reader<'a> {
    /// Reads `body`, a message of the form `root`.
    pub fn new(body: &'a [u8], root: &'static Message) -> Self {
        Self { rest: body, body, root: Some(root), depth: 0 }
    }

    pub(super) fn plain(body: &'a [u8]) -> Self {
        Self { rest: body, body, root: None, depth: 0 }
    }

    /// What has not been read of this message.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Where in the body the reader is.
    pub fn offset(&self) -> usize {
        self.offset_of(self.rest)
    }

    fn offset_of(&self, part: &'a [u8]) -> usize {
        (part.as_ptr() as usize).wrapping_sub(self.body.as_ptr() as usize)
    }

    /// The same place in the body, with only `part` of the message to read.
    #[inline]
    pub(crate) fn over(&self, part: &'a [u8]) -> Self {
        Self { rest: part, ..*self }
    }

    /// The next field's number and form; nothing at the end of the message.
    ///
    /// # Errors
    /// A tag that is cut off, of a group, or that no field can have.
    #[inline(always)]
    pub fn tag(&mut self) -> Result<Option<Tag>, Error> {
        let Some((&first, rest)) = self.rest.split_first() else { return Ok(None) };
        if (8..0x80).contains(&first) && first & 7 <= 5 && !matches!(first & 7, 3 | 4) {
            self.rest = rest;
            return Ok(Some(Tag(u32::from(first))));
        }
        let (tag, rest) = self.long_tag()?;
        self.rest = rest;
        Ok(Some(tag))
    }

    /// A tag of several bytes, or one that is wrong, and what follows it. Like all that is rarely done it takes
    /// the reader by value: one whose address is known lies in memory instead of registers.
    fn long_tag(self) -> Result<(Tag, &'a [u8]), Error> {
        let (key, rest) = long_varint(self.rest).map_err(|fault| self.fail(self.rest, false, fault))?;
        let number = key >> 3;
        let fault = match (key & 7) as u8 {
            _ if number == 0 || number > MAX_NUMBER => Fault::Number(number),
            3 | 4 => Fault::Group,
            other @ (6 | 7) => Fault::NoWireType(other),
            _ => return Ok((Tag(u32::try_from(key).unwrap_or_default()), rest)),
        };
        Err(self.fail(self.rest, false, fault))
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Error> {
        match self.rest {
            [one @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*one))
            }
            [one, two @ ..0x80, rest @ ..] => {
                self.rest = rest;
                Ok(u64::from(*one & 0x7f) | u64::from(*two) << 7)
            }
            _ => {
                let (value, rest) = long_varint(self.rest).map_err(|fault| self.here(fault))?;
                self.rest = rest;
                Ok(value)
            }
        }
    }

    #[inline(always)]
    fn expect(&self, tag: Tag, want: u8) -> Result<(), Error> {
        if tag.wire() == want { Ok(()) } else { Err(self.here(Fault::WireType { got: tag.wire(), want })) }
    }

    /// A varint as it is: `uint64`, and by a cast `int32`, `int64`, `uint32`, `bool` and enumerations.
    ///
    /// # Errors
    /// Another wire type, more than 64 bits, or the end of the bytes.
    #[inline(always)]
    pub fn uint(&mut self, tag: Tag) -> Result<u64, Error> {
        self.expect(tag, wire::VARINT)?;
        self.varint()
    }

    /// `sint32` or `sint64`.
    ///
    /// # Errors
    /// As [`Reader::uint`].
    #[inline]
    pub fn sint(&mut self, tag: Tag) -> Result<i64, Error> {
        self.uint(tag).map(zigzag)
    }

    /// `fixed64`, `sfixed64`, or the bits of a `double`.
    ///
    /// # Errors
    /// Another wire type, or the end of the bytes.
    #[inline(always)]
    pub fn fixed64(&mut self, tag: Tag) -> Result<u64, Error> {
        self.expect(tag, wire::FIXED64)?;
        self.array().map(u64::from_le_bytes)
    }

    /// `fixed32`, `sfixed32`, or the bits of a `float`.
    ///
    /// # Errors
    /// Another wire type, or the end of the bytes.
    #[inline]
    pub fn fixed32(&mut self, tag: Tag) -> Result<u32, Error> {
        self.expect(tag, wire::FIXED32)?;
        self.array().map(u32::from_le_bytes)
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let Some((value, rest)) = self.rest.split_first_chunk::<N>() else { return Err(self.here(Fault::Truncated)) };
        self.rest = rest;
        Ok(*value)
    }

    /// `bytes`, or anything else with a length before it.
    ///
    /// # Errors
    /// Another wire type, or a length beyond the end of the bytes.
    #[inline(always)]
    pub fn bytes(&mut self, tag: Tag) -> Result<&'a [u8], Error> {
        self.expect(tag, wire::BYTES)?;
        let start = self.rest;
        let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
        let Some((value, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.fail(start, true, Fault::Truncated));
        };
        self.rest = rest;
        Ok(value)
    }

    /// `string`.
    ///
    /// # Errors
    /// As [`Reader::bytes`], and bytes that are not UTF-8.
    #[inline(always)]
    pub fn string(&mut self, tag: Tag) -> Result<&'a str, Error> {
        let bytes = self.bytes(tag)?;
        std::str::from_utf8(bytes).map_err(|_| self.fail(bytes, true, Fault::Utf8))
    }

    /// `string` that is probably a part of `text`, of which it is known that it is UTF-8; one that is not is
    /// looked at by itself.
    #[inline(always)]
    pub(crate) fn string_of(&mut self, tag: Tag, text: &'a str) -> Result<&'a str, Error> {
        let bytes = self.bytes(tag)?;
        let start = (bytes.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
        if let Some(part) = text.get(start..start.wrapping_add(bytes.len())) {
            return Ok(part);
        }
        std::str::from_utf8(bytes).map_err(|_| self.fail(bytes, true, Fault::Utf8))
    }

    /// A message within this one.
    ///
    /// # Errors
    /// As [`Reader::bytes`], and one that lies more than [`MAX_DEPTH`] deep.
    #[inline(always)]
    pub fn message(&mut self, tag: Tag) -> Result<Self, Error> {
        let rest = self.bytes(tag)?;
        if self.depth >= MAX_DEPTH {
            return Err(self.fail(rest, true, Fault::Depth(MAX_DEPTH)));
        }
        Ok(Self { rest, depth: self.depth + 1, ..*self })
    }

    /// Numbers in a row, which fill the bytes of one field.
    ///
    /// # Errors
    /// As [`Reader::bytes`].
    #[inline]
    pub(super) fn packed(&mut self, tag: Tag) -> Result<Self, Error> {
        let rest = self.bytes(tag)?;
        Ok(Self { rest, ..*self })
    }

    /// Leaves out the value of a field.
    ///
    /// # Errors
    /// The end of the bytes, or a varint of more than 64 bits.
    #[inline(always)]
    pub fn skip(&mut self, tag: Tag) -> Result<(), Error> {
        match tag.wire() {
            wire::VARINT => self.varint().map(drop),
            wire::FIXED64 => self.array::<8>().map(drop),
            wire::FIXED32 => self.array::<4>().map(drop),
            _ => self.bytes(tag).map(drop),
        }
    }

    #[cold]
    #[inline(never)]
    fn here(self, fault: Fault) -> Error {
        self.fail(self.rest, true, fault)
    }

    /// An error where `part` begins. The value of a field may begin where its message ends: then the
    /// byte before it, of the tag or the length, tells in which field it is.
    #[cold]
    #[inline(never)]
    fn fail(self, part: &'a [u8], value: bool, fault: Fault) -> Error {
        let at = self.offset_of(part);
        let names = self.root.map(|root| path(self.body, root, at.saturating_sub(usize::from(value))));
        Error::new(at, names.unwrap_or_default(), fault)
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader(byte {}, {} left)", self.offset(), self.rest.len())
    }
}

/// A varint of any length, and what follows it.
fn long_varint(bytes: &[u8]) -> Result<(u64, &[u8]), Fault> {
    let mut value = 0u64;
    for (n, &byte) in bytes.iter().take(10).enumerate() {
        if n == 9 && byte > 1 {
            return Err(Fault::Varint);
        }
        value |= u64::from(byte & 0x7f) << (7 * n);
        if byte < 0x80 {
            return Ok((value, bytes.get(n + 1..).unwrap_or_default()));
        }
    }
    Err(Fault::Truncated)
}

/// The message that follows its length, and what follows the message.
///
/// # Errors
/// A length that is none, or that goes beyond the end.
pub fn delimited(bytes: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let (length, rest) = long_varint(bytes)?;
    rest.split_at_checked(usize::try_from(length).unwrap_or(usize::MAX)).ok_or(Fault::Truncated)
}

#[inline]
fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
