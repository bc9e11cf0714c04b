//! A server that has more objects than a real one on this machine could hold.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::Server;

/// What the collector asks for.
const WATCH: Duration = Duration::from_secs(240);

/// Lists and watches made on the fly.
pub struct Simulated {
    shared: Arc<Shared>,
    _dir: tempfile::TempDir,
    kubeconfig: PathBuf,
}

struct Shared {
    config_maps: usize,
    deployments: usize,
    version: AtomicU64,
    changes: Mutex<Changes>,
}

/// A watch that begins late is given what it has missed, as a real server does it.
#[derive(Default)]
struct Changes {
    events: Vec<(u64, Bytes)>,
    watches: Vec<UnboundedSender<Bytes>>,
}

impl Simulated {
    pub async fn start(config_maps: usize, deployments: usize) -> Self {
        let (version, changes) = (AtomicU64::new(1_000), Mutex::default());
        let shared = Arc::new(Shared { config_maps, deployments, version, changes });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let of = Arc::clone(&shared);
        let router = axum::Router::new().fallback(move |uri: Uri| {
            let of = Arc::clone(&of);
            async move { of.answer(&uri) }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let dir = tempfile::tempdir().unwrap();
        let kubeconfig = dir.path().join("kubeconfig");
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\n\
             users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u}}}}]\ncurrent-context: c\n"
        );
        std::fs::write(&kubeconfig, text).unwrap();
        Self { shared, _dir: dir, kubeconfig }
    }
}

impl Server for Simulated {
    fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    async fn set(&self, n: usize, value: &str) {
        let version = self.shared.version.fetch_add(1, Ordering::Relaxed) + 1;
        let line = json!({"type": "MODIFIED", "object": config_map(n, value, version)}).to_string() + "\n";
        let mut changes = self.shared.changes.lock().unwrap();
        changes.watches.retain(|watch| watch.send(Bytes::from(line.clone())).is_ok());
        changes.events.push((version, line.into()));
    }
}

impl Shared {
    fn answer(&self, uri: &Uri) -> Response {
        let query: HashMap<&str, &str> =
            uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('=')).collect();
        let served = |name: &str, kind: &str| json!({"resources": [{"name": name, "kind": kind, "namespaced": true, "verbs": ["list", "watch", "get"]}]});
        match (uri.path(), query.contains_key("watch")) {
            ("/api/v1", _) => json(&served("configmaps", "ConfigMap")),
            ("/apis/apps/v1", _) => json(&served("deployments", "Deployment")),
            ("/api/v1/configmaps", false) => self.page(&query, self.config_maps, |n| config_map(n, "on", 1)),
            ("/apis/apps/v1/deployments", false) => self.page(&query, self.deployments, deployment),
            ("/api/v1/configmaps", true) => {
                let from = query.get("resourceVersion").map_or(0, |from| from.parse().unwrap());
                self.watch(from)
            }
            (_, true) => watched(futures::stream::pending()),
            _ => (StatusCode::NOT_FOUND, "{\"kind\":\"Status\",\"code\":404,\"message\":\"none\"}").into_response(),
        }
    }

    fn watch(&self, from: u64) -> Response {
        let (sender, receiver) = unbounded_channel();
        let mut changes = self.changes.lock().unwrap();
        for (_, event) in changes.events.iter().filter(|(version, _)| *version > from) {
            sender.send(event.clone()).unwrap();
        }
        changes.watches.push(sender);
        watched(UnboundedReceiverStream::new(receiver))
    }

    fn page(&self, query: &HashMap<&str, &str>, count: usize, object: impl Fn(usize) -> Value) -> Response {
        let first: usize = query.get("continue").map_or(0, |from| from.parse().unwrap());
        let limit: usize = query.get("limit").map_or(500, |limit| limit.parse().unwrap());
        let end = count.min(first + limit);
        let next = if end < count { end.to_string() } else { String::new() };
        let items: Vec<Value> = (first..end).map(object).collect();
        json(&json!({"metadata": {"resourceVersion": "1000", "continue": next}, "items": items}))
    }
}

/// A watch, which the server ends when it was asked to.
fn watched(events: impl futures::Stream<Item = Bytes> + Send + 'static) -> Response {
    let end = tokio::time::sleep(WATCH);
    Response::new(Body::from_stream(events.map(Ok::<_, Infallible>).take_until(end)))
}

fn json(value: &Value) -> Response {
    value.to_string().into_response()
}

fn metadata(name: &str, version: u64, manager: &str, fields: Value) -> Value {
    json!({"name": name, "namespace": "shop", "uid": format!("00000000-0000-4000-8000-{version:012}"), "resourceVersion": version.to_string(),
        "creationTimestamp": "2026-11-26T05:00:00Z", "labels": {"app": "shop"},
        "managedFields": [{"manager": manager, "operation": "Update", "apiVersion": "v1", "time": "2026-11-26T05:00:00Z",
            "fieldsType": "FieldsV1", "fieldsV1": fields}]})
}

fn config_map(n: usize, value: &str, version: u64) -> Value {
    let manager = if value == "on" { "kubectl-client-side-apply" } else { "kubectl-edit" };
    let fields =
        json!({"f:data": {".": {}, "f:mode": {}, "f:filler": {}}, "f:metadata": {"f:labels": {".": {}, "f:app": {}}}});
    json!({"metadata": metadata(&format!("settings-{n}"), version, manager, fields), "data": {"mode": value, "filler": "x".repeat(700)}})
}

fn deployment(n: usize) -> Value {
    let container = |name: &str| {
        json!({"name": name, "image": format!("registry.example.org/{name}:1.{n}"), "imagePullPolicy": "IfNotPresent",
            "ports": [{"containerPort": 8080, "protocol": "TCP"}], "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            "env": (0..10).map(|n| json!({"name": format!("SETTING_{n}"), "value": format!("value {n}")})).collect::<Vec<_>>(),
            "volumeMounts": [{"name": "settings", "mountPath": "/etc/app"}]})
    };
    let fields = json!({"f:spec": {"f:replicas": {}, "f:selector": {}, "f:template": {"f:metadata": {"f:labels": {"f:app": {}}}, "f:spec": {}}}});
    json!({"metadata": metadata(&format!("web-{n}"), 1, "kubectl-client-side-apply", fields),
        "spec": {"replicas": 3, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10, "selector": {"matchLabels": {"app": format!("web-{n}")}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
            "template": {"metadata": {"labels": {"app": format!("web-{n}")}}, "spec": {"containers": [container("app"), container("proxy")],
                "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler", "terminationGracePeriodSeconds": 30,
                "volumes": [{"name": "settings", "configMap": {"name": format!("settings-{n}"), "defaultMode": 420}}]}}},
        "status": {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}})
}
