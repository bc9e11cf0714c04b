//! Dry runs on a real API server: what admission rewrites pages nobody, what a person edits does.

use serde_json::Value;

use crate::cluster::Cluster;
use crate::host::Host;
use crate::provider::Provider;

/// The image comes from the registry that admission sends all of them to; the count is a person's.
const MANIFESTS: &str = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {mirror: 'yes'}}
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
          env: [{name: MODE, value: 'on'}, {name: LEVEL, value: '2'}]
          resources: {requests: {cpu: '0.10', memory: 1024Mi}}
---
apiVersion: example.org/v1
kind: Widget
metadata: {name: one, namespace: shop}
spec: {size: 1, color: RED, parts: [{name: b}, {name: a, weight: 3}]}
";

const DEFINITION: &str = "\
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
                color: {type: string}
                parts:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name]
                  items: {type: object, required: [name], properties: {name: {type: string}, weight: {type: integer, default: 1}}}
";

/// Images come from a mirror and colours are written small: what is declared can never be live.
const ADMISSION: &str = "\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: mirror}
spec:
  matchConstraints:
    namespaceSelector: {matchLabels: {mirror: 'yes'}}
    resourceRules:
      - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
  reinvocationPolicy: Never
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          [JSONPatch{op: 'replace', path: '/spec/template/spec/containers/0/image',
          value: object.spec.template.spec.containers[0].image.replace('registry.example.org/', 'mirror.example.net/')}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: mirror}
spec: {policyName: mirror}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: colors}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [example.org], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [widgets]}
  reinvocationPolicy: Never
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: \"[JSONPatch{op: 'replace', path: '/spec/color', value: object.spec.color.lowerAscii()}]\"
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: colors}
spec: {policyName: colors}
";

/// Reads all, and may change nothing.
const READER: &str = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules: [{apiGroups: ['*'], resources: ['*'], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: viewer}]
";

struct Scene {
    cluster: Cluster,
    host: Host,
    provider: Provider,
}

const IMAGE: &str = "/spec/template/spec/containers/name=app/image";

impl Scene {
    /// A cluster in which admission rewrites what is declared, watched as `user`.
    async fn start(user: &str) -> Option<Self> {
        let cluster = Cluster::start()?;
        let provider = Provider::start().await;
        let more = format!(
            "kubernetes: {{cluster: test, kubeconfig: {}, confirm: true}}\n{}",
            cluster.kubeconfig(user).display(),
            provider.receivers()
        );
        let host = Host::of(0, ", kubernetes: {cluster: test}", &more);
        std::fs::create_dir_all(&host.repository).unwrap();
        host.git(&["init", "-q", "-b", "main"]);
        let mut scene = Self { cluster, host, provider };
        scene.cluster.kubectl("admin", &["apply", "-f", "-"], READER);
        scene.cluster.kubectl("admin", &["apply", "-f", "-"], ADMISSION);
        scene.cluster.kubectl("admin", &["apply", "-f", "-"], DEFINITION);
        scene.cluster.kubectl("admin", &["wait", "--for=condition=Established", "crd/widgets.example.org"], "");
        scene.settle().await;
        std::fs::write(scene.host.repository.join("shop.yaml"), MANIFESTS).unwrap();
        scene.host.commit("The shop");
        scene.host.start();
        Some(scene)
    }

    /// Applies what is declared until the server has come to know its kind and its policies.
    async fn settle(&self) {
        self.host
            .until("admission rewrites", async || {
                self.cluster.try_kubectl("admin", &["apply", "-f", "-"], MANIFESTS).ok()?;
                let image = "jsonpath={.spec.template.spec.containers[0].image}";
                let image = self.cluster.kubectl("admin", &["-n", "shop", "get", "deployment/web", "-o", image], "");
                let color = ["-n", "shop", "get", "widget/one", "-o", "jsonpath={.spec.color}"];
                let color = self.cluster.kubectl("admin", &color, "");
                (image == "mirror.example.net/web:1" && color == "red").then_some(())
            })
            .await;
    }

    fn patch(&self, object: &str, patch: &str) {
        self.cluster.kubectl("admin", &["-n", "shop", "patch", object, "--type=merge", "-p", patch], "");
    }

    /// What the newest verdict on an object says, once `look` finds it right: verdict, fields, evidence.
    async fn until(&self, what: &str, id: &str, look: impl Fn(&str, &Value, &Value) -> bool) -> (Value, Value) {
        let query = format!("SELECT verdict, fields, evidence FROM drift WHERE id = 'k8s/test/{id}'");
        self.host
            .until(what, async || {
                let rows = self.host.sql(&query).await?;
                let row = rows.first()?;
                let json = |n: usize| serde_json::from_str::<Value>(row[n].as_str()?).ok();
                let (fields, evidence) = (json(1)?, json(2)?);
                look(row[0].as_str()?, &fields, &evidence).then_some((fields, evidence))
            })
            .await
    }

