//! One version of each library whose types cross crates, or that is heavy or guards a secret; and what is fuzzed
//! is built of the same libraries.

use toml::{Table, Value};

use crate::{layers, project};

const SINGLE: [&str; 6] = ["arrow", "parquet", "object_store", "datafusion", "reqwest", "rustls"];

fn versions<'a>(lock: &'a Table, name: &str) -> Vec<&'a str> {
    let of_name = lock["package"].as_array().unwrap().iter().filter(|package| package["name"].as_str() == Some(name));
    of_name.filter_map(|package| package.get("version").and_then(Value::as_str)).collect()
}

fn check(lock: &Table) -> Vec<String> {
    let wrong = SINGLE.iter().filter(|name| versions(lock, name).len() != 1);
    wrong.map(|name| format!("Cargo.lock: {name} has the versions {:?}, one wanted", versions(lock, name))).collect()
}

/// Where the lock of the fuzz targets is not what the workspace's says: a library in another version, or a crate
/// without what it depends on.
fn astray<'a>(fuzz: &Table, lock: &Table, manifests: impl Iterator<Item = (&'a str, &'a Table)>) -> Vec<String> {
    let mut problems = Vec::new();
    for package in fuzz["package"].as_array().unwrap() {
        let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        let ours = versions(lock, name);
        if !ours.is_empty() && package.get("source").is_some() && !ours.contains(&version) {
            problems.push(format!("fuzz/Cargo.lock: {name} is {version}, in Cargo.lock {ours:?}"));
        }
    }
    for (name, manifest) in manifests.filter(|(name, _)| *name != "feature-set") {
        let mut packages = fuzz["package"].as_array().unwrap().iter();
        let Some(package) = packages.find(|package| package["name"].as_str() == Some(name)) else { continue };
        let locked = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
        // `name`, or `name version` where there are several.
        let locked: Vec<_> = locked.filter_map(|locked| locked.as_str()?.split(' ').next()).collect();
        let missing =
            layers::dependencies(manifest, "dependencies").into_iter().filter(|one| !locked.contains(&&**one));
        problems.extend(missing.map(|one| format!("fuzz/Cargo.lock: {name} has no {one}: `scripts/fuzz.sh lock`")));
    }
    problems
}

#[test]
fn one_version_of_what_must_be_one() {
    project::assert_none(check(&project::read_toml("Cargo.lock")));
}

#[test]
fn what_is_fuzzed_is_built_of_the_same_libraries() {
    let crates = project::crates();
    let manifests = crates.iter().map(|member| (member.name(), &member.manifest));
    project::assert_none(astray(&project::read_toml("fuzz/Cargo.lock"), &project::read_toml("Cargo.lock"), manifests));
}

#[test]
fn a_lock_of_the_fuzz_targets_that_is_old_is_found() {
    let lock = |snap: &str, wire: &str| -> Table {
        let own = format!("[[package]]\nname = \"wire\"\nversion = \"0.1.0\"\ndependencies = [{wire}]\n");
        let text = format!("[[package]]\nname = \"snap\"\nversion = \"{snap}\"\nsource = \"registry\"\n{own}");
        text.parse().unwrap()
    };
    let manifest: Table = "[dependencies]\nsnap.workspace = true\n".parse().unwrap();
    let problems = |fuzz: &Table| astray(fuzz, &lock("1.0", "\"snap\""), [("wire", &manifest)].into_iter());
    assert!(problems(&lock("1.0", "\"snap 1.0\"")).is_empty());
    assert_eq!(problems(&lock("1.1", "\"snap\"")), ["fuzz/Cargo.lock: snap is 1.1, in Cargo.lock [\"1.0\"]"]);
    let old = problems(&lock("1.0", ""));
    assert_eq!(old, ["fuzz/Cargo.lock: wire has no snap: `scripts/fuzz.sh lock`"]);
}

#[test]
fn two_versions_and_none_are_found() {
    let lock = |skip: &str, twice: &str| -> Table {
        let names = SINGLE.iter().filter(|name| **name != skip).chain(SINGLE.iter().filter(|name| **name == twice));
        let text: String = names.map(|name| format!("[[package]]\nname = \"{name}\"\nversion = \"1\"\n")).collect();
        text.parse().unwrap()
    };
    assert!(check(&lock("", "")).is_empty());
    assert_eq!(check(&lock("", "arrow")).len(), 1);
    assert_eq!(check(&lock("rustls", "")).len(), 1);
}
