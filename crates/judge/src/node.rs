use std::fmt::Display;

use serde_json::Value;

use crate::JudgeError;

/// A value of a JSON document and the path that leads to it, so that an error can name it.
#[derive(Clone, Debug)]
pub struct Node<'a> {
    path: String,
    value: &'a Value,
}

type Result<T> = std::result::Result<T, JudgeError>;

impl<'a> Node<'a> {
    /// The whole document.
    pub fn root(value: &'a Value) -> Self {
        Self { path: String::new(), value }
    }

    /// The value itself.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// The path, as `metricSetPairList[0].values`; empty for the whole document.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// An error about this value.
    pub fn wrong(&self, problem: impl Display) -> JudgeError {
        JudgeError::field(if self.path.is_empty() { "request" } else { &self.path }, problem)
    }

    fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The member, if there is one and it is not null.
    ///
    /// # Errors
    /// If this is no object.
    pub fn get(&self, key: &str) -> Result<Option<Node<'a>>> {
        let object = self.value.as_object().ok_or_else(|| self.wrong("an object is wanted"))?;
        let found = object.get(key).filter(|value| !value.is_null());
        Ok(found.map(|value| Node { path: self.below(key), value }))
    }

    /// The member.
    ///
    /// # Errors
    /// If this is no object, or there is no such member, or it is null.
    pub fn need(&self, key: &str) -> Result<Node<'a>> {
        self.get(key)?.ok_or_else(|| JudgeError::field(self.below(key), "is missing"))
    }

    /// The member below several keys, if all of them are there.
    ///
    /// # Errors
    /// If one of those that are there is no object.
    pub fn find(&self, keys: &[&str]) -> Result<Option<Node<'a>>> {
        let mut at = Some(self.clone());
        for key in keys {
            at = match at {
                Some(node) => node.get(key)?,
                None => return Ok(None),
            };
        }
        Ok(at)
    }

    /// The entries of a list of at most `max`.
    ///
    /// # Errors
    /// If this is no list, or has more entries.
    pub fn items(&self, max: usize) -> Result<Vec<Node<'a>>> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("a list is wanted"))?;
        if list.len() > max {
            return Err(self.wrong(format!("has {} entries, at most {max} are taken", list.len())));
        }
        Ok(list.iter().enumerate().map(|(n, value)| Node { path: format!("{}[{n}]", self.path), value }).collect())
    }

    /// A string of at most `max` bytes.
    ///
    /// # Errors
    /// If this is none, or it is longer.
    pub fn text(&self, max: usize) -> Result<&'a str> {
        let text = self.value.as_str().ok_or_else(|| self.wrong("a string is wanted"))?;
        if text.len() > max {
            return Err(self.wrong(format!("has {} bytes, at most {max} are taken", text.len())));
        }
        Ok(text)
    }

    /// A finite number, also as a string.
    ///
    /// # Errors
    /// If this is none.
    pub fn number(&self) -> Result<f64> {
        let number = self.value.as_f64().or_else(|| self.value.as_str().and_then(|text| text.parse().ok()));
        number.filter(|number| number.is_finite()).ok_or_else(|| self.wrong("a number is wanted"))
    }

    /// A number within bounds, both included.
    ///
    /// # Errors
    /// If this is none, or is outside.
    pub fn within(&self, low: f64, high: f64) -> Result<f64> {
        let number = self.number()?;
        if number < low || number > high {
            return Err(self.wrong(format!("{number} is not from {low} to {high}")));
        }
        Ok(number)
    }

    /// True or false, also as a string.
    ///
    /// # Errors
    /// If it is neither.
    pub fn flag(&self) -> Result<bool> {
        match self.value {
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(self.wrong("true or false is wanted")),
        }
    }

    /// One point: a number, or what JSON's writers make of one that is none. Null is NaN too.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn point(&self) -> Result<f64> {
        match self.value {
            Value::Number(number) => number.as_f64().ok_or_else(|| self.wrong("a number is wanted")),
            Value::Null => Ok(f64::NAN),
            Value::String(text) => match text.as_str() {
                "NaN" | "nan" => Ok(f64::NAN),
                "Infinity" | "+Infinity" | "Inf" | "+Inf" => Ok(f64::INFINITY),
                "-Infinity" | "-Inf" => Ok(f64::NEG_INFINITY),
                _ => Err(self.wrong("is neither a number nor \"NaN\"")),
            },
            _ => Err(self.wrong("is neither a number nor \"NaN\"")),
        }
    }
}