    async fn outcomes(&self) -> Vec<(String, String)> {
        let query = "SELECT id, outcome FROM confirmations ORDER BY time, id";
        let rows = self.host.sql(query).await.unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        rows.iter().map(|row| (text(&row[0]), text(&row[1]))).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_admission_rewrites_is_refuted_and_what_a_person_edits_is_confirmed() {
    let Some(mut scene) = Scene::start("admin").await else { return };
    let refuted = |path: &'static str| {
        move |verdict: &str, _: &Value, evidence: &Value| {
            verdict == "in_sync" && evidence["refuted"] == serde_json::json!([path])
        }
    };
    scene.until("the mirror is refuted", "apps.Deployment/shop/web", refuted(IMAGE)).await;
    scene.until("the colour is refuted", "example.org.Widget/shop/one", refuted("/spec/color")).await;
    assert_eq!(scene.provider.incidents().await, (0, 0), "admission is no drift");
    let (_, report) = scene.host.run(&["drift"]);
    assert!(report.contains("2 resources with fields that a dry run refuted"), "{report}");
    let before = scene.cluster.kubectl(
        "admin",
        &["-n", "shop", "get", "deployment/web", "-o", "yaml", "--show-managed-fields"],
        "",
    );
    assert!(!before.contains("steadfast"), "a dry run leaves nothing: {before}");

    // A person: the same objects, other fields, beside what admission does.
    scene.patch("widget/one", r#"{"spec":{"size":7}}"#);
    let confirmed = |verdict: &str, _: &Value, evidence: &Value| {
        verdict == "modified" && evidence["confirm"] == "confirmed by dry run"
    };
    let (fields, evidence) = scene.until("an edit", "example.org.Widget/shop/one", confirmed).await;
    assert_eq!((fields[0]["path"].as_str(), fields[0]["live"].as_i64()), (Some("/spec/size"), Some(7)), "{fields:#}");
    assert_eq!((fields.as_array().map(Vec::len), &evidence["refuted"]), (Some(1), &serde_json::json!(["/spec/color"])));
    scene.host.until("a page", async || (scene.provider.incidents().await.0 == 1).then_some(())).await;
    scene.patch("widget/one", r#"{"spec":{"size":1}}"#);
    scene.until("it is put right", "example.org.Widget/shop/one", refuted("/spec/color")).await;
    scene.host.until("a resolve", async || (scene.provider.incidents().await == (1, 1)).then_some(())).await;

    // An image that no admission would make of what is declared.
    let other =
        r#"[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"mirror.example.net/web:evil"}]"#;
    scene.cluster.kubectl("alice", &["-n", "shop", "patch", "deployment/web", "--type=json", "-p", other], "");
    let (fields, _) = scene.until("another image", "apps.Deployment/shop/web", confirmed).await;
    assert_eq!(fields[0]["live"], "mirror.example.net/web:evil", "{fields:#}");
    scene.host.until("a page", async || (scene.provider.incidents().await.0 == 2).then_some(())).await;

    // A restart asks nothing that was answered.
    let answered = scene.outcomes().await;
    assert_eq!(scene.host.stop().await, 0);
    scene.host.start();
    scene.until("it is as it was", "apps.Deployment/shop/web", confirmed).await;
    scene
        .host
        .until("all is listed again", async || {
            let query = "SELECT state FROM scopes WHERE scope = 'k8s/test' AND source = 'kubernetes'";
            (scene.host.sql(query).await?.first()?.first()? == "ok").then_some(())
        })
        .await;
    assert_eq!(scene.outcomes().await, answered);
    assert_eq!(scene.host.stop().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_patch_pages_unconfirmed_and_says_so() {
    let Some(mut scene) = Scene::start("viewer").await else { return };
    let failed = |verdict: &str, _: &Value, evidence: &Value| {
        let says = evidence["confirm"].as_str().unwrap_or_default();
        verdict == "modified"
            && says.starts_with("not confirmed by dry run: ")
            && says.contains("cannot patch resource")
    };
    let (fields, _) = scene.until("nobody may ask", "apps.Deployment/shop/web", failed).await;
    assert_eq!((fields[0]["path"].as_str(), fields[0]["reason"].as_str()), (Some(IMAGE), Some("modified")));
    scene.host.until("a page", async || (scene.provider.incidents().await.0 == 1).then_some(())).await;
    scene
        .host
        .until("the scope says so", async || {
            let query = "SELECT message FROM scopes WHERE scope = 'k8s/test' AND source = 'kubernetes'";
            let rows = scene.host.sql(query).await?;
            rows.first()?.first()?.as_str()?.contains("a dry run of Deployment: ").then_some(())
        })
        .await;
    assert!(scene.outcomes().await.iter().all(|(_, outcome)| outcome == "failed"));
    assert_eq!(scene.host.stop().await, 0);
}
