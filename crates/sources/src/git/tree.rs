//! One commit as sets of manifests.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Clock, Limit, Timestamp};
use desired::{BadRevision, Fetched, Managed, Manifest};
use gix::{Commit, ObjectId, Repository, Tree};
use kubernetes::schema::{ApiKind, Schema};
use kubernetes::{Known, PROVIDER};

use super::below;
use super::config::ObjectsConfig;
use super::history::Pending;
use super::rendered::rendered;
use crate::host_manifest::{self, MAX_FILE, ManifestError, Parsed, Secrets, read};
use crate::kubernetes_manifest::{self, Declared, Declaring, declare};
use crate::render::{Flaw, RenderError, Rendered, Renderer};

/// Files and folders that are looked at in one commit.
const MAX_ENTRIES: Limit = Limit::new("git_tree_entries", 1_000_000);
/// How deep folders may be nested.
const MAX_DEPTH: usize = 64;
/// Bytes of a file that a manifest names as its source.
const MAX_SOURCE: Limit = Limit::new("manifest_source_bytes", 32 << 20);

/// Bytes of manifest files whose content is remembered from one fetch to the next; about as much
/// memory again goes with each.
const MAX_REMEMBERED: Limit = Limit::new("git_remembered_bytes", 32 << 20);

/// The files of the last commit and what they declare, by path, so that a commit costs what it changes.
pub(crate) type Files = HashMap<String, Remembered>;

/// A file that depends on nothing but its content.
#[derive(Clone)]
pub(crate) struct Remembered {
    id: ObjectId,
    bytes: u64,
    parsed: Arc<Parsed>,
    kinds: Arc<BTreeSet<ApiKind>>,
}

/// How manifests are read.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) secrets: &'a Secrets,
    /// The folder of the manifests.
    pub(crate) path: Option<&'a str>,
    /// The host of manifests that name none.
    pub(crate) host: Option<&'a str>,
    /// What Kubernetes manifests are for.
    pub(crate) objects: Option<Objects<'a>>,
}

/// The cluster of Kubernetes manifests.
#[derive(Clone, Copy)]
pub(crate) struct Objects<'a> {
    pub(crate) config: &'a ObjectsConfig,
    pub(crate) known: &'a Known,
    /// Whether the server is asked for more.
    pub(crate) watched: bool,
    /// A folder for what may be lost.
    pub(crate) cache: &'a Path,
    pub(crate) clock: &'a Clock,
}

/// Reads commits of one repository.
pub(crate) struct Reader<'a> {
    repository: &'a Repository,
    with: Reading<'a>,
    last: Files,
}

