use std::fs;
use std::path::{Component, Path, PathBuf};

use base::Limit;

use super::error::RenderError;
use crate::yaml::{Dialect, Errors, Node, Tree, parse};

/// Bytes of one file that is looked into before rendering.
const MAX_FILE: Limit = Limit::new("render_file_bytes", 8 << 20);

/// As kustomize and helm read YAML.
pub(super) const DIALECT: Dialect = Dialect { depth: 256, merge_keys: true, last_counts: false };

/// How [`parse`] begins when it finds a key twice: kustomize and helm take the last one.
const TWICE: &str = "is there twice";

/// A folder of a checkout.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The checkout's root: nothing outside of it is read.
    root: PathBuf,
    /// The folder from there, without links; empty for the root.
    folder: PathBuf,
}

impl Place {
    /// The folder `folder` of the checkout at `root`; the root itself if it is empty.
    ///
    /// # Errors
    /// [`RenderError`] if it is not there or is not within the checkout.
    pub(crate) fn new(root: &Path, folder: &str) -> Result<Self, RenderError> {
        let gone = |error: std::io::Error| RenderError::Unavailable(format!("{}: {error}", root.display()));
        let root = fs::canonicalize(root).map_err(gone)?;
        let at_root = Self { root, folder: PathBuf::new() };
        let path = at_root.resolve(folder).map_err(|problem| RenderError::bad(folder, None, problem))?;
        if !path.is_dir() {
            return Err(RenderError::bad(folder, None, "is no folder of the revision"));
        }
        Ok(at_root.beside(&path))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where it is on disk.
    pub(crate) fn path(&self) -> PathBuf {
        self.root.join(&self.folder)
    }

    /// Another folder of the same checkout, by where it is on disk.
    pub(crate) fn beside(&self, path: &Path) -> Self {
        Self { root: self.root.clone(), folder: path.strip_prefix(&self.root).unwrap_or(Path::new("")).to_owned() }
    }

    /// What it is called from the repository's root; `.` for the root.
    pub(crate) fn title(&self) -> String {
        let title = self.folder.to_string_lossy();
        if title.is_empty() { ".".to_owned() } else { title.into_owned() }
    }

    /// What a file in it is called from the repository's root.
    pub(crate) fn name(&self, file: &str) -> String {
        self.folder.join(file).to_string_lossy().into_owned()
    }

    /// Where a file or folder is on disk that is named relative to this one, links followed.
    ///
    /// # Errors
    /// What is wrong with the name: it is absolute, leads out of the repository, or to nothing.
    pub(crate) fn resolve(&self, name: &str) -> Result<PathBuf, String> {
        let name = Path::new(name);
        if name.is_absolute() {
            return Err("must be relative".to_owned());
        }
        let outside = || "is outside of the repository".to_owned();
        let mut depth = self.folder.components().count();
        for part in name.components() {
            depth = match part {
                Component::ParentDir => depth.checked_sub(1).ok_or_else(outside)?,
                Component::CurDir => depth,
                _ => depth + 1,
            };
        }
        let path = fs::canonicalize(self.path().join(name))
            .map_err(|_| "there is no such file or folder in the revision".to_owned())?;
        if path.starts_with(&self.root) { Ok(path) } else { Err(outside()) }
    }

    /// The text of one of its files; nothing if there is no such file.
    ///
    /// # Errors
    /// [`RenderError::Bad`] if it leads out of the repository, is too large or is no text.
    pub(crate) fn read(&self, file: &str) -> Result<Option<String>, RenderError> {
        let bad = |problem: String| RenderError::bad(self.name(file), None, problem);
        if fs::symlink_metadata(self.path().join(file)).is_err() {
            return Ok(None);
        }
        let path = self.resolve(file).map_err(bad)?;
        let meta = fs::metadata(&path).map_err(|error| bad(error.to_string()))?;
        if !meta.is_file() {
            return Ok(None);
        }
        MAX_FILE.check(meta.len()).map_err(|exceeded| bad(exceeded.to_string()))?;
        let bytes = fs::read(&path).map_err(|error| bad(error.to_string()))?;
        String::from_utf8(bytes).map(Some).map_err(|_| bad("is not UTF-8".to_owned()))
    }

    /// The documents of one of its files; nothing if there is no such file.
    ///
    /// # Errors
    /// As [`Self::read`], or with the place where it is no YAML.
    pub(super) fn documents(&self, file: &str) -> Result<Option<Vec<Node>>, RenderError> {
        let Some(text) = self.read(file)? else { return Ok(None) };
        let name = self.name(file);
        let mut errors = Errors::new(&name);
        let documents = parse(&text, DIALECT, &mut errors);
        match errors.list.iter().find(|error| !error.problem.starts_with(TWICE)) {
            Some(error) => Err(RenderError::bad(name, error.line, error.what())),
            None => Ok(Some(documents)),
        }
    }
}

/// The member of a map that counts: the last one of this name.
pub(super) fn member<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let Tree::Map(members) = &node.tree else { return None };
    members.iter().rev().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

/// The text of a member that is a scalar.
pub(super) fn text<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    match &member(node, name)?.tree {
        Tree::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_out_of_the_checkout_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("checkout");
        fs::create_dir_all(root.join("apps/web")).unwrap();
        fs::write(dir.path().join("secret"), "x").unwrap();
        fs::write(root.join("base.yaml"), "x").unwrap();
        std::os::unix::fs::symlink("../../../secret", root.join("apps/web/link")).unwrap();
        let place = Place::new(&root, "apps/web").unwrap();
        assert!(place.resolve("../../base.yaml").is_ok() && place.resolve("./../web/../../base.yaml").is_ok());
        let cases = [
            ("../../../secret", "is outside of the repository"),
            ("../../../checkout/base.yaml", "is outside of the repository"),
            ("link", "is outside of the repository"),
            ("/etc/passwd", "must be relative"),
            ("none.yaml", "there is no such file or folder in the revision"),
        ];
        for (name, problem) in cases {
            assert_eq!(place.resolve(name), Err(problem.to_owned()), "{name}");
        }
        assert_eq!(place.read("link").unwrap_err().to_string(), "apps/web/link: is outside of the repository");
        assert_eq!(place.read("none.yaml").unwrap(), None);
        assert_eq!(place.name("x.yaml"), "apps/web/x.yaml");
        for folder in ["..", "apps/none", "base.yaml", "/"] {
            assert!(Place::new(&root, folder).is_err(), "{folder}");
        }
    }
}
