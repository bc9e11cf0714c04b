//! Canaries that are found: which rollouts of a cluster are judged, and what of one goes into queries.

use std::collections::BTreeSet;

use kubernetes::rollouts::{Arm, Pair, Rollout, RolloutKind};
use model::Labels;
use serde::{Deserialize, Serialize};

use crate::template::{ARM, INTERVAL};

/// The hash of an arm's template, in queries.
pub(crate) const HASH: &str = "$hash";
/// The names of its pods.
const PODS: &str = "$pods";
/// Names in queries that are another thing of each arm.
const OF_ARM: [&str; 3] = [HASH, PODS, "$workload"];
/// Names in queries that are of both.
const OF_BOTH: [&str; 2] = ["$namespace", "$target"];
/// What stands for names while a query is checked.
const SAMPLES: [[&str; 5]; 2] =
    [["a1", "web-a1-[a-z0-9]{5}", "web", "shop", "web"], ["b2", "web-b2-[a-z0-9]{5}", "web-canary", "shop", "web"]];

/// Names in queries, and what stands for them.
pub(crate) type Names<'a> = [(&'static str, &'a str); 5];

/// Which rollouts are judged, instead of that of one `resource`: each is a canary of its own, `NAME:NAMESPACE:TARGET`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscoverConfig {
    /// The cluster, as a `cluster` of `kubernetes` names it.
    pub cluster: String,
    /// Only these namespaces; all if empty.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Only what has these labels.
    #[serde(default)]
    pub labels: Labels,
    /// Only these kinds of rollouts: `deployment`, `pair`, `argo`, `flagger`, `statefulset`, `daemonset`; all if empty.
    #[serde(default)]
    pub kinds: Vec<RolloutKind>,
    /// Deployments that are the canary of another (`baseline`, `canary`), beside those whose names or labels say so.
    #[serde(default)]
    pub pairs: Vec<Pair>,
    /// The label matchers of an arm, put in place of `$arm`; `namespace="$namespace", pod=~"$pods"` if not set.
    #[serde(default = "arm")]
    pub arm: String,
}

fn arm() -> String {
    r#"namespace="$namespace", pod=~"$pods""#.to_owned()
}

/// The same on the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Discover {
    /// Only these namespaces; all if empty.
    pub namespaces: BTreeSet<String>,
    /// Only what has these labels.
    pub labels: Labels,
    /// Only these kinds; all if empty.
    pub kinds: BTreeSet<RolloutKind>,
}

impl Discover {
    pub(crate) fn of(config: &DiscoverConfig) -> Self {
        Self {
            namespaces: config.namespaces.iter().cloned().collect(),
            labels: config.labels.clone(),
            kinds: config.kinds.iter().copied().collect(),
        }
    }

    /// Whether it is one of those that are judged.
    pub(crate) fn wants(&self, rollout: &Rollout) -> bool {
        (self.namespaces.is_empty() || self.namespaces.contains(&rollout.namespace))
            && (self.kinds.is_empty() || self.kinds.contains(&rollout.kind))
            && self.labels.iter().all(|(name, value)| rollout.labels.get(name) == Some(value))
    }
}

fn names(values: [&str; 5]) -> Names<'_> {
    let [hash, pods, workload, namespace, target] = values;
    let ([a, b, c], [d, e]) = (OF_ARM, OF_BOTH);
    [(a, hash), (b, pods), (c, workload), (d, namespace), (e, target)]
}

/// What stands for names in the queries of an arm of a rollout.
pub(crate) fn values<'a>(rollout: &'a Rollout, arm: &'a Arm) -> Names<'a> {
    names([&arm.hash, &arm.pods, &arm.workload, &rollout.namespace, &rollout.name])
}

/// What stands for them while queries are checked.
pub(crate) fn sample(canary: bool) -> Names<'static> {
    names(SAMPLES[usize::from(canary)])
}

/// Whether a query asks something else of each arm.
pub(crate) fn tells_arms(query: &str) -> bool {
    OF_ARM.iter().any(|name| query.contains(name))
}

/// Whether it does so for a kind of rollouts: some have one workload.
pub(crate) fn tells_arms_of(query: &str, kind: RolloutKind) -> bool {
    match kind {
        RolloutKind::Deployment | RolloutKind::Argo | RolloutKind::StatefulSet | RolloutKind::DaemonSet => {
            query.contains(HASH) || query.contains(PODS)
        }
        RolloutKind::Pair | RolloutKind::Flagger => tells_arms(query),
    }
}

/// A name in a text that stands for nothing, and where it is.
pub(crate) fn stray(text: &str) -> Option<(usize, &str)> {
    let known = |name: &str| [ARM, INTERVAL].iter().chain(&OF_ARM).chain(&OF_BOTH).any(|other| *other == name);
    text.match_indices('$').find_map(|(at, _)| {
        let rest = &text[at + 1..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &text[at..at + 1 + end];
        // A lone dollar is the end of a regular expression.
        (end > 0 && !known(name)).then_some((at, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_stand_for_nothing_are_found() {
        assert_eq!(stray("x{$arm, a=~\"b$\", pod=~\"$pods\"}[$interval]"), None);
        assert_eq!(stray("x{pod=~\"$pod\"}"), Some((8, "$pod")));
        assert_eq!(stray("x{$arms}"), Some((2, "$arms")));
        assert!(tells_arms(&arm()) && !tells_arms("x{namespace=\"$namespace\"}"));
    }
}
