//! What the fields of views may be: each kind says how a value is read and what is kept of it.

use std::marker::PhantomData;

use super::error::Error;
use super::reader::{Reader, Tag};
use super::repeated::{Packed, Range, Repeated, Strings};
use super::schema::{Message, Scalar, Shape};

/// A message as a struct over the bytes of a body.
pub trait View<'a>: Sized + Copy {
    /// What it is made of.
    fn message() -> &'static Message;

    /// Reads its own fields; those of messages that it has many of are read when they are asked for.
    ///
    /// # Errors
    /// Bytes that are no such message.
    fn parse(reader: Reader<'a>) -> Result<Self, Error>;

    /// Reads a body that is such a message.
    ///
    /// # Errors
    /// As [`View::parse`].
    fn decode(body: &'a [u8]) -> Result<Self, Error> {
        Self::parse(Reader::new(body, Self::message()))
    }
}

/// How a field of a view is read. Of a field that may be there once and is there more often, the last counts.
pub trait Kind<'a> {
    /// What the view has.
    type Out: Copy;
    /// How it looks on the wire.
    const SHAPE: Shape;

    /// The value of a field that is not there, in a message that `reader` begins.
    fn absent(reader: Reader<'a>) -> Self::Out;

    /// Reads a value; its tag, which has been read, was the first of `start`.
    ///
    /// # Errors
    /// Bytes that are no such value.
    fn take(out: &mut Self::Out, start: &'a [u8], tag: Tag, reader: &mut Reader<'a>) -> Result<(), Error>;
}

/// A number, which may also be one of many.
pub trait Number: Copy {
    /// What it is in Rust.
    type Value: Copy + Default;
    /// How it looks on the wire.
    const SCALAR: Scalar;
    /// Its wire type.
    const WIRE: u8;

    /// Reads one.
    ///
    /// # Errors
    /// Another wire type, or the end of the bytes.
    fn read(tag: Tag, reader: &mut Reader<'_>) -> Result<Self::Value, Error>;
}

const fn one(scalar: Scalar) -> Shape {
    Shape { scalar, repeated: false }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident -> $value:ty, $scalar:ident, $wire:literal: $read:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Number for $name {
            type Value = $value;
            const SCALAR: Scalar = Scalar::$scalar;
            const WIRE: u8 = $wire;

            #[inline]
            fn read(tag: Tag, reader: &mut Reader<'_>) -> Result<$value, Error> {
                let read: fn(Tag, &mut Reader<'_>) -> Result<$value, Error> = $read;
                read(tag, reader)
            }

        }

        impl<'a> Kind<'a> for $name {
            type Out = $value;
            const SHAPE: Shape = one(Scalar::$scalar);

            #[inline]
            fn absent(_: Reader<'a>) -> $value {
                <$value>::default()
            }

            #[inline]
            fn take(out: &mut $value, _: &'a [u8], tag: Tag, reader: &mut Reader<'a>) -> Result<(), Error> {
                *out = Self::read(tag, reader)?;
                Ok(())
            }
        }
    )*};
}

numbers! {
    /// `bool`
    Bool -> bool, Bool, 0: |tag, reader| reader.uint(tag).map(|value| value != 0);
    /// `int32`; as protobuf has it, the low 32 bits count.
    Int32 -> i32, Int, 0: |tag, reader| reader.uint(tag).map(|value| value as i32);
    /// `int64`
    Int64 -> i64, Int, 0: |tag, reader| reader.uint(tag).map(u64::cast_signed);
    /// `uint32`; as protobuf has it, the low 32 bits count.
    Uint32 -> u32, Uint, 0: |tag, reader| reader.uint(tag).map(|value| value as u32);
    /// `uint64`
    Uint64 -> u64, Uint, 0: |tag, reader| reader.uint(tag);
    /// `sint32`; as protobuf has it, the low 32 bits count.
    Sint32 -> i32, Sint, 0: |tag, reader| reader.sint(tag).map(|value| value as i32);
    /// `sint64`
    Sint64 -> i64, Sint, 0: |tag, reader| reader.sint(tag);
    /// An enumeration.
    Enum -> i32, Enum, 0: |tag, reader| reader.uint(tag).map(|value| value as i32);
    /// `fixed32`
    Fixed32 -> u32, Fixed32, 5: |tag, reader| reader.fixed32(tag);
    /// `fixed64`
    Fixed64 -> u64, Fixed64, 1: |tag, reader| reader.fixed64(tag);
    /// `sfixed64`
    Sfixed64 -> i64, Sfixed64, 1: |tag, reader| reader.fixed64(tag).map(u64::cast_signed);
    /// `double`
    Double -> f64, Double, 1: |tag, reader| reader.fixed64(tag).map(f64::from_bits);
    /// `double`, as its bits: the payload of a NaN (a stale marker is one) stays as it is.
    Bits -> u64, Double, 1: |tag, reader| reader.fixed64(tag);
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident -> $value:ty, $scalar:ident: $read:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl<'a> Kind<'a> for $name {
            type Out = &'a $value;
            const SHAPE: Shape = one(Scalar::$scalar);

            #[inline]
            fn absent(_: Reader<'a>) -> Self::Out {
                Default::default()
            }

            #[inline]
            fn take(out: &mut Self::Out, _: &'a [u8], tag: Tag, reader: &mut Reader<'a>) -> Result<(), Error> {
                *out = reader.$read(tag)?;
                Ok(())
            }
        }
    )*};
}

