use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Clock, DigestKey, Rng, Shutdown};
use collect::Seen;
use collectors::kubernetes::KubernetesConfig;
use kubernetes::schema::ApiKind;
use kubernetes::{Body, Clusters, id_kind};
use model::{Document, ResourceId};
use sources::host_manifest::Written;

use crate::{AppError, Config, keys};

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Resources.
    pub resources: usize,
    /// Files.
    pub files: usize,
    /// Files of an earlier capture that were removed, relative to the folder: what they declared is gone.
    pub removed: Vec<PathBuf>,
    /// Files that were left alone: edited and not committed, or not of a capture.
    pub kept: Vec<PathBuf>,
    /// Objects with secrets, of which only digests are known: a manifest of those would break them.
    pub left_out: Vec<String>,
    /// Kinds that could not be looked at, each with its cluster.
    pub unseen: Vec<String>,
}

/// Kinds that are not captured: what the package databases say of files is declared by them
/// already, and an instance is no two times the same.
const LEFT_OUT: &[&str] = &["package_file", "instance"];

/// Kinds of Kubernetes that are captured where the configuration names none.
const KINDS: &[&str] = &[
    "v1/Namespace",
    "v1/ConfigMap",
    "v1/Service",
    "v1/ServiceAccount",
    "v1/PersistentVolumeClaim",
    "v1/ResourceQuota",
    "v1/LimitRange",
    "apps/v1/Deployment",
    "apps/v1/StatefulSet",
    "apps/v1/DaemonSet",
    "batch/v1/CronJob",
    "autoscaling/v2/HorizontalPodAutoscaler",
    "policy/v1/PodDisruptionBudget",
    "networking.k8s.io/v1/Ingress",
    "networking.k8s.io/v1/NetworkPolicy",
    "rbac.authorization.k8s.io/v1/Role",
    "rbac.authorization.k8s.io/v1/RoleBinding",
    "rbac.authorization.k8s.io/v1/ClusterRole",
    "rbac.authorization.k8s.io/v1/ClusterRoleBinding",
    "apiextensions.k8s.io/v1/CustomResourceDefinition",
];

/// Writes what is live on this host, and in the clusters of the configuration, as desired state
/// below `dir`. Looks once; no running Steadfast is needed. What an earlier capture wrote there is
/// replaced, and removed where it is gone; nothing else is touched. Objects of clusters with secrets
/// in them are left out: only digests of those are known.
///
/// # Errors
/// If a collector cannot look, or a file cannot be written.
pub async fn capture(config: &Config, dir: &Path, mut progress: impl FnMut(&str)) -> Result<Captured, AppError> {
    let (clock, rng, shutdown) = (Clock::system(), Rng::system(), Shutdown::new());
    keys::data_dir(&config.data_dir)?;
    let key = keys::digest_key(config)?;
    let mut resources: Vec<(ResourceId, Document, Option<String>)> = Vec::new();
    let mut kinds = BTreeSet::new();
    for mut collector in collectors::host::build(&config.host, None) {
        if collector.covers().iter().all(|cover| LEFT_OUT.contains(&cover.kind.as_str())) {
            continue;
        }
        progress(collector.name());
        kinds.extend(collectors::all().filter(|of| of.name == collector.name()).flat_map(|of| of.kinds));
        let seen = collect::once(collector.as_mut(), &clock, &rng, &key, &shutdown).await?;
        let wanted = seen.into_iter().filter(|seen| !LEFT_OUT.contains(&seen.id.kind()));
        let document = |seen: &Seen| Some(declarable(seen.id.kind(), seen.document.clone()?));
        resources.extend(wanted.filter_map(|seen| Some((seen.id.clone(), document(&seen)?, seen.text))));
    }
    let kinds: Vec<&str> = kinds.into_iter().copied().collect();
    let written = sources::host_manifest::write(dir, &resources, &kinds).map_err(|error| AppError::file(dir, error))?;
    let mut captured = Captured { resources: resources.len(), ..Captured::default() };
    captured.add(written);
    for cluster in config.kubernetes.as_slice() {
        progress(&format!("kubernetes {}", cluster.cluster));
        captured.cluster(cluster, dir, &key).await?;
    }
    Ok(captured)
}

/// What we could not see of a small resource is nothing that it must be.
fn declarable(kind: &str, document: Document) -> Document {
    let mut tree = document.tree().clone();
    let members = tree.as_object_mut().filter(|_| matches!(kind, "user" | "socket" | "unit"));
    match members.and_then(|members| members.remove("unreadable")) {
        Some(_) => Document::new(tree),
        None => document,
    }
}

