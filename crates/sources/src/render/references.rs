//! What kustomizations refer to, looked at before kustomize is run: nothing may be fetched from the
//! network or be outside of the repository.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use base::Limit;

use super::KUSTOMIZATIONS;
use super::error::RenderError;
use super::place::{DIALECT, Place, text};
use super::remote::{has_scheme, is_remote, without_user};
use crate::yaml::{Errors, Node, Tree, parse};

/// Folders that one kustomization may lead to.
const MAX_FOLDERS: Limit = Limit::new("render_kustomizations", 1_000);
/// Files that one kustomization may lead to.
const MAX_FILES: Limit = Limit::new("render_referred_files", 20_000);

/// Keys of a kustomization whose entries are files or folders (`api/types/kustomization.go`).
const ENTRIES: &[&str] = &["resources", "bases", "components"];
/// The same for plugins, which may stand in the entry itself.
const PLUGINS: &[&str] = &["generators", "transformers", "validators"];
/// Keys of charts: they need helm and, as a rule, the network.
const CHARTS: &[&str] = &["helmCharts", "helmChartInflationGenerator"];
/// Keys of kustomizations and of the built-in plugins whose values are files.
const FILES: &[&str] = &[
    "crds",
    "configurations",
    "path",
    "paths",
    "patchesStrategicMerge",
    "files",
    "env",
    "envs",
    "targetFilePath",
    "valuesFile",
    "additionalValuesFiles",
];

/// Keys below which people write what they like.
const TEXTS: &[&str] = &["commonAnnotations", "commonLabels", "annotations", "labels", "pairs"];

/// The version of the plugins that are part of kustomize; others are not run.
const BUILTIN: &str = "builtin";

/// A kustomization that was read.
#[derive(Debug)]
pub(super) struct Kustomization {
    /// Its file, from the repository's root.
    pub(super) name: String,
    documents: Vec<Node>,
}

impl Kustomization {
    /// The line of the first key of this name.
    pub(super) fn line_of(&self, key: &str) -> Option<u64> {
        self.documents.iter().find_map(|node| line_of(node, key))
    }
}

fn line_of(node: &Node, name: &str) -> Option<u64> {
    match &node.tree {
        Tree::Scalar { .. } => None,
        Tree::List(items) => items.iter().find_map(|item| line_of(item, name)),
        Tree::Map(members) => members
            .iter()
            .find_map(|(key, value)| if key.text == name { Some(key.place.line) } else { line_of(value, name) }),
    }
}

/// Reads the kustomizations that `place` leads to, its own first.
///
/// # Errors
/// [`RenderError::Bad`] with the file and line of the first reference that is no good.
pub(super) fn check(place: &Place) -> Result<Vec<Kustomization>, RenderError> {
    let mut check = Check::default();
    check.visit(place.path());
    while let Some(path) = check.next.pop_front() {
        check.folder(&place.beside(&path))?;
    }
    Ok(check.read)
}

#[derive(Default)]
struct Check {
    seen: BTreeSet<PathBuf>,
    next: VecDeque<PathBuf>,
    files: BTreeSet<PathBuf>,
    read: Vec<Kustomization>,
}

/// A reference and where it stands.
struct Reference<'a> {
    place: &'a Place,
    file: &'a str,
    line: u64,
    key: &'a str,
    text: &'a str,
}

impl Check {
    fn visit(&mut self, path: PathBuf) {
        if self.seen.insert(path.clone()) {
            self.next.push_back(path);
        }
    }

    fn folder(&mut self, place: &Place) -> Result<(), RenderError> {
        let limited = MAX_FOLDERS.check(self.seen.len() as u64);
        limited.map_err(|exceeded| RenderError::bad(place.title(), None, exceeded.to_string()))?;
        for file in KUSTOMIZATIONS {
            let Some(documents) = place.documents(file)? else { continue };
            let name = place.name(file);
            documents.iter().try_for_each(|document| self.kustomization(place, &name, document))?;
            self.read.push(Kustomization { name, documents });
        }
        Ok(())
    }

    fn kustomization(&mut self, place: &Place, file: &str, document: &Node) -> Result<(), RenderError> {
        let Tree::Map(members) = &document.tree else { return Ok(()) };
        for (key, value) in members {
            // Keys are read without regard to case, as kustomize does.
            if is_one_of(&key.text, CHARTS) && !value.is_null() {
                let problem = format!(
                    "`{}`: charts are not rendered within a kustomization: declare the chart's folder instead",
                    key.text
                );
                return Err(RenderError::bad(file, key.place.line, problem));
            }
            if !is_one_of(&key.text, ENTRIES) && !is_one_of(&key.text, PLUGINS) {
                files(value, &key.text, &|line, key, text| Reference { place, file, line, key, text }.file())?;
                continue;
            }
            for (line, text) in scalars(value) {
                self.entry(&Reference { place, file, line, key: &key.text, text })?;
            }
        }
        Ok(())
    }

