//! The commit that a GitOps tool was last asked to apply.

use std::sync::Arc;

use kubernetes::gitops::{FollowError, Neighbours, Tool};
use tokio::sync::watch::Receiver;

use super::config::Follow;

/// Follows one object of a tool.
pub(crate) struct Following {
    tool: Tool,
    namespace: String,
    name: String,
    /// The repository that is read.
    url: String,
    neighbours: Receiver<Option<Arc<Neighbours>>>,
    /// What was said when it was asked last.
    said: Option<Said>,
}

type Said = Result<Option<String>, FollowError>;

impl Following {
    /// # Errors
    /// What is wrong with the setting.
    pub(crate) fn new(follow: &Follow, url: &str, cluster: &kubernetes::Cluster) -> Result<Self, String> {
        let (tool, text) = match follow {
            Follow::ArgoCd(text) => (Tool::ArgoCd, text),
            Follow::Flux(text) => (Tool::Flux, text),
        };
        let parts = text.split_once('/').filter(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
        let Some((namespace, name)) = parts.filter(|(_, name)| !name.contains('/')) else {
            return Err(format!("`{}` must be namespace/name", text.escape_debug()));
        };
        if !cluster.watched() {
            return Err(format!(
                "the cluster {} is not watched: `kubernetes` in the configuration names none",
                cluster.name()
            ));
        }
        let (namespace, name, url) = (namespace.to_owned(), name.to_owned(), url.to_owned());
        Ok(Self { tool, namespace, name, url, neighbours: cluster.neighbours(), said: None })
    }

    /// The full hash; nothing before the cluster was looked at.
    ///
    /// # Errors
    /// [`FollowError`].
    pub(crate) fn commit(&mut self) -> Said {
        let said = self.now();
        self.said = Some(said.clone());
        said
    }

    fn now(&self) -> Said {
        let neighbours = self.neighbours.borrow().clone();
        let commit = |all: &Arc<Neighbours>| all.commit(self.tool, &self.namespace, &self.name, &self.url);
        neighbours.as_ref().map(commit).transpose()
    }

    /// Ends when something else is said than when it was asked last.
    pub(crate) async fn changed(&self) {
        let mut neighbours = self.neighbours.clone();
        while self.said.as_ref() == Some(&self.now()) {
            // The sender lives as long as the cluster, which the source holds.
            if neighbours.changed().await.is_err() {
                std::future::pending().await
            }
        }
    }
}
