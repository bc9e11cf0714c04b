//! A schema as text, as it ships and is cached: a line `kind API_VERSION KIND TYPE` for each kind,
//! a line for each type, and beneath it a line for each member: name, shape, `~` if zero is the
//! same as absent, `=` and the default. Shapes: `string`, `@TYPE`, `{}` a map of, `[]` an atomic
//! list of, `[*]` a set of, `[key,key]` a keyed list of.

use std::fmt::Write as _;

use super::{ApiKind, Field, Schema, Shape};

const WORDS: &[(&str, Shape)] = &[
    ("any", Shape::Any),
    ("string", Shape::String),
    ("int", Shape::Int),
    ("number", Shape::Number),
    ("bool", Shape::Bool),
    ("quantity", Shape::Quantity),
    ("int-or-string", Shape::IntOrString),
    ("bytes", Shape::Bytes),
    ("duration", Shape::Duration),
];

impl Schema {
    /// The schema as text.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by_key(|(kind, _)| *kind);
        for (kind, id) in kinds {
            let _ = writeln!(out, "kind {} {} {}", kind.api_version, kind.kind, self.get(*id).name);
        }
        let mut types: Vec<_> = self.types.iter().collect();
        types.sort_by(|a, b| a.name.cmp(&b.name));
        for of in types {
            let _ = writeln!(out, "{}", of.name);
            for (name, field) in &of.fields {
                let zero = if field.zero_is_absent { "~" } else { "" };
                let default = field.default.as_ref().map(|value| format!("={value}")).unwrap_or_default();
                let _ = writeln!(out, "  {} {}{zero}{default}", name.as_str(), self.shape_text(&field.shape));
            }
        }
        out
    }

    fn shape_text(&self, shape: &Shape) -> String {
        match shape {
            Shape::Object(id) => format!("@{}", self.get(*id).name),
            Shape::Map(item) => format!("{{}}{}", self.shape_text(item)),
            Shape::Atomic(item) => format!("[]{}", self.shape_text(item)),
            Shape::Set(item) => format!("[*]{}", self.shape_text(item)),
            Shape::Keyed(keys, item) => format!("[{}]{}", keys.join(","), self.shape_text(item)),
            plain => WORDS.iter().find(|(_, shape)| shape == plain).map_or("any", |(word, _)| word).to_owned(),
        }
    }

    /// Reads what [`Self::to_text`] wrote.
    ///
    /// # Errors
    /// The number of the line that is not one of these, from 1.
    pub fn from_text(text: &str) -> Result<Self, usize> {
        let (mut schema, mut current) = (Self::default(), None);
        for (n, line) in text.lines().enumerate() {
            let mut read = || -> Option<()> {
                if let Some(member) = line.strip_prefix("  ") {
                    let (name, rest) = member.split_once(' ')?;
                    let field = schema.field_of(rest)?;
                    let current: super::TypeId = current?;
                    schema.types[current.0].fields.push((name.to_owned().into(), field));
                } else if let Some(kind) = line.strip_prefix("kind ") {
                    let [api_version, kind, of] = kind.split(' ').collect::<Vec<_>>().try_into().ok()?;
                    let id = schema.named(of);
                    let kind = ApiKind { api_version: api_version.to_owned(), kind: kind.to_owned() };
                    schema.kinds.insert(kind, id);
                } else {
                    current = Some(schema.named(line));
                }
                Some(())
            };
            read().ok_or(n + 1)?;
        }
        schema.types.iter_mut().for_each(|of| of.fields.sort_by(|a, b| a.0.cmp(&b.0)));
        Ok(schema)
    }

    fn field_of(&mut self, text: &str) -> Option<Field> {
        let (rest, default) = match text.split_once('=') {
            Some((rest, default)) => (rest, Some(serde_json::from_str(default).ok()?)),
            None => (text, None),
        };
        let zero_is_absent = rest.ends_with('~');
        Some(Field { default, zero_is_absent, ..Field::of(self.shape_of(rest.trim_end_matches('~'))?) })
    }

    fn shape_of(&mut self, text: &str) -> Option<Shape> {
        if let Some(name) = text.strip_prefix('@') {
            return Some(Shape::Object(self.named(name)));
        }
        if let Some(item) = text.strip_prefix("{}") {
            return Some(Shape::Map(Box::new(self.shape_of(item)?)));
        }
        if let Some(list) = text.strip_prefix('[') {
            let (keys, item) = list.split_once(']')?;
            let item = Box::new(self.shape_of(item)?);
            return Some(match keys {
                "" => Shape::Atomic(item),
                "*" => Shape::Set(item),
                keys => Shape::Keyed(keys.split(',').map(str::to_owned).collect(), item),
            });
        }
        WORDS.iter().find(|(word, _)| *word == text).map(|(_, shape)| shape.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_read_as_it_was_written() {
        let text = "kind v1 Pod core.v1.Pod\n\
                    core.v1.Container\n  env [name]@core.v1.Env\n  stdin bool~\n\
                    core.v1.Env\n  name string=\"\"\n\
                    core.v1.Pod\n  labels {}string\n  list []int\n  port int-or-string\n  set [*]string\n  spec @core.v1.Container={}\n";
        assert_eq!(Schema::from_text(text).map(|schema| schema.to_text()), Ok(text.to_owned()));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        assert_eq!(Schema::from_text("  member string\n"), Err(1));
        assert_eq!(Schema::from_text("type\n  member strong\n"), Err(2));
        assert_eq!(Schema::from_text("type\n  member string={\n"), Err(2));
        assert_eq!(Schema::from_text("kind v1 Pod\n"), Err(1));
    }
}
