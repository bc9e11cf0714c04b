//! Against a server of our own that forgets, repeats itself and forbids.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, stream};
use kubernetes::releases::Listed;
use kubernetes::{Cluster, Identity};
use serde_json::{Value, json};

use super::api::Api;
use super::watch::Watch;
use super::{Kubernetes, KubernetesConfig, kind};
use crate::testing::Running;

/// What the server answers to a path with its query, in order; the last answer stays.
type Script = Vec<(&'static str, VecDeque<Answer>)>;

#[derive(Clone, Debug)]
enum Answer {
    Json(u16, Value),
    /// Lines of a watch, which then stays open or ends.
    Watch(Vec<Value>, bool),
}

struct Server {
    script: Arc<Mutex<Script>>,
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(script: Script) -> Self {
        let (script, asked) = (Arc::new(Mutex::new(script)), Arc::new(Mutex::new(Vec::new())));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (of, seen) = (Arc::clone(&script), Arc::clone(&asked));
        let router = axum::Router::new().fallback(move |uri: Uri| {
            let answer = answer(&of, &uri);
            seen.lock().unwrap().push(uri.to_string());
            async move { respond(answer) }
        });
        base::Tasks::new().spawn("server", async move { axum::serve(listener, router).await.unwrap() });
        Self { script, port, asked }
    }

    fn collector(&self, namespaces: &str, kinds: &[&str]) -> Fixed {
        let config = json!({"cluster": "test", "kinds": kinds, "images": false});
        let mut config: KubernetesConfig = serde_json::from_value(config).unwrap();
        config.namespaces = namespaces.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let settings = kube::Config::new(format!("http://127.0.0.1:{}", self.port).parse().unwrap());
        let api = Api::of(settings, &Clock::system()).unwrap();
        Fixed { collector: Kubernetes::new(config, Cluster::new("test"), None), api }
    }
}

/// The collector with the connection that it is given.
struct Fixed {
    collector: Kubernetes,
    api: Api,
}

#[async_trait::async_trait]
impl collect::Collector for Fixed {
    fn name(&self) -> &'static str {
        self.collector.name()
    }

    fn scope(&self) -> &str {
        self.collector.scope()
    }

    fn covers(&self) -> Vec<collect::Cover> {
        Vec::new()
    }

    async fn run(&mut self, cx: &mut dyn collect::Cx) -> Result<(), collect::CollectError> {
        self.collector.follow(&self.api, cx).await
    }
}

fn answer(script: &Mutex<Script>, uri: &Uri) -> Answer {
    let uri = uri.to_string();
    let mut script = script.lock().unwrap();
    let found = script.iter_mut().find(|(part, _)| uri.contains(part));
    match found {
        Some((_, answers)) if answers.len() > 1 => answers.pop_front().unwrap(),
        Some((_, answers)) => answers[0].clone(),
        None => status(404, "there is no such thing"),
    }
}

fn status(code: u16, message: &str) -> Answer {
    Answer::Json(code, json!({"kind": "Status", "status": "Failure", "code": code, "message": message, "reason": "x"}))
}

fn respond(answer: Answer) -> Response {
    match answer {
        Answer::Json(code, body) => (StatusCode::from_u16(code).unwrap(), body.to_string()).into_response(),
        Answer::Watch(lines, stays) => {
            let lines = lines.into_iter().map(|line| Ok::<_, Infallible>(Bytes::from(format!("{line}\n"))));
            let end = if stays { stream::pending().left_stream() } else { stream::empty().right_stream() };
            Response::new(Body::from_stream(stream::iter(lines).chain(end)))
        }
    }
}

fn resources(of: &[(&str, &str, bool)]) -> Answer {
    let resource = |(name, kind, namespaced): &(&str, &str, bool)| json!({"name": name, "kind": kind, "namespaced": namespaced, "verbs": ["list", "watch", "get"]});
    Answer::Json(200, json!({"resources": of.iter().map(resource).collect::<Vec<_>>()}))
}

fn object(name: &str, version: &str, value: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "resourceVersion": version}, "data": {"a": value}})
}

