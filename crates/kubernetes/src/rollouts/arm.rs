use serde::{Deserialize, Serialize};

use super::read::{is_hash, is_name};

/// Bytes of a pod's name before its random end, and letters of that end: `maxNameLength` and `randomLength` of
/// `k8s.io/apiserver/pkg/storage/names`.
const BASE: usize = 58;
const RANDOM: &str = "[a-z0-9]{5}";

/// One side of a rollout: which pods it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arm {
    /// The workload that they are of.
    pub workload: String,
    /// The hash of their template, as in their label `pod-template-hash` (of Argo Rollouts `rollouts-pod-template-hash`);
    /// empty if it is not known.
    pub hash: String,
    /// A regular expression for the whole of their names, without quotes and backslashes.
    pub pods: String,
}

impl Arm {
    /// The pods of a ReplicaSet.
    pub(super) fn of_set(workload: &str, set: &str, hash: &str) -> Self {
        let base: String = format!("{set}-").chars().take(BASE).collect();
        Self { workload: workload.to_owned(), hash: hash.to_owned(), pods: format!("{}{RANDOM}", escape(&base)) }
    }

    /// The pods of a workload of which no ReplicaSet is known.
    pub(super) fn of_workload(workload: &str) -> Self {
        let pods = format!("{}-[a-z0-9]+-{RANDOM}", escape(workload));
        Self { workload: workload.to_owned(), hash: String::new(), pods }
    }

    /// Whether its texts are what they are said to be: they are put into queries.
    pub(super) fn is_sound(&self) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.[]{}+_|".contains(c);
        let pods = !self.pods.is_empty() && self.pods.len() <= 400 && self.pods.chars().all(plain);
        is_name(&self.workload) && (self.hash.is_empty() || is_hash(&self.hash)) && pods
    }
}

/// A dot is any character in a regular expression.
fn escape(name: &str) -> String {
    name.replace('.', "[.]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_named_after_their_set_and_long_names_are_cut() {
        let arm = Arm::of_set("web.v1", "web.v1-7d9f8", "7d9f8");
        assert_eq!(arm.pods, "web[.]v1-7d9f8-[a-z0-9]{5}");
        let long = format!("{}-7d9f8", "a".repeat(60));
        assert_eq!(Arm::of_set("x", &long, "7d9f8").pods, format!("{}[a-z0-9]{{5}}", "a".repeat(58)));
        assert!(arm.is_sound() && Arm::of_workload("web").is_sound());
    }

    #[test]
    fn texts_that_could_leave_their_quotes_are_refused() {
        let arm = Arm::of_workload("web");
        for pods in ["", "a\"} or vector(1)", "a\\", "a b", "{$x}"] {
            assert!(!Arm { pods: pods.to_owned(), ..arm.clone() }.is_sound(), "{pods}");
        }
        assert!(!Arm { workload: "A".to_owned(), ..arm.clone() }.is_sound());
        assert!(!Arm { hash: "7-d".to_owned(), ..arm }.is_sound());
    }
}
