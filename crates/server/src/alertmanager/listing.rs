//! Lists that are made while they are sent, a slice at a time: the fold that takes alerts in waits for one slice at most, and
//! no list is in memory as a whole.

use std::convert::Infallible;

use alertmanager::Fingerprint;
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Serialize;

/// Alerts, or groups, of a slice.
pub const SLICE: usize = 256;
/// Bytes that are sent at once, about.
const CHUNK: usize = 64 << 10;

/// Writes a list on.
pub trait Listing: Send + 'static {
    /// Writes the next slice; false if there is none.
    fn slice(&mut self, out: &mut Items) -> bool;
}

/// The items of a JSON list, as they are written.
#[derive(Default)]
pub struct Items {
    bytes: Vec<u8>,
    has_begun: bool,
}

impl Items {
    /// Begins an item.
    pub fn next(&mut self) {
        self.raw(if self.has_begun { "," } else { "" });
        self.has_begun = true;
    }

    pub fn raw(&mut self, text: &str) {
        self.bytes.extend(text.as_bytes());
    }

    pub fn json<T: Serialize>(&mut self, value: &T) {
        // Strings only, into memory: it cannot fail.
        _ = serde_json::to_writer(&mut self.bytes, value);
    }

    /// The members of an object, without its braces.
    pub fn members<T: Serialize>(&mut self, value: &T) {
        // Strings only: it cannot fail.
        let object = serde_json::to_string(value).unwrap_or_default();
        self.raw(object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default());
    }
}

/// The alerts after the one that was looked at last, a slice of them.
pub fn after(alerts: &[Fingerprint], place: &mut usize) -> Vec<Fingerprint> {
    let some: Vec<_> = alerts.iter().skip(*place).take(SLICE).copied().collect();
    *place += some.len();
    some
}

/// The answer with all of a list.
pub fn answer(listing: impl Listing) -> Response {
    let begun = Items { bytes: b"[".to_vec(), has_begun: false };
    let chunks = stream::unfold(Some((listing, begun)), |state| async move {
        let (mut listing, mut items) = state?;
        loop {
            if !listing.slice(&mut items) {
                items.raw("]");
                return Some((Ok::<_, Infallible>(Bytes::from(items.bytes)), None));
            }
            if items.bytes.len() >= CHUNK {
                let chunk = Bytes::from(std::mem::take(&mut items.bytes));
                return Some((Ok(chunk), Some((listing, items))));
            }
            tokio::task::yield_now().await;
        }
    });
    ([(CONTENT_TYPE, "application/json")], Body::from_stream(chunks)).into_response()
}
