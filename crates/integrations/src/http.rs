//! The one HTTP client of the integrations: no redirects, bounded answers, errors without secrets.

use std::error::Error;
use std::time::Duration;

use base::{Clock, Limit, Secret, SecretRef, Timestamp};
use notify::{Limits, SendError};
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, redirect};
use serde::Deserialize;
use url::{Host, Url};

use crate::plugin::{BuildError, Context};

/// How much of an answer is read.
const BODY: Limit = Limit::new("integrations.answer_bytes", 64 << 10);
/// How long an answer's body is waited for; its status has come already.
const BODY_TIME: Duration = Duration::from_secs(2);
/// In how many seconds Opsgenie counts requests anew; it sends no `Retry-After`.
const PERIOD: &str = "x-ratelimit-period-in-sec";
/// A secret that is shorter is not looked for in texts.
const SHORTEST: usize = 4;

/// Posts to one address.
pub(crate) struct Client {
    inner: reqwest::Client,
    url: Url,
    headers: HeaderMap,
    secrets: Vec<Secret>,
    clock: Clock,
}

/// What a provider answered.
pub(crate) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    after: Option<Duration>,
}

impl Client {
    /// A client for `url`; `secrets` are what must not show in any text.
    pub fn new(
        url: Url,
        mut headers: HeaderMap,
        secrets: Vec<Secret>,
        limits: Limits,
        cx: &Context,
    ) -> Result<Self, BuildError> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let timeout = cx.timeout.unwrap_or(limits.timeout);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("steadfast/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout)
            // Providers and proxies close idle connections silently; a short life avoids the race.
            .pool_idle_timeout(Duration::from_secs(20))
            .pool_max_idle_per_host(4);
        if is_loopback(&url) {
            builder = builder.no_proxy();
        }
        let inner = builder.build().map_err(|error| BuildError::value("url", root(&error)))?;
        let secrets = secrets.into_iter().filter(|secret| secret.expose().len() >= SHORTEST).collect();
        Ok(Self { inner, url, headers, secrets, clock: cx.clock.clone() })
    }

    /// Posts once.
    ///
    /// # Errors
    /// [`SendError::Retry`] if no answer came.
    pub async fn post(&self, body: Vec<u8>) -> Result<Answer, SendError> {
        self.ask(Method::POST, self.url.clone(), body).await
    }

    /// Where a path below our address is; each part is percent-encoded.
    pub fn at(&self, parts: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }

    /// Another path at our address.
    pub fn beside(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url
    }

    /// Asks once, at a place of the same provider.
    ///
    /// # Errors
    /// [`SendError::Retry`] if no answer came.
    pub async fn ask(&self, method: Method, url: Url, body: Vec<u8>) -> Result<Answer, SendError> {
        let request = self.inner.request(method, url).headers(self.headers.clone()).body(body);
        match request.send().await {
            Ok(response) => Ok(self.read(response).await),
            Err(error) => Err(SendError::Retry { problem: self.problem(&error), status: None, after: None }),
        }
    }

    /// `text` without our secrets.
    pub fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "***"))
    }

    async fn read(&self, mut response: Response) -> Answer {
        let status = response.status().as_u16();
        let after = self.retry_after(response.headers());
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(chunk)) = response.chunk().await {
                let room = usize::try_from(BODY.max()).unwrap_or(usize::MAX).saturating_sub(body.len());
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    break;
                }
            }
        };
        // What has come until then is enough: the status decides.
        let _ = self.clock.timeout(BODY_TIME, read).await;
        Answer { status, body, after }
    }

    /// Seconds or a date (RFC 9110, 10.2.3); a date counts from the answer's own `Date`.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = headers.get(RETRY_AFTER).or_else(|| headers.get(PERIOD))?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = headers.get(DATE).and_then(|date| http_date(date.to_str().ok()?));
        Some(http_date(text)?.since(date.unwrap_or_else(|| self.clock.now())))
    }

    fn problem(&self, error: &reqwest::Error) -> String {
        let what = if error.is_timeout() {
            "no answer in time".to_owned()
        } else if error.is_connect() {
            format!("cannot connect: {}", root(error))
        } else {
            format!("the connection broke: {}", root(error))
        };
        self.redact(&what)
    }
}

impl Answer {
    /// Whether its status is a yes.
    pub const fn is_yes(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The same, as if it had come with another status.
    pub fn as_status(&self, status: u16) -> Self {
        Self { status, body: Vec::new(), after: self.after }
    }

    /// The error of an answer that is no yes; `said` is what the provider told, without secrets.
    pub fn error(&self, said: Option<String>) -> SendError {
        let status = Some(self.status);
        let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
        let problem = format!("it answered {}{said}", self.status);
        match self.status {
            400 | 413 | 422 => SendError::Poison { problem, status },
            200..=299 | 408 | 425 | 429 | 500.. => SendError::Retry { problem, status, after: self.after },
            _ => SendError::Refused { problem, status },
        }
    }
}

/// The innermost cause of an error: the outer ones name the URL.
fn root(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    // An error without a cause would show itself, with its URL.
    if std::ptr::addr_eq(cause, error) { "no cause is known".to_owned() } else { cause.to_string() }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = text.split_once(", ")?.1.split(' ');
    let (day, month, year, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|&name| name == month)? + 1;
    format!("{year}-{month:02}-{day}T{time}Z").parse().ok()
}

/// A URL, or where to find one that is a secret itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a URL, {env: NAME} or {file: PATH}")]
pub enum Address {
    /// The URL.
    Plain(String),
    /// Where it is kept.
    Secret(SecretRef),
}

impl Address {
    /// The URL, and what of it must not show: each part may be a key.
    pub(crate) fn resolve(&self, key: &'static str) -> Result<(Url, Vec<Secret>), BuildError> {
        let text = match self {
            Self::Plain(url) => Secret::new(url.clone()),
            Self::Secret(secret) => secret.resolve().map_err(BuildError::secret(key))?,
        };
        hidden(key, text)
    }
}

/// A URL that is a secret, and its parts.
pub(crate) fn hidden(key: &'static str, text: Secret) -> Result<(Url, Vec<Secret>), BuildError> {
    let url = url(key, text.expose())?;
    let mut secrets = vec![text, Secret::new(url.as_str())];
    secrets.extend(url.query().map(Secret::new));
    secrets.extend(Some(url.path()).filter(|path| path.len() > 1).map(Secret::new));
    secrets.extend(url.password().map(Secret::new));
    Ok((url, secrets))
}

/// A URL that can be posted to.
pub(crate) fn url(key: &'static str, text: &str) -> Result<Url, BuildError> {
    let parsed = Url::parse(text.trim()).map_err(|error| BuildError::value(key, format!("not a URL: {error}")))?;
    if matches!(parsed.scheme(), "http" | "https") && parsed.has_host() {
        Ok(parsed)
    } else {
        Err(BuildError::value(key, "a URL begins with https:// or http://"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_http_writes_them() {
        let date = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(date.to_string(), "1994-11-06T08:49:37Z");
        for bad in ["", "soon", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_urls_that_can_be_posted_to_are_taken() {
        assert!(url("url", "https://example.org/x?sig=1").is_ok());
        for bad in ["", "example.org", "file:///etc/passwd", "https://"] {
            let error = url("url", bad).unwrap_err().to_string();
            assert!(error.starts_with("url: "), "{error}");
        }
    }
}
