use std::collections::BTreeMap;

use super::argo::Argo;
use super::controlled::{Controlled, Pod, Revision};
use super::deployment::{Deployment, ReplicaSet};
use super::flagger::Flagger;
use super::read::Labels;
use super::routes::{Route, Subset};

/// Which object something is of: group and kind, namespace and name.
pub(super) type Origin = (String, String, String);

/// What is known of a namespace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Space {
    pub deployments: BTreeMap<String, Deployment>,
    /// Those that have pods.
    pub sets: BTreeMap<String, ReplicaSet>,
    pub argo: BTreeMap<String, Argo>,
    pub flagger: BTreeMap<String, Flagger>,
    pub stateful: BTreeMap<String, Controlled>,
    pub daemons: BTreeMap<String, Controlled>,
    /// Of DaemonSets.
    pub revisions: BTreeMap<String, Revision>,
    /// Of StatefulSets and DaemonSets.
    pub pods: BTreeMap<String, Pod>,
    /// Selectors.
    pub services: BTreeMap<String, Labels>,
    /// Of services here, whichever namespace the object is in.
    pub subsets: BTreeMap<Origin, Vec<Subset>>,
    /// Rules with a target here, whichever namespace the object is in.
    pub routes: BTreeMap<Origin, Vec<Route>>,
}
