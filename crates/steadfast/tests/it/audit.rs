//! A real API server that posts its audit log.

use std::path::Path;

use crate::cluster::Cluster;
use crate::host::Host;

const MANIFEST: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: default}
data: {mode: 'on'}
";

/// The file of `--audit-webhook-config-file`: a kubeconfig that says where to post. A token would be sent by HTTPS only.
fn webhook(url: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: s, cluster: {{server: \"{url}/api/intake/kubernetes/test/audit\"}}}}]\n\
         users: [{{name: s, user: {{}}}}]\ncontexts: [{{name: s, context: {{cluster: s, user: s}}}}]\n\
         current-context: s\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wrote_is_known_from_what_the_api_server_posts() {
    let mut host = Host::of(0, ", kubernetes: {cluster: test}", "");
    let prepare = |dir: &Path| {
        let path = dir.join("webhook.yaml");
        std::fs::write(&path, webhook(&host.url)).unwrap();
        let path = path.display();
        format!(
            "--audit-webhook-config-file {path} --audit-webhook-batch-max-wait 100ms --audit-webhook-initial-backoff 200ms"
        )
    };
    let Some(cluster) = Cluster::start_with(prepare) else { return };
    let more = format!(
        "kubernetes:\n  cluster: test\n  kubeconfig: {}\n  audit:\n    webhook: {{}}\n",
        cluster.kubeconfig("admin").display()
    );
    let config = std::fs::read_to_string(host.config()).unwrap();
    std::fs::write(host.config(), config + &more).unwrap();
    std::fs::create_dir_all(&host.repository).unwrap();
    host.git(&["init", "-q", "-b", "main"]);
    std::fs::write(host.repository.join("settings.yaml"), MANIFEST).unwrap();
    host.commit("Settings");
    cluster.kubectl("admin", &["apply", "-f", "-"], MANIFEST);
    host.start();
    host.until("it is in sync", async || {
        let summary = host.drift().await?["summary"]["in_sync"].as_i64()?;
        (summary == 1).then_some(())
    })
    .await;

    let patch = ["patch", "configmap/settings", "-p", r#"{"data":{"mode":"off"}}"#];
    cluster.kubectl("alice", &[&["-n", "default"], &patch[..]].concat(), "");
    host.until("alice is named", async || {
        let drift = host.drift().await?;
        let entry =
            drift["resources"].as_array()?.iter().find(|entry| entry["id"] == "k8s/test/ConfigMap/default/settings")?;
        (entry["verdict"] == "modified" && entry["actor"].as_str()?.starts_with("alice@example.com (kubectl/"))
            .then_some(())
    })
    .await;
    assert_eq!(host.stop().await, 0);
}
