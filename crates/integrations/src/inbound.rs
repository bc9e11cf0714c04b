use base::{Limit, Timestamp};
use model::rows::Reaction;

/// What a provider posts back: somebody acknowledged, resolved, wrote a note.
pub trait Inbound: Send + Sync {
    /// Bytes of a body.
    fn limit(&self) -> Limit;

    /// The header that has the signature of a body.
    fn header(&self) -> &'static str;

    /// Whether that signature is one of the provider's, compared in a time that tells nothing of the secret.
    fn is_signed(&self, body: &[u8], signature: &str) -> bool;

    /// Reads a body whose signature is good. `now` is the latest time at which it can have happened. Nothing if it is about nothing
    /// that concerns an incident.
    ///
    /// # Errors
    /// What is wrong with the body: it makes no sense, and will not the next time.
    fn read(&self, receiver: &str, body: &[u8], now: Timestamp) -> Result<Option<Reaction>, String>;
}