fn page(items: Vec<Value>, version: &str, go_on: &str) -> Answer {
    Answer::Json(200, json!({"metadata": {"resourceVersion": version, "continue": go_on}, "items": items}))
}

fn event(of: &str, object: Value) -> Value {
    json!({"type": of, "object": object})
}

fn once(answer: Answer) -> VecDeque<Answer> {
    VecDeque::from([answer])
}

/// Paths that end where the query would begin.
fn exactly(path: &'static str, answer: Answer) -> (&'static str, VecDeque<Answer>) {
    (path, once(answer))
}

#[tokio::test]
async fn lists_in_pages_watches_and_forgets_what_comes_late() {
    let expired = status(410, "the continue token is too old");
    let lines = vec![
        event("MODIFIED", object("one", "7", "changed")),
        event("MODIFIED", object("one", "6", "late")),
        event("ADDED", object("two", "8", "new")),
        event("ADDED", object("two", "8", "new")),
        event("DELETED", object("zero", "9", "x")),
        event("MODIFIED", object("zero", "5", "late")),
        event("BOOKMARK", json!({"metadata": {"resourceVersion": "20"}})),
    ];
    let script = vec![
        ("configmaps?watch", VecDeque::from([Answer::Watch(lines, false), Answer::Watch(vec![], true)])),
        ("continue=more", VecDeque::from([expired, page(vec![object("zero", "2", "x")], "5", "")])),
        ("configmaps?limit", once(page(vec![object("one", "1", "first")], "5", "more"))),
        exactly("/api/v1", resources(&[("configmaps", "ConfigMap", true)])),
    ];
    let server = Server::start(script).await;
    let running = Running::start(Box::new(server.collector("", &["v1/ConfigMap"])));
    running.complete().await;
    running.until("the end of the events", |state| state.names() == ["ConfigMap/shop/one", "ConfigMap/shop/two"]).await;
    {
        let state = running.state();
        let values: Vec<String> = state
            .history
            .iter()
            .map(|seen| {
                seen.document.as_ref().map_or("gone".into(), |document| document.tree()["data"]["a"].to_string())
            })
            .collect();
        assert_eq!(values, ["\"first\"", "\"x\"", "\"changed\"", "\"new\"", "gone"]);
        assert_eq!(state.covers.len(), 1);
    }
    let asked = server.asked.clone();
    let resumed =
        || asked.lock().unwrap().iter().any(|uri| uri.contains("watch=1") && uri.ends_with("resourceVersion=20"));
    let clock = Clock::system();
    while !resumed() {
        clock.sleep(std::time::Duration::from_millis(10)).await;
    }
    running.end().await;
}

#[tokio::test]
async fn an_expired_watch_lists_everything_anew_and_what_is_gone_is_gone() {
    let gone = event("ERROR", json!({"kind": "Status", "code": 410, "message": "too old", "reason": "Expired"}));
    let script = vec![
        ("configmaps?watch", VecDeque::from([Answer::Watch(vec![gone], true), Answer::Watch(vec![], true)])),
        (
            "configmaps?limit",
            VecDeque::from([
                page(vec![object("one", "1", "a"), object("two", "2", "b")], "5", ""),
                page(vec![object("two", "2", "b")], "9", ""),
            ]),
        ),
        exactly("/api/v1", resources(&[("configmaps", "ConfigMap", true)])),
    ];
    let server = Server::start(script).await;
    let running = Running::start(Box::new(server.collector("", &["v1/ConfigMap"])));
    running.until("a second list", |state| state.completes == 2).await;
    assert_eq!(running.state().names(), ["ConfigMap/shop/two"]);
    running.end().await;
}