/// Why a commit gave no set.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is no good.
    Bad(Box<BadRevision>),
    /// Our copy of the repository is no good.
    Mirror(String),
    /// A program that renders is not there or did not end.
    Rendering(String),
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(repository: &'a Repository, with: Reading<'a>, last: Files) -> Self {
        Self { repository, with, last }
    }

    /// The kinds of Kubernetes objects in the commit that was read last.
    pub(crate) fn kinds(&self) -> BTreeSet<ApiKind> {
        self.last.values().flat_map(|file| file.kinds.iter().cloned()).collect()
    }

    /// What is worth remembering until the next fetch.
    pub(crate) fn remember(self) -> Files {
        let bytes: u64 = self.last.values().map(|file| file.bytes).sum();
        if bytes <= MAX_REMEMBERED.max() { self.last } else { Files::new() }
    }

    /// The set of each scope that a commit declares, and an empty one for the others of `scopes`.
    pub(crate) fn commit(&mut self, pending: Pending, scopes: &BTreeSet<String>) -> Result<Vec<Fetched>, Unread> {
        let commit = self.repository.find_commit(pending.commit).map_err(mirror)?;
        let about = About::of(&commit)?;
        let root = commit.tree().map_err(mirror)?;
        let folder = self.folder(&root, &about)?;
        if let Some(parsed) = self.rendered(&root, &folder, &about)? {
            return self.sets([parsed], scopes, pending, &about);
        }
        let mut found = Found::default();
        walk(&folder, self.with.path.unwrap_or_default(), 0, &mut found, &about)?;
        self.only_files(&found, &about)?;
        let files = found.manifests;
        let mut read = HashMap::with_capacity(files.len());
        let mut all = Vec::with_capacity(files.len());
        for (path, id) in files {
            let (file, alone) = self.file(&root, &path, id, &about)?;
            all.push(Arc::clone(&file.parsed));
            if alone {
                read.insert(path, file);
            }
        }
        self.last = read;
        self.sets(all, scopes, pending, &about)
    }

    /// What is below the folder must be what its files say: nothing there is rendered.
    fn only_files(&self, found: &Found, about: &About) -> Result<(), Unread> {
        let files: BTreeSet<&str> = found.manifests.iter().map(|(path, _)| path.as_str()).collect();
        for (path, id) in found.to_render.iter().filter(|_| self.with.objects.is_some()) {
            let bytes = self.blob(*id, MAX_FILE).map_err(|problem| about.bad(path, None, problem))?;
            if let Some(problem) = below::problem(path, &String::from_utf8_lossy(&bytes), &files) {
                return Err(about.bad(path, None, problem));
            }
        }
        Ok(())
    }

    /// What files declare, by scope.
    fn sets(
        &self,
        files: impl IntoIterator<Item = Arc<Parsed>>,
        scopes: &BTreeSet<String>,
        pending: Pending,
        about: &About,
    ) -> Result<Vec<Fetched>, Unread> {
        let empty = |scope: &str| about.empty(scope, pending.backfill);
        let mut sets: BTreeMap<String, Fetched> = scopes.iter().map(|scope| (scope.clone(), empty(scope))).collect();
        files.into_iter().for_each(|parsed| add(&parsed, &mut sets, empty));
        if self.waits_for().is_some() {
            // What is declared stays as it was: without the server nobody knows all of its names and forms.
            sets.retain(|scope, _| !scope.starts_with(PROVIDER));
        }
        self.manage(&mut sets);
        sets.values().try_for_each(|set| unique(set, about))?;
        Ok(sets.into_values().collect())
    }

    fn folder(&self, root: &Tree<'a>, about: &About) -> Result<Tree<'a>, Unread> {
        let Some(path) = self.with.path else { return Ok(root.clone()) };
        let entry = root.lookup_entry_by_path(path).map_err(mirror)?.filter(|entry| entry.mode().is_tree());
        let entry = entry.ok_or_else(|| about.bad(path, None, "this folder is not in the revision"))?;
        entry.object().map_err(mirror)?.try_into_tree().map_err(mirror)
    }

    /// A file's manifests, and whether they depend on nothing but the file.
    fn file(&self, root: &Tree<'_>, path: &str, id: ObjectId, about: &About) -> Result<(Remembered, bool), Unread> {
        if let Some(file) = self.last.get(path).filter(|file| file.id == id) {
            return Ok((file.clone(), true));
        }
        let bytes = self.blob(id, MAX_FILE).map_err(|problem| about.bad(path, None, problem))?;
        let text = std::str::from_utf8(&bytes).map_err(|error| {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            about.bad(path, Some(line), "is not UTF-8")
        })?;
        if let Some(objects) = self.with.objects.filter(|_| is_kubernetes(text)) {
            let (parsed, kinds) = self.objects(text, path, objects).map_err(|errors| about.errors(path, &errors))?;
            let file = Remembered { id, bytes: bytes.len() as u64, parsed: Arc::new(parsed), kinds: Arc::new(kinds) };
            return Ok((file, true));
        }
        let alone = Cell::new(true);
        let include = |source: &str| {
            alone.set(false);
            self.include(root, path, source)
        };
        let reading = host_manifest::Reading {
            secrets: self.with.secrets,
            include: &include,
            default_host: self.with.host,
            private: false,
        };
        let parsed = read(text, path, &reading).map_err(|errors| about.errors(path, &errors))?;
        let file = Remembered { id, bytes: bytes.len() as u64, parsed: Arc::new(parsed), kinds: Arc::default() };
        Ok((file, alone.get()))
    }

    /// The objects of a file.
    fn objects(
        &self,
        text: &str,
        path: &str,
        objects: Objects<'_>,
    ) -> Result<(Parsed, BTreeSet<ApiKind>), Vec<ManifestError>> {
        let with = self.declaring(objects);
        let Declared { manifests, kinds } = declare(&kubernetes_manifest::read(text, path)?, path, &with)?;
        Ok((Parsed { manifests, managed: BTreeMap::new() }, kinds))
    }

    const fn declaring<'b>(&'b self, Objects { config, known, .. }: Objects<'b>) -> Declaring<'b> {
        let key = self.with.secrets.key();
        Declaring { cluster: config.cluster.as_str(), namespace: config.namespace.as_str(), known, key }
    }

    /// What the folder declares if a program is to render it. The lines of what it prints are in no file.
    fn rendered(&mut self, root: &Tree<'a>, folder: &Tree<'a>, about: &About) -> Result<Option<Arc<Parsed>>, Unread> {
        let Some(objects) = self.with.objects else { return Ok(None) };
        let path = self.with.path.unwrap_or_default();
        let printed = rendered(root, folder, path, objects.config, (objects.cache, objects.clock));
        let Some(printed) = printed.map_err(|error| about.unrendered(error))? else { return Ok(None) };
        let (mut parsed, mut all) = (Parsed::default(), BTreeSet::new());
        for Rendered { file, text } in printed {
            let read = kubernetes_manifest::read_printed(&text, &file);
            let declared = read.and_then(|read| declare(&read, &file, &self.declaring(objects)));
            let Declared { manifests, kinds } = declared.map_err(|errors| about.misprinted(&file, &errors))?;
            let without_lines = manifests.into_iter().map(|manifest| Manifest { line: None, text: None, ..manifest });
            parsed.manifests.extend(without_lines);
            all.extend(kinds);
        }
        let (id, parsed) = (root.id, Arc::new(parsed));
        let file = Remembered { id, bytes: 0, parsed: Arc::clone(&parsed), kinds: Arc::new(all) };
        self.last = Files::from([(path.to_owned(), file)]);
        Ok(Some(parsed))
    }

    /// A declared kind of which the server is to say more.
    fn waits_for(&self) -> Option<&ApiKind> {
        let Objects { known, .. } = self.with.objects.filter(|objects| objects.watched)?;
        let is_known = |kind: &ApiKind| Schema::builtin().kind(kind).is_some() || known.namespaced.contains_key(kind);
        let asked = |kind: &ApiKind| known.learned && !known.unread.contains(kind);
        let mut kinds = self.last.values().flat_map(|file| file.kinds.iter());
        kinds.find(|&kind| !is_known(kind) && !asked(kind))
    }

    /// Why it is not known what the commit that was read last declares, once the server was asked.
    pub(crate) fn unlearned(&self) -> Option<String> {
        let kind = self.waits_for().filter(|_| self.with.objects.is_some_and(|objects| objects.known.learned))?;
        Some(format!("the cluster does not say whether it has {} {}", kind.api_version, kind.kind))
    }

    /// Whether the server is still to be asked what the commit that was read last declares.
    pub(crate) fn learns(&self) -> bool {
        self.waits_for().is_some() && self.with.objects.is_some_and(|objects| !objects.known.learned)
    }

    /// The places in which every object is to be declared.
    fn manage(&self, sets: &mut BTreeMap<String, Fetched>) {
        let Some(Objects { config, .. }) = self.with.objects else { return };
        let Some(set) = sets.get_mut(&format!("{PROVIDER}/{}", config.cluster)) else { return };
        let place = |namespace: &String| Managed {
            kind: "*".to_owned(),
            namespace: Some(namespace.clone()),
            prefix: String::new(),
        };
        set.managed.extend(config.manage.iter().map(place));
    }

    /// The file that a manifest names, relative to its own folder, within the repository.
    fn include(&self, root: &Tree<'_>, manifest: &str, source: &str) -> Result<Vec<u8>, String> {
        let outside = || format!("{source} is outside of the repository");
        let mut parts: Vec<&str> = manifest.split('/').collect();
        parts.pop();
        if source.starts_with('/') {
            return Err(format!("{source} must be relative to the manifest"));
        }
        for part in source.split('/') {
            match part {
                "" | "." => {}
                ".." => _ = parts.pop().ok_or_else(outside)?,
                part => parts.push(part),
            }
        }
        let path = parts.join("/");
        let entry = root.lookup_entry_by_path(&path).map_err(|error| error.to_string())?;
        let entry =
            entry.filter(|entry| entry.mode().is_blob()).ok_or_else(|| format!("{path} is no file of the revision"))?;
        self.blob(entry.object_id(), MAX_SOURCE)
    }

    fn blob(&self, id: ObjectId, limit: Limit) -> Result<Vec<u8>, String> {
        let header = self.repository.find_header(id).map_err(|error| error.to_string())?;
        limit.check(header.size()).map_err(|exceeded| exceeded.to_string())?;
        Ok(self.repository.find_object(id).map_err(|error| error.to_string())?.detach().data)
    }
}

