//! Functions that templates call by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::Value;

/// A function: the last argument is what was piped in.
pub type Function = Arc<dyn Fn(&[Value]) -> Result<Value, String> + Send + Sync>;

/// A table of functions by name, beside those that are always there.
#[derive(Clone, Default)]
pub struct Functions(BTreeMap<String, Function>);

impl Functions {
    /// None but those that are always there.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a function; one that is always there is replaced too.
    pub fn add(
        &mut self,
        name: &str,
        function: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
    ) -> &mut Self {
        self.0.insert(name.to_owned(), Arc::new(function));
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Function> {
        self.0.get(name)
    }
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