impl Captured {
    fn add(&mut self, Written { files, removed, kept }: Written) {
        self.files += files.len();
        self.removed.extend(removed);
        self.kept.extend(kept);
    }

    /// Writes the objects of a cluster.
    async fn cluster(&mut self, config: &KubernetesConfig, dir: &Path, key: &DigestKey) -> Result<(), AppError> {
        let clusters = Clusters::default();
        let mut config = config.clone();
        if config.kinds.is_empty() {
            config.kinds = KINDS.iter().filter_map(|kind| kind.parse().ok()).collect();
        }
        let kinds: BTreeMap<String, &ApiKind> = config.kinds.iter().map(|kind| (id_kind(kind), kind)).collect();
        let (clock, rng, shutdown) = (Clock::system(), Rng::system(), Shutdown::new());
        let (mut objects, mut looked) = (Vec::new(), BTreeSet::new());
        for mut collector in collectors::kubernetes::build(std::slice::from_ref(&config), &clusters, BTreeMap::new()) {
            let (all, covers) = collect::look(collector.as_mut(), &clock, &rng, key, &shutdown).await?;
            looked.extend(covers.into_iter().map(|cover| cover.kind));
            for seen in all {
                let body = seen.document.and_then(|document| Body::from_document(document.tree().clone()));
                let (Some(body), Some(kind)) = (body, kinds.get(seen.id.kind())) else { continue };
                if body.owned || is_of_the_system(&seen.id) {
                    continue;
                }
                if seen.id.kind() == "Secret" || body.holds_digest() {
                    self.left_out.push(seen.id.to_string());
                } else {
                    objects.push((seen.id, (*kind).clone(), body));
                }
            }
        }
        let unseen = kinds.keys().filter(|kind| !looked.contains(*kind));
        self.unseen.extend(unseen.map(|kind| format!("{} {kind}", config.cluster)));
        self.resources += objects.len();
        let known = clusters.get(&config.cluster).known();
        let known = Arc::clone(&known.borrow());
        let written = sources::kubernetes_manifest::write(dir, &objects, &looked, &known);
        self.add(written.map_err(|error| AppError::file(dir, error))?);
        Ok(())
    }
}

/// Whether a cluster makes it for itself.
fn is_of_the_system(id: &ResourceId) -> bool {
    let of = |name: &str| name.starts_with("kube-") || name.starts_with("system:");
    of(id.namespace()) || of(id.name()) || (id.kind() == "Namespace" && id.name() == "default")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_not_seen_of_an_account_is_not_captured() {
        let account = || Document::new(serde_json::json!({"uid": 7, "unreadable": "/etc/shadow: Permission denied"}));
        assert_eq!(declarable("user", account()).to_json(), r#"{"uid":7}"#);
        assert_eq!(declarable("file", account()), account());
    }

    #[tokio::test]
    async fn captured_again_a_folder_loses_what_is_gone_and_keeps_what_is_not_of_capture() {
        let dir = tempfile::tempdir().unwrap();
        let (root, to) = (dir.path().canonicalize().unwrap().join("etc"), dir.path().join("infra"));
        fs::create_dir(&root).unwrap();
        for name in ["stays", "goes"] {
            fs::write(root.join(name), "1\n").unwrap();
        }
        let off = ["packages", "systemd", "accounts", "sysctl", "sockets", "metrics"]
            .map(|name| format!("  {name}: {{enabled: false}}\n"));
        let text = format!(
            "data_dir: {}\nhost:\n  name: web-1\n  files: {{roots: [{{path: {}}}]}}\n{}",
            dir.path().join("data").display(),
            root.display(),
            off.concat()
        );
        let config = Config::parse(&text).unwrap();
        let first = capture(&config, &to, |_| {}).await.unwrap();
        assert_eq!((first.resources, first.files, first.removed.len(), first.kept.len()), (3, 3, 0, 0));
        fs::write(to.join("web-1/mine.yaml"), "host: web-1\nusers: {deploy: {}}\n").unwrap();
        fs::remove_file(root.join("goes")).unwrap();
        let second = capture(&config, &to, |_| {}).await.unwrap();
        assert_eq!((second.resources, second.removed.len(), second.kept.len()), (2, 1, 0));
        assert!(second.removed[0].ends_with("etc/goes.yaml") && !to.join(&second.removed[0]).exists());
        assert!(to.join("web-1/mine.yaml").exists());
    }
}
