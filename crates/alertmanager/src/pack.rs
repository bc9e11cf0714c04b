//! Values as bytes, as small as they can be: numbers in groups of seven bits, the lowest first, with the high bit set in all
//! but the last; texts and lists after their length; times as eight bytes, little-endian.

use base::Timestamp;

use crate::labels::{Fingerprint, Labels};

/// Bytes that are not what was packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a saved part is cut off or damaged")]
pub(crate) struct Torn;

/// Puts values together.
#[derive(Debug, Default)]
pub(crate) struct Packer(pub(crate) Vec<u8>);

impl Packer {
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend(text.as_bytes());
    }

    pub fn flag(&mut self, flag: bool) {
        self.0.push(flag.into());
    }

    pub fn time(&mut self, time: Timestamp) {
        self.0.extend(time.nanos().to_le_bytes());
    }

    pub fn labels(&mut self, labels: &Labels) {
        self.number(labels.len() as u64);
        for (name, value) in labels {
            self.text(name);
            self.text(value);
        }
    }

    pub fn alerts<'a>(&mut self, alerts: impl ExactSizeIterator<Item = &'a Fingerprint>) {
        self.number(alerts.len() as u64);
        alerts.for_each(|alert| self.0.extend(alert.0.to_le_bytes()));
    }

    pub fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            put(self, value);
        }
    }
}

/// Takes values apart, in the order in which they were put together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unpacker<'a>(pub(crate) &'a [u8]);

impl<'a> Unpacker<'a> {
    pub fn number(&mut self) -> Result<u64, Torn> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Torn)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Torn)
    }

    pub fn text(&mut self) -> Result<&'a str, Torn> {
        let length = usize::try_from(self.number()?).map_err(|_| Torn)?;
        let (text, rest) = self.0.split_at_checked(length).ok_or(Torn)?;
        self.0 = rest;
        std::str::from_utf8(text).map_err(|_| Torn)
    }

    pub fn flag(&mut self) -> Result<bool, Torn> {
        let (flag, rest) = self.0.split_first().ok_or(Torn)?;
        self.0 = rest;
        if *flag > 1 { Err(Torn) } else { Ok(*flag == 1) }
    }

    pub fn eight(&mut self) -> Result<[u8; 8], Torn> {
        let (bytes, rest) = self.0.split_first_chunk::<8>().ok_or(Torn)?;
        self.0 = rest;
        Ok(*bytes)
    }

    pub fn time(&mut self) -> Result<Timestamp, Torn> {
        Ok(Timestamp::from_nanos(i64::from_le_bytes(self.eight()?)))
    }

    pub fn labels(&mut self) -> Result<Labels, Torn> {
        (0..self.number()?).map(|_| Ok((self.text()?.to_owned(), self.text()?.to_owned()))).collect()
    }

    /// Passes over labels; the value of the one with that name.
    pub fn value(&mut self, wanted: &str) -> Result<&'a str, Torn> {
        let mut found = "";
        for _ in 0..self.number()? {
            let (name, value) = (self.text()?, self.text()?);
            if name == wanted {
                found = value;
            }
        }
        Ok(found)
    }

    pub fn alerts<C: FromIterator<Fingerprint>>(&mut self) -> Result<C, Torn> {
        (0..self.number()?).map(|_| Ok(Fingerprint(u64::from_le_bytes(self.eight()?)))).collect()
    }

    pub fn option<T>(&mut self, take: impl FnOnce(&mut Self) -> Result<T, Torn>) -> Result<Option<T>, Torn> {
        if self.flag()? { take(self).map(Some) } else { Ok(None) }
    }

    /// Nothing is left.
    pub const fn end(self) -> Result<(), Torn> {
        if self.0.is_empty() { Ok(()) } else { Err(Torn) }
    }
}