texts! {
    /// `string`
    Str -> str, String: string;
    /// `string` that is not looked at yet: whether it is UTF-8 is to be asked of who reads it.
    RawStr -> [u8], String: bytes;
    /// `bytes`
    Bytes -> [u8], Bytes: bytes;
    /// `bytes` of an id, hexadecimal in JSON.
    Id -> [u8], Id: bytes;
}

/// A field of which it matters whether it is there.
#[derive(Clone, Copy, Debug)]
pub struct Opt<N>(PhantomData<N>);

impl<'a, N: Number> Kind<'a> for Opt<N> {
    type Out = Option<N::Value>;
    const SHAPE: Shape = one(N::SCALAR);

    #[inline]
    fn absent(_: Reader<'a>) -> Self::Out {
        None
    }

    #[inline]
    fn take(out: &mut Self::Out, _: &'a [u8], tag: Tag, reader: &mut Reader<'a>) -> Result<(), Error> {
        *out = Some(N::read(tag, reader)?);
        Ok(())
    }
}

/// A message within the message.
#[derive(Clone, Copy, Debug)]
pub struct Msg<T>(PhantomData<T>);

impl<'a, T: View<'a>> Kind<'a> for Msg<T> {
    type Out = Option<T>;
    const SHAPE: Shape = one(Scalar::Message(T::message));

    #[inline]
    fn absent(_: Reader<'a>) -> Self::Out {
        None
    }

    #[inline]
    fn take(out: &mut Self::Out, _: &'a [u8], tag: Tag, reader: &mut Reader<'a>) -> Result<(), Error> {
        *out = Some(T::parse(reader.message(tag)?)?);
        Ok(())
    }
}

macro_rules! many {
    ($($(#[$doc:meta])* $name:ident<$t:ident: $bound:path> -> $out:ty, $scalar:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<$t>(PhantomData<$t>);

        impl<'a, $t: $bound> Kind<'a> for $name<$t> {
            type Out = $out;
            const SHAPE: Shape = Shape { scalar: $scalar, repeated: true };

            #[inline]
            fn absent(reader: Reader<'a>) -> Self::Out {
                <$out>::new(Range::none(reader))
            }

            #[inline]
            fn take(out: &mut Self::Out, start: &'a [u8], tag: Tag, reader: &mut Reader<'a>) -> Result<(), Error> {
                reader.skip(tag)?;
                out.range_mut().extend(start, tag.number(), reader);
                Ok(())
            }
        }
    )*};
}

many! {
    /// Many messages, read when they are asked for.
    Many<T: View<'a>> -> Repeated<'a, T>, Scalar::Message(T::message);
    /// Many numbers, packed or one by one, read when they are asked for.
    Numbers<N: Number> -> Packed<'a, N>, N::SCALAR;
}

/// Many strings, read when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct ManyStr;

impl<'a> Kind<'a> for ManyStr {
    type Out = Strings<'a>;
    const SHAPE: Shape = Shape { scalar: Scalar::String, repeated: true };

    #[inline]
    fn absent(reader: Reader<'a>) -> Self::Out {
        Strings::new(Range::none(reader))
    }

    #[inline]
    fn take(out: &mut Self::Out, start: &'a [u8], tag: Tag, reader: &mut Reader<'a>) -> Result<(), Error> {
        reader.skip(tag)?;
        out.range_mut().extend(start, tag.number(), reader);
        Ok(())
    }
}
