//! Lists and watches of one kind, see Kubernetes' "Efficient detection of changes".

use std::time::Duration;

use base::queue::Sender;
use base::{Backoff, Clock, Limit, Rng};
use kube::core::Status;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::api::{Api, ApiError, Lines};

/// Objects of one page of a list; of large ones fewer are asked for.
const PAGES: [usize; 3] = [500, 50, 5];
/// Bytes of one page.
const PAGE: Limit = Limit::new("kubernetes_page_bytes", 64 << 20);
/// Bytes of one event of a watch.
pub(crate) const EVENT: Limit = Limit::new("kubernetes_event_bytes", 16 << 20);
/// The server ends a watch after so many seconds, and we go on from there.
const WATCH_SECONDS: u64 = 240;
/// A watch in which nothing comes for longer, not even its end, is dead.
const SILENCE: Duration = Duration::from_secs(270);
/// So long a watch is tried again before all of it counts as failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server says of an object, and of the list that it is in.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Meta {
    pub name: String,
    pub namespace: String,
    pub resource_version: String,
    #[serde(rename = "continue")]
    go_on: String,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: Meta,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

/// The head of an object.
#[derive(Deserialize)]
pub(crate) struct Head {
    #[serde(default)]
    pub metadata: Meta,
}

/// A part of a list.
pub(crate) struct Part {
    bytes: Vec<u8>,
    /// The version of the whole list.
    pub version: String,
    /// Where the next part begins; empty after the last.
    pub next: String,
}

impl Part {
    /// Its objects, as JSON.
    pub(crate) fn objects(&self) -> Result<Vec<&str>, ApiError> {
        let page: Page<'_> = serde_json::from_slice(&self.bytes).map_err(ApiError::failed)?;
        Ok(page.items.unwrap_or_default().into_iter().map(RawValue::get).collect())
    }
}

/// The part of a list that begins at `from`, empty for the first.
pub(crate) async fn list(api: &Api, path: &str, from: &str) -> Result<Part, ApiError> {
    let mut too_large = None;
    for size in PAGES {
        let page = match from {
            "" => format!("{path}{}limit={size}", joint(path)),
            from => format!("{path}{}limit={size}&continue={}", joint(path), encode(from)),
        };
        match api.get(&page, PAGE).await {
            Err(ApiError::TooLarge(exceeded)) => too_large = Some(exceeded),
            Err(error) => return Err(error),
            Ok(bytes) => {
                let page: Page<'_> = serde_json::from_slice(&bytes).map_err(ApiError::failed)?;
                let (version, next) = (page.metadata.resource_version, page.metadata.go_on);
                return Ok(Part { bytes, version, next });
            }
        }
    }
    Err(too_large.map_or_else(|| ApiError::Failed("no page".to_owned()), ApiError::TooLarge))
}

/// What stands before the next parameter.
fn joint(path: &str) -> char {
    if path.contains('?') { '&' } else { '?' }
}

/// A token in a query: all but letters and digits in percent.
fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// What a watch says of an object.
pub(crate) struct Event {
    /// Which of the kinds.
    pub kind: usize,
    pub gone: bool,
    pub object: Box<str>,
}

#[derive(Deserialize)]
struct Line<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// A watch of one kind.
pub(crate) struct Watch {
    pub kind: usize,
    pub path: String,
    /// From here on.
    pub version: String,
    pub out: Sender<Event>,
}

impl Watch {
    /// Watches for as long as it can; gives why it cannot go on from where it is.
    pub(crate) async fn run(mut self, api: &Api, clock: &Clock, rng: &Rng) -> ApiError {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        let mut failing: Option<Duration> = None;
        loop {
            let before = clock.monotonic();
            let mut heard = false;
            let ended = self.once(api, clock, &mut heard).await;
            let now = clock.monotonic();
            let long = ended.is_ok() && now.saturating_sub(before) > Duration::from_secs(1);
            if heard || long {
                failing = None;
                backoff.reset();
            }
            // A watch that died in silence is tried again as any other: what it was silent for is no attempt.
            let since = *failing.get_or_insert(now);
            match ended {
                Ok(()) if long => continue,
                // A server that ends each watch at once tells nothing.
                Ok(()) if now.saturating_sub(since) > PATIENCE => return ApiError::Expired,
                Ok(()) => {}
                Err(error @ (ApiError::Failed(_) | ApiError::Server(_))) => {
                    if now.saturating_sub(since) > PATIENCE {
                        return error;
                    }
                    tracing::debug!(path = self.path, %error, "a watch has ended: it is tried again");
                }
                Err(error) => return error,
            }
            clock.sleep(backoff.next(rng)).await;
        }
    }

    async fn once(&mut self, api: &Api, clock: &Clock, heard: &mut bool) -> Result<(), ApiError> {
        let query = format!(
            "{}{}watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}",
            self.path,
            joint(&self.path),
            encode(&self.version)
        );
        let silent = |_| ApiError::Failed(format!("nothing came from {} within {} s", self.path, SILENCE.as_secs()));
        let mut lines: Lines = clock.timeout(SILENCE, api.open(&query)).await.map_err(silent)??;
        loop {
            let silent = |_| ApiError::Failed(format!("nothing came within {} s", SILENCE.as_secs()));
            let Some(line) = clock.timeout(SILENCE, lines.next(EVENT)).await.map_err(silent)?? else { return Ok(()) };
            let line: Line<'_> = serde_json::from_slice(line).map_err(ApiError::failed)?;
            if line.r#type == "ERROR" {
                let status: Status = serde_json::from_str(line.object.get()).map_err(ApiError::failed)?;
                return Err(ApiError::of(&status));
            }
            let head: Head = serde_json::from_str(line.object.get()).map_err(ApiError::failed)?;
            *heard = true;
            if line.r#type != "BOOKMARK" {
                let event = Event { kind: self.kind, gone: line.r#type == "DELETED", object: line.object.get().into() };
                // The receiver is dropped only with this watch.
                let _ = self.out.send(event).await;
            }
            if !head.metadata.resource_version.is_empty() {
                self.version = head.metadata.resource_version;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_written_so_that_they_stay_one_parameter() {
        assert_eq!(encode("aZ0-_.~"), "aZ0-_.~");
        assert_eq!(encode("a&b=c/+"), "a%26b%3Dc%2F%2B");
    }
}
