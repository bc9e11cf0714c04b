use std::marker::PhantomData;

use super::error::Error;
use super::kind::{Number, View};
use super::reader::{Reader, Tag};

/// Where in a message the values of a field that may be there many times are.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    /// From the first value on; over nothing if there is none.
    fields: Reader<'a>,
    number: u32,
    /// How many bytes of the message follow the last value.
    tail: usize,
    len: usize,
    contiguous: bool,
}

impl<'a> Range<'a> {
    #[inline]
    pub(super) fn none(reader: Reader<'a>) -> Self {
        Self { fields: reader.over(&[]), number: 0, tail: 0, len: 0, contiguous: true }
    }

    /// A value began with `start`, and `after` has read it.
    #[inline]
    pub(super) fn extend(&mut self, start: &'a [u8], number: u32, after: &Reader<'a>) {
        if self.len == 0 {
            self.fields = after.over(start);
            self.number = number;
        } else {
            self.contiguous &= start.len() == self.tail;
        }
        self.tail = after.rest().len();
        self.len += 1;
    }

    #[inline]
    fn bytes(&self) -> &'a [u8] {
        let all = self.fields.rest();
        all.get(..all.len().saturating_sub(self.tail)).unwrap_or_default()
    }

    #[inline]
    fn fields(&self) -> Fields<'a> {
        Fields { reader: self.fields.over(self.bytes()), number: self.number }
    }
}

/// Goes through the fields of one number.
#[derive(Clone, Copy, Debug)]
struct Fields<'a> {
    reader: Reader<'a>,
    number: u32,
}

impl<'a> Fields<'a> {
    /// The tag of the next one; the reader is then at its value.
    #[inline(always)]
    fn next(&mut self) -> Result<Option<Tag>, Error> {
        while let Some(tag) = self.reader.tag()? {
            if tag.number() == self.number {
                return Ok(Some(tag));
            }
            self.reader.skip(tag)?;
        }
        Ok(None)
    }

    /// After an error nothing more is read.
    #[cold]
    fn stop(&mut self) {
        self.reader = self.reader.over(&[]);
    }

    #[inline(always)]
    fn next_with<T>(
        &mut self,
        read: impl FnOnce(Tag, &mut Reader<'a>) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        let value = match self.next() {
            Ok(None) => return None,
            Ok(Some(tag)) => read(tag, &mut self.reader),
            Err(error) => Err(error),
        };
        if value.is_err() {
            self.stop();
        }
        Some(value)
    }
}

macro_rules! repeated {
    ($($(#[$doc:meta])* $name:ident<$l:lifetime $(, $t:ident)?>;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name<$l $(, $t)?> {
            range: Range<$l>,
            $(of: PhantomData<fn() -> $t>,)?
        }

        impl<$l $(, $t)?> $name<$l $(, $t)?> {
            #[inline]
            pub(super) fn new(range: Range<$l>) -> Self {
                Self { range, $(of: PhantomData::<fn() -> $t>)? }
            }

            #[inline]
            pub(super) fn range_mut(&mut self) -> &mut Range<$l> {
                &mut self.range
            }

            /// Whether there are none.
            #[inline]
            pub fn is_empty(&self) -> bool {
                self.range.len == 0
            }

            /// Their bytes, tags and lengths included, if nothing else is between them. Equal bytes
            /// are equal values.
            #[inline]
            pub fn raw(&self) -> Option<&$l [u8]> {
                self.range.contiguous.then(|| self.range.bytes())
            }
        }

        impl<$l $(, $t)?> std::fmt::Debug for $name<$l $(, $t)?> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{} fields", self.range.len)
            }
        }
    )*};
}

repeated! {
    /// Many messages, each read when it is asked for.
    Repeated<'a, T>;
    /// Many numbers, packed or one by one.
    Packed<'a, N>;
    /// Many strings.
    Strings<'a>;
}