/// Whether a file holds Kubernetes objects: JSON, or YAML with a top-level `apiVersion`.
fn is_kubernetes(text: &str) -> bool {
    text.trim_start().starts_with('{') || text.lines().any(|line| line.starts_with("apiVersion:"))
}

/// Adds what a file declares to the sets of its scopes.
fn add(parsed: &Parsed, sets: &mut BTreeMap<String, Fetched>, empty: impl Fn(&str) -> Fetched) {
    for manifest in &parsed.manifests {
        let scope = manifest.id.scope();
        match sets.get_mut(scope) {
            Some(set) => set.manifests.push(manifest.clone()),
            None => sets.entry(scope.to_owned()).or_insert_with(|| empty(scope)).manifests.push(manifest.clone()),
        }
    }
    for (scope, places) in &parsed.managed {
        let set = sets.entry(scope.clone()).or_insert_with(|| empty(scope));
        let new: Vec<_> = places.iter().filter(|place| !set.managed.contains(place)).cloned().collect();
        set.managed.extend(new);
    }
}

fn mirror(error: impl std::fmt::Display) -> Unread {
    Unread::Mirror(error.to_string())
}

/// What a walk through a tree has found.
#[derive(Default)]
struct Found {
    manifests: Vec<(String, ObjectId)>,
    /// Kustomizations and charts.
    to_render: Vec<(String, ObjectId)>,
    /// Files and folders that were looked at.
    entries: u64,
}

