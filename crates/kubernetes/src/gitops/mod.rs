//! GitOps tools beside us: what Argo CD and Flux say of what they apply, and which of them an object
//! belongs to. They are read, never written.

mod argocd;
mod flux;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;

use model::Document;
use serde_json::{Map, Value, json};

use crate::schema::ApiKind;
use crate::{Body, Origins};

pub use crate::mark::{MARK, Tool};

/// The kind, in ids, of what such a tool says of what it applies.
pub const GITOPS: &str = "GitOps";

/// Neighbours of a cluster that are remembered.
const MOST: usize = 20_000;

/// The kinds that are read, each with the versions that we know, the newest first.
pub const KINDS: &[(&str, &str, &[&str])] = &[
    ("argoproj.io", "Application", &["v1alpha1"]),
    ("kustomize.toolkit.fluxcd.io", "Kustomization", &["v1", "v1beta2"]),
    ("helm.toolkit.fluxcd.io", "HelmRelease", &["v2", "v2beta2", "v2beta1"]),
    ("source.toolkit.fluxcd.io", "GitRepository", &["v1", "v1beta2"]),
];

/// What a tool says of one thing that it applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The tool.
    pub tool: Tool,
    /// The namespace of its object.
    pub namespace: String,
    /// The name of its object.
    pub name: String,
    /// How the objects that it applies point to it, see [`MARK`].
    pub handle: String,
    /// `Synced`, `OutOfSync`, `Ready`, `NotReady`, `Suspended`, `Unknown`.
    pub sync: String,
    /// `Healthy`, `Degraded`; empty if it does not say.
    pub health: String,
    /// What it has applied, or was asked to apply, as it says it: a commit or the version of a chart.
    pub revision: String,
    /// Where it takes that from, with the commit that it was last asked to apply.
    pub sources: Vec<Origin>,
    /// Whether it is applying something now.
    pub applying: bool,
}

/// A source of a [`Neighbour`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The repository; for Flux the namespace and name of the `GitRepository` until that is looked up.
    pub url: String,
    /// The folder.
    pub path: String,
    /// A full hash; nothing if it was asked for none yet, or for something that is no commit.
    pub commit: Option<String>,
}

/// Why a neighbour does not say which commit to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FollowError {
    /// There is none of that name.
    #[error("{tool} {name}: the cluster has no such object, or it may not be read")]
    Unknown {
        /// The tool.
        tool: &'static str,
        /// Namespace and name.
        name: String,
    },
    /// It has several sources, and none is this repository.
    #[error("{tool} {name}: none of its sources is {url}")]
    OtherSource {
        /// The tool.
        tool: &'static str,
        /// Namespace and name.
        name: String,
        /// The repository that is read.
        url: String,
    },
    /// It was never asked to apply a commit.
    #[error("{tool} {name}: it was not asked to apply a commit yet (revision `{revision}`)")]
    NoCommit {
        /// The tool.
        tool: &'static str,
        /// Namespace and name.
        name: String,
        /// What it says instead.
        revision: String,
    },
}

impl Neighbour {
    /// `argocd argocd/cart`.
    pub fn label(&self) -> String {
        format!("{} {}/{}", self.tool.as_str(), self.namespace, self.name)
    }

    /// `argocd argocd/cart Synced/Healthy @ 1a2b3c4d5e`.
    pub fn shown(&self) -> String {
        let health = if self.health.is_empty() { String::new() } else { format!("/{}", self.health) };
        let at = if self.revision.is_empty() { String::new() } else { format!(" @ {}", text::short(&self.revision)) };
        let applying = if self.applying { ", applying" } else { "" };
        format!("{} {}{health}{at}{applying}", self.label(), self.sync)
    }

