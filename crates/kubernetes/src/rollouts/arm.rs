use serde::{Deserialize, Serialize};

use super::read::{is_hash, is_name};

/// Bytes of a pod's name before its random end, and letters of that end: `maxNameLength` and `randomLength` of
/// `k8s.io/apiserver/pkg/storage/names`.
const BASE: usize = 58;
const RANDOM: &str = "[a-z0-9]{5}";
/// Bytes of the names of the pods of an arm, where each has to be named.
const NAMES: usize = 16 << 10;

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

    /// These pods, whose names do not tell of which version they are. Of too many no name is said, but what `any` pod of the
    /// workload is called: who has nothing else to tell both arms by then asks the same of both.
    pub(super) fn of_pods(workload: &str, hash: &str, names: &[&str], any: &str) -> Self {
        let named = names.iter().map(|name| escape(name)).collect::<Vec<_>>().join("|");
        let pods = if named.len() <= NAMES { named } else { format!("{}-{any}", escape(workload)) };
        Self { workload: workload.to_owned(), hash: hash.to_owned(), pods }
    }

    /// The pods of a workload of which no ReplicaSet is known.
    pub(super) fn of_workload(workload: &str) -> Self {
        let pods = format!("{}-[a-z0-9]+-{RANDOM}", escape(workload));
        Self { workload: workload.to_owned(), hash: String::new(), pods }
    }

    /// Whether it is the same version of the same workload. Its pods may be others by now, where their names do not tell the
    /// version.
    pub fn is_version_of(&self, other: &Self) -> bool {
        let known = !self.hash.is_empty() || self.pods == other.pods;
        (&self.workload, &self.hash) == (&other.workload, &other.hash) && known
    }

    /// Whether its texts are what they are said to be: they are put into queries.
    pub(super) fn is_sound(&self) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.[]{}+_|".contains(c);
        let pods = !self.pods.is_empty() && self.pods.len() <= NAMES && self.pods.chars().all(plain);
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
    fn pods_that_have_no_version_in_their_names_are_named_one_by_one_unless_they_are_too_many() {
        let arm = Arm::of_pods("db.a", "b2", &["db.a-1", "db.a-2"], "[0-9]+");
        assert_eq!(arm.pods, "db[.]a-1|db[.]a-2");
        let names: Vec<String> = (0..5_000).map(|n| format!("db-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(Arm::of_pods("db", "b2", &names, "[0-9]+").pods, "db-[0-9]+");
        assert!(arm.is_sound() && Arm::of_pods("db", "b2", &names[..2_000], "[0-9]+").is_sound());
        let moved = Arm::of_pods("db.a", "b2", &["db.a-0"], "[0-9]+");
        assert!(moved.is_version_of(&arm) && !Arm { hash: "c3".to_owned(), ..moved }.is_version_of(&arm));
        let unknown = |pods: &str| Arm { hash: String::new(), pods: pods.to_owned(), ..arm.clone() };
        assert!(unknown("a").is_version_of(&unknown("a")) && !unknown("a").is_version_of(&unknown("b")));
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
