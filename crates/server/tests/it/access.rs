use base::SecretRef;
use query::QueryConfig;
use serde_json::Value;
use server::{Server, ServerConfig, ServerError, TokenConfig};

use super::site::{Site, config, parts};
use super::world::World;

const TOKEN: &str = "a-token-for-everything";
const LIMITED: &str = "a-token-for-one-scope-only";

fn token(dir: &tempfile::TempDir, name: &str, text: &str, scopes: Option<&[&str]>) -> TokenConfig {
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    let scopes = scopes.map(|scopes| scopes.iter().map(|&scope| scope.to_owned()).collect());
    TokenConfig { name: name.to_owned(), secret: SecretRef::File(path), scopes, tables: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tokens_everything_but_health_needs_one() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = vec![token(&dir, "ops", TOKEN, None), token(&dir, "team", LIMITED, Some(&["host/web-2"]))];
    let site = Site::start(World::fleet().await, ServerConfig { tokens, ..config() }, QueryConfig::default()).await;
    for path in ["/", "/metrics", "/api/drift", "/api/sql?query=SELECT 1", "/resource?id=x", "/style.css"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status().as_u16(), 401, "{path}");
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
        let wrong = site.client.get(site.url(path)).bearer_auth("a-token-for-everythinG").send().await.unwrap();
        assert_eq!(wrong.status().as_u16(), 401, "{path}");
    }
    assert_eq!(site.get("/-/healthy").await.status().as_u16(), 200);
    let page = site.client.get(site.url("/")).basic_auth("me", Some(TOKEN)).send().await.unwrap();
    assert_eq!(page.status().as_u16(), 200);
    let metrics = site.client.get(site.url("/metrics")).bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(metrics.text().await.unwrap(), "steadfast_up 1\n");

    // A token for one scope sees nothing of another.
    let limited = async |path: &str| site.client.get(site.url(path)).bearer_auth(LIMITED).send().await.unwrap();
    let drift: Value = limited("/api/drift").await.json().await.unwrap();
    assert_eq!((drift["resources"].as_array().unwrap().len(), drift["summary"].as_object().unwrap().len()), (0, 0));
    for path in [
        "/api/drift?scope=host/web-1",
        "/api/drift/watch?scope=host/web-1",
        "/api/sql?query=SELECT * FROM samples",
        "/",
        "/metrics",
        "/canaryConfig",
        "/canary/executions",
        "/judges",
    ] {
        assert_eq!(limited(path).await.status().as_u16(), 403, "{path}");
    }
    let rows: Value = limited("/api/sql?query=SELECT count(*) AS n FROM drift").await.json().await.unwrap();
    assert_eq!(rows["rows"][0][0], 0, "{rows}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_some_tables_reads_these_in_sql_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let reader = |tables: &[&str]| {
        let tables = Some(tables.iter().map(|&table| table.to_owned()).collect());
        vec![TokenConfig { tables, ..token(&dir, "reader", LIMITED, None) }]
    };
    let config = ServerConfig { tokens: reader(&["summaries", "samples"]), ..config() };
    let site = Site::start(World::fleet().await, config.clone(), QueryConfig::default()).await;
    let status =
        async |path: &str| site.client.get(site.url(path)).bearer_auth(LIMITED).send().await.unwrap().status().as_u16();
    assert_eq!(status("/api/sql?query=SELECT * FROM samples").await, 200);
    for path in ["/api/sql?query=SELECT * FROM drift", "/api/drift", "/api/v1/query?query=up", "/"] {
        assert_eq!(status(path).await, 403, "{path}");
    }
    site.end().await;
    let config = ServerConfig { tokens: reader(&["drift"]), ..config };
    let site = Site::start(World::fleet().await, config.clone(), QueryConfig::default()).await;
    let asked = async |path: &str| {
        let answer = site.client.get(site.url(path)).bearer_auth(LIMITED).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = asked("/api/drift").await;
    let now: Value = serde_json::from_str(&text).unwrap();
    assert!(status == 200 && now["summary"]["modified"].as_u64() > Some(0), "{text}");
    for path in ["/api/drift?at=2026-11-25T10:00:00Z", "/api/drift/watch"] {
        let (status, text) = asked(path).await;
        assert!(status == 403 && text.contains("drift_history"), "{path}: {status} {text}");
    }
    site.end().await;
    let world = World::empty().await;
    let parts = parts(&world, QueryConfig::default());
    let unknown = Server::bind(ServerConfig { tokens: reader(&["sample"]), ..config }, parts).await;
    world.end().await;
    let Err(error) = unknown else { panic!("a table that there is not was taken") };
    assert_eq!(error.to_string(), "server.tokens: reader: tables: there is no table or view sample");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_everybody_can_reach_is_not_opened_by_accident() {
    let world = World::empty().await;
    let bind = async |config: ServerConfig| Server::bind(config, parts(&world, QueryConfig::default())).await;
    let open = ServerConfig { listen: "0.0.0.0:0".parse().unwrap(), ..ServerConfig::default() };
    assert!(matches!(bind(open.clone()).await, Err(ServerError::Open { .. })));
    assert!(bind(ServerConfig { insecure: true, ..open.clone() }).await.is_ok());
    let dir = tempfile::tempdir().unwrap();
    let weak = ServerConfig { tokens: vec![token(&dir, "ops", "secret", None)], ..open.clone() };
    let Err(error) = bind(weak).await else { panic!("a weak token was taken") };
    assert!(error.to_string().contains("ops") && !error.to_string().contains("secret"), "{error}");
    let secret = SecretRef::Env("STEADFAST_NOT_SET".into());
    let gone = TokenConfig { name: "ops".into(), secret, scopes: None, tables: None };
    let Err(error) = bind(ServerConfig { tokens: vec![gone], ..open }).await else { panic!("no token was taken") };
    assert!(error.to_string().contains("STEADFAST_NOT_SET"), "{error}");
    let taken = bind(config()).await.unwrap();
    let Err(error) = bind(ServerConfig { listen: taken.addr(), ..config() }).await else { panic!("opened twice") };
    assert!(error.to_string().contains(&taken.addr().to_string()), "{error}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_name_for_this_machine_is_refused() {
    let external = Some("https://steadfast.example.com/x".to_owned());
    let config = ServerConfig { external_url: external, ..config() };
    let site = Site::start(World::fleet().await, config, QueryConfig::default()).await;
    let asked = async |host: &str| {
        let request = site.client.get(site.url("/api/drift")).header("host", host);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(asked("evil.example.com").await, 421);
    assert_eq!(asked("evil.example.com:9470").await, 421);
    assert_eq!(asked("10.0.0.1").await, 421);
    for ours in ["localhost:9470", "127.0.0.1", "[::1]:9470", "steadfast.example.com"] {
        assert_eq!(asked(ours).await, 200, "{ours}");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_forbids_scripts_frames_and_guesses() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = vec![token(&dir, "ops", TOKEN, None)];
    let site = Site::start(World::fleet().await, ServerConfig { tokens, ..config() }, QueryConfig::default()).await;
    for (path, status) in [
        ("/", 200),
        ("/style.css", 200),
        ("/api/sql?query=SELECT 1", 200),
        ("/api/sql?query=DROP TABLE drift", 403),
        ("/incidents/x", 404),
        ("/none", 404),
    ] {
        let answer = site.client.get(site.url(path)).bearer_auth(TOKEN).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{path}");
        hardened(path, answer.headers());
    }
    hardened("without a token", site.get("/").await.headers());
    hardened("another method", site.client.delete(site.url("/")).bearer_auth(TOKEN).send().await.unwrap().headers());
    site.end().await;
}

fn hardened(what: &str, headers: &reqwest::header::HeaderMap) {
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("script-src"), "{what}: {policy}");
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("referrer-policy", "no-referrer")]
    {
        assert_eq!(headers[name], value, "{what}");
    }
}
