//! Every crate takes the workspace's lints, version and edition, and its dependencies' versions.

use toml::{Table, Value};

use crate::project;

const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

fn check(name: &str, manifest: &Table) -> Vec<String> {
    let inherits =
        |table: Option<&Value>| table.and_then(|table| table.get("workspace")) == Some(&Value::Boolean(true));
    let mut problems = Vec::new();
    if !inherits(manifest.get("lints")) {
        problems.push(format!("{name}: wants `[lints] workspace = true`"));
    }
    for field in ["version", "edition", "rust-version", "license", "publish"] {
        if !inherits(manifest["package"].get(field)) {
            problems.push(format!("{name}: wants `{field}.workspace = true`"));
        }
    }
    // What this one does is to name versions and features.
    let kinds: &[&str] = if name == "feature-set" { &[] } else { &KINDS };
    for kind in kinds {
        let table = manifest.get(*kind).and_then(Value::as_table).into_iter().flatten();
        let own = table.filter(|(_, spec)| !inherits(Some(spec)) && spec.get("path").is_none());
        problems.extend(own.map(|(dependency, _)| format!("{name}: {kind}: {dependency} wants `workspace = true`")));
    }
    problems
}

#[test]
fn every_crate_takes_what_the_workspace_sets() {
    project::assert_none(project::crates().iter().flat_map(|member| check(member.name(), &member.manifest)).collect());
}

#[test]
fn what_is_not_taken_is_found() {
    let package = "package = { version.workspace = true, edition.workspace = true, rust-version.workspace = true, \
                   license.workspace = true, publish.workspace = true }\n";
    let problems = |rest: &str| check("a", &format!("{package}{rest}").parse().unwrap());
    assert!(problems("lints.workspace = true\ndependencies.x.workspace = true").is_empty());
    assert_eq!(problems(""), ["a: wants `[lints] workspace = true`"]);
    assert_eq!(
        problems("lints.workspace = true\ndependencies.x = \"1\""),
        ["a: dependencies: x wants `workspace = true`"]
    );
    let bare: Table = "package.version = \"1\"\nlints.workspace = true".parse().unwrap();
    assert_eq!(check("a", &bare).len(), 5);
}
