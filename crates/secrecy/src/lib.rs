//! What is a secret in a file: by its name, by a private key in it, and member by member. One
//! place, since a digest that the live side keys and the declared side does not would be drift
//! that is none.

mod pattern;
mod redact;
mod rules;
mod urls;

pub use pattern::{Pattern, Patterns};
pub use redact::{holds_private_key, is_secret_name, redact};
pub use rules::Names;
pub use urls::redact_urls;
