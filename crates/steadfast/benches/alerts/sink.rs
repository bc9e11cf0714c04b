//! Where groups are told of.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Json;
use axum::routing::post;
use serde_json::Value;

/// Counts groups by their key.
pub struct Sink(Arc<Mutex<HashSet<String>>>);

impl Sink {
    pub async fn start(port: u16) -> Self {
        let told = Arc::new(Mutex::new(HashSet::new()));
        let of = Arc::clone(&told);
        let take = move |Json(body): Json<Value>| {
            of.lock().unwrap().insert(body["groupKey"].as_str().unwrap_or_default().to_owned());
            std::future::ready(())
        };
        let router = axum::Router::new().route("/", post(take)).layer(axum::extract::DefaultBodyLimit::disable());
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self(told)
    }

    pub fn groups(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Waits until so many groups were told of.
    pub async fn until(&self, groups: usize, patience: Duration) {
        let start = Instant::now();
        while self.groups() < groups && start.elapsed() < patience {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