    /// An entry of `resources` and the like: a file, a folder, or a plugin's text.
    fn entry(&mut self, entry: &Reference<'_>) -> Result<(), RenderError> {
        if is_one_of(entry.key, PLUGINS) && parse(entry.text, DIALECT, &mut Errors::new("")).iter().any(is_object) {
            return plugin(entry.place, entry.file, entry.text, Some(entry.line));
        }
        let local = !has_scheme(entry.text) && entry.place.path().join(entry.text).is_file();
        if !local && is_remote(entry.text) {
            return Err(entry.remote());
        }
        let path = entry.place.resolve(entry.text).map_err(|problem| entry.bad(&problem))?;
        if path.is_dir() {
            let has = |name: &&str| fs::symlink_metadata(path.join(name)).is_ok();
            if !KUSTOMIZATIONS.iter().any(has) {
                return Err(entry.bad("this folder has no kustomization.yaml"));
            }
            self.visit(path);
            return Ok(());
        }
        if self.files.insert(path) {
            let limited = MAX_FILES.check(self.files.len() as u64);
            limited.map_err(|exceeded| entry.bad(&exceeded.to_string()))?;
            let text = entry.place.read(entry.text)?.unwrap_or_default();
            return plugin(entry.place, &normal(entry.place, entry.text), &text, None);
        }
        Ok(())
    }
}

/// Looks for files that a plugin's configuration names. `line` is where it begins if that is in
/// another file.
fn plugin(place: &Place, file: &str, content: &str, line: Option<u64>) -> Result<(), RenderError> {
    // Most files are no plugins, and need not be read twice.
    if !content.contains(BUILTIN) {
        return Ok(());
    }
    // What is wrong with it is kustomize's to say.
    let documents = parse(content, DIALECT, &mut Errors::new(file));
    for document in documents.iter().filter(|document| text(document, "apiVersion") == Some(BUILTIN)) {
        files(document, "", &|at, key, text| Reference { place, file, line: line.unwrap_or(at), key, text }.file())?;
    }
    Ok(())
}

fn is_object(node: &Node) -> bool {
    text(node, "apiVersion").is_some() && text(node, "kind").is_some()
}

/// Calls `found` with each scalar below `node` that is a file by its key.
fn files(
    node: &Node,
    key: &str,
    found: &dyn Fn(u64, &str, &str) -> Result<(), RenderError>,
) -> Result<(), RenderError> {
    match &node.tree {
        Tree::Scalar { text, .. } if is_one_of(key, FILES) => found(node.place.line, key, text),
        Tree::Scalar { .. } => Ok(()),
        Tree::Map(_) if is_one_of(key, TEXTS) => Ok(()),
        Tree::List(items) => items.iter().try_for_each(|item| files(item, key, found)),
        Tree::Map(members) => members.iter().try_for_each(|(key, value)| files(value, &key.text, found)),
    }
}

/// The scalars of a list, or a scalar alone.
fn scalars(node: &Node) -> Vec<(u64, &str)> {
    match &node.tree {
        Tree::Scalar { text, .. } if !node.is_null() => vec![(node.place.line, text.as_str())],
        Tree::List(items) => items.iter().flat_map(scalars).collect(),
        Tree::Scalar { .. } | Tree::Map(_) => Vec::new(),
    }
}

impl Reference<'_> {
    /// A file, perhaps as `key=file`: kustomize itself refuses one that is not below its folder.
    fn file(&self) -> Result<(), RenderError> {
        let name = self.text.split_once('=').map_or(self.text, |(_, name)| name);
        if has_scheme(self.text) || has_scheme(name) { Err(self.remote()) } else { Ok(()) }
    }

    fn remote(&self) -> RenderError {
        self.bad("is fetched from the network, which rendering must not do: copy it into the repository")
    }

    fn bad(&self, problem: &str) -> RenderError {
        let short: String = self.text.chars().filter(|c| !c.is_control()).take(200).collect();
        RenderError::bad(self.file, self.line, format!("`{}`: `{}`: {problem}", self.key, without_user(&short)))
    }
}

fn is_one_of(key: &str, keys: &[&str]) -> bool {
    keys.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// The name of a file from the repository's root.
fn normal(place: &Place, name: &str) -> String {
    let path = place.resolve(name).unwrap_or_default();
    path.strip_prefix(place.root()).unwrap_or(Path::new(name)).to_string_lossy().into_owned()
}