#[tokio::test]
async fn which_cluster_it_is_is_handed_over_first() {
    let script = vec![
        ("namespaces/kube-system", once(Answer::Json(200, json!({"metadata": {"name": "kube-system", "uid": "u1"}})))),
        ("configmaps?watch", once(Answer::Watch(vec![], true))),
        ("configmaps?limit", once(page(vec![object("one", "1", "a")], "5", ""))),
        exactly("/api/v1", resources(&[("configmaps", "ConfigMap", true)])),
    ];
    let server = Server::start(script).await;
    let collector = server.collector("", &["v1/ConfigMap"]);
    let cluster = collector.collector.cluster.clone();
    let running = Running::start(Box::new(collector));
    running.complete().await;
    {
        let state = running.state();
        assert_eq!(state.names(), ["ConfigMap/shop/one", "instance//cluster"]);
        assert_eq!(state.history[0].document.as_ref().unwrap().tree(), &json!({"uid": "u1"}));
    }
    assert_eq!(cluster.identity(), Some(Identity::Uid("u1".to_owned())));
    running.end().await;
}

/// What the first pages had stayed live, though it was deleted before the list began anew.
#[tokio::test]
async fn a_list_whose_pages_expire_begins_anew_and_keeps_nothing_of_the_first_attempt() {
    let script = vec![
        ("configmaps?watch", once(Answer::Watch(vec![], true))),
        ("&continue=more", once(status(410, "the continue token has expired"))),
        (
            "configmaps?limit",
            VecDeque::from([
                page(vec![object("one", "1", "a"), object("two", "2", "b")], "5", "more"),
                page(vec![object("one", "1", "a")], "9", ""),
            ]),
        ),
        exactly("/api/v1", resources(&[("configmaps", "ConfigMap", true)])),
    ];
    let server = Server::start(script).await;
    let running = Running::start(Box::new(server.collector("", &["v1/ConfigMap"])));
    running.complete().await;
    assert_eq!(running.state().names(), ["ConfigMap/shop/one"]);
    running.end().await;
}

#[tokio::test]
async fn a_list_that_expires_again_and_again_is_left_out_and_named() {
    let script = vec![
        ("configmaps?watch", once(Answer::Watch(vec![], true))),
        ("configmaps?limit", once(page(vec![object("one", "1", "a")], "5", ""))),
        ("&continue=more", once(status(410, "the continue token has expired"))),
        ("endpoints?limit", once(page(vec![object("two", "2", "b")], "5", "more"))),
        exactly("/api/v1", resources(&[("configmaps", "ConfigMap", true), ("endpoints", "Endpoints", true)])),
    ];
    let server = Server::start(script).await;
    let running = Running::start(Box::new(server.collector("", &["v1/ConfigMap", "v1/Endpoints"])));
    running.until("a message", |state| state.messages.iter().any(|message| message.contains("Endpoints: "))).await;
    let covers: Vec<String> = running.state().covers.iter().map(|cover| cover.kind.clone()).collect();
    assert_eq!(covers, ["ConfigMap"]);
    running.end().await;
}

/// An API server that starts, or an aggregated one that is away, made all of its objects gone, and back a moment later.
#[tokio::test]
async fn a_group_that_does_not_answer_discovery_deletes_nothing() {
    let gone = event("ERROR", json!({"kind": "Status", "code": 410, "message": "too old", "reason": "Expired"}));
    let script = vec![
        ("widgets?watch", once(Answer::Watch(vec![], true))),
        ("widgets?limit", once(page(vec![object("w", "1", "a")], "5", ""))),
        ("configmaps?watch", VecDeque::from([Answer::Watch(vec![gone], true), Answer::Watch(vec![], true)])),
        (
            "configmaps?limit",
            VecDeque::from([
                page(vec![object("one", "1", "a"), object("two", "2", "b")], "5", ""),
                page(vec![object("one", "1", "a")], "9", ""),
            ]),
        ),
        (
            "/apis/x.io/v1",
            VecDeque::from([resources(&[("widgets", "Widget", true)]), status(503, "the server is currently unable")]),
        ),
        exactly("/api/v1", resources(&[("configmaps", "ConfigMap", true)])),
    ];
    let server = Server::start(script).await;
    let collector = server.collector("", &["v1/ConfigMap", "x.io/v1/Widget"]);
    let cluster = collector.collector.cluster.clone();
    let running = Running::start(Box::new(collector));
    running.until("a second list", |state| state.completes == 2).await;
    assert_eq!(running.state().names(), ["ConfigMap/shop/one", "x.io.Widget/shop/w"]);
    assert_eq!(cluster.known().borrow().unread, BTreeSet::from([kind("x.io/v1", "Widget")]));
    running.end().await;
}

