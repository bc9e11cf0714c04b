//! Protocol Buffers without copies (<https://protobuf.dev/programming-guides/encoding/>): a [`Reader`] over a
//! body, and views of messages that read only what is asked for.
//!
//! What is not declared is skipped. Errors name the byte and the fields that lead to it; the path is found
//! only when something fails, so that reading carries nothing for it.

mod error;
mod kind;
mod lossy;
mod reader;
mod repeated;
mod schema;
mod views;
mod write;

pub use error::{Error, Fault};
pub use kind::{
    Bits, Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int32, Int64, Kind, Many, ManyStr, Msg, Number, Numbers,
    Opt, RawStr, Sfixed64, Sint32, Sint64, Str, Uint32, Uint64, View,
};
pub use lossy::{LossyError, lossy};
pub use reader::{MAX_DEPTH, Reader, Tag, delimited};
pub use repeated::{Packed, PackedIter, Repeated, RepeatedIter, Strings};
pub use schema::{Field, Message, Scalar, Shape};
pub(crate) use views::views;
pub use write::Writer;

#[cfg(test)]
mod tests;
