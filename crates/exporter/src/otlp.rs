//! OTLP over HTTP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::sync::Arc;
use std::time::Duration;

use base::queue::{Receiver, Sender, bounded};
use base::{Backoff, Clock, Rng, SecretError};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url, redirect};
use telemetry::OtlpConfig;

use crate::{Signal, lost};

/// Requests that may wait for a back end.
const WAITING: usize = 64;

/// How long a request is tried.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a back end cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OtlpError {
    /// The address is none.
    #[error("otlp.endpoint: `{0}` is no address of HTTP, such as http://127.0.0.1:4318")]
    Endpoint(String),
    /// A header is none.
    #[error("otlp.headers.{0}: the name or the value may not stand in a header")]
    Header(String),
    /// A secret is not there.
    #[error("otlp.headers.{name}: {error}")]
    Secret {
        /// The header.
        name: String,
        /// Why.
        error: SecretError,
    },
    /// No client can be made.
    #[error("otlp: {0}")]
    Client(#[from] reqwest::Error),
}

/// A back end.
#[derive(Debug)]
pub struct Otlp {
    client: Client,
    endpoint: Url,
}

/// Where requests wait for it.
pub(crate) struct Queue(Sender<(Signal, Arc<Vec<u8>>)>);

/// What sends them.
pub(crate) struct Sending {
    otlp: Otlp,
    queue: Receiver<(Signal, Arc<Vec<u8>>)>,
    clock: Clock,
    rng: Rng,
}

/// What a back end said.
enum Said {
    Taken,
    Later(Option<Duration>),
    Never(String),
}

impl Otlp {
    /// The back end that a configuration names.
    ///
    /// # Errors
    /// Names the key that cannot be used.
    pub fn new(config: &OtlpConfig) -> Result<Self, OtlpError> {
        let endpoint = Self::check(config)?;
        // The headers are for this back end, whatever it says of another.
        let client = Client::builder().redirect(redirect::Policy::none()).default_headers(headers(config)?);
        let client = client.timeout(config.timeout).build()?;
        Ok(Self { client, endpoint })
    }

    /// What can be said of a configuration where its secrets are not.
    ///
    /// # Errors
    /// The endpoint is none.
    pub fn check(config: &OtlpConfig) -> Result<Url, OtlpError> {
        let base = format!("{}/", config.endpoint.trim_end_matches('/'));
        let usable = |url: &Url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some();
        let url = Url::parse(&base).ok().filter(usable);
        url.ok_or_else(|| OtlpError::Endpoint(config.endpoint.clone()))
    }

    pub(crate) fn sending(self, clock: Clock, rng: Rng) -> (Queue, Sending) {
        let (sender, queue) = bounded("own telemetry requests", WAITING);
        (Queue(sender), Sending { otlp: self, queue, clock, rng })
    }

    async fn send(&self, signal: Signal, body: &[u8]) -> Said {
        let Ok(url) = self.endpoint.join(&format!("v1/{}", signal.as_str())) else {
            return Said::Never("the address is none".to_owned());
        };
        let request = self.client.post(url).header(CONTENT_TYPE, "application/x-protobuf").body(body.to_vec());
        match request.send().await {
            Ok(response) => said(response.status(), response.headers()),
            Err(error) if error.is_builder() => Said::Never(error.without_url().to_string()),
            Err(_) => Said::Later(None),
        }
    }
}

fn headers(config: &OtlpConfig) -> Result<HeaderMap, OtlpError> {
    let mut headers = HeaderMap::new();
    for (name, secret) in &config.headers {
        let value = secret.resolve().map_err(|error| OtlpError::Secret { name: name.clone(), error })?;
        let header = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value.expose()));
        let (Ok(key), Ok(mut value)) = header else { return Err(OtlpError::Header(name.clone())) };
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(headers)
}

/// Which answers mean that the same request may be taken later is the specification's list.
fn said(status: StatusCode, headers: &HeaderMap) -> Said {
    let after = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
    match status.as_u16() {
        200..=299 => Said::Taken,
        429 | 502 | 503 | 504 => Said::Later(after),
        _ => Said::Never(status.to_string()),
    }
}

impl Queue {
    pub(crate) fn put(&self, signal: Signal, body: Arc<Vec<u8>>) {
        if self.0.try_send((signal, body)).is_err() {
            lost(signal, "otlp");
        }
    }
}

impl Sending {
    pub(crate) async fn run(mut self) {
        while let Some((signal, body)) = self.queue.recv().await {
            if let Err(why) = self.deliver(signal, &body).await {
                lost(signal, "otlp");
                tracing::warn!(signal = signal.as_str(), why, "the back end of telemetry.otlp did not take a request");
            }
        }
    }

    async fn deliver(&self, signal: Signal, body: &[u8]) -> Result<(), String> {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let until = self.clock.monotonic() + PATIENCE;
        loop {
            let wait = match self.otlp.send(signal, body).await {
                Said::Taken => return Ok(()),
                Said::Never(why) => return Err(why),
                Said::Later(after) => after.unwrap_or_default().max(backoff.next(&self.rng)),
            };
            if self.clock.monotonic() + wait > until {
                return Err(format!("it did not for {} s", PATIENCE.as_secs()));
            }
            self.clock.sleep(wait).await;
        }
    }
}

#[cfg(test)]
mod tests;
