//! Pages for people: rendered here, no script. Everything that comes from a file, a repository or a
//! provider is text, and escaped.

mod canaries;
mod diff;
mod home;
mod incident;
mod layout;
mod parts;
mod plot;
mod resource;

pub use canaries::{canaries, canary};
pub use home::home;
pub use incident::incident;
pub use resource::resource;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use maud::html;

use crate::api::ApiError;

/// `GET /style.css`.
pub async fn style() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "private, max-age=300")];
    (headers, include_str!("style.css"))
}

/// An error of a page, as a page.
pub struct PageError(ApiError);

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let title = match self.0.status {
            StatusCode::NOT_FOUND => "There is no such page",
            _ => "This page cannot be shown",
        };
        let body = html! {
            section class="card bad" { h2 { (title) } p { (self.0.message()) } p { a href="/" { "What differs now" } } }
        };
        (self.0.status, Html(layout::page("Steadfast", None, body).into_string())).into_response()
    }
}
