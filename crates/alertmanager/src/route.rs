//! The routing tree: which receivers an alert goes to, and how it is grouped and timed there.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::config::{self, Config};
use crate::index::Index;
use crate::labels::Labels;
use crate::matcher::{MatcherError, Matchers};

/// A node of the tree: its place, depth first from the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(pub usize);

/// By which labels alerts are grouped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// By all (`...`): each label set is a group.
    All,
    /// By these; with none, all alerts of the route are one group.
    Labels(BTreeSet<String>),
}

/// A node, with what it inherits. Time intervals and labels are its own only, as in Alertmanager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Who is told.
    pub receiver: String,
    /// How alerts are grouped.
    pub group_by: GroupBy,
    /// How long a new group waits for more alerts.
    pub group_wait: Duration,
    /// How long until changes of a group are told.
    pub group_interval: Duration,
    /// How long until a group is told again that did not change.
    pub repeat_interval: Duration,
    /// When it is muted: names of time intervals.
    pub mute_time_intervals: Vec<String>,
    /// When it is active: names of time intervals; always if there is none.
    pub active_time_intervals: Vec<String>,
    /// What it matches, apart from what the nodes above do.
    pub matchers: Matchers,
    /// Its labels, `routeLabels` of a webhook.
    pub labels: Labels,
    /// Whether nodes after it are tried although it matched.
    pub continues: bool,
    /// The node above.
    pub parent: Option<RouteId>,
    key: String,
    id: String,
}

/// The tree.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    routes: Vec<Route>,
    children: Vec<Children>,
}

/// What is below a node, in order, found by what it demands.
#[derive(Clone, Debug, Default)]
struct Children {
    nodes: Vec<usize>,
    index: Index,
}

impl Default for Route {
    /// What the root has if the file does not say: 30 s, 5 m, 4 h, and no grouping.
    fn default() -> Self {
        Self {
            receiver: String::new(),
            group_by: GroupBy::Labels(BTreeSet::new()),
            group_wait: Duration::from_secs(30),
            group_interval: Duration::from_secs(5 * 60),
            repeat_interval: Duration::from_secs(4 * 3600),
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
            matchers: Matchers::default(),
            labels: Labels::new(),
            continues: false,
            parent: None,
            key: String::new(),
            id: String::new(),
        }
    }
}

impl Tree {
    /// The tree of a configuration.
    ///
    /// # Errors
    /// If a matcher is none; not with a configuration that was read.
    pub fn new(config: &Config) -> Result<Self, MatcherError> {
        Self::of(config.route.as_ref())
    }

    /// The tree below a node; without one, nothing goes anywhere.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(root: Option<&config::Route>) -> Result<Self, MatcherError> {
        let mut tree = Self::default();
        if let Some(root) = root {
            tree.add(root, None, 0)?;
        }
        Ok(tree)
    }

    /// All nodes, depth first from the root.
    pub fn routes(&self) -> impl Iterator<Item = (RouteId, &Route)> {
        self.routes.iter().enumerate().map(|(number, route)| (RouteId(number), route))
    }

    /// A node.
    pub fn get(&self, id: RouteId) -> Option<&Route> {
        self.routes.get(id.0)
    }

    /// The nodes that an alert with these labels goes to, in order: depth first; after a child that
    /// took it no other is asked, unless that one continues; a node whose children do not take it
    /// takes it itself.
    pub fn matches(&self, labels: &Labels) -> Vec<RouteId> {
        let mut found = Vec::new();
        if !self.routes.is_empty() {
            self.descend(0, labels, &mut found);
        }
        found
    }

    fn descend(&self, node: usize, labels: &Labels, found: &mut Vec<RouteId>) {
        let before = found.len();
        if let Some(children) = self.children.get(node).filter(|children| !children.nodes.is_empty()) {
            let mut candidates: Vec<u32> = children.index.candidates(labels).collect();
            candidates.sort_unstable();
            for candidate in candidates {
                let Some(child) = children.nodes.get(candidate as usize).copied() else { continue };
                let Some(route) = self.routes.get(child).filter(|route| route.matchers.matches(labels)) else {
                    continue;
                };
                self.descend(child, labels, found);
                if !route.continues {
                    break;
                }
            }
        }
        if found.len() == before {
            found.push(RouteId(node));
        }
    }

    fn add(&mut self, config: &config::Route, parent: Option<RouteId>, place: usize) -> Result<usize, MatcherError> {
        let above = parent.and_then(|id| self.get(id)).cloned();
        let number = self.routes.len();
        self.routes.push(Route::new(config, above, parent, place)?);
        self.children.push(Children::default());
        for (place, child) in config.routes.iter().enumerate() {
            let child = self.add(child, Some(RouteId(number)), place)?;
            let matchers = self.routes.get(child).map(|route| route.matchers.clone()).unwrap_or_default();
            if let Some(children) = self.children.get_mut(number) {
                children.index.insert(u32::try_from(place).unwrap_or(u32::MAX), matchers.as_slice());
                children.nodes.push(child);
            }
        }
        Ok(number)
    }
}

