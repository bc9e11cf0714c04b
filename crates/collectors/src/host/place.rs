use std::borrow::Cow;
use std::path::{Path, PathBuf};

use model::ResourceId;

/// What the collectors of one host share: their scope, and where they keep things.
#[derive(Clone, Debug)]
pub struct Place {
    host: String,
    scope: String,
    cache_dir: Option<PathBuf>,
    root: PathBuf,
}

impl Place {
    /// The host called `name`, or as the system calls it.
    pub fn new(name: Option<&str>, cache_dir: Option<&Path>) -> Self {
        let name =
            name.map_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned(), str::to_owned);
        let host: String = name.chars().map(|c| if c == '/' || c.is_control() { '_' } else { c }).collect();
        let host = if host.is_empty() { "localhost".to_owned() } else { host };
        Self { scope: format!("host/{host}"), host, cache_dir: cache_dir.map(Path::to_owned), root: PathBuf::from("/") }
    }

    /// The same host seen in another directory than `/`: a container's, a mounted disk's, a test's.
    #[must_use]
    pub fn at(mut self, root: &Path) -> Self {
        root.clone_into(&mut self.root);
        self
    }

    /// The host's name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// `host/<name>`.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The file in which a collector keeps what saves it work after a restart.
    pub(crate) fn cache(&self, collector: &str) -> Option<PathBuf> {
        self.cache_dir.as_ref().map(|dir| dir.join(format!("{collector}.cache")))
    }

    /// Where the host's `path` (absolute) is.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// How the host calls what is at `path` here: absolute.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> Cow<'a, Path> {
        match path.strip_prefix(&self.root) {
            Ok(relative) if !self.is_live() => Path::new("/").join(relative).into(),
            _ => path.into(),
        }
    }

    /// Whether it is this machine itself, of which a tool such as `systemctl` can be asked.
    pub(crate) fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The id of a resource of this host; nothing if the parts make none (an empty name).
    pub(crate) fn id(&self, kind: &str, namespace: &str, name: &str) -> Option<ResourceId> {
        ResourceId::new("host", &self.host, kind, namespace, name).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_break_ids_is_made_fit() {
        let place = Place::new(Some("web/1"), None);
        assert_eq!((place.host(), place.scope()), ("web_1", "host/web_1"));
        assert_eq!(place.id("user", "", "root").unwrap().as_str(), "host/web_1/user//root");
        assert_eq!(place.id("user", "", ""), None);
        assert!(!Place::new(None, None).host().is_empty());
    }
}
