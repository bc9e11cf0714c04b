use zstd::bulk::Decompressor;

/// Bytes of a page when it is unpacked, at most.
const MAX_PAGE: usize = 32 << 20;

/// Unpacks pages, one after the other.
pub(crate) struct Unpacker(Option<Decompressor<'static>>);

impl Unpacker {
    pub fn new() -> Self {
        Self(Decompressor::new().ok())
    }

    /// Puts what is stored into `into`, in place of what was there: so many bytes, or nothing is said.
    pub fn unpack(&mut self, is_packed: bool, stored: &[u8], length: usize, into: &mut Vec<u8>) -> Option<()> {
        into.clear();
        if length > MAX_PAGE {
            return None;
        }
        if !is_packed {
            into.extend_from_slice(stored);
        } else if !stored.is_empty() {
            into.reserve(length);
            self.0.as_mut()?.decompress_to_buffer(stored, into).ok()?;
        }
        (into.len() == length).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_as_long_as_it_says_is_refused() {
        let (mut unpacker, mut into) = (Unpacker::new(), Vec::new());
        let packed = zstd::bulk::compress(&[7; 1_000], 1).unwrap();
        unpacker.unpack(true, &packed, 1_000, &mut into).unwrap();
        assert_eq!(into, [7; 1_000]);
        for length in [0, 999, 1_001, MAX_PAGE + 1, usize::MAX] {
            assert_eq!(unpacker.unpack(true, &packed, length, &mut into), None, "{length}");
        }
        assert_eq!(unpacker.unpack(true, &packed[..9], 1_000, &mut into), None);
        assert_eq!(unpacker.unpack(false, &[1, 2], 3, &mut into), None);
        unpacker.unpack(false, &[1, 2], 2, &mut into).unwrap();
        assert_eq!(into, [1, 2]);
    }
}
