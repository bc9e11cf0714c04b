//! The HTTP client of a job: bounded answers, errors without addresses' secrets.

use std::error::Error;
use std::time::Duration;

use base::{Clock, Limit};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Identity, NoProxy, Proxy, Response, redirect, tls};
use scrape::Target;
use scrape::config::{HttpConfig, Job, TlsConfig};
use wire::body::{BodyError, Encoding};
use wire::exposition::Format;

use super::secret::{self, Unreadable};

/// Says how long the target may take, in seconds.
const TIMEOUT: &str = "x-prometheus-scrape-timeout-seconds";
/// Redirects that are followed.
const REDIRECTS: usize = 10;
/// A connection that nobody uses is closed after this time.
const IDLE: Duration = Duration::from_secs(300);

/// Why a target gave no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("no answer within {}s", .0.as_secs_f64())]
    Late(Duration),
    #[error("{0}")]
    Connection(String),
    #[error("server returned HTTP status {0}")]
    Status(reqwest::StatusCode),
    #[error("body size limit exceeded ({0})")]
    Size(#[from] base::Exceeded),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error("{0}")]
    Type(String),
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("{key}: {problem}")]
    Config { key: &'static str, problem: String },
}

/// What a target answered, decompressed.
pub(super) struct Answer {
    pub body: Vec<u8>,
    pub format: Format,
}

/// Asks the targets of a job.
pub(super) struct Client {
    job: Job,
    accept: HeaderValue,
    clock: Clock,
    /// The client, and the PEM files that it was made of: when they change, another is made.
    inner: tokio::sync::Mutex<Option<(Pem, reqwest::Client)>>,
    limit: Limit,
}

#[derive(Clone, Default, PartialEq, Eq)]
struct Pem {
    ca: Option<String>,
    cert: Option<String>,
    key: Option<String>,
}

impl Client {
    /// For a job; no answer has more than `most` bytes.
    pub(super) fn new(job: Job, most: u64, clock: Clock) -> Self {
        let limit = match job.limits.body {
            own if own > 0 && own < most => Limit::new("body_size_limit", own),
            _ => Limit::new("ingest.max_decoded_bytes", most),
        };
        let accept = HeaderValue::try_from(scrape::accept(&job.protocols));
        let accept = accept.unwrap_or_else(|_| HeaderValue::from_static("*/*"));
        Self { job, accept, clock, inner: tokio::sync::Mutex::default(), limit }
    }

    /// Asks a target once.
    pub(super) async fn fetch(&self, target: &Target) -> Result<Answer, FetchError> {
        let asked = self.clock.timeout(target.timeout, self.ask(target)).await;
        let (body, encoding, format) = asked.map_err(|_| FetchError::Late(target.timeout))??;
        if encoding == Encoding::Identity {
            return Ok(Answer { body, format });
        }
        let mut decoded = Vec::new();
        match encoding.decode(&body, self.limit, &mut decoded) {
            Ok(_) => Ok(Answer { body: decoded, format }),
            Err(BodyError::TooLarge(exceeded)) => Err(exceeded.into()),
            Err(error) => Err(error.into()),
        }
    }

    async fn ask(&self, target: &Target) -> Result<(Vec<u8>, Encoding, Format), FetchError> {
        let client = self.client().await?;
        let request = client.get(target.url.clone()).headers(self.headers(target.timeout).await?);
        let mut response = request.send().await.map_err(connection)?;
        if response.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let text =
            |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
        let encoding = Encoding::parse(text(CONTENT_ENCODING))?;
        let format = scrape::format(text(CONTENT_TYPE), self.job.fallback).map_err(FetchError::Type)?;
        let body = self.body(&mut response).await?;
        Ok((body, encoding, format))
    }

    async fn body(&self, response: &mut Response) -> Result<Vec<u8>, FetchError> {
        self.limit.check(response.content_length().unwrap_or_default())?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(connection)? {
            self.limit.check((body.len() + chunk.len()) as u64)?;
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    async fn headers(&self, timeout: Duration) -> Result<HeaderMap, FetchError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, self.accept.clone());
        let encoding = if self.job.enable_compression { "gzip" } else { "identity" };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        if let Ok(seconds) = HeaderValue::try_from(timeout.as_secs_f64().to_string()) {
            headers.insert(TIMEOUT, seconds);
        }
        if let Some(value) = authorization(&self.job.http).await? {
            headers.insert(AUTHORIZATION, value);
        }
        Ok(headers)
    }

