//! Which fields are a controller's to write: data, see `controllers.yaml`.

use std::sync::LazyLock;

use serde::Deserialize;

const TEXT: &str = include_str!("controllers.yaml");

/// Tools of people: what they wrote, a person did.
const HAND_TOOLS: &[&str] =
    &["kubectl*", "k9s*", "Lens*", "lens*", "Mozilla*", "*console*", "*dashboard*", "headlamp*"];

static BUILTIN: LazyLock<Vec<Controller>> = LazyLock::new(|| serde_saphyr::from_str(TEXT).unwrap_or_default());

/// A controller and what is its to write.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controller {
    /// Names in managedFields; `*` for any characters.
    pub managers: Vec<String>,
    /// Only what came through this subresource.
    #[serde(default)]
    pub subresource: Option<String>,
    /// Nobody else writes these paths: they are its own even where nobody says who wrote.
    #[serde(default)]
    pub marks: bool,
    /// JSON pointers; `*` for a part of a step, `**` for any steps.
    pub paths: Vec<String>,
    /// Why that is no drift.
    pub why: String,
}

/// The controllers that are known.
#[derive(Clone, Debug)]
pub struct Controllers(Vec<Controller>);

impl Controllers {
    /// Those of `controllers.yaml`, and `more`.
    pub fn new(more: &[Controller]) -> Self {
        Self(BUILTIN.iter().chain(more).cloned().collect())
    }

    /// Those that write under this name.
    pub(crate) fn of(&self, manager: &str, subresource: &str) -> Vec<&Controller> {
        let writes = |controller: &&Controller| {
            controller.subresource.as_ref().is_none_or(|only| only == subresource)
                && controller.managers.iter().any(|pattern| like(pattern, manager))
        };
        self.0.iter().filter(writes).collect()
    }

    /// Whether only a controller writes this field.
    pub(crate) fn marks(&self, path: &str) -> bool {
        self.0.iter().any(|controller| controller.marks && controller.has(path))
    }
}

impl Controller {
    /// Whether this field is its own.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| path_like(pattern, path))
    }
}

/// Whether a person writes with this.
/// A person's tool by its name in managedFields. `kubectl apply` may be a pipeline's as well.
pub fn by_hand(manager: &str) -> bool {
    HAND_TOOLS.iter().any(|tool| like(tool, manager)) && manager != "kubectl-client-side-apply"
}

/// `*` stands for any characters.
fn like(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    // The last star, and the text that what follows it was tried on.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, text) {
            ([b'*', rest @ ..], _) => {
                star = Some((rest, text));
                pattern = rest;
            }
            ([], []) => return true,
            ([a, after @ ..], [b, rest @ ..]) if a == b => (pattern, text) = (after, rest),
            _ => {
                let Some((after, [_, rest @ ..])) = star else { return false };
                star = Some((after, rest));
                (pattern, text) = (after, rest);
            }
        }
    }
}

/// Whether `path` is what `pattern` means, or below it: `*` for a part of a step, `**` for any steps.
pub fn is_at(pattern: &str, path: &str) -> bool {
    let ends = path.match_indices('/').map(|(end, _)| end).skip(1).chain([path.len()]);
    ends.into_iter().any(|end| path_like(pattern, &path[..end]))
}

/// `**` stands for any number of steps.
fn path_like(pattern: &str, path: &str) -> bool {
    let Some((step, rest)) = split(pattern) else { return path.is_empty() };
    if step == "**" {
        return path_like(rest, path) || split(path).is_some_and(|(_, below)| path_like(pattern, below));
    }
    split(path).is_some_and(|(name, below)| like(step, name) && path_like(rest, below))
}

/// The first step and the rest of `/a/b`.
fn split(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    Some(path.find('/').map_or((path, ""), |end| path.split_at(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read_and_each_line_has_its_reason() {
        let controllers: Vec<Controller> = serde_saphyr::from_str(TEXT).unwrap();
        assert!(controllers.len() > 10);
        assert!(controllers.iter().all(|controller| !controller.why.is_empty() && !controller.paths.is_empty()));
    }

    #[test]
    fn patterns_match_names_and_paths() {
        for (pattern, text, expected) in [
            ("istio-*", "istio-pilot", true),
            ("*autoscaler*", "cluster-autoscaler-x", true),
            ("a*b", "ab", true),
            ("a*b", "a", false),
            ("kubelet", "kubelet2", false),
            ("a*a", "a", false),
            ("*b*c", "abcbbc", true),
            ("*b*c", "abcb", false),
            ("*", "", true),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
        for (pattern, path, expected) in [
            ("/spec/replicas", "/spec/replicas", true),
            ("/spec/replicas", "/spec/replicas/x", false),
            ("/rules/**", "/rules/0/verbs", true),
            ("/rules/**", "/rules", true),
            ("/webhooks/*/clientConfig/caBundle", "/webhooks/name=a/clientConfig/caBundle", true),
            ("/webhooks/*/caBundle", "/webhooks/name=a/clientConfig/caBundle", false),
            ("/metadata/annotations/*istio.io~1*", "/metadata/annotations/sidecar.istio.io~1status", true),
        ] {
            assert_eq!(path_like(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn an_autoscaler_owns_replicas_and_a_person_does_not() {
        let controllers = Controllers::new(&[]);
        for (manager, subresource, expected) in [
            ("kube-controller-manager", "scale", true),
            ("keda", "scale", true),
            ("kubectl", "scale", false),
            ("kube-controller-manager", "", false),
        ] {
            let owns = controllers.of(manager, subresource).iter().any(|of| of.has("/spec/replicas"));
            assert_eq!(owns, expected, "{manager} {subresource}");
        }
        assert!(by_hand("kubectl-edit") && !by_hand("argocd-controller"));
    }
}
