//! A real cluster, a repository that declares what is in it, and the real binary that compares them.

use serde_json::Value;

use crate::cluster::Cluster;
use crate::host::Host;
use crate::provider::Provider;

/// A namespace with one of each of a few kinds.
pub const MANIFESTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: registry.example.org/web:1
          ports: [{containerPort: 80}]
          resources: {requests: {cpu: '0.10', memory: 1024Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {mode: 'on'}
---
apiVersion: v1
kind: Secret
metadata: {name: token, namespace: shop}
stringData: {token: swordfish}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: one, namespace: shop}
spec: {size: 1, parts: [{name: a}, {name: b}]}
";

/// Of what the last of them is.
pub const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: {type: integer}
                color: {type: string, default: red}
                parts:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name]
                  items: {type: object, required: [name], properties: {name: {type: string}, weight: {type: integer, default: 1}}}
";

/// Namespace, Deployment, Service, ConfigMap, Secret, Widget.
const DECLARED: i64 = 6;

/// All three; they end with it.
pub struct Scene {
    pub cluster: Cluster,
    pub host: Host,
    pub provider: Provider,
}

impl Scene {
    pub async fn start(cluster: Cluster, user: &str) -> Self {
        let provider = Provider::start().await;
        let more = format!(
            "kubernetes: {{cluster: test, kubeconfig: {}, audit: {}}}\n{}",
            cluster.kubeconfig(user).display(),
            cluster.audit().display(),
            provider.receivers()
        );
        let of_git = ", kubernetes: {cluster: test, manage: [shop]}";
        let host = Host::of(0, of_git, &more);
        std::fs::create_dir_all(&host.repository).unwrap();
        host.git(&["init", "-q", "-b", "main"]);
        Self { cluster, host, provider }
    }

    pub fn declare(&self, text: &str, message: &str) {
        std::fs::write(self.host.repository.join("shop.yaml"), text).unwrap();
        self.host.commit(message);
    }

    pub fn apply(&self, text: &str) {
        self.cluster.kubectl("admin", &["apply", "-f", "-"], text);
    }

    /// What is said of an object of the namespace, once `look` finds it right.
    pub async fn until(&self, what: &str, id: &str, look: impl Fn(&Value) -> bool) -> Value {
        let id = format!("k8s/test/{id}");
        self.host
            .until(what, async || {
                let drift = self.host.drift().await?;
                let found = drift["resources"].as_array()?.iter().find(|entry| entry["id"] == *id);
                found.filter(|entry| look(entry)).cloned()
            })
            .await
    }

    pub async fn in_sync(&self, what: &str) {
        self.host
            .until(what, async || {
                let drift = self.host.drift().await?;
                let calm = drift["resources"].as_array()?.iter().all(|entry| !is_of_cluster(entry));
                let verdicts = self.verdicts().await?;
                (calm && verdicts >= DECLARED).then_some(())
            })
            .await;
    }

    /// How many objects of the cluster are in sync.
    pub async fn verdicts(&self) -> Option<i64> {
        let rows = self
            .host
            .sql("SELECT count FROM summaries WHERE scope = 'k8s/test' AND verdict = 'in_sync' ORDER BY time DESC LIMIT 1")
            .await?;
        rows.first()?.first()?.as_i64()
    }
}

pub fn is_of_cluster(entry: &Value) -> bool {
    entry["id"].as_str().is_some_and(|id| id.starts_with("k8s/"))
}

pub fn field<'a>(entry: &'a Value, path: &str) -> &'a Value {
    entry["fields"]
        .as_array()
        .and_then(|fields| fields.iter().find(|field| field["path"] == path))
        .unwrap_or(&Value::Null)
}
