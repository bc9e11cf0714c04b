//! A target.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base::Tasks;
use futures::{StreamExt, stream};

/// What it answers.
#[derive(Clone)]
pub(super) enum Reply {
    Text(String),
    /// Type, encoding, bytes.
    Bytes(&'static str, &'static str, Vec<u8>),
    Status(u16),
    /// Bytes, and then the connection breaks.
    Cut(String),
    Never,
    Redirect(&'static str),
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Replies in order; the last stays.
#[derive(Clone)]
pub(super) struct Server {
    pub port: u16,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    pub asked: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Server {
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, replies: Arc::new(Mutex::new(replies.into_iter().collect())), asked: Arc::default() };
        let this = server.clone();
        let router = axum::Router::new().fallback(move |headers: HeaderMap| {
            let reply = this.next(headers);
            async move {
                match reply {
                    Reply::Never => std::future::pending().await,
                    reply => respond(reply),
                }
            }
        });
        Tasks::new().spawn("target", async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    fn next(&self, headers: HeaderMap) -> Reply {
        self.asked.lock().unwrap().push(headers);
        let mut replies = self.replies.lock().unwrap();
        if replies.len() > 1 { replies.pop_front().unwrap() } else { replies[0].clone() }
    }

    pub(super) fn header(&self, n: usize, name: &str) -> String {
        self.asked.lock().unwrap()[n].get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    pub(super) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

fn respond(reply: Reply) -> Response {
    let response = Response::builder();
    let text = "text/plain; version=0.0.4";
    let response = match reply {
        Reply::Text(body) => response.header(CONTENT_TYPE, text).body(Body::from(body)),
        Reply::Bytes(media, "", body) => response.header(CONTENT_TYPE, media).body(Body::from(body)),
        Reply::Bytes(media, encoding, body) => {
            response.header(CONTENT_TYPE, media).header(CONTENT_ENCODING, encoding).body(Body::from(body))
        }
        Reply::Status(status) => response.status(StatusCode::from_u16(status).unwrap()).body(Body::empty()),
        Reply::Redirect(to) => response.status(302).header(LOCATION, to).body(Body::empty()),
        Reply::Cut(body) => {
            let first = stream::iter([Ok::<_, Infallible>(Bytes::from(body))]);
            let parts = first
                .map(|part| part.map_err(std::io::Error::other))
                .chain(stream::iter([Err(std::io::Error::other("cut"))]));
            response.header(CONTENT_TYPE, text).body(Body::from_stream(parts))
        }
        Reply::Never => unreachable!(),
    };
    response.unwrap()
}
