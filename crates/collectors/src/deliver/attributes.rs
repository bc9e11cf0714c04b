use std::borrow::Cow;

use ingest::LogBatch;

/// What stands between values of one name, as it does in labels that are made of OTLP.
const BETWEEN: &str = ";";

/// Attributes of a record that may come with several values of one name, which become one: who looks for a name would
/// find any of them.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Attributes<'a> {
    pub(crate) fn add(&mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.0.push((name.into(), value.into()));
    }

    /// Gives them to the record that is pushed next, by name.
    pub(crate) fn put(mut self, batch: &mut LogBatch) {
        // Values of one name stay in order.
        self.0.sort_by(|one, other| one.0.cmp(&other.0));
        for same in self.0.chunk_by(|one, other| one.0 == other.0) {
            match same {
                [] => {}
                [(name, value)] => batch.attribute(name, value),
                [(name, _), ..] => {
                    let values: Vec<&str> = same.iter().map(|(_, value)| value.as_ref()).collect();
                    batch.attribute(name, &values.join(BETWEEN));
                }
            }
        }
    }
}
