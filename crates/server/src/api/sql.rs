//! `/api/sql`: one statement in, rows out as they are read.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Extension, Query, State as With};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use query::{Answer, SqlOptions, Token};
use serde::Deserialize;

use crate::access::Access;
use crate::api::ApiError;
use crate::format::{Encoder, Format};
use crate::state::State;
use crate::stream::{Chunk, Sender, body};

/// What can be asked for in the address, or in a JSON body.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The statement.
    query: Option<String>,
    /// `json`, `csv` or `arrow`.
    format: Option<String>,
    /// Rows at most; the rest is left out.
    limit: Option<u64>,
    /// What must be visible: `state:0:123`.
    token: Option<String>,
}

/// `GET /api/sql?query=`.
pub async fn get(
    With(state): With<State>,
    Extension(access): Extension<Access>,
    headers: HeaderMap,
    ask: Result<Query<Ask>, QueryRejection>,
) -> Result<Response, ApiError> {
    answer(state, &access, ask?.0, &headers).await
}

/// `POST /api/sql`: the body is the statement, or JSON with `query` and what else can be asked for.
pub async fn post(
    With(state): With<State>,
    Extension(access): Extension<Access>,
    headers: HeaderMap,
    ask: Result<Query<Ask>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let (mut ask, body) = (ask?.0, body?);
    let content = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content.starts_with("application/json") {
        let given: Ask = serde_json::from_slice(&body)
            .map_err(|error| ApiError::parameter(format!("the body is not {{\"query\": ...}}: {error}")))?;
        ask = Ask {
            query: given.query.or(ask.query),
            format: given.format.or(ask.format),
            limit: given.limit.or(ask.limit),
            token: given.token.or(ask.token),
        };
    } else {
        let text = str::from_utf8(&body).map_err(|_| ApiError::parameter("the body is not UTF-8"))?;
        ask.query = Some(text.to_owned());
    }
    answer(state, &access, ask, &headers).await
}

async fn answer(state: State, access: &Access, ask: Ask, headers: &HeaderMap) -> Result<Response, ApiError> {
    let Some(sql) = ask.query else { return Err(ApiError::parameter("`query` is missing")) };
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::choose(ask.format.as_deref(), accept)?;
    let token = ask.token.as_deref().map(str::parse::<Token>).transpose();
    let token = token.map_err(|error| ApiError::parameter(error.to_string()))?;
    let options = SqlOptions { token, max_rows: ask.limit, ..SqlOptions::default() };
    let mut answer =
        state.engine.limited(&access.rights).sql(&sql, options).await.map_err(|error| ApiError::from(&error))?;
    // What fails at once fails with its own status.
    let first = match answer.stream.next().await {
        Some(Err(error)) => return Err(ApiError::from(&error)),
        Some(Ok(batch)) => Some(Ok(batch)),
        None => None,
    };
    answer.stream = stream::iter(first).chain(answer.stream).boxed();
    let content = [(CONTENT_TYPE, format.content_type())];
    let body = body("sql answer", &state.tasks, state.patience(), |sender| pump(answer, format, sender));
    Ok((content, body).into_response())
}

/// The rows, encoded.
async fn pump(mut answer: Answer, format: Format, sender: Sender) {
    let truncated = answer.truncation();
    let mut encoder = Encoder::new(format, &answer.schema);
    while let Some(batch) = answer.stream.next().await {
        let chunk = match batch {
            Ok(batch) => {
                encoder.rows(&batch).map_or_else(|error| Chunk::Failed(std::io::Error::other(error)), Chunk::Part)
            }
            Err(error) => match encoder.error(&ApiError::from(&error).json()) {
                Some(end) => Chunk::Last(end),
                // The format has no place for an error.
                None => Chunk::Failed(std::io::Error::other(error)),
            },
        };
        let ended = !matches!(chunk, Chunk::Part(_));
        if sender.send(chunk).await.is_err() || ended {
            return;
        }
    }
    let end = encoder.end(&answer.warnings, truncated());
    let _ = sender.send(end.map_or_else(|error| Chunk::Failed(std::io::Error::other(error)), Chunk::Last)).await;
}
