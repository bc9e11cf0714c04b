//! Messages by their schema, apart from the views: read, written again, and as OTLP's JSON.

use wire::pb::{Error, Message, Reader, Scalar, Shape, Tag, Writer};

/// The known values of a message, by field in order of its declaration, in whatever form and order they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree(Vec<Vec<Value>>);

/// A value.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// A number's bits, as its varint or fixed form has them.
    Bits(u64),
    /// A string or bytes.
    Bytes(Vec<u8>),
    /// A message.
    Tree(Tree),
}

static NOTHING: Message = Message { name: "", fields: &[] };

/// The wire types of numbers.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const FIXED32: u8 = 5;

/// Reads a message in full; of a field that may be there once the last counts.
///
/// # Errors
/// As the reader has them.
pub fn read(mut reader: Reader<'_>, message: &'static Message) -> Result<Tree, Error> {
    let mut fields = vec![Vec::new(); message.fields.len()];
    while let Some(tag) = reader.tag()? {
        let Some(n) = message.fields.iter().position(|field| field.number == tag.number()) else {
            reader.skip(tag)?;
            continue;
        };
        let shape = message.fields[n].shape;
        if !shape.repeated {
            fields[n].clear();
        }
        take(&mut reader, tag, shape, &mut fields[n])?;
    }
    Ok(Tree(fields))
}

fn take(reader: &mut Reader<'_>, tag: Tag, shape: Shape, values: &mut Vec<Value>) -> Result<(), Error> {
    match shape.scalar {
        Scalar::Message(inner) => values.push(Value::Tree(read(reader.message(tag)?, inner())?)),
        Scalar::String => values.push(Value::Bytes(reader.string(tag)?.as_bytes().to_vec())),
        Scalar::Bytes | Scalar::Id => values.push(Value::Bytes(reader.bytes(tag)?.to_vec())),
        scalar if shape.repeated && tag.has_length() => {
            let mut row = Reader::new(reader.bytes(tag)?, &NOTHING);
            while !row.rest().is_empty() {
                values.push(Value::Bits(number(&mut row, tag_of(scalar), scalar)?));
            }
        }
        scalar => values.push(Value::Bits(number(reader, tag, scalar)?)),
    }
    Ok(())
}

/// The tag that a number in a row would have had.
fn tag_of(scalar: Scalar) -> Tag {
    let bytes: &[u8] = match wire_of(scalar) {
        FIXED64 => &[8 | FIXED64],
        FIXED32 => &[8 | FIXED32],
        _ => &[8 | VARINT],
    };
    Reader::new(bytes, &NOTHING).tag().unwrap().unwrap()
}

fn wire_of(scalar: Scalar) -> u8 {
    match scalar {
        Scalar::Double | Scalar::Fixed64 | Scalar::Sfixed64 => FIXED64,
        Scalar::Fixed32 => FIXED32,
        _ => VARINT,
    }
}

fn number(reader: &mut Reader<'_>, tag: Tag, scalar: Scalar) -> Result<u64, Error> {
    match wire_of(scalar) {
        FIXED64 => reader.fixed64(tag),
        FIXED32 => reader.fixed32(tag).map(u64::from),
        _ => reader.uint(tag).map(|bits| if matches!(scalar, Scalar::Bool) { u64::from(bits != 0) } else { bits }),
    }
}

/// The tree as bytes: numbers one by one, fields in order.
pub fn write(tree: &Tree, message: &'static Message) -> Vec<u8> {
    let mut out = Writer::default();
    fill(tree, message, &mut out);
    out.finish()
}

fn fill(tree: &Tree, message: &'static Message, out: &mut Writer) {
    for (field, values) in message.fields.iter().zip(&tree.0) {
        for value in values {
            match (value, field.shape.scalar) {
                (Value::Tree(tree), Scalar::Message(inner)) => {
                    out.message(field.number, |out| fill(tree, inner(), out));
                }
                (Value::Bytes(bytes), _) => out.bytes(field.number, bytes),
                (Value::Bits(bits), scalar) => match wire_of(scalar) {
                    FIXED64 => out.fixed64(field.number, *bits),
                    FIXED32 => out.fixed32(field.number, *bits as u32),
                    _ => out.varint(field.number, *bits),
                },
                (Value::Tree(_), _) => unreachable!("a message where none is declared"),
            }
        }
    }
}

/// The tree with every NaN the same, as JSON has them.
pub fn without_payloads(tree: &Tree, message: &'static Message) -> Tree {
    let fields = message.fields.iter().zip(&tree.0).map(|(field, values)| {
        let value = |value: &Value| match (value, field.shape.scalar) {
            (Value::Tree(tree), Scalar::Message(inner)) => Value::Tree(without_payloads(tree, inner())),
            (Value::Bits(bits), Scalar::Double) if f64::from_bits(*bits).is_nan() => Value::Bits(f64::NAN.to_bits()),
            (value, _) => value.clone(),
        };
        values.iter().map(value).collect()
    });
    Tree(fields.collect())
}

/// The tree as OTLP has it in JSON.
pub fn json(tree: &Tree, message: &'static Message) -> String {
    let mut out = String::new();
    push_object(tree, message, &mut out);
    out
}

fn push_object(tree: &Tree, message: &'static Message, out: &mut String) {
    out.push('{');
    let mut first = true;
    for (field, values) in message.fields.iter().zip(&tree.0).filter(|(_, values)| !values.is_empty()) {
        out.push_str(if first { "" } else { "," });
        first = false;
        out.push_str(&format!("\"{}\":", camel(field.name)));
        out.push_str(if field.shape.repeated { "[" } else { "" });
        for (n, value) in values.iter().enumerate() {
            out.push_str(if n > 0 { "," } else { "" });
            push_value(value, field.shape.scalar, out);
        }
        out.push_str(if field.shape.repeated { "]" } else { "" });
    }
    out.push('}');
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |out, word| out + &word[..1].to_uppercase() + &word[1..])
}

fn push_value(value: &Value, scalar: Scalar, out: &mut String) {
    match (value, scalar) {
        (Value::Tree(tree), Scalar::Message(inner)) => push_object(tree, inner(), out),
        (Value::Bytes(bytes), Scalar::String) => wire::json::push_quoted(out, std::str::from_utf8(bytes).unwrap()),
        (Value::Bytes(bytes), Scalar::Id) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            out.push_str(&format!("\"{digits}\""));
        }
        (Value::Bytes(bytes), _) => {
            out.push('"');
            wire::otlp::base64(bytes, out);
            out.push('"');
        }
        (Value::Bits(bits), Scalar::Bool) => out.push_str(if *bits == 1 { "true" } else { "false" }),
        (Value::Bits(bits), Scalar::Double) => push_float(f64::from_bits(*bits), out),
        (Value::Bits(bits), Scalar::Uint | Scalar::Fixed64) => out.push_str(&format!("\"{bits}\"")),
        (Value::Bits(bits), Scalar::Fixed32) => out.push_str(&bits.to_string()),
        (Value::Bits(bits), Scalar::Sint) => {
            out.push_str(&((bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()).to_string());
        }
        (Value::Bits(bits), _) => out.push_str(&bits.cast_signed().to_string()),
        (Value::Tree(_), _) => unreachable!("a message where none is declared"),
    }
}

fn push_float(value: f64, out: &mut String) {
    match value {
        _ if value.is_nan() => out.push_str("\"NaN\""),
        _ if value.is_infinite() => out.push_str(if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }),
        _ => out.push_str(&format!("{value:?}")),
    }
}
