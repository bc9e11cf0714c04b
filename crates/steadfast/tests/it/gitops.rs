//! Objects of Argo CD and Flux on a real API server: their definitions are our own, as small as can be.

use serde_json::Value;

use crate::cluster::Cluster;
use crate::host::Host;
use crate::provider::Provider;

/// Definitions that take whatever a controller writes.
fn definitions() -> String {
    let of = |group: &str, plural: &str, kind: &str, version: &str| {
        format!(
            "---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: {plural}, singular: {}, kind: {kind}, listKind: {kind}List}}
  versions:
    - name: {version}
      served: true
      storage: true
      schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
",
            kind.to_lowercase()
        )
    };
    of("argoproj.io", "applications", "Application", "v1alpha1")
        + &of("kustomize.toolkit.fluxcd.io", "kustomizations", "Kustomization", "v1")
        + &of("source.toolkit.fluxcd.io", "gitrepositories", "GitRepository", "v1")
}

const FLUX: &str = "\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: infra, namespace: default}
spec: {url: 'https://git.example.org/infra'}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: base, namespace: default}
spec: {sourceRef: {kind: GitRepository, name: infra}, path: ./base}
status:
  lastAppliedRevision: main@sha1:1111111111111111111111111111111111111111
  conditions: [{type: Ready, status: 'True', reason: ReconciliationSucceeded, message: x}]
";

fn application(phase: &str, commit: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: cart, namespace: default}}
spec: {{source: {{repoURL: 'https://git.example.org/shop', path: ., targetRevision: main}}}}
status:
  sync: {{status: Synced, revision: {commit}}}
  health: {{status: Healthy}}
  operationState: {{phase: {phase}, syncResult: {{revision: {commit}}}}}
"
    )
}

fn settings(mode: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: default}}\ndata: {{mode: {mode}}}\n"
    )
}

struct Scene {
    cluster: Cluster,
    host: Host,
    provider: Provider,
}

impl Scene {
    fn apply(&self, text: &str) {
        self.cluster.kubectl("admin", &["apply", "-f", "-"], text);
    }

    /// As Argo CD does it, with its mark.
    fn sync(&self, mode: &str) {
        let id = "metadata: {annotations: {argocd.argoproj.io/tracking-id: 'cart:/ConfigMap:default/settings'}, ";
        let text = settings(mode).replace("metadata: {", id);
        let args = ["apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller", "-f", "-"];
        self.cluster.kubectl("admin", &args, &text);
    }

    fn commit(&self, mode: &str) -> String {
        std::fs::write(self.host.repository.join("settings.yaml"), settings(mode)).unwrap();
        self.host.commit(mode);
        self.host.git(&["rev-parse", "HEAD"])
    }

    /// The newest verdict of the settings: what is said, of which revision, and what the tool says.
    async fn said(&self) -> Option<(String, String, String)> {
        let query = "SELECT verdict, revision, gitops FROM drift WHERE id = 'k8s/test/ConfigMap/default/settings'";
        let rows = self.host.sql(query).await?;
        let text = |n: usize| rows.first().and_then(|row| row[n].as_str()).unwrap_or_default().to_owned();
        Some((text(0), text(1), text(2)))
    }

    async fn until(&self, what: &str, verdict: &str, revision: &str, gitops: &str) {
        self.host
            .until(what, async || {
                let said = self.said().await?;
                (said == (verdict.to_owned(), revision.to_owned(), gitops.to_owned())).then_some(())
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_argo_cd_was_asked_to_apply_is_declared_and_what_it_is_applying_is_not_paged() {
    let Some(cluster) = Cluster::start() else { return };
    let provider = Provider::start().await;
    let kubeconfig = cluster.kubeconfig("admin");
    let more = format!("kubernetes: {{cluster: test, kubeconfig: {}}}\n{}", kubeconfig.display(), provider.receivers());
    let host = Host::of(0, ", kubernetes: {cluster: test, follow: {argocd: default/cart}}", &more);
    std::fs::create_dir_all(&host.repository).unwrap();
    host.git(&["init", "-q", "-b", "main"]);
    let mut scene = Scene { cluster, host, provider };
    scene.apply(&definitions());
    let definitions = ["crd/applications.argoproj.io", "crd/kustomizations.kustomize.toolkit.fluxcd.io"];
    let wait =
        [&["wait", "--for=condition=Established", "crd/gitrepositories.source.toolkit.fluxcd.io"], &definitions[..]];
    scene.cluster.kubectl("admin", &wait.concat(), "");
    scene.apply(FLUX);

    // Two commits, of which only the first was asked for.
    let (one, two) = (scene.commit("one"), scene.commit("two"));
    scene.apply(&application("Succeeded", &one));
    scene.sync("one");
    scene.host.start();
    scene
        .host
        .until("the first commit is in sync", async || {
            let query = "SELECT revision FROM desired WHERE id = 'k8s/test/ConfigMap/default/settings'";
            let declared = scene.host.sql(query).await?.first()?[0] == *one;
            (declared && scene.host.drift().await?["summary"]["in_sync"] == 1).then_some(())
        })
        .await;
    let rows = scene.host.sql("SELECT id FROM resources WHERE kind = 'GitOps' ORDER BY id").await.unwrap();
    let ids: Vec<&Value> = rows.iter().map(|row| &row[0]).collect();
    assert_eq!(ids, ["k8s/test/GitOps/default/argocd:cart", "k8s/test/GitOps/default/flux:base"]);

    // It is asked for the second, and applies it.
    let short = |commit: &str| commit[..10].to_owned();
    scene.apply(&application("Running", &two));
    let applying = format!("argocd default/cart Synced/Healthy @ {}, applying", short(&two));
    scene.until("the second commit rolls out", "rolling_out", &one, &applying).await;
    scene.sync("two");
    scene.until("it has come", "in_sync", &two, "").await;

    // It applies what the repository does not have: that is nobody's page until it ends.
    scene.sync("three");
    scene.until("what it applies rolls out", "rolling_out", &two, &applying).await;
    assert_eq!(scene.provider.incidents().await, (0, 0));
    scene.apply(&application("Succeeded", &two));
    let done = format!("argocd default/cart Synced/Healthy @ {}", short(&two));
    scene.until("it has ended", "modified", &two, &done).await;
    scene.host.until("a page", async || (scene.provider.incidents().await.0 == 1).then_some(())).await;
    let (code, text) = scene.host.run(&["drift"]);
    assert!(code == 2 && text.contains(&format!("gitops {done}")), "{code} {text}");

    // The tool is removed: what was read stays, and what is said of it is gone.
    scene.cluster.kubectl("admin", &["delete", "applications.argoproj.io/cart"], "");
    scene.until("the tool is gone", "modified", &two, "").await;
    assert_eq!(scene.host.stop().await, 0);
}
