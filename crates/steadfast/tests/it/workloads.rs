//! Rollouts of each kind of workload that a real control plane has: who watches may read no more than is written down for it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::host::Host;

/// The first version of each, and the services in front.
const BEFORE: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart, track: stable}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart-canary, namespace: shop}
spec: {selector: {app: cart, track: canary}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: cart, track: stable}}
  template: {metadata: {labels: {app: cart, track: stable}}, spec: {containers: [{name: app, image: 'example.org/cart:1'}]}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  serviceName: db
  replicas: 3
  selector: {matchLabels: {app: db}}
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: app, image: 'example.org/db:1'}]}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop}
spec:
  selector: {matchLabels: {app: agent}}
  updateStrategy: {type: OnDelete}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: app, image: 'example.org/agent:1'}]}}
";

/// The Deployment that is the canary of another.
const BESIDE: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart-canary, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: cart, track: canary}}
  template: {metadata: {labels: {app: cart, track: canary}}, spec: {containers: [{name: app, image: 'example.org/cart:2'}]}}
";

/// As small as can be; its group is protected.
const DEFINITION: &str = "\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: httproutes.gateway.networking.k8s.io, annotations: {api-approved.kubernetes.io: 'https://example.org/1'}}
spec:
  group: gateway.networking.k8s.io
  scope: Namespaced
  names: {plural: httproutes, singular: httproute, kind: HTTPRoute, listKind: HTTPRouteList}
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
";

const ROLES: &str = include_str!("../../../../deploy/kubernetes-reader.yaml");

/// The route that splits the traffic, so much of a hundred to the canary.
fn route(weight: u64) -> String {
    format!(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: cart, namespace: shop}}
spec:
  rules:
    - backendRefs: [{{name: cart, port: 80, weight: {}}}, {{name: cart-canary, port: 80, weight: {weight}}}]
",
        100 - weight
    )
}

fn config(cluster: &Cluster) -> String {
    format!(
        "\
kubernetes: {{cluster: test, kubeconfig: {}}}
canaries:
  - name: all
    discover: {{cluster: test, namespaces: [shop]}}
    interval: 1s
    delay: 100ms
    lifetime: 10m
    warmup: 1s
    metrics: [{{name: errors, kind: errors, query: 'sum(errors{{$arm}})'}}]
",
        cluster.kubeconfig("steadfast").display()
    )
}

/// What is said of the rollout of each canary that was found, by what rolls out.
async fn rollouts(host: &Host) -> Option<BTreeMap<String, Value>> {
    let all: Value = serde_json::from_str(&host.get("/api/canaries").await?).ok()?;
    let of = |canary: &Value| {
        Some((canary["name"].as_str()?.strip_prefix("all:shop:")?.to_owned(), canary["rollout"].clone()))
    };
    all["canaries"].as_array()?.iter().map(of).collect()
}

/// Waits until the parts of the traffic are so, each with who says it.
async fn split(host: &Host, what: &str, expected: [(&str, Value, &str); 3]) -> BTreeMap<String, Value> {
    host.until(what, async || {
        let all = rollouts(host).await?;
        let is = |(name, share, by): &(&str, Value, &str)| {
            all.get(*name).is_some_and(|it| it["share"] == *share && it["traffic"] == *by)
        };
        (all.len() == expected.len() && expected.iter().all(is)).then_some(all)
    })
    .await
}

fn in_shop(cluster: &Cluster, args: &[&str]) -> String {
    cluster.kubectl("admin", &[&["-n", "shop"], args].concat(), "")
}

fn apply(cluster: &Cluster, text: &str) {
    cluster.kubectl("admin", &["apply", "-f", "-"], text);
}

