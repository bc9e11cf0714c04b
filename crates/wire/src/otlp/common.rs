use crate::pb::{
    Bool, Bytes, Double, Error, Field, Int64, Kind, Many, ManyStr, Message, Msg, Reader, Repeated, Str, Uint32, View,
    views,
};

views! {
    /// What sends.
    pub struct Resource<'a> {
        /// What is known of it.
        attributes: Many<KeyValue<'a>> = 1,
        /// How many attributes the sender left out.
        dropped_attributes_count: Uint32 = 2,
        /// Which attributes identify which entity.
        entity_refs: Many<EntityRef<'a>> = 3,
    }

    /// Which attributes of a resource identify an entity.
    pub struct EntityRef<'a> {
        /// The schema of the keys.
        schema_url: Str = 1,
        /// The entity's type.
        kind: Str = 2,
        /// Keys of attributes that identify it.
        id_keys: ManyStr = 3,
        /// Keys of attributes that describe it.
        description_keys: ManyStr = 4,
    }

    /// The library that measured or logged.
    pub struct Scope<'a> {
        /// Its name.
        name: Str = 1,
        /// Its version.
        version: Str = 2,
        /// What else is known of it.
        attributes: Many<KeyValue<'a>> = 3,
        /// How many attributes the sender left out.
        dropped_attributes_count: Uint32 = 4,
    }

    /// An attribute.
    pub struct KeyValue<'a> {
        /// Its key.
        key: Str = 1,
        /// Its value; none is the same as [`AnyValue::Empty`].
        value: Msg<AnyValue<'a>> = 2,
    }

    pub(super) struct ArrayValue<'a> {
        values: Many<AnyValue<'a>> = 1,
    }

    pub(super) struct KeyValueList<'a> {
        values: Many<KeyValue<'a>> = 1,
    }
}

/// A value of an attribute, or the body of a log record.
#[derive(Clone, Copy, Debug)]
pub enum AnyValue<'a> {
    /// Nothing.
    Empty,
    /// A text.
    String(&'a str),
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Values in order.
    Array(Repeated<'a, AnyValue<'a>>),
    /// Values by key.
    KvList(Repeated<'a, KeyValue<'a>>),
    /// Bytes.
    Bytes(&'a [u8]),
}

impl AnyValue<'_> {
    const MESSAGE: Message = Message {
        name: "AnyValue",
        fields: &[
            Field { number: 1, name: "string_value", shape: Str::SHAPE },
            Field { number: 2, name: "bool_value", shape: Bool::SHAPE },
            Field { number: 3, name: "int_value", shape: Int64::SHAPE },
            Field { number: 4, name: "double_value", shape: Double::SHAPE },
            Field { number: 5, name: "array_value", shape: Msg::<ArrayValue<'_>>::SHAPE },
            Field { number: 6, name: "kvlist_value", shape: Msg::<KeyValueList<'_>>::SHAPE },
            Field { number: 7, name: "bytes_value", shape: Bytes::SHAPE },
        ],
    };
}

impl<'a> View<'a> for AnyValue<'a> {
    fn message() -> &'static Message {
        &Self::MESSAGE
    }

    fn parse(mut reader: Reader<'a>) -> Result<Self, Error> {
        let mut value = Self::Empty;
        while let Some(tag) = reader.tag()? {
            value = match tag.number() {
                1 => Self::String(reader.string(tag)?),
                2 => Self::Bool(reader.uint(tag)? != 0),
                3 => Self::Int(reader.uint(tag)?.cast_signed()),
                4 => Self::Double(f64::from_bits(reader.fixed64(tag)?)),
                5 => Self::Array(ArrayValue::parse(reader.message(tag)?)?.values),
                6 => Self::KvList(KeyValueList::parse(reader.message(tag)?)?.values),
                7 => Self::Bytes(reader.bytes(tag)?),
                _ => {
                    reader.skip(tag)?;
                    continue;
                }
            };
        }
        Ok(value)
    }
}

/// The first attribute with a key, if its value is a text.
///
/// # Errors
/// Attributes that cannot be read.
pub fn text_of<'a>(attributes: &Repeated<'a, KeyValue<'a>>, key: &str) -> Result<Option<&'a str>, Error> {
    for attribute in attributes.iter() {
        let KeyValue { key: found, value } = attribute?;
        if found == key {
            return Ok(if let Some(AnyValue::String(text)) = value { Some(text) } else { None });
        }
    }
    Ok(None)
}
