/// What a message is made of; what is not listed is skipped.
#[derive(Debug)]
pub struct Message {
    /// Its name, without the package.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its number.
    pub number: u32,
    /// Its name in the protocol's declaration, `snake_case`.
    pub name: &'static str,
    /// How its values look.
    pub shape: Shape,
}

/// How the values of a field look.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Each value.
    pub scalar: Scalar,
    /// Whether there may be many.
    pub repeated: bool,
}

/// How a value looks.
#[derive(Clone, Copy, Debug)]
pub enum Scalar {
    /// `bool`
    Bool,
    /// `int32`, `int64`
    Int,
    /// `uint32`, `uint64`
    Uint,
    /// `sint32`, `sint64`
    Sint,
    /// An enumeration.
    Enum,
    /// `fixed32`
    Fixed32,
    /// `fixed64`
    Fixed64,
    /// `sfixed64`
    Sfixed64,
    /// `double`
    Double,
    /// `string`
    String,
    /// `bytes`; base64 in JSON.
    Bytes,
    /// `bytes` that JSON has as hexadecimal digits: the ids of OTLP.
    Id,
    /// Another message.
    Message(fn() -> &'static Message),
}

impl Message {
    /// The field with a number.
    pub fn field(&self, number: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.number == number)
    }
}

/// The path of field names that lead to byte `at` of `body`, as far as the fields can be followed.
pub(super) fn path(body: &[u8], root: &'static Message, at: usize) -> String {
    let mut path = root.name.to_owned();
    let mut level = Some((super::Reader::plain(body), root));
    while let Some((reader, message)) = level {
        level = descend(reader, message, at, &mut path);
    }
    path
}

/// Finds the field of a message that byte `at` is in, adds its name, and gives what it holds.
fn descend<'a>(
    mut reader: super::Reader<'a>,
    message: &'static Message,
    at: usize,
    path: &mut String,
) -> Option<(super::Reader<'a>, &'static Message)> {
    let mut seen: Vec<usize> = vec![0; message.fields.len()];
    loop {
        let tag = reader.tag().ok().flatten()?;
        let index = message.fields.iter().position(|field| field.number == tag.number());
        let mut value = reader;
        let ended = reader.skip(tag).is_err() || reader.offset() > at;
        if !ended {
            if let Some(count) = index.and_then(|index| seen.get_mut(index)) {
                *count += 1;
            }
            continue;
        }
        let Some((index, field)) = index.and_then(|index| Some((index, message.fields.get(index)?))) else {
            path.push_str(&format!(".{}", tag.number()));
            return None;
        };
        path.push_str(&format!(".{}", field.name));
        if field.shape.repeated {
            path.push_str(&format!("[{}]", seen.get(index).copied().unwrap_or_default()));
        }
        let Scalar::Message(inner) = field.shape.scalar else { return None };
        let inside = value.message(tag).ok()?;
        return (inside.offset() <= at).then(|| (inside, inner()));
    }
}
