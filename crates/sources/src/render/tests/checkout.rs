use base::Limit;
use gix::objs::tree::{Entry, EntryKind};
use gix::{ObjectId, Repository};

use super::super::checkout::Limits;
use super::*;

struct Trees {
    dir: tempfile::TempDir,
    repository: Repository,
}

impl Trees {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repository = gix::init_bare(dir.path().join("git")).unwrap();
        Self { dir, repository }
    }

    fn blob(&self, text: &str) -> ObjectId {
        self.repository.write_blob(text).unwrap().detach()
    }

    fn tree(&self, entries: &[(&str, EntryKind, ObjectId)]) -> ObjectId {
        let entry = |(name, kind, oid): &(&str, EntryKind, ObjectId)| Entry {
            mode: (*kind).into(),
            filename: (*name).into(),
            oid: *oid,
        };
        let tree = gix::objs::Tree { entries: entries.iter().map(entry).collect() };
        self.repository.write_object(&tree).unwrap().detach()
    }

    fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    fn write(&self, tree: ObjectId) -> Result<Checkout, RenderError> {
        Checkout::write(&self.repository.find_tree(tree).unwrap(), &self.cache())
    }

    fn refused(&self, tree: ObjectId) -> String {
        let error = self.write(tree).unwrap_err();
        assert_eq!(std::fs::read_dir(self.cache().join("render")).unwrap().count(), 0, "something stays");
        assert!(!self.dir.path().join("evil").exists());
        error.to_string()
    }
}

#[test]
fn a_revision_is_written_and_goes_with_its_owner() {
    let trees = Trees::new();
    let (text, script) = (trees.blob("a: 1\n"), trees.blob("#!/bin/sh\n"));
    let below = trees.tree(&[("x.yaml", EntryKind::Blob, text)]);
    let link = |to: &str| trees.blob(to);
    let root = trees.tree(&[
        ("base", EntryKind::Tree, below),
        ("chain", EntryKind::Link, link("here/../x.yaml")),
        ("dangling", EntryKind::Link, link("nothing")),
        ("here", EntryKind::Link, link("base/.")),
        ("in", EntryKind::Link, link("base/x.yaml")),
        ("module", EntryKind::Commit, text),
        ("out", EntryKind::Link, link("../../../etc")),
        ("run.sh", EntryKind::BlobExecutable, script),
        ("self", EntryKind::Link, link("self")),
        ("slash", EntryKind::Link, link("/etc/passwd")),
        ("through", EntryKind::Link, link("here/../..")),
    ]);
    let checkout = trees.write(root).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(checkout.root()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["base", "here", "in", "run.sh"]);
    assert_eq!(std::fs::read_to_string(checkout.root().join("here/x.yaml")).unwrap(), "a: 1\n");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&checkout.root().join("run.sh").metadata().unwrap().permissions());
    assert_eq!(mode & 0o111, 0, "nothing is executable");
    let path = checkout.root().to_owned();
    drop(checkout);
    assert!(!path.exists());
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let trees = Trees::new();
    let text = trees.blob("x");
    for name in ["..", ".", "a/b", "../evil", ".git", ".GIT"] {
        let found = trees.refused(trees.tree(&[(name, EntryKind::Blob, text)]));
        assert_eq!(found, format!("an entry has a name that no file may have: `{name}`"));
    }
    let below = trees.tree(&[("..", EntryKind::Tree, trees.tree(&[]))]);
    let found = trees.refused(trees.tree(&[("a", EntryKind::Tree, below)]));
    assert_eq!(found, "a: an entry has a name that no file may have: `..`");
}

#[test]
fn nothing_is_written_through_a_link() {
    let trees = Trees::new();
    let link = trees.blob(trees.dir.path().to_str().unwrap());
    let below = trees.tree(&[("evil", EntryKind::Blob, link)]);
    let twice = trees.tree(&[("a", EntryKind::Link, link), ("a", EntryKind::Tree, below)]);
    assert_eq!(trees.refused(twice), "a: is in the revision twice");
    let twice = trees.tree(&[("a", EntryKind::Blob, link), ("a", EntryKind::Blob, link)]);
    assert_eq!(trees.refused(twice), "a: is in the revision twice");
}

#[test]
fn a_tree_that_is_too_deep_or_too_large_is_refused() {
    let trees = Trees::new();
    let mut deep = trees.tree(&[]);
    for _ in 0..70 {
        deep = trees.tree(&[("d", EntryKind::Tree, deep)]);
    }
    assert!(trees.refused(deep).contains("render_checkout_depth = 64"));
    // One object that is named over and over: small in the repository, large on the disk.
    let text = trees.blob("0123456789");
    let wide = trees.tree(&[("a", EntryKind::Blob, text), ("b", EntryKind::Link, text), ("c", EntryKind::Blob, text)]);
    let wide = trees.tree(&[("a", EntryKind::Tree, wide), ("b", EntryKind::Tree, wide)]);
    for (entries, bytes, expected) in
        [(7, 100, "8 exceeds the limit e"), (100, 59, "60 exceeds the limit b"), (8, 60, "")]
    {
        let limits = Limits { entries: Limit::new("e", entries), bytes: Limit::new("b", bytes), ..Limits::default() };
        let done = Checkout::within(limits, &trees.repository.find_tree(wide).unwrap(), &trees.cache());
        match done {
            Ok(_) => assert_eq!(expected, ""),
            Err(error) => assert!(error.to_string().contains(expected) && !expected.is_empty(), "{error}"),
        }
    }
}