#[tokio::test]
async fn what_is_forbidden_or_not_served_is_named_and_the_rest_goes_on() {
    let script = vec![
        ("configmaps?watch", once(Answer::Watch(vec![], true))),
        ("configmaps?limit", once(page(vec![object("one", "1", "a")], "5", ""))),
        ("secrets?limit", once(status(403, "secrets is forbidden"))),
        exactly("/apis/x.io/v1", status(404, "not found")),
        exactly("/api/v1", resources(&[("configmaps", "ConfigMap", true), ("secrets", "Secret", true)])),
    ];
    let server = Server::start(script).await;
    let collector = server.collector("shop", &["v1/ConfigMap", "v1/Secret", "x.io/v1/Widget"]);
    let cluster = collector.collector.cluster.clone();
    let running = Running::start(Box::new(collector));
    running.until("the message", |state| state.completes == 1 && state.messages.len() > 1).await;
    {
        let state = running.state();
        let message = state.messages.last().unwrap();
        assert!(message.contains("x.io/v1 Widget is not served"), "{message}");
        assert!(message.contains("Secret: secrets is forbidden"), "{message}");
        let covers: Vec<(&str, Option<&str>)> =
            state.covers.iter().map(|cover| (cover.kind.as_str(), cover.namespace.as_deref())).collect();
        assert_eq!(covers, [("ConfigMap", Some("shop"))]);
        assert_eq!(state.names(), ["ConfigMap/shop/one"]);
    }
    assert!(cluster.known().borrow().unserved.contains(&kind("x.io/v1", "Widget")));
    assert!(server.asked.lock().unwrap().iter().any(|uri| uri.starts_with("/api/v1/namespaces/shop/configmaps?")));
    running.end().await;
}

#[tokio::test]
async fn kinds_that_are_declared_later_are_looked_at_then() {
    let script = vec![
        ("configmaps?watch", once(Answer::Watch(vec![], true))),
        ("configmaps?limit", once(page(vec![object("one", "1", "a")], "5", ""))),
        exactly("/api/v1", resources(&[("configmaps", "ConfigMap", true)])),
    ];
    let server = Server::start(script).await;
    let collector = server.collector("", &[]);
    let cluster = collector.collector.cluster.clone();
    let running = Running::start(Box::new(collector));
    running.until("the first word", |state| !state.messages.is_empty()).await;
    assert_eq!(running.state().completes, 0, "nothing is complete while nobody knows what to look at");
    cluster.want("git.main", BTreeSet::from([kind("v1", "ConfigMap")]));
    running.complete().await;
    assert_eq!(running.state().names(), ["ConfigMap/shop/one"]);
    let script = server.script.lock().unwrap().len();
    assert_eq!(script, 3);
    running.end().await;
}

#[tokio::test]
async fn a_watch_that_falls_silent_goes_on_from_where_it_was() {
    let changed = event("MODIFIED", object("one", "7", "b"));
    let script = vec![("watch=1", VecDeque::from([Answer::Watch(vec![changed], true), Answer::Watch(vec![], true)]))];
    let server = Server::start(script).await;
    let api = server.collector("", &[]).api;
    let (clock, simulation) = Clock::simulated(base::Timestamp::from_secs(1_000));
    let (out, mut events) = base::queue::bounded("test", 10);
    let watch = Watch { kind: 0, path: "/api/v1/configmaps".to_owned(), version: "5".to_owned(), out };
    let running = async { watch.run(&api, &clock, &base::Rng::seeded(1)).await };
    let silence = async {
        events.recv().await.unwrap();
        let real = Clock::system();
        for asked in 1..3 {
            while server.asked.lock().unwrap().len() < asked {
                // First it waits for something to come, then for its next attempt.
                if simulation.sleepers() > 0 {
                    simulation.advance(std::time::Duration::from_secs(30));
                }
                real.sleep(std::time::Duration::from_millis(2)).await;
            }
        }
    };
    tokio::select! {
        error = running => panic!("{error}"),
        () = silence => {}
    }
    let asked = server.asked.lock().unwrap().clone();
    assert!(asked[0].ends_with("resourceVersion=5") && asked[1].ends_with("resourceVersion=7"), "{asked:?}");
}

