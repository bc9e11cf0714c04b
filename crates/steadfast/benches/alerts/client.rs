//! What posts alerts, asks for them, and looks at the process that takes them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::{BATCH, SENDERS};

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    api: String,
    groups: usize,
}

impl Client {
    pub fn new(url: &str, groups: usize) -> Self {
        Self { http: reqwest::Client::new(), api: format!("{url}/api/v2"), groups }
    }

    /// As Prometheus would describe it.
    fn body(&self, alerts: std::ops::Range<usize>) -> Vec<u8> {
        let alert = |n: usize| {
            json!({
                "labels": {"alertname": "HighLatency", "service": format!("service-{}", n % self.groups), "instance": format!("web-{n}:9100"),
                    "job": "web", "namespace": "shop", "cluster": "eu-1", "severity": "warning"},
                "annotations": {"summary": "requests take long", "runbook_url": "https://runbooks.example.org/high-latency"},
                "generatorURL": "http://prometheus.example.org/graph?g0.expr=latency",
                "endsAt": "2099-01-01T00:00:00Z",
            })
        };
        serde_json::to_vec(&alerts.map(alert).collect::<Vec<_>>()).unwrap()
    }

    async fn post(&self, body: Vec<u8>) -> Duration {
        let start = Instant::now();
        let request = self.http.post(format!("{}/alerts", self.api)).header("content-type", "application/json");
        let response = request.body(body).send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        start.elapsed()
    }

    /// All alerts once.
    pub async fn post_all(&self, alerts: usize) -> Latencies {
        let next = Arc::new(AtomicUsize::new(0));
        let senders = (0..SENDERS).map(|_| {
            let (client, next) = (self.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                let mut latencies = Latencies::default();
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    if first >= alerts {
                        return latencies;
                    }
                    let body = client.body(first..alerts.min(first + BATCH));
                    latencies.add(client.post(body).await);
                }
            })
        });
        let mut all = Latencies::default();
        for sender in senders.collect::<Vec<_>>() {
            all.0.append(&mut sender.await.unwrap().0);
        }
        all
    }

    /// So many alerts that are held already, one a request.
    pub async fn post_singles(&self, count: usize) -> Latencies {
        let mut latencies = Latencies::default();
        for n in 0..count {
            latencies.add(self.post(self.body(n..n + 1)).await);
        }
        latencies
    }

    /// How many bytes the answer has.
    pub async fn get(&self, path: &str) -> usize {
        let mut response = self.http.get(format!("{}/{path}", self.api)).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        let mut bytes = 0;
        while let Some(chunk) = response.chunk().await.unwrap() {
            bytes += chunk.len();
        }
        bytes
    }

    pub fn keep_listing(&self, path: &'static str) -> tokio::task::JoinHandle<()> {
        let client = self.clone();
        tokio::spawn(async move {
            loop {
                client.get(path).await;
            }
        })
    }
}

#[derive(Default)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    pub fn add(&mut self, latency: Duration) {
        self.0.push(latency);
    }

    pub fn median(&self) -> String {
        self.at(0.5)
    }

    fn at(&self, part: f64) -> String {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = ((sorted.len() - 1) as f64 * part).round() as usize;
        format!("{:.1} ms", sorted[at].as_secs_f64() * 1e3)
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {}, p99 {}, p99.9 {}, worst {}", self.at(0.5), self.at(0.99), self.at(0.999), self.at(1.0))
    }
}
