//! The project on disk: its files and its crates.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the project.
pub struct File {
    /// Its path from the project's root, with `/` between names.
    pub path: String,
    /// What is in it.
    pub text: String,
}

/// A crate of the workspace.
pub struct Crate {
    /// Its folder from the project's root.
    pub folder: String,
    /// Its manifest.
    pub manifest: toml::Table,
}

impl Crate {
    /// The package's name.
    pub fn name(&self) -> &str {
        self.manifest["package"]["name"].as_str().unwrap()
    }
}

/// The project's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The text of one file that must be there.
pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A TOML file that must be there.
pub fn read_toml(path: &str) -> toml::Table {
    read(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every text file whose name ends in one of `endings`, sorted by path.
pub fn files(endings: &[&str]) -> Vec<File> {
    let mut paths = Vec::new();
    walk(&root(), &mut paths);
    let root = root();
    let mut files: Vec<File> = paths
        .iter()
        .filter(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)))
        .filter_map(|path| {
            let text = fs::read_to_string(path).ok()?;
            Some(File { path: path.strip_prefix(&root).unwrap().to_string_lossy().into_owned(), text })
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().filter_map(Result::ok) {
        let (path, name) = (entry.path(), entry.file_name());
        let hidden = name.to_string_lossy().starts_with('.') && name != ".ci";
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !hidden && name != "target" => walk(&path, paths),
            Ok(kind) if kind.is_file() && !hidden => paths.push(path),
            _ => {}
        }
    }
}

/// The crates of the workspace, as the root manifest lists them.
pub fn crates() -> Vec<Crate> {
    let members = read_toml("Cargo.toml")["workspace"]["members"].clone();
    let mut folders = Vec::new();
    for member in members.as_array().unwrap().iter().filter_map(toml::Value::as_str) {
        match member.strip_suffix("/*") {
            Some(parent) => {
                let entries = fs::read_dir(root().join(parent)).unwrap().filter_map(Result::ok);
                folders.extend(entries.map(|entry| format!("{parent}/{}", entry.file_name().to_string_lossy())));
            }
            None => folders.push(member.to_owned()),
        }
    }
    folders.sort();
    folders.into_iter().map(|folder| Crate { manifest: read_toml(&format!("{folder}/Cargo.toml")), folder }).collect()
}

/// Fails with every problem on a line of its own.
pub fn assert_none(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n  {}\n", problems.join("\n  "));
}
