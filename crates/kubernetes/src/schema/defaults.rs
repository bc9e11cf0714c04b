//! What the server fills in beside what its OpenAPI says: constants from `defaults.txt`, and what
//! depends on other members.

use std::borrow::Cow;

use super::{Chosen, Schema, Type};
use crate::tree::Tree;

const TEXT: &str = include_str!("defaults.txt");
/// What stands before a path.
const ASSIGNED_AT: &str = "assigned at ";

/// Adds the table to the types that `schema` has.
pub(super) fn add(schema: &mut Schema) {
    for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.splitn(3, ' ');
        let (Some(of), Some(member), Some(value)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let Some(field) = schema.field_mut(of, member) else { continue };
        match (value, value.strip_prefix(ASSIGNED_AT)) {
            (_, Some(path)) => field.chosen = Some(Chosen::ServerAt(path)),
            ("assigned", _) => field.chosen = Some(Chosen::Server),
            ("admitted", _) => field.chosen = Some(Chosen::Admission),
            (value, _) => field.default = serde_json::from_str(value).ok(),
        }
    }
}

impl Type {
    /// Whether objects of it say of a pod what network it has; if so, whether that is its node's.
    pub(crate) fn host_network(&self, object: &Tree<'_>) -> Option<bool> {
        (self.name == "core.v1.PodSpec").then(|| matches!(object.get("hostNetwork"), Some(Tree::Bool(true))))
    }

    /// What the server makes of an absent member from those beside it, all in canonical form; `host_network`: whether it
    /// is of a pod that has its node's addresses.
    pub(crate) fn computed<'a>(
        &self,
        member: &str,
        beside: &'a Tree<'a>,
        host_network: bool,
    ) -> Option<Cow<'a, Tree<'a>>> {
        let same = |name: &str| beside.get(name).map(Cow::Borrowed);
        let text = |name: &str| beside.get(name).and_then(Tree::as_str);
        let list = |texts: &[&'static str]| Tree::List(texts.iter().map(|text| Tree::from(*text)).collect());
        Some(match (self.name.as_str(), member) {
            ("core.v1.Container" | "core.v1.EphemeralContainer", "imagePullPolicy") => {
                Cow::Owned(pull_policy(text("image")?).into())
            }
            ("core.v1.ImageVolumeSource", "pullPolicy") => Cow::Owned(pull_policy(text("reference")?).into()),
            ("core.v1.ContainerPort", "hostPort") if host_network => same("containerPort")?,
            ("core.v1.ServicePort", "targetPort") => same("port")?,
            ("core.v1.PodSpec", "serviceAccount") => same("serviceAccountName")?,
            ("core.v1.ResourceRequirements", "requests") => same("limits")?,
            ("core.v1.LimitRangeItem", "default") => same("max")?,
            ("core.v1.LimitRangeItem", "defaultRequest") => {
                Cow::Owned(joined([beside.get("min"), beside.get("default")]))
            }
            ("autoscaling.v2.HorizontalPodAutoscalerBehavior", "scaleUp") => {
                Cow::Owned(Tree::Members(vec![("stabilizationWindowSeconds".into(), Tree::Number(0.into()))]))
            }
            ("batch.v1.JobSpec", "backoffLimit") if beside.get("backoffLimitPerIndex").is_some() => {
                Cow::Owned(Tree::Number(i32::MAX.into()))
            }
            ("batch.v1.JobSpec", "podReplacementPolicy") if beside.get("podFailurePolicy").is_some() => {
                Cow::Owned("Failed".into())
            }
            ("apiextensions.v1.CustomResourceDefinitionNames", "listKind") => {
                Cow::Owned(format!("{}List", text("kind")?).into())
            }
            ("apiextensions.v1.CustomResourceDefinitionNames", "singular") => {
                Cow::Owned(text("kind")?.to_lowercase().into())
            }
            ("rbac.v1.Subject", "apiGroup") if text("kind") != Some("ServiceAccount") => {
                Cow::Owned("rbac.authorization.k8s.io".into())
            }
            ("networking.v1.NetworkPolicySpec", "policyTypes") if beside.get("egress").is_some() => {
                Cow::Owned(list(&["Ingress", "Egress"]))
            }
            ("networking.v1.NetworkPolicySpec", "policyTypes") => Cow::Owned(list(&["Ingress"])),
            _ => return None,
        })
    }
}

/// The members of both; the second counts.
fn joined<'a>(parts: [Option<&Tree<'a>>; 2]) -> Tree<'a> {
    let members = parts.into_iter().flatten().flat_map(|part| match part {
        Tree::Members(members) => members.as_slice(),
        _ => &[],
    });
    Tree::of(members.cloned().collect())
}

/// `Always` for a tag `latest` or none, unless there is a digest.
fn pull_policy(image: &str) -> &'static str {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let latest = tag == Some("latest") || (tag.is_none() && digest.is_none());
    if latest { "Always" } else { "IfNotPresent" }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::schema::builtin;

    #[test]
    fn every_line_names_a_member_and_a_value() {
        let mut schema = Schema::from_text(builtin::TEXT).unwrap();
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let [of, member, value] = line.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
            assert!(schema.field_mut(of, member).is_some(), "{line}");
            assert!(
                ["assigned", "admitted"].contains(&value)
                    || value.starts_with("assigned at /")
                    || serde_json::from_str::<Value>(value).is_ok(),
                "{line}"
            );
        }
    }

    #[test]
    fn the_pull_policy_follows_the_tag() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("host:5000/nginx", "Always"),
            ("host:5000/nginx:1.27", "IfNotPresent"),
            ("nginx@sha256:abc", "IfNotPresent"),
            ("nginx:latest@sha256:abc", "Always"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }
}
