//! One version of each library whose types cross crates, or that is heavy or guards a secret.

use toml::{Table, Value};

use crate::project;

const SINGLE: [&str; 6] = ["arrow", "parquet", "object_store", "datafusion", "reqwest", "rustls"];

fn check(lock: &Table) -> Vec<String> {
    let packages = || lock["package"].as_array().unwrap().iter();
    let versions = |name: &str| -> Vec<&str> {
        let of_name = packages().filter(|package| package["name"].as_str() == Some(name));
        of_name.filter_map(|package| package.get("version").and_then(Value::as_str)).collect()
    };
    let wrong = SINGLE.iter().filter(|name| versions(name).len() != 1);
    wrong.map(|name| format!("Cargo.lock: {name} has the versions {:?}, one wanted", versions(name))).collect()
}

#[test]
fn one_version_of_what_must_be_one() {
    project::assert_none(check(&project::read_toml("Cargo.lock")));
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
