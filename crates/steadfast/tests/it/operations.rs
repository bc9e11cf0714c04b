//! What is done to a real cluster in the course of its life: rollbacks, other appliers, autoscalers that act by
//! themselves, versions of a kind that are converted, namespaces that are deleted.

use serde_json::Value;

use crate::cluster::Cluster;
use crate::scene::{DEFINITION, MANIFESTS, Scene, field};

/// An older version of the kind, which the server converts.
const OLDER: &str = "    - name: v1beta1\n      served: true\n      storage: false\n";

/// Wants more pods than are declared.
const AUTOSCALER: &str = "\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 3
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
";

/// The definition with both versions, of one schema.
fn definition() -> String {
    let (before, schema) = DEFINITION.split_once("      schema:\n").unwrap();
    format!("{before}      schema:\n{schema}{OLDER}      schema:\n{schema}")
}

fn as_alice(scene: &Scene, args: &[&str], input: &str) {
    scene.cluster.kubectl("alice", &[&["-n", "shop"], args].concat(), input);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_and_the_cluster_itself_do_is_told_apart() {
    let Some(cluster) = Cluster::start() else { return };
    let mut scene = Scene::start(cluster, "admin").await;
    scene.apply(&definition());
    scene.cluster.kubectl("admin", &["wait", "--for=condition=Established", "crd/widgets.example.org"], "");
    // Declared as v1beta1; the server prefers v1.
    let first = MANIFESTS.replace("example.org/v1\n", "example.org/v1beta1\n");
    scene.apply(&first);
    scene.declare(&first, "The shop");
    scene.host.start();
    scene.in_sync("what was applied is in sync, converted or not").await;
    let patch = ["-n", "shop", "patch", "widget/one", "--type=merge", "-p", r#"{"spec":{"size":9}}"#];
    scene.cluster.kubectl("admin", &patch, "");
    let found = scene.until("a converted object", "example.org.Widget/shop/one", modified).await;
    assert_eq!(field(&found, "/spec/size")["live"], 9, "{found:#}");
    scene.apply(&first);
    scene.in_sync("the widget is put right").await;

    rolled_back(&scene, &first).await;
    applied_by_another(&scene).await;
    scaled_by_the_cluster(&scene).await;

    // All that was in a namespace is missing, not unknown, and comes again.
    scene.cluster.kubectl("admin", &["delete", "namespace", "shop", "--timeout=50s"], "");
    for id in ["Namespace//shop", "apps.Deployment/shop/web", "Secret/shop/token", "example.org.Widget/shop/one"] {
        scene.until("a deleted namespace", id, |entry| entry["verdict"] == "missing").await;
    }
    scene.apply(&first.replace("web:1", "web:2"));
    scene.in_sync("the namespace is there again").await;
    assert_eq!(scene.host.stop().await, 0);
}

fn modified(entry: &Value) -> bool {
    entry["verdict"] == "modified"
}

/// A version that was live is undone by hand: no rollout, and the commit that is live again is named.
async fn rolled_back(scene: &Scene, first: &str) {
    let second = first.replace("web:1", "web:2");
    scene.declare(&second, "Version 2");
    scene.apply(&second);
    scene.in_sync("version 2 runs").await;
    as_alice(scene, &["rollout", "undo", "deployment/web"], "");
    let found =
        scene.until("a rollback by hand", "apps.Deployment/shop/web", |entry| entry["verdict"] == "behind").await;
    let image = field(&found, "/spec/template/spec/containers/name=app/image");
    assert_eq!(image["live"], "registry.example.org/web:1", "{found:#}");
    assert!(image["commit"].is_string(), "{found:#}");
    scene.apply(&second);
    scene.in_sync("version 2 runs again").await;
}

/// Server-side apply by another manager: what it changes of what is declared, and what it adds.
async fn applied_by_another(scene: &Scene) {
    let theirs = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: shop, annotations: {note: theirs}}\n\
                  data: {mode: 'off', more: 'yes'}\n";
    as_alice(scene, &["apply", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-"], theirs);
    let found = scene.until("another applier", "ConfigMap/shop/settings", modified).await;
    for (path, reason) in
        [("/data/mode", "modified"), ("/data/more", "undeclared"), ("/metadata/annotations/note", "undeclared")]
    {
        let field = field(&found, path);
        assert_eq!((field["reason"].as_str(), field["owner"].as_str()), (Some(reason), Some("other")), "{found:#}");
    }
    as_alice(
        scene,
        &["patch", "configmap/settings", "--type=merge", "-p", r#"{"data":{"mode":"on","more":null}}"#],
        "",
    );
    as_alice(scene, &["annotate", "configmap/settings", "note-"], "");
    scene.in_sync("the settings are put right").await;
}

/// The controller itself raises the replicas to its minimum.
async fn scaled_by_the_cluster(scene: &Scene) {
    scene.cluster.kubectl("admin", &["apply", "-f", "-"], AUTOSCALER);
    let replicas = ["-n", "shop", "get", "deployment/web", "-o", "jsonpath={.spec.replicas}"];
    let scaled = async || (scene.cluster.kubectl("admin", &replicas, "") == "3").then_some(());
    scene.host.until("the autoscaler acts", scaled).await;
    let seen = "SELECT document FROM resources WHERE id = 'k8s/test/apps.Deployment/shop/web' AND document LIKE '%\"replicas\":3%'";
    let seen = async || (!scene.host.sql(seen).await?.is_empty()).then_some(());
    scene.host.until("three replicas are seen", seen).await;
    let drift = scene.host.drift().await.unwrap();
    let of_web =
        drift["resources"].as_array().unwrap().iter().find(|entry| entry["id"] == "k8s/test/apps.Deployment/shop/web");
    assert_eq!(of_web, None, "replicas are the autoscaler's");
    scene.cluster.kubectl("admin", &["-n", "shop", "delete", "hpa/web"], "");
    as_alice(scene, &["scale", "deployment/web", "--replicas=2"], "");
    scene.in_sync("the autoscaler is gone").await;
}