    /// The client, made anew if a file that it needs has changed.
    async fn client(&self) -> Result<reqwest::Client, FetchError> {
        let TlsConfig { ca, cert, key, .. } = &self.job.http.tls;
        let mut pem = Pem::default();
        for (from, to) in [(ca, &mut pem.ca), (cert, &mut pem.cert), (key, &mut pem.key)] {
            if let Some(text) = from {
                *to = Some(secret::read(text).await?);
            }
        }
        let mut inner = self.inner.lock().await;
        if let Some((of, client)) = &*inner
            && *of == pem
        {
            return Ok(client.clone());
        }
        let client = build(&self.job.http, &pem)?;
        *inner = Some((pem, client.clone()));
        Ok(client)
    }
}

async fn authorization(http: &HttpConfig) -> Result<Option<HeaderValue>, FetchError> {
    let text = if let Some(basic) = &http.basic_auth {
        let user = secret::read(&basic.username).await?;
        let password = match &basic.password {
            Some(password) => secret::read(password).await?,
            None => String::new(),
        };
        format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{user}:{password}")))
    } else if let Some(authorization) = &http.authorization {
        format!("{} {}", authorization.scheme, secret::read(&authorization.credentials).await?)
    } else {
        return Ok(None);
    };
    let wrong = |_| config("authorization", &"the credentials have characters that no header may have");
    let mut value = HeaderValue::try_from(text).map_err(wrong)?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn config(key: &'static str, problem: &dyn std::fmt::Display) -> FetchError {
    FetchError::Config { key, problem: problem.to_string() }
}

fn build(http: &HttpConfig, pem: &Pem) -> Result<reqwest::Client, FetchError> {
    let follow = if http.follow_redirects { redirect::Policy::limited(REDIRECTS) } else { redirect::Policy::none() };
    let version = |version: u8| if version == 2 { tls::Version::TLS_1_2 } else { tls::Version::TLS_1_3 };
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("steadfast/", env!("CARGO_PKG_VERSION")))
        .redirect(follow)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(1)
        .danger_accept_invalid_certs(http.tls.insecure_skip_verify);
    if let Some(oldest) = http.tls.min_version {
        builder = builder.min_tls_version(version(oldest));
    }
    if let Some(newest) = http.tls.max_version {
        builder = builder.max_tls_version(version(newest));
    }
    if !http.enable_http2 {
        builder = builder.http1_only();
    }
    if let Some(url) = &http.proxy_url {
        let proxy = Proxy::all(url.clone()).map_err(|error| config("proxy_url", &root(&error)))?;
        builder = builder.proxy(proxy.no_proxy(http.no_proxy.as_deref().and_then(NoProxy::from_string)));
    } else if !http.proxy_from_environment {
        builder = builder.no_proxy();
    }
    if let Some(ca) = &pem.ca {
        let all =
            Certificate::from_pem_bundle(ca.as_bytes()).map_err(|error| config("tls_config.ca", &root(&error)))?;
        builder = all.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
    }
    if let (Some(cert), Some(key)) = (&pem.cert, &pem.key) {
        let both = format!("{cert}\n{key}\n");
        let identity = Identity::from_pem(both.as_bytes()).map_err(|error| config("tls_config.cert", &root(&error)))?;
        builder = builder.identity(identity);
    }
    builder.build().map_err(|error| config("tls_config", &root(&error)))
}

fn connection(error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    FetchError::Connection(if error.is_redirect() {
        format!("stopped after {REDIRECTS} redirects")
    } else {
        root(&error).to_string()
    })
}

/// The innermost cause: `Connection refused`.
fn root<'e>(error: &'e (dyn Error + 'static)) -> &'e (dyn Error + 'static) {
    error.source().map_or(error, root)
}
