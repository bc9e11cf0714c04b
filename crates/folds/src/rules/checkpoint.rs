//! The state as JSON: `{"version", "book"}`.

use ::rules::book::Book;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::RulesFold;

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    book: Box<RawValue>,
}

impl RulesFold {
    pub(super) fn save(&self) -> Vec<u8> {
        let book = self.book.read().save().map_err(|error| error.to_string());
        let book = book.and_then(|text| RawValue::from_string(text).map_err(|error| error.to_string()));
        let Ok(book) = book.inspect_err(|error| tracing::error!(error, "rules cannot be saved: a bug")) else {
            return Vec::new();
        };
        // Texts and numbers only: it cannot fail.
        serde_json::to_vec(&Saved { version: VERSION, book }).unwrap_or_default()
    }

    pub(super) fn load(&mut self, state: &[u8]) -> Result<(), String> {
        let saved: Saved = serde_json::from_slice(state).map_err(|error| error.to_string())?;
        if saved.version != VERSION {
            return Err(format!("its format is version {}, this program reads {VERSION}", saved.version));
        }
        *self.book.write() = Book::restored(saved.book.get()).map_err(|error| error.to_string())?;
        Ok(())
    }
}
