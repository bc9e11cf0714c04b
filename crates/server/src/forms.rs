//! Parameters of requests whose names may come more than once: in the address, in a form, or both.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;

use crate::state::State;

/// Names and values, those of the form first.
#[derive(Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Of an address.
    pub fn of(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The first parameter of that name that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// Every parameter of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// The parameters of a request; what is wrong with its body, if that cannot be read.
pub async fn read(request: Request, state: &State) -> Result<Parameters, String> {
    let Parameters(of_address) = Parameters::of(request.uri().query().unwrap_or_default());
    let content = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = content.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded");
    let mut all = Vec::new();
    if is_form {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error: BytesRejection| error.body_text())?;
        all.extend(url::form_urlencoded::parse(&body).into_owned());
    }
    all.extend(of_address);
    Ok(Parameters(all))
}