/// The pods of the DaemonSet, with the hash of their version.
fn agents(cluster: &Cluster) -> Vec<(String, String)> {
    let columns = "custom-columns=:metadata.name,:metadata.labels.controller-revision-hash";
    let lines = in_shop(cluster, &["get", "pods", "-l", "app=agent", "--no-headers", "-o", columns]);
    lines
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(name, hash)| (name.to_owned(), hash.trim().to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_workload_is_found_with_its_split_and_nothing_is_guessed() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.account("steadfast-canaries");
    // At first without the right to see routes, of which the cluster has no kind either.
    apply(&cluster, &ROLES.replace("[httproutes]", "[others]"));
    apply(&cluster, BEFORE);
    let wait = |workload: &str, path: &str| {
        in_shop(&cluster, &["wait", &format!("--for=jsonpath={{.status.{path}"), workload, "--timeout=60s"]);
    };
    wait("deployment/cart", "readyReplicas}=2");
    wait("statefulset/db", "readyReplicas}=3");
    wait("daemonset/agent", "numberReady}=3");
    let mut host = Host::of(0, "", &config(&cluster));
    std::fs::create_dir_all(&host.repository).unwrap();
    host.git(&["init", "-q", "-b", "main"]);
    host.start();
    let scope = "SELECT state, message FROM scopes WHERE scope = 'k8s/test' AND source = 'kubernetes'";
    host.until("all is listed", async || (host.sql(scope).await? == [[json!("ok"), Value::Null]]).then_some(())).await;

    // Each holds where it stands: by a partition, by what is not deleted, by a Deployment of its own.
    apply(&cluster, BESIDE);
    let image = |name: &str| {
        format!(
            r#"{{"spec":{{"template":{{"spec":{{"containers":[{{"name":"app","image":"example.org/{name}:2"}}]}}}}}}}}"#
        )
    };
    in_shop(&cluster, &["patch", "statefulset/db", "-p", &image("db")]);
    in_shop(&cluster, &["patch", "daemonset/agent", "-p", &image("agent")]);
    wait("daemonset/agent", "observedGeneration}=2");
    let first = agents(&cluster);
    in_shop(&cluster, &["delete", "pod", &first[0].0, "--now"]);
    let third = || json!(0.333_333);
    let nobody = "no route and no service has both arms";
    let all = split(
        &host,
        "rollouts of three kinds",
        [("cart", Value::Null, nobody), ("db", third(), "ready pods"), ("agent", third(), "ready pods")],
    )
    .await;
    let kinds = ["cart", "db", "agent"].map(|name| all[name]["kind"].clone());
    assert_eq!(kinds, ["pair", "statefulset", "daemonset"]);
    assert_eq!([&all["db"]["baseline"]["pods"], &all["db"]["canary"]["pods"]], ["db-0|db-1", "db-2"]);
    let now = agents(&cluster);
    let new: Vec<&(String, String)> = now.iter().filter(|pod| !first.contains(pod)).collect();
    assert_eq!(new.len(), 1, "{now:?}");
    assert_eq!(
        [&all["agent"]["canary"]["pods"], &all["agent"]["canary"]["hash"]],
        [new[0].0.as_str(), new[0].1.as_str()]
    );
    assert_eq!(all["agent"]["baseline"]["hash"], first[0].1.as_str());

    // A kind of routes comes, and may not be listed: it may say any split.
    apply(&cluster, DEFINITION);
    let hidden = "no right to list httproutes.gateway.networking.k8s.io";
    let unknown = ["cart", "db", "agent"].map(|name| (name, Value::Null, hidden));
    split(&host, "nobody knows", unknown).await;
    cluster.kubectl("admin", &["wait", "--for=condition=Established", "crd/httproutes.gateway.networking.k8s.io"], "");
    apply(&cluster, &route(10));
    apply(&cluster, ROLES);
    let routed = |share: f64| {
        [("cart", json!(share), "HTTPRoute"), ("db", third(), "ready pods"), ("agent", third(), "ready pods")]
    };
    split(&host, "the route is seen", routed(0.1)).await;
    apply(&cluster, &route(50));
    split(&host, "its weight moves", routed(0.5)).await;

    // Each goes on to its end.
    in_shop(
        &cluster,
        &["patch", "statefulset/db", "-p", r#"{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}"#],
    );
    in_shop(&cluster, &["delete", "deployment/cart-canary"]);
    for (name, _) in &first[1..] {
        in_shop(&cluster, &["delete", "pod", name, "--now"]);
    }
    let rolling = "SELECT id FROM resources WHERE kind = 'Rollout' AND present";
    host.until("nothing rolls out", async || host.sql(rolling).await?.is_empty().then_some(())).await;
    let runs = host.sql("SELECT name FROM canary_runs ORDER BY name").await.unwrap();
    let expected = ["agent", "cart", "db"].map(|name| vec![json!(format!("all:shop:{name}"))]);
    assert_eq!(runs, expected, "a run goes on while pods change sides");
    assert_eq!(host.stop().await, 0);
}
