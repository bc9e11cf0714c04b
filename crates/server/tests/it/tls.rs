use std::path::PathBuf;

use query::QueryConfig;
use reqwest::{Certificate, Client};
use server::{Server, ServerConfig, TlsConfig};

use super::site::{Site, config, parts};
use super::world::World;

struct Files {
    dir: tempfile::TempDir,
    root: Certificate,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(dir.path().join("other.pem"), other.signing_key.serialize_pem()).unwrap();
        std::fs::write(dir.path().join("text.pem"), "no certificate").unwrap();
        Self { root: Certificate::from_pem(made.cert.pem().as_bytes()).unwrap(), dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self, cert: &str, key: &str) -> ServerConfig {
        ServerConfig { tls: Some(TlsConfig { cert: self.path(cert), key: self.path(key) }), ..config() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn https_is_served_with_the_certificate() {
    let files = Files::new();
    let site = Site::start(World::fleet().await, files.config("cert.pem", "key.pem"), QueryConfig::default()).await;
    let client = Client::builder().no_proxy().add_root_certificate(files.root.clone()).build().unwrap();
    let url = format!("https://localhost:{}/api/drift", site.addr.port());
    let answer = client.get(&url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_2));
    let stranger = Client::builder().no_proxy().build().unwrap();
    assert!(stranger.get(&url).send().await.is_err());
    // Who speaks plain HTTP gets no answer, and disturbs nobody.
    assert!(client.get(url.replace("https", "http")).send().await.is_err());
    assert_eq!(client.get(&url).send().await.unwrap().status().as_u16(), 200);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_file_is_named() {
    let files = Files::new();
    let world = World::empty().await;
    for (cert, key, named) in [
        ("none.pem", "key.pem", "none.pem"),
        ("cert.pem", "none.pem", "none.pem"),
        ("text.pem", "key.pem", "text.pem"),
        ("cert.pem", "text.pem", "text.pem"),
        ("cert.pem", "other.pem", "other.pem"),
    ] {
        let bound = Server::bind(files.config(cert, key), parts(&world, QueryConfig::default())).await;
        let Err(error) = bound else { panic!("{cert} and {key} were taken") };
        assert!(error.to_string().starts_with("server.tls: ") && error.to_string().contains(named), "{error}");
    }
    world.end().await;
}