/// A `Rollout` of Argo with so much of the traffic.
fn argo(version: &str, weight: u64) -> Value {
    json!({"metadata": {"name": "web", "namespace": "shop", "resourceVersion": version}, "status": {"stableRS": "a1", "currentPodHash": "b2",
        "canary": {"weights": {"canary": {"weight": weight}, "stable": {"weight": 100 - weight}}}}})
}

#[tokio::test]
async fn what_rolls_out_is_seen_once_all_is_listed_where_somebody_looks_for_it() {
    let over = event("DELETED", argo("9", 50));
    let script = vec![
        ("rollouts?watch", once(Answer::Watch(vec![event("MODIFIED", argo("8", 50)), over], true))),
        ("rollouts?limit", once(page(vec![argo("1", 5)], "5", ""))),
        ("services?watch", once(Answer::Watch(vec![], true))),
        ("services?limit", once(status(403, "services is forbidden"))),
        ("configmaps?watch", once(Answer::Watch(vec![], true))),
        ("configmaps?limit", once(page(vec![object("one", "1", "a")], "5", ""))),
        exactly("/apis/argoproj.io/v1alpha1", resources(&[("rollouts", "Rollout", true)])),
        exactly("/apis/apps/v1", status(404, "not here")),
        exactly("/api/v1", resources(&[("configmaps", "ConfigMap", true), ("services", "Service", true)])),
        (
            "/apis",
            once(Answer::Json(
                200,
                json!({"groups": [{"name": "argoproj.io", "versions": [{"groupVersion": "argoproj.io/v1alpha1"}]}]}),
            )),
        ),
    ];
    let server = Server::start(script).await;
    let collector = server.collector("", &["v1/ConfigMap"]);
    let cluster = collector.collector.cluster.clone();
    cluster.seek_rollouts([]);
    let running = Running::start(Box::new(collector));
    running.until("the end of the rollout", |state| state.history.len() == 4).await;
    {
        let state = running.state();
        let said: Vec<String> = state
            .history
            .iter()
            .map(|seen| {
                let share = seen.document.as_ref().map(|document| document.tree()["share"].to_string());
                format!("{} {}", seen.id.kind(), share.unwrap_or_default())
            })
            .collect();
        assert_eq!(said, ["ConfigMap null", "Rollout 0.05", "Rollout 0.5", "Rollout "]);
        let covers: Vec<&str> = state.covers.iter().map(|cover| cover.kind.as_str()).collect();
        assert_eq!(covers, ["ConfigMap", "Rollout"]);
        assert_eq!(state.names(), ["ConfigMap/shop/one"]);
    }
    running.end().await;
}

