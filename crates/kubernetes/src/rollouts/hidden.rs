//! Kinds that say where traffic goes, and whose objects cannot be seen though the server may have some.

use std::collections::{BTreeMap, BTreeSet};

/// Characters of a reason that are kept.
const REASON: usize = 200;
/// Kinds that only say which pods the targets of routes are: without a route they say nothing.
const OF_TARGETS: &[&str] = &["/Service", "networking.istio.io/DestinationRule"];

/// Why kinds cannot be seen: in a namespace, or anywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hidden(BTreeMap<Option<String>, BTreeMap<String, String>>);

impl Hidden {
    /// `kind`: group and kind, as of an origin.
    pub fn put(&mut self, kind: String, namespace: Option<&str>, why: &str) {
        let why = why.chars().filter(|c| !c.is_control()).take(REASON).collect();
        self.0.entry(namespace.map(str::to_owned)).or_default().insert(kind, why);
    }

    /// What of it is about a namespace.
    pub fn of(&self, namespace: &str) -> Unseen<'_> {
        let places = [self.0.get(&None), self.0.get(&Some(namespace.to_owned()))].into_iter().flatten().flatten();
        let (targets, routes) = places.partition(|(kind, _)| OF_TARGETS.contains(&kind.as_str()));
        Unseen { routes: reasons(routes), targets: reasons(targets) }
    }
}

fn reasons<'a>(kinds: Vec<(&'a String, &'a String)>) -> BTreeSet<&'a str> {
    kinds.into_iter().map(|(_, why)| why.as_str()).collect()
}

/// Why a namespace's traffic cannot be known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Unseen<'a> {
    /// Routes may split it.
    routes: BTreeSet<&'a str>,
    /// Nobody knows whose pods the targets of routes are.
    targets: BTreeSet<&'a str>,
}

impl Unseen<'_> {
    /// Why what routes say is not known, if so; `some` says that some route has a target here.
    pub fn routes(&self, some: bool) -> Option<String> {
        let targets = self.targets.iter().filter(|_| some);
        said(self.routes.iter().chain(targets).copied().collect())
    }

    /// Why it is not known which pods are behind a service, if so.
    pub fn services(&self) -> Option<String> {
        said(self.targets.iter().copied().collect())
    }
}

/// Reasons in one line, short enough for a rollout.
fn said(reasons: Vec<&str>) -> Option<String> {
    let more = reasons.len().saturating_sub(1);
    let first = *reasons.first()?;
    Some(if more == 0 { first.to_owned() } else { format!("{first}, and {more} more of that kind") })
}
