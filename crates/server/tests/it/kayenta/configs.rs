//! Configurations and lists of pairs: kept, changed, found, forgotten; and what is refused.

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::scene::{Scene, argo_request, canary_config};

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_kept_changed_and_forgotten() {
    let scene = Scene::start().await;
    let mut config = canary_config("cart", "sequential", &["latency"]);
    config["id"] = "cart-1".into();
    assert_eq!(scene.post("/canaryConfig", &config).await, json!({"canaryConfigId": "cart-1"}));
    let kept = scene.get("/canaryConfig/cart-1").await;
    assert_eq!((&kept["metrics"], &kept["updatedTimestampIso"]), (&config["metrics"], &json!("2026-11-25T11:00:00Z")));
    config["description"] = "changed".into();
    scene.site.world.simulation.advance(std::time::Duration::from_secs(60));
    let answer = scene.send(Method::PUT, "/canaryConfig/cart-1", Some(&config)).await;
    assert_eq!(answer.json::<Value>().await.unwrap(), json!({"canaryConfigId": "cart-1"}));
    let kept = scene.get("/canaryConfig/cart-1").await;
    assert_eq!(
        (&kept["description"], &kept["createdTimestampIso"]),
        (&json!("changed"), &json!("2026-11-25T11:00:00Z"))
    );
    assert_eq!(kept["updatedTimestampIso"], "2026-11-25T11:01:00Z");
    assert_eq!(scene.get("/canaryConfig?application=other").await, json!([]));
    assert_eq!(scene.get("/canaryConfig?application=other&application=guestbook").await[0]["id"], "cart-1");
    let gone = scene.send(Method::DELETE, "/canaryConfig/cart-1", None).await;
    assert_eq!((gone.status().as_u16(), gone.text().await.unwrap()), (204, String::new()));
    assert_eq!(scene.get("/canaryConfig").await, json!([]));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_404_in_kayentas_shape() {
    let scene = Scene::start().await;
    let body = argo_request();
    for (method, path, what) in [
        (Method::GET, "/canaryConfig/x", "Canary config 'x' does not exist."),
        (Method::PUT, "/canaryConfig/x", "Canary config 'x' does not exist."),
        (Method::DELETE, "/canaryConfig/x", "Canary config 'x' does not exist."),
        (Method::POST, "/canary/x", "Canary config 'x' does not exist."),
        (Method::GET, "/canary/x", "Canary execution 'x' does not exist."),
        (Method::POST, "/standalone_canary_analysis/x", "Canary config 'x' does not exist."),
        (Method::GET, "/standalone_canary_analysis/x", "Canary analysis execution 'x' does not exist."),
        (Method::GET, "/metricSetPairList/x", "Metric set pair list 'x' does not exist."),
        (Method::DELETE, "/metricSetPairList/x", "Metric set pair list 'x' does not exist."),
        (Method::GET, "/metricSetPairList/x/y", "Metric set pair list 'x' does not exist."),
    ] {
        let body = (method == Method::PUT || method == Method::POST).then_some(&body);
        assert_eq!(scene.refused(method, path, body).await, (404, what.to_owned()));
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_nobody_could_find_again_are_refused() {
    let scene = Scene::start().await;
    let config = canary_config("cart", "sequential", &["latency"]);
    scene.post("/canaryConfig", &config).await;
    let long = "x".repeat(300);
    for (path, value, problem) in [
        ("/name", Value::Null, "Canary config must specify a name."),
        ("/name", json!("a b"), "Canary config cannot be named 'a b'."),
        ("/name", json!(long), "Names must contain only"),
        ("/applications", json!([]), "Canary config must specify at least one application."),
        ("/applications", json!([1]), "applications are 100 names at most"),
        ("/applications", json!(vec!["a"; 101]), "applications are 100 names at most"),
        (
            "/description",
            json!("again"),
            "Canary config with name 'cart' already exists in the scope of applications [guestbook].",
        ),
        ("/id", json!("a/b"), "an id has 128 letters"),
    ] {
        let mut wrong = config.clone();
        wrong["id"] = "other".into();
        *wrong.pointer_mut(path).unwrap() = value;
        let (status, message) = scene.refused(Method::POST, "/canaryConfig", Some(&wrong)).await;
        assert!(status == 400 && message.contains(problem), "{path}: {message}");
    }
    let mut own = config.clone();
    (own["id"], own["applications"]) = (json!("own"), json!(["other"]));
    scene.post("/canaryConfig", &own).await;
    let twice = scene.refused(Method::POST, "/canaryConfig", Some(&own)).await;
    assert_eq!(twice, (400, "Canary config 'own' already exists.".to_owned()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bodies_are_refused_and_named() {
    let scene = Scene::start().await;
    let send = async |path: &str, kind: &str, body: Vec<u8>| {
        let request = scene.site.client.post(scene.site.url(path)).header(CONTENT_TYPE, kind).body(body);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap()["message"].as_str().unwrap().to_owned())
    };
    let json = "application/json; charset=UTF-8";
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes();
    for path in ["/canaryConfig", "/canary", "/standalone_canary_analysis", "/metricSetPairList", "/judge"] {
        for body in [b"{".to_vec(), b"\xff\xfe".to_vec(), Vec::new(), deep.clone()] {
            let (status, message) = send(path, json, body).await;
            assert!(
                status == 400 && message.starts_with("the body is no JSON document: "),
                "{path}: {status} {message}"
            );
        }
        for body in ["1", "null", "\"x\"", "{}", "[1]", "[[]]"] {
            let (status, message) = send(path, json, body.into()).await;
            assert!(status == 400 && !message.is_empty(), "{path} {body}: {status} {message}");
        }
        let (status, message) = send(path, "text/plain", b"{}".to_vec()).await;
        assert_eq!((status, message.as_str()), (415, "the body must be application/json"), "{path}");
    }
    let (status, message) = send("/canary", json, vec![b' '; (1 << 20) + 1]).await;
    assert_eq!((status, message.as_str()), (413, "1048577 exceeds the limit kayenta.body_bytes = 1048576"));
    let (status, message) = send("/metricSetPairList", json, vec![b' '; (8 << 20) + 1]).await;
    assert!(status == 413 && message.contains("kayenta.document_bytes"), "{message}");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_does_not_alert_says_so() {
    let site = crate::it::site::Site::start(
        crate::it::world::World::empty().await,
        crate::it::site::config(),
        query::QueryConfig::default(),
    )
    .await;
    let answer = site.get("/canaryConfig").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(
        answer.json::<Value>().await.unwrap(),
        json!({"message": "this process does not have the role `alerting`"})
    );
    site.end().await;
}
