//! Whether a server is of the cluster that it was: a kubeconfig may lead to another one tomorrow.

use base::Limit;
use collect::{CollectError, Cx, Seen};
use kubernetes::{Cluster, Identity, PROVIDER};
use model::{Document, Fingerprint, ModelError, ResourceId};
use serde_json::{Value, json};

use super::api::{Api, ApiError};

/// The kind of the resource that says which cluster it is: where it changes, all of the scope is another instance.
pub(super) const INSTANCE: &str = "instance";

/// Bytes of a namespace.
const NAMESPACE: Limit = Limit::new("kubernetes_namespace_bytes", 1 << 20);

/// The uid of the namespace `kube-system`, which each cluster has one of for as long as it lives; nothing if it may not be read.
pub(super) async fn uid(api: &Api) -> Result<Option<String>, ApiError> {
    match api.json("/api/v1/namespaces/kube-system", NAMESPACE).await {
        Ok(namespace) => Ok(namespace.pointer("/metadata/uid").and_then(Value::as_str).map(str::to_owned)),
        Err(ApiError::Forbidden(_) | ApiError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The id of that resource.
pub(super) fn id(cluster: &Cluster) -> Result<ResourceId, ModelError> {
    ResourceId::new(PROVIDER, cluster.name(), INSTANCE, "", "cluster")
}

/// Finds out which cluster the server is of, as a resource to be handed over; `told`: the uid that it must have.
///
/// # Errors
/// If it is another one than it must be, or than it was when it was looked at last.
pub(super) async fn identify(
    api: &Api,
    cluster: &Cluster,
    told: Option<&str>,
    cx: &mut dyn Cx,
) -> Result<Option<Seen>, CollectError> {
    let error = |problem: String| CollectError::Source { what: cluster.scope(), problem };
    let id = id(cluster).map_err(|problem| error(problem.to_string()))?;
    let uid = uid(api).await.map_err(|problem| error(problem.to_string()))?;
    if let Some(why) = stranger(uid.as_deref(), told, cx.known(&id)) {
        cluster.identify(Identity::Refused);
        return Err(error(why));
    }
    cluster.identify(uid.clone().map_or(Identity::Unreadable, Identity::Uid));
    Ok(uid.map(|uid| Seen { id, document: Some(document(&uid)), text: None, actor: None }))
}

fn document(uid: &str) -> Document {
    Document::new(json!({ "uid": uid }))
}

/// Why it is not the cluster that it must be.
fn stranger(uid: Option<&str>, told: Option<&str>, before: Option<Fingerprint>) -> Option<String> {
    let before = before.filter(|before| *before != Fingerprint::ABSENT);
    match (uid, told) {
        (None, None) => None,
        (None, Some(_)) => {
            Some("`uid` is set, and the namespace kube-system, which has it, may not be read".to_owned())
        }
        (Some(uid), Some(told)) => (uid != told)
            .then(|| format!("this is another cluster: its namespace kube-system has the uid {uid}, and `uid` is {told}")),
        (Some(uid), None) => before.filter(|before| *before != document(uid).fingerprint()).map(|_| {
            format!("this is another cluster than it was: its namespace kube-system has another uid. If it was replaced, set `uid: {uid}`")
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_cluster_is_refused_unless_it_is_the_one_that_was_told() {
        let was = |uid: &str| Some(document(uid).fingerprint());
        for (uid, told, before, refused) in [
            (Some("a"), None, None, None),
            (Some("a"), None, was("a"), None),
            (Some("b"), None, was("a"), Some("set `uid: b`")),
            (Some("b"), Some("b"), was("a"), None),
            (Some("b"), Some("a"), was("b"), Some("has the uid b, and `uid` is a")),
            (Some("b"), None, Some(Fingerprint::ABSENT), None),
            (None, None, was("a"), None),
            (None, Some("a"), was("a"), Some("may not be read")),
        ] {
            let why = stranger(uid, told, before);
            let agrees = why.as_deref().zip(refused).is_some_and(|(why, part)| why.contains(part));
            assert!(agrees || (why.is_none() && refused.is_none()), "{uid:?} {told:?} {why:?}");
        }
    }
}
