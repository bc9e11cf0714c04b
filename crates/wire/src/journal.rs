//! The Journal Export Format, as `journalctl -o export` writes it: entries parted by empty lines, each a number of
//! fields. A field is `NAME=value` in a line; or, if its value is not printable text, `NAME` in a line, then the
//! value's length in 64 bits (little endian), the value, and a newline.

use base::Limit;

/// Bytes of a field's name; journald allows 64.
const NAME: usize = 256;

/// What goes over the limits of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a value: more are left out.
    pub value: Limit,
    /// Fields of an entry: more are left out.
    pub fields: Limit,
}

/// An entry. Its fields are in the order in which they were written, and names may be there more than once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    fields: Vec<(String, Vec<u8>)>,
    /// Whether a limit left out a part of it.
    pub cut: bool,
}

impl Entry {
    /// The fields.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// The first value of a field that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.get(name)?).ok()
    }
}

/// Why what is written is no journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal export at byte {at}: {what}")]
pub struct ExportError {
    /// The byte of the stream.
    pub at: u64,
    /// What is wrong.
    pub what: &'static str,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// A name, or the end of the entry.
    Name,
    /// The value of a line.
    Line,
    /// So many bytes of a length, which is so far.
    Length(u32, u64),
    /// So many bytes of a value.
    Value(u64),
    /// The newline behind a value.
    End,
}

/// Reads a stream as it comes, in pieces of any size; holds one entry at most.
#[derive(Clone, Debug)]
pub struct Reader {
    limits: Limits,
    expect: Expect,
    at: u64,
    name: Vec<u8>,
    value: Vec<u8>,
    /// Bytes of the value, those that are left out among them.
    length: u64,
    entry: Entry,
}

impl Reader {
    /// A stream from its beginning.
    pub fn new(limits: Limits) -> Self {
        let (name, value) = (Vec::new(), Vec::new());
        Self { limits, expect: Expect::Name, at: 0, name, value, length: 0, entry: Entry::default() }
    }

