//! What the server fills in beside what its OpenAPI says: constants from `defaults.txt`, and what
//! depends on other members.

use serde_json::{Map, Value, json};

use super::{Chosen, Schema, Type};

const TEXT: &str = include_str!("defaults.txt");

/// Adds the table to the types that `schema` has.
pub(super) fn add(schema: &mut Schema) {
    for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
        let mut parts = line.splitn(3, ' ');
        let (Some(of), Some(member), Some(value)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let Some(field) = schema.field_mut(of, member) else { continue };
        match value {
            "assigned" => field.chosen = Some(Chosen::Server),
            "admitted" => field.chosen = Some(Chosen::Admission),
            value => field.default = serde_json::from_str(value).ok(),
        }
    }
}

impl Type {
    /// What the server makes of an absent member from those beside it, all in canonical form.
    pub(crate) fn computed(&self, member: &str, beside: &Map<String, Value>) -> Option<Value> {
        let text = |name: &str| beside.get(name).and_then(Value::as_str);
        match (self.name.as_str(), member) {
            ("core.v1.Container" | "core.v1.EphemeralContainer", "imagePullPolicy") => text("image").map(pull_policy),
            ("core.v1.ImageVolumeSource", "pullPolicy") => text("reference").map(pull_policy),
            ("core.v1.ContainerPort", "hostPort") => beside.get("containerPort").cloned(),
            ("core.v1.ServicePort", "targetPort") => beside.get("port").cloned(),
            ("core.v1.PodSpec", "serviceAccount") => beside.get("serviceAccountName").cloned(),
            ("core.v1.ResourceRequirements", "requests") => beside.get("limits").cloned(),
            ("core.v1.LimitRangeItem", "default") => beside.get("max").cloned(),
            ("core.v1.LimitRangeItem", "defaultRequest") => beside.get("default").cloned(),
            ("apiextensions.v1.CustomResourceDefinitionNames", "listKind") => {
                text("kind").map(|kind| json!(format!("{kind}List")))
            }
            ("apiextensions.v1.CustomResourceDefinitionNames", "singular") => {
                text("kind").map(|kind| json!(kind.to_lowercase()))
            }
            ("rbac.v1.Subject", "apiGroup") if text("kind") != Some("ServiceAccount") => {
                Some(json!("rbac.authorization.k8s.io"))
            }
            ("networking.v1.NetworkPolicySpec", "policyTypes") if beside.contains_key("egress") => {
                Some(json!(["Ingress", "Egress"]))
            }
            ("networking.v1.NetworkPolicySpec", "policyTypes") => Some(json!(["Ingress"])),
            _ => None,
        }
    }
}

/// `Always` for a tag `latest` or none, unless there is a digest.
fn pull_policy(image: &str) -> Value {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let latest = tag == Some("latest") || (tag.is_none() && digest.is_none());
    json!(if latest { "Always" } else { "IfNotPresent" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::builtin;

    #[test]
    fn every_line_names_a_member_and_a_value() {
        let mut schema = Schema::from_text(builtin::TEXT).unwrap();
        for line in TEXT.lines().filter(|line| !line.starts_with('#')) {
            let [of, member, value] = line.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
            assert!(schema.field_mut(of, member).is_some(), "{line}");
            assert!(
                ["assigned", "admitted"].contains(&value) || serde_json::from_str::<Value>(value).is_ok(),
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
