//! Requests to an API server: bounded answers, errors by what is to be done about them.

use std::path::Path;
use std::time::Duration;

use base::{Clock, Exceeded, Limit};
use futures::{AsyncBufRead, AsyncBufReadExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::Status;
use kube::{Client, Config};

/// An answer that is read as a whole comes within this time.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Characters of a server's message that are kept.
const MESSAGE: usize = 300;

/// Why a request gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// It asks for what the server no longer has: everything is to be listed anew.
    #[error("the resource version is too old")]
    Expired,
    /// We may not.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The answer is larger than we take.
    #[error(transparent)]
    TooLarge(#[from] Exceeded),
    /// The server answers, and says that it cannot do this.
    #[error("{0}")]
    Server(String),
    /// It may work later.
    #[error("{0}")]
    Failed(String),
}

impl ApiError {
    pub(crate) fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(cut(&error.to_string()))
    }

    /// By the status that a server answers with or puts into a watch.
    pub(crate) fn of(status: &Status) -> Self {
        let message = if status.message.is_empty() { status.reason.clone() } else { status.message.clone() };
        let message = cut(&message);
        match status.code {
            410 => Self::Expired,
            403 => Self::Forbidden(message),
            404 => Self::NotFound(message),
            code @ (400 | 406 | 429 | 500..) => Self::Server(format!("{code}: {message}")),
            code => Self::Failed(format!("{code}: {message}")),
        }
    }
}

impl From<kube::Error> for ApiError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::of(&status),
            // The innermost cause says it: `Connection refused`.
            error => Self::failed(innermost(&error)),
        }
    }
}

fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    error.source().map_or(error, innermost)
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MESSAGE).collect()
}

/// A connection to an API server.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    clock: Clock,
}

impl Api {
    /// Reads the kubeconfig; the server is not asked anything yet.
    pub(crate) async fn connect(
        kubeconfig: Option<&Path>,
        context: Option<&str>,
        clock: &Clock,
    ) -> Result<Self, ApiError> {
        let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
        let settings = match kubeconfig {
            Some(path) => {
                let wrong = |error: &dyn std::fmt::Display| ApiError::failed(format!("{}: {error}", path.display()));
                let kubeconfig = Kubeconfig::read_from(path).map_err(|error| wrong(&error))?;
                Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| wrong(&error))?
            }
            None if context.is_some() => Config::from_kubeconfig(&options).await.map_err(ApiError::failed)?,
            None => Config::infer().await.map_err(ApiError::failed)?,
        };
        Self::of(settings, clock)
    }

    /// Over that connection. Its library would ask again for minutes where a server answers 429, 503 or 504: here each
    /// answer says what is to be done, and who asks waits as long as is right for it.
    pub(crate) fn of(mut settings: Config, clock: &Clock) -> Result<Self, ApiError> {
        settings.default_retry = false;
        Ok(Self::new(Client::try_from(settings)?, clock))
    }

    pub(crate) fn new(client: Client, clock: &Clock) -> Self {
        Self { client, clock: clock.clone() }
    }

    /// The body of an answer.
    pub(crate) async fn get(&self, path: &str, limit: Limit) -> Result<Vec<u8>, ApiError> {
        let request = http::Request::get(path).body(Vec::new()).map_err(ApiError::failed)?;
        self.answer(request, limit).await
    }

    /// What an object would be if `manifest` were applied, as `manager`, in place of whoever has its
    /// fields now. Nothing is changed. See Kubernetes' "Server-Side Apply" and "Dry-run".
    pub(crate) async fn dry_run(
        &self,
        path: &str,
        manager: &str,
        manifest: &serde_json::Value,
        limit: Limit,
    ) -> Result<serde_json::Value, ApiError> {
        let query = format!("{path}?dryRun=All&force=true&fieldManager={manager}");
        let request = http::Request::patch(query).header("Content-Type", "application/apply-patch+yaml");
        // JSON is YAML.
        let request = request.body(manifest.to_string().into_bytes()).map_err(ApiError::failed)?;
        let body = self.answer(request, limit).await?;
        serde_json::from_slice(&body).map_err(ApiError::failed)
    }

    async fn answer(&self, request: http::Request<Vec<u8>>, limit: Limit) -> Result<Vec<u8>, ApiError> {
        let path = request.uri().path().to_owned();
        let read = async {
            let mut lines = self.send(request).await?;
            let mut body = Vec::new();
            loop {
                let chunk = lines.reader.fill_buf().await.map_err(ApiError::failed)?;
                if chunk.is_empty() {
                    return Ok(body);
                }
                limit.check((body.len() + chunk.len()) as u64)?;
                body.extend_from_slice(chunk);
                let length = chunk.len();
                lines.reader.consume_unpin(length);
            }
        };
        let late = |_| ApiError::Failed(format!("no answer to {path} within {} s", TIMEOUT.as_secs()));
        self.clock.timeout(TIMEOUT, read).await.map_err(late)?
    }

    /// The same as JSON.
    pub(crate) async fn json(&self, path: &str, limit: Limit) -> Result<serde_json::Value, ApiError> {
        let body = self.get(path, limit).await?;
        serde_json::from_slice(&body).map_err(|error| ApiError::failed(format!("{path}: {error}")))
    }

    /// An answer that comes line by line.
    pub(crate) async fn open(&self, path: &str) -> Result<Lines, ApiError> {
        self.send(http::Request::get(path).body(Vec::new()).map_err(ApiError::failed)?).await
    }

    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<Lines, ApiError> {
        let reader = self.client.request_stream(request).await?;
        Ok(Lines { reader: Box::new(Box::pin(reader)), line: Vec::new() })
    }
}

/// Lines of an answer.
pub(crate) struct Lines {
    reader: Box<dyn AsyncBufRead + Send + Unpin>,
    line: Vec<u8>,
}

impl Lines {
    /// The next line without its end; nothing at the end of the answer.
    pub(crate) async fn next(&mut self, limit: Limit) -> Result<Option<&[u8]>, ApiError> {
        self.line.clear();
        loop {
            let chunk = self.reader.fill_buf().await.map_err(ApiError::failed)?;
            if chunk.is_empty() {
                // A line that was cut off is none.
                return Ok(None);
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let taken = end.unwrap_or(chunk.len());
            limit.check((self.line.len() + taken) as u64)?;
            self.line.extend_from_slice(&chunk[..taken]);
            self.reader.consume_unpin(end.map_or(taken, |end| end + 1));
            if end.is_some() {
                return Ok(Some(&self.line));
            }
        }
    }
}
