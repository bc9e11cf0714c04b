//! A real cluster against a repository: what people and controllers do to it, and what is said.

use serde_json::Value;

use crate::cluster::Cluster;
use crate::scene::{DEFINITION, MANIFESTS, Scene, field, is_of_cluster};

#[tokio::test(flavor = "multi_thread")]
async fn people_and_controllers_are_told_apart_on_a_real_cluster() {
    let Some(cluster) = Cluster::start() else { return };
    let mut scene = Scene::start(cluster, "admin").await;
    scene.apply(DEFINITION);
    scene.cluster.kubectl("admin", &["wait", "--for=condition=Established", "crd/widgets.example.org"], "");
    scene.apply(MANIFESTS);
    scene.declare(MANIFESTS, "The shop");
    scene.host.start();
    scene.in_sync("what was applied is in sync").await;
    assert_eq!(scene.provider.incidents().await, (0, 0), "nobody is paged for what the server fills in");

    // A person adds a variable: nobody declared it, and the page says who and where.
    scene.cluster.kubectl("alice", &["-n", "shop", "set", "env", "deployment/web", "DEBUG=1"], "");
    let path = "/spec/template/spec/containers/name=app/env";
    // The server may write its log a moment after the change: then she is named a moment later.
    let named =
        |entry: &Value| entry["actor"].as_str().is_some_and(|actor| actor.starts_with("alice@example.com (kubectl/"));
    let hers = |entry: &Value| entry["verdict"] == "undeclared" && named(entry);
    let found = scene.until("a variable that alice added", "apps.Deployment/shop/web", hers).await;
    let added =
        found["fields"].as_array().unwrap().iter().find(|field| field["path"].as_str().unwrap().starts_with(path));
    let added = added.unwrap_or_else(|| panic!("{found:#}"));
    assert_eq!((added["reason"].as_str(), added["owner"].as_str()), (Some("undeclared"), Some("kubectl-set")));
    assert_eq!((found["file"].as_str(), added["line"].as_i64()), (Some("shop.yaml"), Some(15)), "{found:#}");
    scene.host.until("a page", async || (scene.provider.incidents().await.0 == 1).then_some(())).await;
    scene.cluster.kubectl("alice", &["-n", "shop", "set", "env", "deployment/web", "DEBUG-"], "");
    scene.in_sync("the variable is gone").await;
    scene.host.until("a resolve", async || (scene.provider.incidents().await == (1, 1)).then_some(())).await;

    // An autoscaler moves replicas: what is declared is where it starts. A person does not.
    let scale = |user: &str, manager: &str, replicas: &str| {
        let patch = format!("{{\"spec\":{{\"replicas\":{replicas}}}}}");
        let args = [
            "-n",
            "shop",
            "patch",
            "deployment/web",
            "--subresource=scale",
            "--type=merge",
            "-p",
            &patch,
            "--field-manager",
            manager,
        ];
        scene.cluster.kubectl(user, &args, "");
    };
    scale("admin", "kube-controller-manager", "4");
    scene.cluster.kubectl(
        "alice",
        &["-n", "shop", "patch", "service/web", "--type=merge", "-p", r#"{"spec":{"sessionAffinity":"ClientIP"}}"#],
        "",
    );
    scene.until("a changed default", "Service/shop/web", |entry| entry["verdict"] == "undeclared").await;
    let drift = scene.host.drift().await.unwrap();
    let others: Vec<&Value> =
        drift["resources"].as_array().unwrap().iter().filter(|entry| is_of_cluster(entry)).collect();
    assert_eq!(others.len(), 1, "the autoscaler is no drift: {drift:#}");
    scale("alice", "kubectl", "3");
    let found =
        scene.until("a person scales", "apps.Deployment/shop/web", |entry| entry["verdict"] == "modified").await;
    assert_eq!(field(&found, "/spec/replicas")["live"], 3, "{found:#}");
    scene.apply(MANIFESTS);
    scene.cluster.kubectl(
        "alice",
        &["-n", "shop", "patch", "service/web", "--type=merge", "-p", r#"{"spec":{"sessionAffinity":"None"}}"#],
        "",
    );
    scene.in_sync("all is put right").await;

    // A secret's value, without showing it; an object by hand; one that is deleted and comes again.
    scene.cluster.kubectl(
        "alice",
        &["-n", "shop", "patch", "secret/token", "-p", r#"{"stringData":{"token":"marlin"}}"#],
        "",
    );
    let found = scene.until("a secret", "Secret/shop/token", |entry| entry["verdict"] == "modified").await;
    assert!(
        !found.to_string().contains("swordfish")
            && !found.to_string().contains("marlin")
            && !found.to_string().contains("bWFybGlu")
    );
    scene.cluster.kubectl("alice", &["-n", "shop", "create", "configmap", "by-hand"], "");
    scene.until("an unmanaged object", "ConfigMap/shop/by-hand", |entry| entry["verdict"] == "unmanaged").await;
    scene.cluster.kubectl("alice", &["-n", "shop", "delete", "configmap/by-hand", "configmap/settings"], "");
    scene.until("a missing object", "ConfigMap/shop/settings", |entry| entry["verdict"] == "missing").await;
    scene.apply(MANIFESTS);
    scene.in_sync("all is there again").await;

    // A custom resource: defaults and order are no drift, a changed item is, by its key.
    scene.cluster.kubectl(
        "admin",
        &[
            "-n",
            "shop",
            "patch",
            "widget/one",
            "--type=merge",
            "-p",
            r#"{"spec":{"parts":[{"name":"b","weight":7},{"name":"a"}]}}"#,
        ],
        "",
    );
    let found =
        scene.until("a changed part", "example.org.Widget/shop/one", |entry| entry["verdict"] != "in_sync").await;
    assert_eq!(field(&found, "/spec/parts/name=b/weight")["live"], 7, "{found:#}");
    scene.apply(MANIFESTS);
    scene.in_sync("the part is put right").await;

    // A commit that is not applied yet rolls out; applied, it is in sync.
    let next = MANIFESTS.replace("web:1", "web:2");
    scene.declare(&next, "Version 2");
    let found = scene.until("a rollout", "apps.Deployment/shop/web", |entry| entry["verdict"] == "rolling_out").await;
    assert!(field(&found, "/spec/template/spec/containers/name=app/image")["commit"].is_string(), "{found:#}");
    scene.apply(&next);
    scene.in_sync("version 2 runs").await;

    // The server is killed while it is watched; what happens after is seen.
    scene.cluster.restart();
    scene.cluster.kubectl("alice", &["-n", "shop", "label", "deployment/web", "tier=gold"], "");
    let found = scene
        .until("a label after a restart", "apps.Deployment/shop/web", |entry| entry["verdict"] == "undeclared")
        .await;
    assert_eq!(field(&found, "/metadata/labels/tier")["owner"], "kubectl-label", "{found:#}");
    assert_eq!(scene.host.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_read_is_unknown_and_a_capture_is_in_sync_at_once() {
    let Some(cluster) = Cluster::start() else { return };
    let mut scene = Scene::start(cluster, "viewer").await;
    scene.apply(DEFINITION);
    scene.cluster.kubectl("admin", &["wait", "--for=condition=Established", "crd/widgets.example.org"], "");
    scene.apply(MANIFESTS);
    scene.cluster.kubectl("admin", &["-n", "shop", "autoscale", "deployment/web", "--min=2", "--max=4"], "");
    let kinds = "[v1/ConfigMap, v1/Service, apps/v1/Deployment, autoscaling/v2/HorizontalPodAutoscaler, v1/Secret]";
    let config = std::fs::read_to_string(scene.host.config()).unwrap();
    std::fs::write(
        scene.host.config(),
        config.replace("cluster: test, kubeconfig", &format!("cluster: test, kinds: {kinds}, kubeconfig")),
    )
    .unwrap();
    scene.host.capture();
    let captured = std::fs::read_to_string(scene.host.repository.join("k8s-test/shop/deployment-web.yaml")).unwrap();
    for left_out in ["status", "uid", "imagePullPolicy", "managedFields", "creationTimestamp"] {
        assert!(!captured.contains(left_out), "{captured}");
    }
    assert!(!scene.host.repository.join("k8s-test/shop/configmap-kube-root-ca.crt.yaml").exists());
    std::fs::write(
        scene.host.repository.join("token.yaml"),
        "apiVersion: v1\nkind: Secret\nmetadata: {name: token, namespace: shop}\nstringData: {token: swordfish}\n",
    )
    .unwrap();
    scene.host.commit("and a secret that a viewer may not read");
    scene.host.start();
    let found =
        scene.until("a kind that is forbidden", "Secret/shop/token", |entry| entry["verdict"] == "unknown").await;
    assert_eq!(found["fields"][0]["live"], "no collector looks there", "{found:#}");
    scene
        .host
        .until("all else is in sync", async || {
            let drift = scene.host.drift().await?;
            let of_cluster = drift["resources"].as_array()?.iter().filter(|entry| is_of_cluster(entry)).count();
            (of_cluster == 1 && scene.verdicts().await? >= 4).then_some(())
        })
        .await;
    // While it lists anew, the scope says how far it is.
    scene
        .host
        .until("the scope names what is forbidden", async || {
            let query = "SELECT message FROM scopes WHERE scope = 'k8s/test' AND source = 'kubernetes'";
            let rows = scene.host.sql(query).await?;
            rows.first()?.first()?.as_str()?.contains("secrets is forbidden").then_some(())
        })
        .await;
    assert_eq!(scene.provider.incidents().await, (0, 0));

    // The same tag with another content in one of two pods.
    let pods = scene.cluster.kubectl("admin", &["-n", "shop", "get", "pods", "-l", "app=web", "-o", "name"], "");
    let run = |pod: &str, digest: &str| {
        let status = format!(
            r#"{{"status":{{"containerStatuses":[{{"name":"app","image":"registry.example.org/web:1","imageID":"registry.example.org/web@sha256:{digest}","ready":true,"restartCount":0}}]}}}}"#
        );
        scene.cluster.kubectl(
            "admin",
            &["-n", "shop", "patch", pod, "--subresource=status", "--type=merge", "-p", &status],
            "",
        );
    };
    let pods: Vec<&str> = pods.lines().collect();
    run(pods[0], "aaaa");
    let image = "Image//registry.example.org/web:1";
    scene
        .host
        .until("the image is known", async || {
            let query = format!("SELECT id FROM resources WHERE id = 'k8s/test/{image}'");
            scene.host.sql(&query).await?.first().map(|_| ())
        })
        .await;
    run(pods[1], "bbbb");
    scene.until("two contents under one tag", image, |entry| entry["verdict"] == "mutated_in_place").await;
    assert_eq!(scene.host.stop().await, 0);
}

/// Kinds that clusters are full of, with the fields that servers fill in.
const KINDS: &str = include_str!("kinds.yaml");

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_many_kinds_are_in_sync_with_what_a_server_makes_of_them() {
    let Some(cluster) = Cluster::start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (declared, live) = (dir.path().join("declared.yaml"), dir.path().join("live.yaml"));
    std::fs::write(&declared, KINDS).unwrap();
    let diff = || {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_steadfast"))
            .args(["diff", "--output", "json", "--desired"])
            .arg(&declared)
            .arg("--live")
            .arg(&live)
            .output()
            .unwrap();
        serde_json::from_slice::<Value>(&out.stdout).unwrap()
    };
    for apply in [vec!["apply"], vec!["apply", "--server-side", "--force-conflicts", "--field-manager=ci"]] {
        cluster.kubectl("admin", &[apply.as_slice(), &["-f", "-"]].concat(), KINDS);
        let text = cluster.kubectl(
            "admin",
            &["get", "-f", declared.to_str().unwrap(), "-o", "yaml", "--show-managed-fields"],
            "",
        );
        std::fs::write(&live, text).unwrap();
        let report = diff();
        assert!(report["summary"]["in_sync"].as_i64().unwrap() > 45, "{report:#}");
        assert_eq!(report["resources"].as_array().map(Vec::len), Some(0), "{apply:?}: {report:#}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn releases_of_helm_declare_what_they_made_and_a_rollback_is_a_revision() {
    let Some(cluster) = Cluster::start() else { return };
    let chart = tempfile::tempdir().unwrap();
    let path = chart.path().to_str().unwrap().to_owned();
    std::fs::create_dir(chart.path().join("templates")).unwrap();
    std::fs::write(chart.path().join("Chart.yaml"), "apiVersion: v2\nname: cart\nversion: 1.0.0\n").unwrap();
    let template =
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cart}\ndata: {mode: {{ .Values.mode | quote }}}\n";
    std::fs::write(chart.path().join("templates/cart.yaml"), template).unwrap();
    let install = ["upgrade", "--install", "cart", &path, "--namespace", "shop", "--create-namespace", "--set-string"];
    if cluster.helm(&[&install[..], &["mode=one"]].concat()).is_none() {
        return;
    }
    let mut scene = Scene::start(cluster, "admin").await;
    let config = std::fs::read_to_string(scene.host.config()).unwrap();
    let config = config.replace("cluster: test, kubeconfig", "cluster: test, helm: true, kubeconfig");
    std::fs::write(scene.host.config(), config.replace("desired:\n", "desired:\n  helm: {cluster: test}\n")).unwrap();
    std::fs::write(scene.host.repository.join("README.md"), "Helm declares it all.\n").unwrap();
    scene.host.commit("Nothing else");
    scene.host.start();
    let declared = async |value: &str, revision: &str| {
        scene
            .host
            .until(&format!("{value} is declared by {revision}"), async || {
                let query = "SELECT revision, document FROM desired WHERE id = 'k8s/test/ConfigMap/shop/cart'";
                let rows = scene.host.sql(query).await?;
                let row = rows.first()?;
                (row[0] == *revision && row[1].as_str()?.contains(&format!("\"mode\":\"{value}\""))).then_some(())
            })
            .await;
    };
    declared("one", "shop/cart v1").await;
    scene.cluster.kubectl("alice", &["-n", "shop", "patch", "configmap/cart", "-p", r#"{"data":{"mode":"hers"}}"#], "");
    let found = scene.until("an edit", "ConfigMap/shop/cart", |entry| entry["verdict"] == "modified").await;
    assert_eq!(found["file"], "helm/shop/cart.v1", "{found:#}");
    scene.cluster.helm(&[&install[..], &["mode=two", "--force-conflicts"]].concat());
    declared("two", "shop/cart v2").await;
    scene.cluster.helm(&["rollback", "cart", "1", "--namespace", "shop", "--force-conflicts"]);
    declared("one", "shop/cart v3").await;
    scene
        .host
        .until("all is in sync", async || {
            let drift = scene.host.drift().await?;
            drift["resources"].as_array()?.iter().all(|entry| !is_of_cluster(entry)).then_some(())
        })
        .await;
    assert_eq!(scene.host.stop().await, 0);
}
