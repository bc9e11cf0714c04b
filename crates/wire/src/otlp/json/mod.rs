//! OTLP's JSON form (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>) into the bytes of
//! its binary form, by the fields that the views declare.
//!
//! Ids are hexadecimal, 64-bit integers strings or numbers, enumerations numbers and never names, unknown
//! members are left out. Keys are lowerCamelCase; the names of the declaration, which some senders write, are
//! read as well.

mod scalar;

use std::borrow::Cow;

use base::{Exceeded, Limit};

use crate::json::{JsonError, Parser, Shape};
use crate::pb::{Field, MAX_DEPTH, Message, Scalar, View, Writer};
use crate::utf8;

/// Turns a body into the bytes of the request that `T` is a view of, in `buffer`, whose room is used again.
/// They are at most a few times as large as the body. Says whether something of it was no Unicode: U+FFFD is in its place.
///
/// # Errors
/// What is not JSON, not of the field's type, too deep, or larger than `limit`; with the JSON path, and the byte of the text in
/// which U+FFFD is.
pub fn transcode<'a, T: View<'a>>(body: &[u8], limit: Limit, buffer: &mut Vec<u8>) -> Result<bool, JsonError> {
    buffer.clear();
    let text = utf8::lossy_within(body, limit).map_err(too_large)?;
    let mut parser = Parser::of(&text);
    let mut to = Transcoder { out: Writer::new(std::mem::take(buffer)), limit, depth: 0 };
    let done = to.message(&mut parser, T::message()).and_then(|()| parser.end());
    *buffer = to.out.finish();
    done.map(|()| parser.replaced() || matches!(text, Cow::Owned(_)))
}

/// That what is in place of what was no Unicode makes the text too large.
fn too_large(error: Exceeded) -> JsonError {
    JsonError { at: 0, path: "$".to_owned(), message: error.to_string().into() }
}

struct Transcoder {
    out: Writer,
    limit: Limit,
    depth: u8,
}

impl Transcoder {
    fn message(&mut self, parser: &mut Parser<'_>, message: &'static Message) -> Result<(), JsonError> {
        if self.depth >= MAX_DEPTH {
            return Err(parser.error(parser.at(), format!("messages within messages, more than {MAX_DEPTH} deep")));
        }
        self.limit.check(self.out.len() as u64).map_err(|error| parser.error(parser.at(), error.to_string()))?;
        self.depth += 1;
        parser.object(|parser, key| match message.fields.iter().find(|field| is_key(key, field.name)) {
            Some(field) => self.field(parser, field),
            None => parser.skip(),
        })?;
        self.depth -= 1;
        Ok(())
    }

    fn field(&mut self, parser: &mut Parser<'_>, field: &'static Field) -> Result<(), JsonError> {
        let scalar = field.shape.scalar;
        if parser.shape()? == Shape::Null {
            return parser.null();
        }
        if !field.shape.repeated {
            return self.value(parser, field.number, scalar);
        }
        match scalar {
            Scalar::Message(_) | Scalar::String | Scalar::Bytes | Scalar::Id => {
                parser.array(|parser, _| self.value(parser, field.number, scalar))
            }
            _ => {
                let start = self.out.begin(field.number);
                parser.array(|parser, _| scalar::bare(parser, scalar, &mut self.out))?;
                self.out.end(start);
                Ok(())
            }
        }
    }

    fn value(&mut self, parser: &mut Parser<'_>, number: u32, scalar: Scalar) -> Result<(), JsonError> {
        if let Scalar::Message(inner) = scalar {
            let start = self.out.begin(number);
            self.message(parser, inner())?;
            self.out.end(start);
            return Ok(());
        }
        scalar::tagged(parser, number, scalar, &mut self.out)
    }
}

/// Whether a key is a field's name, in lowerCamelCase or as it is declared.
fn is_key(key: &str, name: &str) -> bool {
    let mut key_bytes = key.bytes();
    let mut upper = false;
    for byte in name.bytes() {
        if byte == b'_' {
            upper = true;
            continue;
        }
        let wanted = if upper { byte.to_ascii_uppercase() } else { byte };
        upper = false;
        if key_bytes.next() != Some(wanted) {
            return key == name;
        }
    }
    key_bytes.next().is_none() || key == name
}
