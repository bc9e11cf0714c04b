//! What is known of rollouts, and of canaries that were found.

use std::collections::BTreeMap;

use base::Timestamp;
use kubernetes::rollouts::Rollout;
use serde::{Deserialize, Serialize};

use crate::definition::Definition;
use crate::points::Split;
use crate::run::Origin;
use crate::shares::Shares;

/// Why the split of an interval is not known, if that of now is.
const PARTLY: &str = "it was not known for all of the interval";

/// A definition by which canaries are found.
#[derive(Clone, Debug)]
pub(crate) struct Finder {
    pub definition: Definition,
    /// The definition as JSON.
    pub text: String,
    pub generation: i64,
}

/// A rollout, and who sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    pub scope: String,
    pub source: String,
    pub rollout: Rollout,
}

/// What a canary that was found is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Found {
    /// By which definition.
    pub finder: String,
    pub rollout: Rollout,
    pub shares: Shares,
    /// Since when it is over.
    pub over: Option<Timestamp>,
    /// Why another version that rolls out in its place is not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unjudged: Option<String>,
    /// The rollout that it was passed over for, as long as that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<Box<Rollout>>,
}

impl Found {
    /// The split of the traffic between two times.
    pub fn split(&self, from: Timestamp, to: Timestamp) -> Split {
        let of_now = || self.rollout.share.map_or_else(|| self.rollout.traffic.clone(), |_| PARTLY.to_owned());
        self.shares.mean(from, to).map_or_else(|| Split::Unknown(of_now()), Split::Share)
    }
}

/// Everything that is known of rollouts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Search {
    pub finders: BTreeMap<String, Finder>,
    /// By id of the resource.
    pub rollouts: BTreeMap<String, Known>,
    /// What resources roll out that are declared, by their ids.
    pub origins: BTreeMap<String, Origin>,
}
