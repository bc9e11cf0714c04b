//! Every route that there is, as the sources of the server name them.

use std::collections::BTreeSet;
use std::path::Path;

use base::SecretRef;
use query::QueryConfig;
use regex::Regex;
use reqwest::{Client, Method};
use server::{ServerConfig, TokenConfig};

use super::site::{Site, config};
use super::world::World;

const LIMITED: &str = "a-token-for-one-scope-only";
const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::DELETE];

/// What a limited token may ask: what cuts its answer to it, and what tells nothing.
const FOR_ALL: [&str; 8] = [
    "/-/healthy",
    "/-/ready",
    "/ready",
    "/api/intake/{*name}",
    "/style.css",
    "/api/sql",
    "/api/drift",
    "/api/drift/watch",
];

/// The paths of all routes of the port of HTTP.
pub fn paths() -> BTreeSet<String> {
    let (mut found, route) = (BTreeSet::new(), Regex::new(r#"\.route\(\s*"([^"]+)""#).unwrap());
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = std::fs::read_to_string(path).unwrap();
                found.extend(route.captures_iter(&text).map(|captures| captures[1].to_owned()));
            }
        }
    }
    assert!(found.len() > 100, "the routes are written otherwise than before: {found:?}");
    found
}

/// A path that the route takes.
pub fn example(route: &str) -> String {
    Regex::new(r"\{[^}]*\}").unwrap().replace_all(route, "x").into_owned()
}

fn limited(dir: &tempfile::TempDir) -> Vec<TokenConfig> {
    let path = dir.path().join("token");
    std::fs::write(&path, LIMITED).unwrap();
    let tables = Some(vec!["drift".to_owned()]);
    vec![TokenConfig { name: "dashboards".to_owned(), secret: SecretRef::File(path), scopes: None, tables }]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_token_is_refused_by_every_route_but_a_few() {
    let dir = tempfile::tempdir().unwrap();
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let grpc = listen.local_addr().unwrap();
    drop(listen);
    let config = ServerConfig { tokens: limited(&dir), grpc_listen: Some(grpc), ..config() };
    let site = Site::start(World::empty().await, config, QueryConfig::default()).await;
    for route in paths().iter().filter(|route| !FOR_ALL.contains(&route.as_str())) {
        let mut refused = 0;
        for method in METHODS {
            let request = site.client.request(method.clone(), site.url(&example(route))).bearer_auth(LIMITED);
            let status = request.send().await.unwrap().status().as_u16();
            assert!(matches!(status, 403 | 405), "{method} {route}: {status}");
            refused += u32::from(status == 403);
        }
        assert!(refused > 0, "{route} takes no method");
    }
    let client = Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    for service in ["metrics.v1.MetricsService", "logs.v1.LogsService", "trace.v1.TraceService"] {
        let url = format!("http://{grpc}/opentelemetry.proto.collector.{service}/Export");
        let call = client.post(url).bearer_auth(LIMITED).header("Content-Type", "application/grpc").body(vec![0; 5]);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.headers()["grpc-status"].to_str().unwrap(), "7", "{service}: permission denied");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_can_have_nothing_done() {
    let dir = tempfile::tempdir().unwrap();
    for tokens in [Vec::new(), limited(&dir)] {
        let site = Site::start(World::empty().await, ServerConfig { tokens, ..config() }, QueryConfig::default()).await;
        for route in paths().iter().filter(|route| *route != "/api/intake/{*name}") {
            for method in METHODS {
                for (header, value) in [("Origin", "https://elsewhere.example"), ("Sec-Fetch-Site", "cross-site")] {
                    let request = site.client.request(method.clone(), site.url(&example(route))).header(header, value);
                    // What a form of another page can send along.
                    let request = request.basic_auth("me", Some(LIMITED)).header("Content-Type", "text/plain");
                    let status = request.body("{}").send().await.unwrap().status().as_u16();
                    let is_health = FOR_ALL[..3].contains(&route.as_str()) && method == Method::GET;
                    assert!(matches!(status, 403 | 405) || is_health, "{method} {route}: {status}");
                }
            }
        }
        // A link, in a mail for one.
        let link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")];
        let request = site.client.get(site.url("/style.css")).basic_auth("me", Some(LIMITED));
        let request = link.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
        site.end().await;
    }
}
