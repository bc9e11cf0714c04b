use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base::{Limit, Secret, SecretRef};
use query::QueryConfig;
use reqwest::header::CONTENT_TYPE;
use server::{From, Intake, IsSigned, NotTaken, Parts, Server, ServerConfig, Take, TokenConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::site::{Site, config, parts};
use super::world::World;

const TOKEN: &str = "a-token-of-an-api-server";
const PATH: &str = "/api/intake/kubernetes/prod/audit";

fn intake(token: Option<&str>, taken: &Arc<Mutex<Vec<String>>>) -> Intake {
    let taken = Arc::clone(taken);
    let take = move |body: Vec<u8>| match &body[..] {
        b"\"full\"" => Err(NotTaken::Full),
        b"\"closed\"" => Err(NotTaken::Closed),
        b"{" => Err(NotTaken::Malformed("it is cut off".to_owned())),
        body => {
            taken.lock().unwrap().push(String::from_utf8_lossy(body).into_owned());
            Ok(())
        }
    };
    let take: Take = Arc::new(move |body| Box::pin(std::future::ready(take(body))));
    Intake { from: From::Bearer(token.map(Secret::new)), limit: Limit::new("test_intake_bytes", 100), take }
}

/// One that takes what ends with its signature.
fn signed(taken: &Arc<Mutex<Vec<String>>>) -> Intake {
    let is_signed: IsSigned = Arc::new(|body, signature| body.ends_with(signature.as_bytes()));
    Intake { from: From::Signed { header: "x-signature", is_signed }, ..intake(None, taken) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_taken_from_who_signs_it_and_from_nobody_else() {
    let (world, taken) = (World::empty().await, Arc::default());
    let intakes = BTreeMap::from([("pagerduty/on call".to_owned(), signed(&taken))]);
    let parts = Parts { intakes, ..parts(&world, QueryConfig::default()) };
    let site = Site::serve(world, config(), parts).await;
    let post = async |signature: Option<&str>, body: &str| {
        let request =
            site.client.post(site.url("/api/intake/pagerduty/on%20call")).header(CONTENT_TYPE, "application/json");
        let request = match signature {
            Some(signature) => request.header("x-signature", signature),
            None => request,
        };
        // It has another name than ours: a provider reaches it by whatever name it was told.
        let request = request.header("host", "steadfast.example.org");
        request.body(body.to_owned()).send().await.unwrap().status().as_u16()
    };
    assert_eq!(post(Some("}"), "{}").await, 200);
    assert_eq!(post(Some("x"), "{}").await, 401);
    assert_eq!(post(None, "{}").await, 401);
    assert_eq!(post(Some("x"), &"x".repeat(101)).await, 413);
    assert_eq!(*taken.lock().unwrap(), ["{}"]);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_only_pretends_to_sign_keeps_nobody_out() {
    let (world, taken) = (World::empty().await, Arc::default());
    let intakes =
        BTreeMap::from([("hook".to_owned(), Intake { limit: Limit::new("test", 1 << 20), ..signed(&taken) })]);
    let parts = Parts { intakes, ..parts(&world, QueryConfig::default()) };
    let site = Site::serve(world, config(), parts).await;
    let mut held = Vec::new();
    for length in [100, 1 << 20].into_iter().cycle().take(80) {
        let mut stream = TcpStream::connect(site.addr).await.unwrap();
        let head = format!(
            "POST /api/intake/hook HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-signature: x\r\n\
             content-length: {length}\r\nexpect: 100-continue\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // It is asked for its body, of which nothing comes, or refused.
        assert!(stream.read_u8().await.is_ok());
        held.push(stream);
    }
    let post = site.client.post(site.url("/api/intake/hook")).header(CONTENT_TYPE, "application/json");
    let answer = post.header("x-signature", "}").body("{}").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    drop(held);
    site.end().await;
}

async fn site(token: Option<&str>) -> (Site, Arc<Mutex<Vec<String>>>) {
    let (world, taken) = (World::empty().await, Arc::default());
    let intakes = BTreeMap::from([("kubernetes/prod/audit".to_owned(), intake(token, &taken))]);
    let parts = Parts { intakes, ..parts(&world, QueryConfig::default()) };
    (Site::serve(world, config(), parts).await, taken)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_answered_with_200_only_once_it_is_taken() {
    let (site, taken) = site(Some(TOKEN)).await;
    let post = async |body: String| {
        let request = site.client.post(site.url(PATH)).bearer_auth(TOKEN).header(CONTENT_TYPE, "application/json");
        let answer = request.body(body).send().await.unwrap();
        let later = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), later)
    };
    assert_eq!(post("{\"a\": 1}".to_owned()).await, (200, None));
    assert_eq!(*taken.lock().unwrap(), ["{\"a\": 1}"]);
    assert_eq!(post("\"full\"".to_owned()).await, (429, Some("1".to_owned())));
    assert_eq!(post("\"closed\"".to_owned()).await, (503, Some("10".to_owned())));
    assert_eq!(post("{".to_owned()).await, (400, None));
    assert_eq!(post("x".repeat(101)).await, (413, None));
    assert_eq!(taken.lock().unwrap().len(), 1);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_token_or_lies_is_refused() {
    let (site, taken) = site(Some(TOKEN)).await;
    let post = || site.client.post(site.url(PATH)).header(CONTENT_TYPE, "application/json").body("{}");
    assert_eq!(post().send().await.unwrap().status().as_u16(), 401);
    for wrong in ["", "a-token-of-an-api-serveR", "a-token-of-an-api-server-"] {
        assert_eq!(post().bearer_auth(wrong).send().await.unwrap().status().as_u16(), 401, "{wrong}");
    }
    let other = site.client.post(site.url("/api/intake/kubernetes/test/audit")).bearer_auth(TOKEN).body("{}");
    assert_eq!(other.send().await.unwrap().status().as_u16(), 404);
    let plain = site.client.post(site.url(PATH)).bearer_auth(TOKEN).body("{}");
    assert_eq!(plain.send().await.unwrap().status().as_u16(), 415);
    assert_eq!(site.client.get(site.url(PATH)).bearer_auth(TOKEN).send().await.unwrap().status().as_u16(), 405);
    // One that says a body is small and sends a large one, piece by piece.
    let piece = || Ok::<_, std::io::Error>("x".repeat(60));
    let pieces = futures::stream::iter([piece(), piece(), piece()]);
    let long = post().bearer_auth(TOKEN).body(reqwest::Body::wrap_stream(pieces));
    assert_eq!(long.send().await.unwrap().status().as_u16(), 413);
    assert!(taken.lock().unwrap().is_empty());
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_only_this_machine_may_post_and_no_page_of_another_site() {
    let (site, taken) = site(None).await;
    let post = || site.client.post(site.url(PATH)).header(CONTENT_TYPE, "application/json").body("{}");
    assert_eq!(post().send().await.unwrap().status().as_u16(), 200);
    assert_eq!(post().header("host", "evil.example.org").send().await.unwrap().status().as_u16(), 421);
    assert_eq!(taken.lock().unwrap().len(), 1);
    site.end().await;

    let (world, dir) = (World::empty().await, tempfile::tempdir().unwrap());
    let path = dir.path().join("token");
    std::fs::write(&path, "a-token-for-everything").unwrap();
    let bind = async |token: Option<&str>| {
        let intakes = BTreeMap::from([("kubernetes/prod/audit".to_owned(), intake(token, &Arc::default()))]);
        let secret = SecretRef::File(path.clone());
        let tokens = vec![TokenConfig { name: "ops".to_owned(), secret, scopes: None, tables: None }];
        let config = ServerConfig { listen: "0.0.0.0:0".parse().unwrap(), tokens, ..config() };
        let parts = Parts { intakes, ..parts(&world, QueryConfig::default()) };
        Server::bind(config, parts).await.err().map(|error| error.to_string())
    };
    assert!(bind(Some("short")).await.unwrap().contains("kubernetes/prod/audit: a token has at least"));
    assert!(bind(None).await.unwrap().contains("kubernetes/prod/audit: needs a token"));
    assert_eq!(bind(Some(TOKEN)).await, None);
}