/// That a kind came to be served after all was listed was seen with the next full list, an hour later: rollouts of Argo were not found
/// until then, and a split that a new route says was that of the pods that are ready.
#[tokio::test]
async fn a_kind_that_says_what_rolls_out_and_is_defined_later_is_looked_at_then() {
    let groups = |of: &[(&str, &str)]| {
        let group = |(name, version): &(&str, &str)| json!({"name": name, "versions": [{"groupVersion": version}]});
        Answer::Json(200, json!({"groups": of.iter().map(group).collect::<Vec<_>>()}))
    };
    let (definitions, argoproj) =
        (("apiextensions.k8s.io", "apiextensions.k8s.io/v1"), ("argoproj.io", "argoproj.io/v1alpha1"));
    let (before, after) = (groups(&[definitions]), groups(&[definitions, argoproj]));
    let defined = |name: &str, version: &str| {
        vec![event("MODIFIED", json!({"metadata": {"name": name, "resourceVersion": version}}))]
    };
    let watches = [
        Answer::Watch(defined("widgets.example.org", "6"), false),
        Answer::Watch(defined("rollouts.argoproj.io", "7"), true),
        Answer::Watch(vec![], true),
    ];
    let script = vec![
        ("customresourcedefinitions?watch", VecDeque::from(watches)),
        ("customresourcedefinitions?limit", once(page(vec![], "5", ""))),
        ("rollouts?watch", once(Answer::Watch(vec![], true))),
        ("rollouts?limit", once(page(vec![argo("1", 5)], "8", ""))),
        exactly("/apis/argoproj.io/v1alpha1", resources(&[("rollouts", "Rollout", true)])),
        exactly(
            "/apis/apiextensions.k8s.io/v1",
            resources(&[("customresourcedefinitions", "CustomResourceDefinition", false)]),
        ),
        // For kinds of GitOps tools, those that say what rolls out, and definitions.
        ("/apis", VecDeque::from([before.clone(), before.clone(), before, after])),
    ];
    let server = Server::start(script).await;
    let collector = server.collector("", &[]);
    collector.collector.cluster.seek_rollouts([]);
    let running = Running::start(Box::new(collector));
    running.until("the rollout", |state| !state.history.is_empty()).await;
    assert_eq!(running.state().history[0].id.to_string(), "k8s/test/Rollout/shop/web");
    let asked = server.asked.lock().unwrap().clone();
    let lists = asked.iter().filter(|uri| uri.contains("customresourcedefinitions?limit")).count();
    assert_eq!(lists, 2, "what somebody else defines is no reason: {asked:?}");
    running.end().await;
}

/// A ReplicaSet of the Deployment `web` with pods that are ready.
fn replica_set(hash: &str, revision: &str, ready: u64) -> Value {
    json!({
        "metadata": {"name": format!("web-{hash}"), "namespace": "shop", "resourceVersion": revision,
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"kind": "Deployment", "name": "web", "controller": true}]},
        "spec": {"template": {"metadata": {"labels": {"app": "web", "pod-template-hash": hash}}}},
        "status": {"replicas": ready, "readyReplicas": ready},
    })
}

/// A cluster in which a Deployment rolls, and what is said of its traffic where the server answers so to who lists `HTTPRoute`s;
/// `told`: what somebody is told of that.
async fn traffic(served: bool, routes: Answer, told: &str) -> (Value, String) {
    let web =
        json!({"metadata": {"name": "web", "namespace": "shop", "resourceVersion": "1"}, "status": {"replicas": 4}});
    let versions = |group: &str, version: &str| json!({"name": group, "versions": [{"groupVersion": version}]});
    let mut groups = vec![versions("apps", "apps/v1")];
    groups.extend(served.then(|| versions("gateway.networking.k8s.io", "gateway.networking.k8s.io/v1")));
    let script = vec![
        ("watch=1", once(Answer::Watch(vec![], true))),
        ("deployments?limit", once(page(vec![web], "5", ""))),
        ("replicasets?limit", once(page(vec![replica_set("a1", "1", 3), replica_set("b2", "2", 1)], "5", ""))),
        ("httproutes?limit", once(routes)),
        exactly("/apis/gateway.networking.k8s.io/v1", resources(&[("httproutes", "HTTPRoute", true)])),
        exactly(
            "/apis/apps/v1",
            resources(&[("deployments", "Deployment", true), ("replicasets", "ReplicaSet", true)]),
        ),
        exactly("/api/v1", resources(&[])),
        ("/apis", once(Answer::Json(200, json!({"groups": groups})))),
    ];
    let server = Server::start(script).await;
    let collector = server.collector("", &[]);
    collector.collector.cluster.seek_rollouts([]);
    let running = Running::start(Box::new(collector));
    let is_told = |messages: &[String]| messages.iter().any(|message| message.contains(told));
    running.until("the rollout", |state| !state.history.is_empty() && is_told(&state.messages)).await;
    let found = {
        let state = running.state();
        let tree = state.history[0].document.as_ref().unwrap().tree().clone();
        (tree["share"].clone(), tree["traffic"].as_str().unwrap().to_owned())
    };
    running.end().await;
    found
}

