//! What templates work on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::time::Time;

/// A value. Clones are cheap.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Nothing: Go's nil.
    #[default]
    Nil,
    /// A truth value.
    Bool(bool),
    /// A number without a fraction; characters too.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Str(Arc<str>),
    /// A text that is HTML already: it is not escaped where texts are.
    Html(Arc<str>),
    /// A time.
    Time(Time),
    /// A time span, in nanoseconds.
    Duration(i64),
    /// Several.
    List(Arc<[Value]>),
    /// Several by name, in order of the names.
    Map(Arc<BTreeMap<String, Value>>),
    /// A value of the caller's, with fields and methods.
    Object(Arc<dyn Object>),
}

/// A value with fields and methods: what a struct or a named type is in Go.
pub trait Object: Send + Sync {
    /// Its type, for messages and `%T`.
    fn type_name(&self) -> &str;

    /// A field; none if it has none of that name.
    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    /// Calls a method; none if it has none of that name.
    fn call(&self, _name: &str, _args: &[Value]) -> Option<Result<Value, String>> {
        None
    }

    /// What it is apart from its methods: a list, a map or a text; nil for a struct.
    fn underlying(&self) -> Value {
        Value::Nil
    }

    /// The value of a key that its map does not have.
    fn missing(&self) -> Value {
        Value::Nil
    }

    /// How it is printed; none for what its fields or its underlying value are printed as.
    fn display(&self) -> Option<String> {
        None
    }

    /// Its fields in order, as they are printed if nothing else is.
    fn fields(&self) -> Vec<(&str, Value)> {
        Vec::new()
    }

    /// What a field is called in JSON.
    fn json_name(&self, field: &str) -> String {
        field.to_owned()
    }
}

impl fmt::Debug for dyn Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

impl Value {
    /// A list.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// A map.
    pub fn map(members: impl IntoIterator<Item = (String, Self)>) -> Self {
        Self::Map(Arc::new(members.into_iter().collect()))
    }

    /// A value of the caller's.
    pub fn object(object: impl Object + 'static) -> Self {
        Self::Object(Arc::new(object))
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) | Self::Html(text) => Some(text),
            _ => None,
        }
    }

    /// Its Go type, for messages.
    pub fn type_name(&self) -> &str {
        match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::Html(_) => "template.HTML",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
            Self::Object(object) => object.type_name(),
        }
    }

    /// An object's list, map or text; any other value as it is.
    pub fn plain(&self) -> Self {
        match self {
            Self::Object(object) => match object.underlying() {
                Self::Nil => self.clone(),
                plain => plain,
            },
            value => value.clone(),
        }
    }

    /// Whether `if` takes it: what is nil, false, zero or empty it does not.
    pub fn is_true(&self) -> bool {
        match self.plain() {
            Self::Nil => false,
            Self::Bool(value) => value,
            Self::Int(value) | Self::Duration(value) => value != 0,
            Self::Float(value) => value != 0.0,
            Self::Str(text) | Self::Html(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(members) => !members.is_empty(),
            Self::Time(_) | Self::Object(_) => true,
        }
    }

    /// How large it is at its top: bytes of a text, items of a list or map.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Str(text) | Self::Html(text) => text.len(),
            Self::List(items) => items.len(),
            Self::Map(members) => members.len(),
            _ => 0,
        }
    }

    /// How large it is with what is in it, and how deep that lies. What is beyond either bound is not looked at.
    pub(crate) fn weigh(&self, max: Weight) -> Weight {
        let mut weight = Weight::default();
        self.add_to(&mut weight, max, 0);
        weight
    }

    fn add_to(&self, weight: &mut Weight, max: Weight, depth: u64) {
        weight.size = weight.size.saturating_add(self.size() as u64);
        weight.depth = weight.depth.max(depth);
        let within = |weight: &Weight| weight.size <= max.size && weight.depth <= max.depth;
        let items: &mut dyn Iterator<Item = &Self> = match self {
            Self::List(items) => &mut items.iter(),
            Self::Map(members) => &mut members.values(),
            _ => return,
        };
        while let Some(item) = items.next().filter(|_| within(weight)) {
            item.add_to(weight, max, depth + 1);
        }
    }
}

/// How much a value is: a list may hold the same list many times, and so be far more than it takes to make it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Bytes of texts and items of lists and maps, at any depth.
    pub(crate) size: u64,
    /// Lists and maps within each other.
    pub(crate) depth: u64,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<base::Timestamp> for Value {
    fn from(at: base::Timestamp) -> Self {
        Self::Time(Time::from(at))
    }
}