    /// Reads on in `bytes` up to the end of an entry, or to their end; what was read is taken from them.
    ///
    /// # Errors
    /// What is no export. Nothing can be read after that.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Entry>, ExportError> {
        while !bytes.is_empty() {
            let before = bytes.len();
            let whole = self.step(bytes)?;
            self.at += (before - bytes.len()) as u64;
            if whole {
                return Ok(Some(std::mem::take(&mut self.entry)));
            }
        }
        Ok(None)
    }

    fn error(&self, what: &'static str) -> ExportError {
        ExportError { at: self.at, what }
    }

    /// Takes some bytes; says whether an entry is whole.
    fn step(&mut self, bytes: &mut &[u8]) -> Result<bool, ExportError> {
        match self.expect {
            Expect::Name => return self.name(bytes),
            Expect::Line => {
                let end = memchr::memchr(b'\n', bytes);
                let value = take(bytes, end.unwrap_or(bytes.len()));
                self.keep(value);
                if end.is_some() {
                    take(bytes, 1);
                    self.field();
                }
            }
            Expect::Length(seen, length) => {
                let byte = take(bytes, 1).first().copied().unwrap_or_default();
                let length = length | u64::from(byte) << (8 * seen);
                self.expect = if seen == 7 { Expect::Value(length) } else { Expect::Length(seen + 1, length) };
            }
            Expect::Value(0) => self.expect = Expect::End,
            Expect::Value(left) => {
                let value = take(bytes, usize::try_from(left).unwrap_or(usize::MAX));
                self.keep(value);
                self.expect = Expect::Value(left - value.len() as u64);
            }
            Expect::End => {
                if take(bytes, 1) != b"\n" {
                    return Err(self.error("no newline behind a value"));
                }
                self.field();
            }
        }
        Ok(false)
    }

    fn name(&mut self, bytes: &mut &[u8]) -> Result<bool, ExportError> {
        let end = bytes.iter().position(|byte| matches!(byte, b'=' | b'\n'));
        let name = take(bytes, end.unwrap_or(bytes.len()));
        if self.name.len() + name.len() > NAME {
            // The byte that is too many, wherever the pieces of the stream begin.
            let at = self.at + (NAME - self.name.len()) as u64;
            return Err(ExportError { at, what: "a name is too long" });
        }
        self.name.extend_from_slice(name);
        if end.is_none() {
            return Ok(false);
        }
        let line = take(bytes, 1) == b"\n";
        match (self.name.is_empty(), line) {
            // More than one empty line may be between two entries.
            (true, true) => return Ok(!self.entry.fields.is_empty()),
            (true, false) => return Err(self.error("a field without a name")),
            (false, true) => self.expect = Expect::Length(0, 0),
            (false, false) => self.expect = Expect::Line,
        }
        Ok(false)
    }

    /// Adds to the value what the limit allows.
    fn keep(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let room = usize::try_from(self.limits.value.max()).unwrap_or(usize::MAX).saturating_sub(self.value.len());
        self.value.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    /// The field is whole.
    fn field(&mut self) {
        let (name, value) = (std::mem::take(&mut self.name), std::mem::take(&mut self.value));
        let length = std::mem::take(&mut self.length);
        self.expect = Expect::Name;
        self.entry.cut |= self.limits.value.check(length).is_err();
        if self.limits.fields.check(self.entry.fields.len() as u64 + 1).is_err() {
            self.entry.cut = true;
            return;
        }
        self.entry.fields.push((String::from_utf8_lossy(&name).into_owned(), value));
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at_checked(count).unwrap_or((bytes, b""));
    *bytes = rest;
    taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutate;

    const LIMITS: Limits =
        Limits { value: Limit::new("test_journal_value", 20), fields: Limit::new("test_journal_fields", 4) };

    fn read(stream: &[u8], step: usize) -> String {
        let (mut reader, mut out) = (Reader::new(LIMITS), String::new());
        for mut piece in stream.chunks(step) {
            loop {
                match reader.next(&mut piece) {
                    Ok(None) => break,
                    Ok(Some(entry)) => {
                        for (name, value) in entry.fields() {
                            out += &format!("{name}={:?} ", String::from_utf8_lossy(value));
                        }
                        out += if entry.cut { "cut\n" } else { "\n" };
                    }
                    Err(error) => return format!("{out}{error}"),
                }
            }
        }
        out
    }

    /// Cases: a stream in which `\n` and `\xx` are bytes, then lines of what is read of it, each begun with `| `.
    #[test]
    fn streams_are_read_in_pieces_of_any_size() {
        let file = include_str!("../tests/bodies/journal.txt");
        let cases = file.split("\n\n").filter(|case| !case.starts_with("# "));
        let mut count = 0;
        for case in cases {
            let (stream, expected): (Vec<_>, Vec<_>) = case.lines().partition(|line| !line.starts_with("| "));
            let stream = unescaped(&stream.concat());
            let expected: Vec<_> = expected.iter().map(|line| line[2..].trim_end()).collect();
            for step in [1, 3, 1000] {
                let read = read(&stream, step);
                let lines: Vec<_> = read.lines().map(str::trim_end).collect();
                assert_eq!(lines, expected, "of {case}, {step} at a time");
            }
            count += 1;
        }
        assert!(count > 7, "{count}");
    }

    #[test]
    fn a_name_that_is_too_long_is_told_at_the_same_byte_in_pieces_of_any_size() {
        let stream = [b"A=b\n", "N".repeat(NAME + 9).as_bytes()].concat();
        let expected = format!("journal export at byte {}: a name is too long", 4 + NAME);
        for step in [1, 7, NAME, 1000] {
            assert_eq!(read(&stream, step), expected, "{step} at a time");
        }
    }

    fn unescaped(text: &str) -> Vec<u8> {
        let (mut out, mut bytes) = (Vec::new(), text.bytes());
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' => match bytes.next().unwrap() {
                    b'n' => out.push(b'\n'),
                    high => {
                        let digits = [high, bytes.next().unwrap()];
                        out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                    }
                },
                byte => out.push(byte),
            }
        }
        out
    }

    #[test]
    fn damage_never_panics() {
        let stream = b"__CURSOR=s=1;i=2\nMESSAGE\n\x05\0\0\0\0\0\0\0a\nb\nc\nPRIORITY=6\n\n__CURSOR=x\n\n";
        mutate::each(stream, 5000, |bytes| drop(read(bytes, 4)));
    }
}