/// That a kind of routes may not be listed once left the split to the pods that are ready: a route might have sent the canary a
/// hundredth of the traffic, and its counts would have been compared as if it had had a quarter.
#[tokio::test]
async fn a_split_that_routes_may_say_is_known_only_where_they_can_be_listed_or_there_are_none() {
    let forbidden = status(403, "httproutes.gateway.networking.k8s.io is forbidden");
    let told = "HTTPRoute: httproutes.gateway.networking.k8s.io is forbidden";
    let (share, why) = traffic(true, forbidden.clone(), told).await;
    assert_eq!((share, why.as_str()), (Value::Null, "no right to list httproutes.gateway.networking.k8s.io"));
    let (share, why) = traffic(true, status(500, "etcd is away"), "HTTPRoute: 500: etcd is away").await;
    assert_eq!((share, why.as_str()), (Value::Null, "httproutes.gateway.networking.k8s.io cannot be listed"));
    for (served, routes) in [(false, forbidden), (true, status(404, "not found")), (true, page(vec![], "5", ""))] {
        let (share, why) = traffic(served, routes.clone(), "").await;
        assert_eq!((share, why.as_str()), (json!(0.25), "ready pods"), "{routes:?}");
    }
}

/// A Secret in which Helm keeps a version of the release `web`.
fn helm_secret(version: i64, status: &str) -> Value {
    let release =
        json!({"name": "web", "namespace": "shop", "version": version, "manifest": "", "info": {"status": status}});
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(release.to_string().as_bytes()).unwrap();
    let (name, once) = (format!("sh.helm.release.v1.web.v{version}"), STANDARD.encode(gzip.finish().unwrap()));
    json!({"metadata": {"name": name, "namespace": "shop", "resourceVersion": version.to_string()},
        "data": {"release": STANDARD.encode(once)}})
}

/// `helm uninstall` while nothing was watched left all of the release declared, and so missing, until the process ended.
#[tokio::test]
async fn releases_are_those_of_the_last_list_that_was_whole() {
    let gone = event("ERROR", json!({"kind": "Status", "code": 410, "message": "too old", "reason": "Expired"}));
    let ends = VecDeque::from([Answer::Watch(vec![gone.clone()], true), Answer::Watch(vec![gone], true)]);
    let script = vec![
        ("secrets?labelSelector=owner%3Dhelm&watch", ends.into_iter().chain([Answer::Watch(vec![], true)]).collect()),
        (
            "secrets?labelSelector=owner%3Dhelm&limit",
            VecDeque::from([
                page(vec![helm_secret(1, "superseded"), helm_secret(2, "deployed")], "5", ""),
                page(vec![], "9", ""),
                status(500, "etcd is away"),
            ]),
        ),
        ("configmaps?watch", once(Answer::Watch(vec![], true))),
        ("configmaps?limit", once(page(vec![], "5", ""))),
        exactly("/api/v1", resources(&[("configmaps", "ConfigMap", true), ("secrets", "Secret", true)])),
    ];
    let server = Server::start(script).await;
    let mut collector = server.collector("", &["v1/ConfigMap"]);
    collector.collector.config.helm = true;
    let mut releases = collector.collector.cluster.releases();
    let running = Running::start(Box::new(collector));
    let deployed = |listed: &Listed| {
        let all = listed.all.as_ref().map(|all| all.deployed().map(|versions| versions[0].version).collect::<Vec<_>>());
        (all, listed.problem.clone())
    };
    let mut said = Vec::new();
    while said.len() < 3 {
        releases.changed().await.unwrap();
        said.push(deployed(&releases.borrow_and_update()));
    }
    let problem = "the Secrets of Helm cannot be listed: 500: etcd is away".to_owned();
    assert_eq!(said, [(Some(vec![2]), None), (Some(vec![]), None), (Some(vec![]), Some(problem))]);
    running.end().await;
}