impl<'a, T: View<'a>> Repeated<'a, T> {
    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.range.len
    }

    /// The messages in order; an error is the last.
    #[inline]
    pub fn iter(&self) -> RepeatedIter<'a, T> {
        RepeatedIter { fields: self.range.fields(), of: PhantomData }
    }

    /// Their fields, and whatever lies between them.
    #[inline]
    pub(crate) fn reader(&self) -> Reader<'a> {
        self.range.fields().reader
    }

    /// The same messages read as another view of them.
    #[inline]
    pub fn cast<U: View<'a>>(&self) -> Repeated<'a, U> {
        Repeated { range: self.range, of: PhantomData }
    }
}

impl<'a, T: View<'a>> IntoIterator for Repeated<'a, T> {
    type Item = Result<T, Error>;
    type IntoIter = RepeatedIter<'a, T>;

    #[inline]
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// [`Repeated::iter`]
#[derive(Clone, Debug)]
pub struct RepeatedIter<'a, T> {
    fields: Fields<'a>,
    of: PhantomData<fn() -> T>,
}

impl<'a, T: View<'a>> Iterator for RepeatedIter<'a, T> {
    type Item = Result<T, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // Not by `next_with`: what is read there is behind a reference, and so in memory.
        let item = match self.fields.next() {
            Ok(None) => return None,
            Ok(Some(tag)) => self.fields.reader.message(tag).and_then(T::parse),
            Err(error) => Err(error),
        };
        if item.is_err() {
            self.fields.stop();
        }
        Some(item)
    }
}

impl<'a> Strings<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.range.len
    }

    /// The strings in order; an error is the last.
    pub fn iter(&self) -> impl Iterator<Item = Result<&'a str, Error>> + Clone + 'a {
        let mut fields = self.range.fields();
        std::iter::from_fn(move || fields.next_with(|tag, reader| reader.string(tag)))
    }

    /// Their bytes in order, whether they are UTF-8 or not; an error is the last.
    pub fn bytes(&self) -> impl Iterator<Item = Result<&'a [u8], Error>> + Clone + 'a {
        let mut fields = self.range.fields();
        std::iter::from_fn(move || fields.next_with(|tag, reader| reader.bytes(tag)))
    }
}

impl<'a, N: Number> Packed<'a, N> {
    /// The numbers in order; an error is the last.
    #[inline]
    pub fn iter(&self) -> PackedIter<'a, N> {
        let fields = self.range.fields();
        PackedIter { row: fields.reader.over(&[]), fields, tag: None, of: PhantomData }
    }

    /// As many as none, of the same message.
    pub fn none(&self) -> Self {
        Self::new(Range::none(self.range.fields))
    }

    /// How many there are, which takes reading them.
    ///
    /// # Errors
    /// What [`Packed::iter`] gives.
    pub fn count(&self) -> Result<usize, Error> {
        self.iter().try_fold(0, |count, number| number.map(|_| count + 1))
    }
}

/// [`Packed::iter`]
#[derive(Clone, Debug)]
pub struct PackedIter<'a, N> {
    fields: Fields<'a>,
    /// What is left of the row of numbers that is being read.
    row: Reader<'a>,
    tag: Option<Tag>,
    of: PhantomData<fn() -> N>,
}

impl<N: Number> PackedIter<'_, N> {
    #[inline]
    fn step(&mut self) -> Result<Option<N::Value>, Error> {
        loop {
            if let Some(tag) = self.tag.filter(|_| !self.row.rest().is_empty()) {
                return N::read(tag, &mut self.row).map(Some);
            }
            let Some(tag) = self.fields.next()? else { return Ok(None) };
            if !tag.has_length() {
                return N::read(tag, &mut self.fields.reader).map(Some);
            }
            self.row = self.fields.reader.packed(tag)?;
            self.tag = Some(tag.with_wire(N::WIRE));
        }
    }
}

impl<N: Number> Iterator for PackedIter<'_, N> {
    type Item = Result<N::Value, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let value = self.step();
        if value.is_err() {
            self.fields.stop();
            self.row = self.fields.reader;
        }
        value.transpose()
    }
}