    /// As a resource of the kind [`GITOPS`]: what a row has of it, and the fold reads.
    fn document(&self, repositories: &Repositories) -> Document {
        let sources = self.sources.iter().map(|origin| {
            let url = repositories.get(&origin.url).unwrap_or(&origin.url);
            json!({"url": url, "path": origin.path, "commit": origin.commit})
        });
        let mut tree = Map::new();
        for (name, text) in [
            ("tool", self.tool.as_str()),
            ("handle", &self.handle),
            ("sync", &self.sync),
            ("health", &self.health),
            ("revision", &self.revision),
            ("shown", &self.shown()),
        ] {
            tree.insert(name.to_owned(), text.into());
        }
        tree.insert("sources".to_owned(), sources.collect());
        tree.insert("applying".to_owned(), self.applying.into());
        // Nobody is to declare it.
        Body { owned: true, ..Body::of(Value::Object(tree), Origins::unknown()) }.into_document()
    }
}

/// By `namespace/name` of a `GitRepository`: its URL.
type Repositories = BTreeMap<String, String>;

/// By namespace, and `tool:name` as ids have it.
type ByName = BTreeMap<(String, String), Neighbour>;

/// Everything that the tools of a cluster say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    all: ByName,
    repositories: Repositories,
}

impl Neighbours {
    /// Whether objects of that kind are read.
    pub fn reads(kind: &ApiKind) -> bool {
        let group = kind.api_version.split_once('/').map_or("", |(group, _)| group);
        KINDS.iter().any(|(of, name, _)| *of == group && *name == kind.kind)
    }

    /// Takes an object as the server has it, of a kind that is read. Gives whether it says something new.
    pub fn put(&mut self, kind: &ApiKind, object: &Value) -> bool {
        let (namespace, name) = (text::at(object, "/metadata/namespace"), text::at(object, "/metadata/name"));
        let neighbour = match kind.kind.as_str() {
            "Application" => argocd::application(namespace, name, object),
            "Kustomization" => flux::kustomization(namespace, name, object),
            "HelmRelease" => flux::release(namespace, name, object),
            _ => {
                let (url, name) = (text::at(object, "/spec/url"), format!("{namespace}/{name}"));
                let full = self.repositories.len() >= MOST && !self.repositories.contains_key(&name);
                return !full && self.repositories.insert(name, url.clone()) != Some(url);
            }
        };
        let key = key(neighbour.tool, &neighbour.namespace, &neighbour.name);
        if self.all.get(&key) == Some(&neighbour) || (self.all.len() >= MOST && !self.all.contains_key(&key)) {
            return false;
        }
        self.all.insert(key, neighbour);
        true
    }

    /// An object of a kind that is read is gone. Gives whether it was known.
    pub fn remove(&mut self, kind: &ApiKind, namespace: &str, name: &str) -> bool {
        let tool = match kind.kind.as_str() {
            "Application" => Tool::ArgoCd,
            "Kustomization" => Tool::Flux,
            "HelmRelease" => Tool::FluxHelm,
            _ => return self.repositories.remove(&format!("{namespace}/{name}")).is_some(),
        };
        self.all.remove(&key(tool, namespace, name)).is_some()
    }

    /// All of them as resources: namespace, name and document.
    pub fn documents(&self) -> impl Iterator<Item = (&str, &str, Document)> {
        self.all
            .iter()
            .map(|((namespace, name), it)| (namespace.as_str(), name.as_str(), it.document(&self.repositories)))
    }

    /// The commit that a tool was last asked to apply of the repository at `url`.
    ///
    /// # Errors
    /// [`FollowError`].
    pub fn commit(&self, tool: Tool, namespace: &str, name: &str, url: &str) -> Result<String, FollowError> {
        let (of, full) = (tool.as_str(), format!("{namespace}/{name}"));
        let Some(it) = self.all.get(&key(tool, namespace, name)) else {
            return Err(FollowError::Unknown { tool: of, name: full });
        };
        let same = |origin: &&Origin| text::same_repository(&origin.url, url);
        // One source is followed however it is reached; of several the right one must be known.
        let origin = match it.sources.as_slice() {
            [one] => Some(one),
            many => many.iter().find(same),
        };
        let Some(origin) = origin else {
            return Err(FollowError::OtherSource { tool: of, name: full, url: url.to_owned() });
        };
        let none = || FollowError::NoCommit { tool: of, name: full, revision: it.revision.clone() };
        origin.commit.clone().ok_or_else(none)
    }
}

fn key(tool: Tool, namespace: &str, name: &str) -> (String, String) {
    (namespace.to_owned(), format!("{}:{name}", tool.as_str()))
}
