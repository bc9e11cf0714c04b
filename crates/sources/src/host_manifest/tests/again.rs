//! A folder that is written to again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use model::Document;
use serde_json::json;

use super::super::{Resource, Written, write};

const KINDS: &[&str] = &["file", "user"];

fn file(name: &str, owner: &str) -> Resource {
    let document = json!({"type": "directory", "mode": "0755", "owner": owner, "group": "root"});
    (format!("host/web-1/file//{name}").parse().unwrap(), Document::new(document), None)
}

fn user(name: &str) -> Resource {
    (format!("host/web-1/user//{name}").parse().unwrap(), Document::new(json!({"uid": 1})), None)
}

fn paths(paths: &[&str]) -> Vec<PathBuf> {
    paths.iter().map(PathBuf::from).collect()
}

fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
    assert!(Command::new("git").arg("-C").arg(dir).args(identity).args(args).status().unwrap().success(), "{args:?}");
}

fn commit(dir: &Path) {
    git(dir, &["add", "--all"]);
    git(dir, &["commit", "--quiet", "--message", "as it is"]);
}

#[test]
fn what_is_gone_is_removed_with_the_folders_that_are_empty_then_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[file("etc/a", "root"), file("etc/sub/deep/b", "root"), user("zoe")], KINDS).unwrap();
    let mine = ["web-1/files/etc/mine.yaml", "web-1/mine.yaml", "readme.md", "web-2/users.yaml"];
    fs::create_dir(dir.path().join("web-2")).unwrap();
    for path in mine {
        fs::write(dir.path().join(path), "host: web-1\n").unwrap();
    }
    let again = write(dir.path(), &[file("etc/a", "root")], KINDS).unwrap();
    let removed = paths(&["web-1/files/etc/sub/deep/b.yaml", "web-1/users.yaml"]);
    assert_eq!(again, Written { files: paths(&["web-1/files/etc/a.yaml"]), removed, kept: vec![] });
    assert!(!dir.path().join("web-1/files/etc/sub").exists() && !dir.path().join("web-1/users.yaml").exists());
    assert!(mine.iter().all(|path| dir.path().join(path).exists()));
}

#[test]
fn of_a_kind_that_was_not_looked_at_nothing_is_known_to_be_gone() {
    let dir = tempfile::tempdir().unwrap();
    let (all, files) = ([file("etc/a", "root"), user("zoe")], [file("etc/a", "root")]);
    write(dir.path(), &all, KINDS).unwrap();
    assert_eq!(write(dir.path(), &files, &["file"]).unwrap().removed, paths(&[]));
    assert_eq!(write(dir.path(), &files, KINDS).unwrap().removed, paths(&["web-1/users.yaml"]), "it is still known");
}

#[test]
fn an_edit_that_is_not_committed_is_left_alone_and_one_that_is_can_be_had_back_from_git() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (Path::new("web-1/files/etc/a.yaml"), Path::new("web-1/files/etc/b.yaml"));
    write(dir.path(), &[file("etc/a", "root"), file("etc/b", "root")], KINDS).unwrap();
    commit(dir.path());
    for path in [a, b] {
        fs::write(dir.path().join(path), "# careful\n").unwrap();
    }
    for _ in 0..2 {
        let again = write(dir.path(), &[file("etc/a", "bob")], KINDS).unwrap();
        assert_eq!(again, Written { kept: vec![a.to_owned(), b.to_owned()], ..Written::default() });
    }
    assert_eq!(fs::read_to_string(dir.path().join(a)).unwrap(), "# careful\n");
    commit(dir.path());
    let again = write(dir.path(), &[file("etc/a", "bob")], KINDS).unwrap();
    assert_eq!(again, Written { files: vec![a.to_owned()], removed: vec![b.to_owned()], kept: vec![] });
    assert!(fs::read_to_string(dir.path().join(a)).unwrap().contains("owner: bob"));
}

#[test]
fn a_file_of_somebody_in_the_way_is_not_overwritten_nor_is_what_a_link_leads_to() {
    let dir = tempfile::tempdir().unwrap();
    let (repository, outside) = (dir.path().join("infra"), dir.path().join("outside"));
    fs::create_dir_all(repository.join("web-1/files/etc")).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(repository.join("web-1/files/etc/mine.yaml"), "mine\n").unwrap();
    std::os::unix::fs::symlink(outside.join("made"), repository.join("web-1/files/etc/link.yaml")).unwrap();
    std::os::unix::fs::symlink(&outside, repository.join("web-1/files/opt")).unwrap();
    let resources = ["etc/link", "etc/mine", "opt/x"].map(|name| file(name, "root"));
    std::os::unix::fs::symlink(outside.join("record"), repository.join("web-1/.captured")).unwrap();
    let done = write(&repository, &resources, KINDS).unwrap();
    assert_eq!((done.files.len(), done.kept.len()), (0, 3));
    assert_eq!(fs::read_to_string(repository.join("web-1/files/etc/mine.yaml")).unwrap(), "mine\n");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn a_record_that_leads_elsewhere_removes_nothing_there() {
    let dir = tempfile::tempdir().unwrap();
    let repository = dir.path().join("infra");
    write(&repository, &[file("etc/a", "root")], KINDS).unwrap();
    let victims = [dir.path().join("victim.yaml"), repository.join("web-2.yaml")];
    let digest = blake3::hash(b"precious").to_hex();
    let names = ["../../victim.yaml".to_owned(), victims[0].display().to_string(), "../web-2.yaml".to_owned()];
    victims.iter().for_each(|victim| fs::write(victim, "precious").unwrap());
    let record: String = names.iter().map(|name| format!("{digest}  {name}\n")).collect();
    fs::write(repository.join("web-1/.captured"), record + "garbage\n").unwrap();
    assert_eq!(write(&repository, &[file("etc/a", "root")], KINDS).unwrap().removed, paths(&[]));
    assert!(victims.iter().all(|victim| victim.exists()));
}
