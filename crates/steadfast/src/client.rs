//! Asks a running Steadfast over HTTP.

use app::{Entry, History, Report};
use async_trait::async_trait;
use base::Limit;
use futures::StreamExt;
use reqwest::{Response, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;

use crate::args::Server;

/// Bytes of one answer of history.
const ANSWER: Limit = Limit::new("replay.answer_bytes", 2 << 30);

/// Why an answer did not come.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers there.
    #[error(
        "no Steadfast answers at {server}: {problem}; start one with `steadfast up`, or name another with --server"
    )]
    Unreachable {
        /// The address.
        server: String,
        /// What went wrong.
        problem: String,
    },
    /// It refused.
    #[error("{0}")]
    Refused(String),
    /// It answered something else.
    #[error("the answer of {server} makes no sense: {problem}")]
    Answer {
        /// The address.
        server: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// Rows of an answer.
#[derive(Debug, Deserialize)]
pub struct Rows {
    /// The columns.
    pub columns: Vec<Column>,
    /// A value for each column.
    pub rows: Vec<Vec<Value>>,
    /// What the asker should know.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// A column.
#[derive(Debug, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
}

/// A line of `/api/drift/watch`.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    Verdict(Box<Entry>),
    #[serde(other)]
    Other,
}

/// A Steadfast.
pub struct Client {
    http: reqwest::Client,
    server: String,
    token: Option<String>,
}

impl Client {
    /// For the address and token that the flags name.
    pub fn new(flags: &Server) -> Self {
        let token = std::env::var(&flags.token_env).ok().filter(|token| !token.is_empty());
        Self { http: reqwest::Client::new(), server: address(&flags.server), token }
    }

    /// What differs now.
    pub async fn drift(&self) -> Result<Report, ClientError> {
        let answer = self.ask(self.http.get(self.url("/api/drift"))).await?;
        answer.json().await.map_err(|error| self.answer(&error))
    }

    /// Rows.
    pub async fn sql(&self, query: &str) -> Result<Rows, ClientError> {
        let answer = self.ask(self.http.post(self.url("/api/sql?format=json")).body(query.to_owned())).await?;
        answer.json().await.map_err(|error| self.answer(&error))
    }

    /// The answer's text in that form, piece by piece.
    pub async fn sql_text(&self, query: &str, format: &str, mut piece: impl FnMut(&[u8])) -> Result<(), ClientError> {
        let url = self.url(&format!("/api/sql?format={format}"));
        let mut bytes = self.ask(self.http.post(url).body(query.to_owned())).await?.bytes_stream();
        while let Some(bytes) = bytes.next().await {
            piece(&bytes.map_err(|error| self.answer(&error))?);
        }
        Ok(())
    }

    /// Rows as a stream of Arrow's IPC format.
    async fn sql_arrow(&self, query: &str) -> Result<Vec<u8>, ClientError> {
        let url = self.url("/api/sql?format=arrow");
        let mut bytes = self.ask(self.http.post(url).body(query.to_owned())).await?.bytes_stream();
        let mut answer = Vec::new();
        while let Some(piece) = bytes.next().await {
            answer.extend_from_slice(&piece.map_err(|error| self.answer(&error))?);
            let large = |problem: base::Exceeded| ClientError::Answer {
                server: self.server.clone(),
                problem: problem.to_string(),
            };
            ANSWER.check(answer.len() as u64).map_err(large)?;
        }
        Ok(answer)
    }

    /// What is at a path, as JSON.
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        let answer = self.ask(self.http.get(self.url(path))).await?;
        answer.json().await.map_err(|error| self.answer(&error))
    }

    /// What a path answers to a body of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let answer = self.ask(self.http.post(self.url(path)).json(body)).await?;
        answer.json().await.map_err(|error| self.answer(&error))
    }

    /// Each change of a verdict, until the server ends.
    pub async fn watch(&self, mut change: impl FnMut(Entry)) -> Result<(), ClientError> {
        let mut bytes = self.ask(self.http.get(self.url("/api/drift/watch"))).await?.bytes_stream();
        let mut line = Vec::new();
        while let Some(piece) = bytes.next().await {
            for byte in piece.map_err(|error| self.answer(&error))? {
                if byte != b'\n' {
                    line.push(byte);
                } else if !line.is_empty() {
                    let event: Event = serde_json::from_slice(&line).map_err(|error| self.answer(&error))?;
                    if let Event::Verdict(entry) = event {
                        change(*entry);
                    }
                    line.clear();
                }
            }
        }
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }

    async fn ask(&self, request: reqwest::RequestBuilder) -> Result<Response, ClientError> {
        let request = match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        };
        let answer = request
            .send()
            .await
            .map_err(|error| ClientError::Unreachable { server: self.server.clone(), problem: root(&error) })?;
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        let status = answer.status();
        let body: Value = answer.json().await.unwrap_or_default();
        // Kayenta's API has the text at the top.
        let message = body.pointer("/error/message").or_else(|| body.get("message"));
        let message = message.and_then(Value::as_str).map(str::to_owned);
        Err(ClientError::Refused(message.unwrap_or_else(|| format!("{} answers {status}", self.server))))
    }

    fn answer(&self, error: &dyn std::error::Error) -> ClientError {
        ClientError::Answer { server: self.server.clone(), problem: root(error) }
    }
}

#[async_trait]
impl History for Client {
    async fn arrow(&self, sql: &str) -> Result<Vec<u8>, String> {
        self.sql_arrow(sql).await.map_err(|error| error.to_string())
    }
}

/// A server's URL without a slash at its end; `host:port` is taken as HTTP.
fn address(server: &str) -> String {
    let server = server.trim_end_matches('/');
    if server.contains("://") { server.to_owned() } else { format!("http://{server}") }
}

/// The innermost cause, which says most.
fn root(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_scheme_is_taken_as_http() {
        assert_eq!(address("127.0.0.1:9470"), "http://127.0.0.1:9470");
        assert_eq!(address("localhost:9470/"), "http://localhost:9470");
        assert_eq!(address("https://steadfast.example.org/"), "https://steadfast.example.org");
    }
}
