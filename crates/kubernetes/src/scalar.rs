//! Scalars in canonical form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Number;

use crate::schema::Shape;
use crate::tree::Tree;
use crate::{duration, quantity};

/// A quantity; what is none is left alone.
pub(crate) fn as_quantity(value: Tree<'_>) -> Tree<'_> {
    let text = match &value {
        Tree::Text(text) => quantity::canonical(text),
        Tree::Number(number) => quantity::canonical(&number.to_string()),
        _ => None,
    };
    text.map_or(value, Tree::from)
}

/// A scalar of that shape.
pub(crate) fn plain<'a>(value: Tree<'a>, shape: &Shape) -> Tree<'a> {
    match (&value, shape) {
        (Tree::Text(text), Shape::IntOrString) => {
            text.parse::<i64>().map_or(value, |number| Tree::Number(number.into()))
        }
        (Tree::Text(text), Shape::Bytes) => decode(text).map_or(value, |bytes| STANDARD.encode(bytes).into()),
        (Tree::Text(text), Shape::Duration) => duration::canonical(text).map_or(value, Tree::from),
        (Tree::Number(number), _) => whole(number).map_or(value, |number| Tree::Number(number.into())),
        _ => value,
    }
}

/// `2` for `2.0`.
fn whole(number: &Number) -> Option<i64> {
    let float = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15)?;
    Some(float as i64)
}

/// Base64, with the line ends that people put into it.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.contains(char::is_whitespace) {
        return STANDARD.decode(text.split_whitespace().collect::<String>()).ok();
    }
    STANDARD.decode(text).ok()
}
