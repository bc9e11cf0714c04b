use std::borrow::Cow;

use ingest::LogBatch;

/// What stands between values of one name, as it does in labels that are made of OTLP.
const BETWEEN: &str = ";";

/// Attributes of a record that may come with several values of one name, which become one: who looks for a name would
/// find any of them. What we say ourselves is in place of what the sender says by the same name.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a>(Vec<Attribute<'a>>);

#[derive(Debug)]
struct Attribute<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
    is_ours: bool,
}

impl<'a> Attributes<'a> {
    /// The sender says this.
    pub(crate) fn add(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.0.push(Attribute { name: name.into(), value: value.into(), is_ours: false });
    }

    /// We say this.
    pub(crate) fn own(&mut self, name: &'static str, value: impl Into<Cow<'a, str>>) {
        self.0.push(Attribute { name: name.into(), value: value.into(), is_ours: true });
    }

    /// Gives them to the record that is pushed next, by name.
    pub(crate) fn put(mut self, batch: &mut LogBatch) {
        // Values of one name stay in order.
        self.0.sort_by(|one, other| one.name.cmp(&other.name));
        for same in self.0.chunk_by(|one, other| one.name == other.name) {
            let only = if let [only] = same { Some(only) } else { same.iter().find(|attribute| attribute.is_ours) };
            match (only, same.first()) {
                (Some(Attribute { name, value, .. }), _) => batch.attribute(name, value),
                (None, Some(Attribute { name, .. })) => {
                    let values: Vec<&str> = same.iter().map(|attribute| attribute.value.as_ref()).collect();
                    batch.attribute(name, &values.join(BETWEEN));
                }
                (None, None) => {}
            }
        }
    }
}