impl Route {
    fn new(
        config: &config::Route,
        above: Option<Self>,
        parent: Option<RouteId>,
        place: usize,
    ) -> Result<Self, MatcherError> {
        let matchers = config.all_matchers()?;
        let (key, id) = match &above {
            Some(above) => (format!("{}/{matchers}", above.key), format!("{}/{matchers}/{place}", above.id)),
            None => (matchers.to_string(), matchers.to_string()),
        };
        let mut route = above.unwrap_or_default();
        if let Some(receiver) = config.receiver.as_ref().filter(|receiver| !receiver.is_empty()) {
            route.receiver.clone_from(receiver);
        }
        if let Some(labels) = &config.group_by {
            let all = labels.iter().any(|label| label == "...");
            route.group_by = if all { GroupBy::All } else { GroupBy::Labels(labels.iter().cloned().collect()) };
        }
        let span = |own: Option<config::Span>, above: Duration| own.map_or(above, |own| own.0);
        route.group_wait = span(config.group_wait, route.group_wait);
        route.group_interval = span(config.group_interval, route.group_interval);
        route.repeat_interval = span(config.repeat_interval, route.repeat_interval);
        route.mute_time_intervals.clone_from(&config.mute_time_intervals);
        route.active_time_intervals.clone_from(&config.active_time_intervals);
        route.labels.clone_from(&config.labels);
        route.continues = config.continues;
        Ok(Self { matchers, parent, key, id, ..route })
    }

    /// The matchers from the root down to it, each in braces, joined by `/`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What tells it from every other node, also from one with the same key: the key with each
    /// node's place among its siblings.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The labels by which an alert is grouped here; those that it does not have are left out.
    pub fn group_labels(&self, labels: &Labels) -> Labels {
        match &self.group_by {
            GroupBy::All => labels.clone(),
            GroupBy::Labels(names) => {
                let pair = |name: &String| labels.get(name).map(|value| (name.clone(), value.clone()));
                names.iter().filter_map(pair).collect()
            }
        }
    }

    /// The key of a group, `groupKey` of a webhook: `{}/{severity="page"}:{alertname="X"}`.
    pub fn group_key(&self, group_labels: &Labels) -> String {
        let mut key = String::with_capacity(self.key.len() + 32 * group_labels.len() + 3);
        key.push_str(&self.key);
        key.push_str(":{");
        for (n, (name, value)) in group_labels.iter().enumerate() {
            let comma = if n > 0 { ", " } else { "" };
            // Writing to a text cannot fail.
            let _ = write!(key, "{comma}{name}={}", go_template::quote(value));
        }
        key.push('}');
        key
    }
}

/// A group's key as providers get it: its SHA-256 in hexadecimal digits.
pub fn hashed(group_key: &str) -> String {
    hex::encode(Sha256::digest(group_key.as_bytes()))
}