/// The manifests below `tree`, in the order of their paths. What is hidden is not read, nor are
/// links and submodules.
fn walk(tree: &Tree<'_>, prefix: &str, depth: usize, found: &mut Found, about: &About) -> Result<(), Unread> {
    if depth > MAX_DEPTH {
        return Err(about.bad(prefix, None, format!("folders are nested deeper than {MAX_DEPTH}")));
    }
    for entry in tree.iter() {
        let entry = entry.map_err(mirror)?;
        // Each counts: a few objects that name each other can make a tree without an end.
        found.entries += 1;
        MAX_ENTRIES.check(found.entries).map_err(|exceeded| about.bad(prefix, None, exceeded.to_string()))?;
        let name = entry.filename().to_string();
        if name.starts_with('.') {
            continue;
        }
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if entry.mode().is_tree() {
            let folder = entry.object().map_err(mirror)?.try_into_tree().map_err(mirror)?;
            walk(&folder, &path, depth + 1, found, about)?;
        } else if entry.mode().is_blob() {
            if Renderer::detect(&[&name]).is_some() {
                found.to_render.push((path.clone(), entry.object_id()));
            }
            if name.ends_with(".yaml") || name.ends_with(".yml") {
                found.manifests.push((path, entry.object_id()));
            }
        }
    }
    Ok(())
}

/// No resource may be declared twice.
fn unique(set: &Fetched, about: &About) -> Result<(), Unread> {
    let mut seen: HashMap<&str, &Manifest> = HashMap::with_capacity(set.manifests.len());
    for manifest in &set.manifests {
        if let Some(first) = seen.insert(manifest.id.as_str(), manifest) {
            let place =
                |m: &Manifest| format!("{}:{}", m.file.as_deref().unwrap_or_default(), m.line.unwrap_or_default());
            let problem = format!("{} is declared twice: {} and {}", manifest.id, place(first), place(manifest));
            return Err(about.bad(manifest.file.as_deref().unwrap_or_default(), manifest.line, problem));
        }
    }
    Ok(())
}

/// A commit without its tree.
struct About {
    revision: String,
    author: Option<String>,
    committed: Option<Timestamp>,
    message: Option<String>,
}

impl About {
    fn of(commit: &Commit<'_>) -> Result<Self, Unread> {
        let short = |text: String| text.chars().filter(|c| !c.is_control()).take(500).collect::<String>();
        let author = commit.author().map_err(mirror)?;
        Ok(Self {
            revision: commit.id().to_string(),
            author: Some(short(format!("{} <{}>", author.name, author.email))),
            committed: commit.time().ok().map(|time| Timestamp::from_secs(time.seconds)),
            message: commit.message().ok().map(|message| short(message.summary().to_string())),
        })
    }

    fn empty(&self, scope: &str, backfill: bool) -> Fetched {
        Fetched {
            scope: scope.to_owned(),
            revision: self.revision.clone(),
            author: self.author.clone(),
            committed: self.committed,
            message: self.message.clone(),
            backfill,
            manifests: Vec::new(),
            managed: Vec::new(),
            refused: None,
        }
    }

    fn bad(&self, file: &str, line: Option<u64>, problem: impl Into<String>) -> Unread {
        Unread::Bad(Box::new(BadRevision {
            revision: self.revision.clone(),
            author: self.author.clone(),
            committed: self.committed,
            message: self.message.clone(),
            file: PathBuf::from(file),
            line,
            problem: problem.into(),
        }))
    }

    /// Why a folder was not rendered.
    fn unrendered(&self, error: RenderError) -> Unread {
        match error {
            RenderError::Bad(Flaw { file, line, problem }) => self.bad(&file, line, problem),
            RenderError::Unavailable(problem) => Unread::Rendering(problem),
        }
    }

    /// What a program printed cannot be declared.
    fn misprinted(&self, file: &str, errors: &[ManifestError]) -> Unread {
        let what = errors.first().map(ManifestError::what).unwrap_or_default();
        self.bad(file, None, format!("what is rendered of it cannot be declared: {what}"))
    }

    fn errors(&self, path: &str, errors: &[ManifestError]) -> Unread {
        let Some(first) = errors.first() else { return self.bad(path, None, "cannot be read") };
        let more = if errors.len() > 1 { format!(" (and {} more)", errors.len() - 1) } else { String::new() };
        self.bad(path, Some(first.line), format!("column {}: {}{more}", first.column, first.what()))
    }
}
