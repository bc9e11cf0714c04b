//! The headers of pages.
//!
//! They are structures of Thrift's compact protocol, <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>,
//! as Parquet defines them: <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>.

use parquet::basic::Encoding;

use super::delta::signed;
use super::hybrid::varint;

/// Structures within structures that are passed over, at most: statistics have one.
const MAX_DEPTH: usize = 4;

/// What the header of a page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes of the page behind its header, when they are unpacked and as they are stored.
    pub unpacked: usize,
    pub packed: usize,
    pub kind: Kind,
}

/// The kinds of pages that are read here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Other,
    Dictionary {
        encoding: Option<Encoding>,
    },
    /// All of it is packed. Levels are before the values, with their length.
    First {
        values: usize,
        encoding: Option<Encoding>,
    },
    /// The levels before the values are not packed, and the values only if it says so.
    Second {
        values: usize,
        encoding: Option<Encoding>,
        definitions: usize,
        repetitions: usize,
        packed: bool,
    },
}

/// The numbers of a structure's fields, by what the field is called: up to nine of them.
type Fields = [Option<i64>; 10];

/// Reads the header at the beginning of these bytes, and what follows.
pub(super) fn header(mut bytes: &[u8]) -> Option<(Header, &[u8])> {
    let mut fields = Fields::default();
    let mut kind = Kind::Other;
    structure(&mut bytes, &mut fields, |id, bytes| {
        let mut fields = Fields::default();
        structure(bytes, &mut fields, |_, bytes| skip_structure(bytes, MAX_DEPTH))?;
        kind = of_kind(id, &fields)?;
        Some(())
    })?;
    let [_, _, unpacked, packed, ..] = fields;
    Some((Header { unpacked: length(unpacked)?, packed: length(packed)?, kind }, bytes))
}

/// What the structure with this number in a header says.
fn of_kind(id: i64, fields: &Fields) -> Option<Kind> {
    let [_, values, second, third, fourth, fifth, sixth, seventh, ..] = *fields;
    Some(match id {
        5 if third == Some(3) => Kind::First { values: length(values)?, encoding: encoding(second) },
        7 => Kind::Dictionary { encoding: encoding(second) },
        8 => Kind::Second {
            values: length(values)?,
            encoding: encoding(fourth),
            definitions: length(fifth)?,
            repetitions: length(sixth)?,
            packed: seventh != Some(0),
        },
        _ => Kind::Other,
    })
}

fn length(field: Option<i64>) -> Option<usize> {
    usize::try_from(field?).ok()
}

/// The encodings that are read here, by their numbers.
fn encoding(field: Option<i64>) -> Option<Encoding> {
    match field? {
        0 => Some(Encoding::PLAIN),
        2 => Some(Encoding::PLAIN_DICTIONARY),
        5 => Some(Encoding::DELTA_BINARY_PACKED),
        8 => Some(Encoding::RLE_DICTIONARY),
        9 => Some(Encoding::BYTE_STREAM_SPLIT),
        _ => None,
    }
}

/// Reads the numbers of a structure; those within go to `within` with their number.
fn structure(
    bytes: &mut &[u8],
    fields: &mut Fields,
    mut within: impl FnMut(i64, &mut &[u8]) -> Option<()>,
) -> Option<()> {
    let mut id = 0;
    while let Some(kind) = field(bytes, &mut id)? {
        let number = match kind {
            1 => 1,
            2 => 0,
            4..=6 => signed(varint(bytes)?),
            12 => {
                within(id, bytes)?;
                continue;
            }
            other => {
                skip(bytes, other, MAX_DEPTH)?;
                continue;
            }
        };
        if let Some(field) = usize::try_from(id).ok().and_then(|id| fields.get_mut(id)) {
            *field = Some(number);
        }
    }
    Some(())
}

/// The kind of the next field, whose number comes after `id`; nothing at the end of the structure.
fn field(bytes: &mut &[u8], id: &mut i64) -> Option<Option<u8>> {
    let byte = next(bytes)?;
    if byte == 0 {
        return Some(None);
    }
    let more = i64::from(byte >> 4);
    *id = if more == 0 { signed(varint(bytes)?) } else { id.checked_add(more)? };
    Some(Some(byte & 0xf))
}

/// Passes a value of a kind over. Of lists there are none in what is read here.
fn skip(bytes: &mut &[u8], kind: u8, depth: usize) -> Option<()> {
    match kind {
        1 | 2 => Some(()),
        3 => next(bytes).map(|_| ()),
        4..=6 => varint(bytes).map(|_| ()),
        7 => pass(bytes, 8),
        8 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            pass(bytes, length)
        }
        12 => skip_structure(bytes, depth.checked_sub(1)?),
        _ => None,
    }
}

fn skip_structure(bytes: &mut &[u8], depth: usize) -> Option<()> {
    let mut id = 0;
    while let Some(kind) = field(bytes, &mut id)? {
        skip(bytes, kind, depth)?;
    }
    Some(())
}

fn next(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

fn pass(bytes: &mut &[u8], count: usize) -> Option<()> {
    *bytes = bytes.get(count..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use base::Rng;

    use super::*;

    /// A second page of 300 values, of which 5 bytes are levels, with statistics: as the library writes it.
    const SECOND: [u8; 34] = [
        0x15, 6, 0x15, 0xa0, 1, 0x15, 0x90, 1, 0x5c, 0x15, 0xd8, 4, 0x15, 0, 0x15, 0xd8, 4, 0x15, 10, 0x15, 10, 0x15,
        0, 0x11, 0x1c, 0x36, 2, 0x28, 1, 7, 0x18, 1, 3, 0,
    ];

    fn second() -> Vec<u8> {
        let mut bytes = SECOND.to_vec();
        // The ends of the page's structure and of the header.
        bytes.extend([0, 0, 9, 9]);
        bytes
    }

    #[test]
    fn what_a_header_says_is_read_and_statistics_are_passed_over() {
        let bytes = second();
        let kind = Kind::Second {
            values: 300,
            encoding: Some(Encoding::DELTA_BINARY_PACKED),
            definitions: 5,
            repetitions: 0,
            packed: true,
        };
        assert_eq!(header(&bytes), Some((Header { unpacked: 80, packed: 72, kind }, [9, 9].as_slice())));
        let first = [0x15, 0, 0x15, 4, 0x15, 4, 0x2c, 0x15, 2, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0];
        let kind = Kind::First { values: 1, encoding: Some(Encoding::PLAIN) };
        assert_eq!(header(&first), Some((Header { unpacked: 2, packed: 2, kind }, [].as_slice())));
    }

    #[test]
    fn what_is_damaged_or_deep_ends() {
        let (bytes, rng) = (second(), Rng::seeded(3));
        for end in 0..bytes.len() - 2 {
            assert_eq!(header(&bytes[..end]), None, "{end}");
        }
        for _ in 0..20_000 {
            let mut bytes = bytes.clone();
            bytes[rng.below(36) as usize] = rng.below(256) as u8;
            let _ = header(&bytes);
        }
        assert_eq!(header(&[0x1c; 1 << 16]), None);
    }
}
