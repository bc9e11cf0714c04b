use std::sync::Arc;

use crate::labels::Labels;

/// The structured metadata of an entry: names and values.
pub trait Metadata {
    /// Calls `visit` with each name and value.
    fn each(&self, visit: &mut dyn FnMut(&str, &str));
}

/// None.
impl Metadata for () {
    fn each(&self, _: &mut dyn FnMut(&str, &str)) {}
}

impl Metadata for Vec<(Arc<str>, Arc<str>)> {
    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.iter().for_each(|(name, value)| visit(name, value));
    }
}

impl Metadata for Labels {
    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.iter().for_each(|(name, value)| visit(name, value));
    }
}
