//! Values of single fields.

use std::borrow::Cow;

use crate::json::{JsonError, Parser, Shape};
use crate::pb::{Scalar, Writer};

/// Writes a value with its tag.
pub(super) fn tagged(parser: &mut Parser<'_>, number: u32, scalar: Scalar, out: &mut Writer) -> Result<(), JsonError> {
    match scalar {
        Scalar::String => out.bytes(number, parser.string()?.as_bytes()),
        Scalar::Bytes => {
            let at = parser.at();
            let bytes = base64(&parser.string()?).ok_or_else(|| parser.error(at, "not base64"))?;
            out.bytes(number, &bytes);
        }
        Scalar::Id => {
            let at = parser.at();
            let bytes = hex(&parser.string()?).ok_or_else(|| parser.error(at, "not an id of hexadecimal digits"))?;
            out.bytes(number, &bytes);
        }
        Scalar::Double | Scalar::Fixed64 | Scalar::Sfixed64 => out.fixed64(number, bits(parser, scalar)?),
        Scalar::Fixed32 => out.fixed32(number, bits(parser, scalar)? as u32),
        _ => out.varint(number, bits(parser, scalar)?),
    }
    Ok(())
}

/// Writes a number without a tag, one of many.
pub(super) fn bare(parser: &mut Parser<'_>, scalar: Scalar, out: &mut Writer) -> Result<(), JsonError> {
    let bits = bits(parser, scalar)?;
    match scalar {
        Scalar::Double | Scalar::Fixed64 | Scalar::Sfixed64 => out.bare_bytes(&bits.to_le_bytes()),
        Scalar::Fixed32 => out.bare_bytes(&(bits as u32).to_le_bytes()),
        _ => out.bare_varint(bits),
    }
    Ok(())
}

/// The bits that stand for a number on the wire.
fn bits(parser: &mut Parser<'_>, scalar: Scalar) -> Result<u64, JsonError> {
    let at = parser.at();
    match scalar {
        Scalar::Bool => parser.bool().map(u64::from),
        Scalar::Enum if parser.shape()? == Shape::String => {
            Err(parser.error(at, "the name of an enumeration's value: OTLP wants its number"))
        }
        Scalar::Double => {
            let text = number_or_string(parser)?;
            float(&text).map(f64::to_bits).ok_or_else(|| parser.error(at, "a number is missing"))
        }
        Scalar::Uint | Scalar::Fixed64 => {
            let found = whole(&number_or_string(parser)?).and_then(|whole| u64::try_from(whole).ok());
            found.ok_or_else(|| parser.error(at, "a whole number that is not below zero is missing"))
        }
        Scalar::Fixed32 => {
            let found = whole(&number_or_string(parser)?).and_then(|whole| u32::try_from(whole).ok());
            found.map(u64::from).ok_or_else(|| parser.error(at, "a whole number of 32 bits is missing"))
        }
        Scalar::Sint => signed(parser, at).map(|value| (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()),
        _ => signed(parser, at).map(i64::cast_unsigned),
    }
}

fn signed(parser: &mut Parser<'_>, at: usize) -> Result<i64, JsonError> {
    let found = whole(&number_or_string(parser)?).and_then(|whole| i64::try_from(whole).ok());
    found.ok_or_else(|| parser.error(at, "a whole number of 64 bits is missing"))
}

fn number_or_string<'a>(parser: &mut Parser<'a>) -> Result<Cow<'a, str>, JsonError> {
    if parser.shape()? == Shape::String { parser.string() } else { parser.number().map(Cow::Borrowed) }
}

/// A whole number, also as `1.0` or `1e3`.
fn whole(text: &str) -> Option<i128> {
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let value = text.parse::<f64>().ok()?;
    let exact = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0; // 2^53: above it numbers are missing
    exact.then_some(value as i128)
}

fn float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // Rust would read `inf` and `nan` as well.
        _ if text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) => {
            text.parse().ok().filter(|value: &f64| value.is_finite())
        }
        _ => None,
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| if let [high, low] = pair { Some(digit(*high)? << 4 | digit(*low)?) } else { None }).collect()
}

/// Base64, the standard alphabet or that of URLs, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for group in text.chunks(4) {
        let mut bits = 0u32;
        for byte in group {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(digit);
        }
        let len = match group.len() {
            1 => return None,
            len => len - 1,
        };
        bits <<= 6 * (4 - group.len());
        out.extend(bits.to_be_bytes().into_iter().skip(1).take(len));
    }
    Some(out)
}
