//! Makes `src/schema/builtin.txt`: `cargo run -p kubernetes --example builtin_schema -- OPENAPI API >
//! FILE`, where `OPENAPI` is the folder `api/openapi-spec/v3` of Kubernetes' sources and `API` are
//! those of its Go module `k8s.io/api`, whose types say which members are pointers: of the others
//! the server drops the zero value.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::unwrap_used, reason = "a tool of developers")]

use std::collections::BTreeMap;
use std::path::Path;

use kubernetes::schema::Schema;

/// Groups that nobody declares objects of.
const LEFT_OUT: &[&str] =
    &["alpha", "__authentication", "__authorization", "internal", "__events", "openid", "version_", "logs_"];

/// Kinds that are no objects of their own.
const NO_OBJECTS: &[&str] = &["DeleteOptions", "WatchEvent", "APIGroup", "APIVersions", "Status", "Scale"];

fn main() {
    let mut args = std::env::args_os().skip(1);
    let (openapi, api) = (args.next().unwrap(), args.next().unwrap());
    let mut schema = Schema::default();
    let mut files: Vec<_> = std::fs::read_dir(openapi).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if LEFT_OUT.iter().any(|part| name.contains(part)) {
            continue;
        }
        let document = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        if let Err(error) = schema.add_openapi(&document) {
            eprintln!("{name}: {error}");
        }
    }
    let mut dropped = BTreeMap::new();
    go_files(Path::new(&api), &mut dropped);
    print!("{}", marked(&schema.to_text(), &dropped));
}

/// `GROUP.VERSION.TYPE FIELD` of the members that are no pointers and `omitempty`, by what Go says.
fn go_files(folder: &Path, dropped: &mut BTreeMap<String, Vec<String>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            go_files(&path, dropped);
        } else if path.file_name().is_some_and(|name| name == "types.go") {
            let version = path.parent().unwrap();
            let group = version.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
            let version = version.file_name().unwrap().to_string_lossy().into_owned();
            go_types(&std::fs::read_to_string(&path).unwrap(), &format!("{group}.{version}"), dropped);
        }
    }
}

fn go_types(text: &str, package: &str, dropped: &mut BTreeMap<String, Vec<String>>) {
    let mut of = String::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["type", name, "struct", ..] = words[..] {
            of = format!("{package}.{name}");
        } else if let [_, go_type, tag, ..] = words[..]
            && !go_type.starts_with(['*', '[', '/'])
            && let Some(json) = tag.strip_prefix("`json:\"")
            && let Some((name, rest)) = json.split_once(',')
            && rest.starts_with("omitempty")
        {
            dropped.entry(of.clone()).or_default().push(name.to_owned());
        }
    }
}

/// The text with `~` at what is dropped, without kinds that nobody declares.
fn marked(text: &str, dropped: &BTreeMap<String, Vec<String>>) -> String {
    let (mut of, mut out) = ("", String::new());
    let list = |kind: &str| kind.ends_with("List") || NO_OBJECTS.contains(&kind);
    for line in text.lines() {
        if line.starts_with("kind ") && line.split(' ').nth(2).is_some_and(list) {
            continue;
        }
        out.push_str(line);
        if let Some(member) = line.strip_prefix("  ") {
            let (name, shape) = member.split_once(' ').unwrap();
            let scalar = ["string", "int", "number", "bool", "bytes"].contains(&shape);
            if scalar && dropped.get(of).is_some_and(|fields| fields.iter().any(|field| field == name)) {
                out.push('~');
            }
        } else {
            of = line;
        }
        out.push('\n');
    }
    out
}
