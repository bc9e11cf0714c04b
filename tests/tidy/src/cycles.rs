//! No cycle among the top-level modules of a crate.
//!
//! A module uses another if its code names it by a path from the crate's root: `crate::b::X`,
//! `crate::{b::X, c}`, `super::b`, or an item that the root re-exports from it (`pub use b::X` in
//! `lib.rs`, then `crate::X`). What only tests use does not count.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::project::{self, File};
use crate::source;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The module that a file under `src` belongs to, and how many `super` lead from it to the root.
fn module_of(path: &str) -> (&str, usize) {
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
    (parts[0], parts.len())
}

/// The items of a use tree in braces, one level deep: `{a::X, b::{Y, Z}}` gives `a::X` and `b::{Y, Z}`.
fn members(tree: &str) -> Vec<&str> {
    let (mut depth, mut start, mut out) = (0, 1, Vec::new());
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            out.push(tree[start..at].trim());
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    out
}

/// The last names of a use tree: what it brings into scope.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    match tree.find('{') {
        Some(at) => members(&tree[at..]).into_iter().flat_map(leaves).collect(),
        None => {
            let name = tree.rsplit(" as ").next().unwrap_or(tree);
            vec![name.rsplit("::").next().unwrap_or(name).trim().to_owned()]
        }
    }
}

/// The first names of the paths that follow each `prefix` in `code`.
fn first_names(code: &str, prefix: &str) -> Vec<String> {
    let word = Regex::new(r"^[A-Za-z_][A-Za-z0-9_]*").unwrap();
    let start = Regex::new(&format!(r"(?:^|[^A-Za-z0-9_:]){prefix}")).unwrap();
    let name = |path: &str| word.find(path).map(|found| found.as_str().to_owned());
    start
        .find_iter(code)
        .flat_map(|found| {
            let rest = code[found.end()..].trim_start();
            if rest.starts_with('{') {
                members(rest).into_iter().filter_map(name).collect()
            } else {
                Vec::from_iter(name(rest))
            }
        })
        .collect()
}

/// What the root re-exports: item to module.
fn reexports(root: &str) -> BTreeMap<String, String> {
    let exports = Regex::new(r"(?:^|\n)pub(?:\([a-z]+\))? use (?:self::|crate::)?([a-z_0-9]+)::([^;]+);").unwrap();
    let pairs = exports.captures_iter(root).flat_map(|found| {
        let module = found[1].to_owned();
        leaves(&found[2]).into_iter().map(move |item| (item, module.clone())).collect::<Vec<_>>()
    });
    pairs.collect()
}

/// Which module uses which; `files` are those of one crate, with paths under its `src`.
fn graph(files: &[(&str, String)]) -> Graph {
    let is_root = |path: &str| matches!(path, "lib.rs" | "main.rs");
    let exports: BTreeMap<_, _> =
        files.iter().filter(|(path, _)| is_root(path)).flat_map(|(_, code)| reexports(code)).collect();
    let sources: Vec<_> = files.iter().filter(|(path, _)| !is_root(path)).collect();
    let modules: BTreeSet<&str> = sources.iter().map(|(path, _)| module_of(path).0).collect();
    let mut graph = Graph::new();
    for (path, code) in sources {
        let (module, depth) = module_of(path);
        let mut names = first_names(code, "crate::");
        names.extend(first_names(code, &"super::".repeat(depth)));
        let used = names
            .into_iter()
            .filter_map(|name| if modules.contains(name.as_str()) { Some(name) } else { exports.get(&name).cloned() });
        let uses = graph.entry(module.to_owned()).or_default();
        uses.extend(used.filter(|used| used != module));
    }
    graph
}

fn reaches<'a>(graph: &'a Graph, from: &'a str, seen: &mut BTreeSet<&'a str>) {
    for next in graph.get(from).into_iter().flatten() {
        if seen.insert(next) {
            reaches(graph, next, seen);
        }
    }
}

/// The groups of modules that use each other, by way of others or not.
fn cycles(graph: &Graph) -> BTreeSet<String> {
    let reach: BTreeMap<&str, BTreeSet<&str>> = graph
        .keys()
        .map(|module| {
            let mut seen = BTreeSet::new();
            reaches(graph, module, &mut seen);
            (module.as_str(), seen)
        })
        .collect();
    let mutual = |a: &str, b: &str| reach[a].contains(b) && reach.get(b).is_some_and(|back| back.contains(a));
    let of = |a: &str| reach.keys().copied().filter(|b| mutual(a, b)).collect::<Vec<_>>().join(" ");
    reach.keys().map(|module| of(module)).filter(|group| !group.is_empty()).collect()
}

/// Who uses whom within a group.
fn edges(graph: &Graph, group: &str) -> String {
    let members: BTreeSet<&str> = group.split(' ').collect();
    let uses =
        |module: &str| graph[module].iter().filter(|used| members.contains(used.as_str())).cloned().collect::<Vec<_>>();
    members.iter().map(|module| format!("{module} uses {}", uses(module).join(" and "))).collect::<Vec<_>>().join(", ")
}

/// A group that is known may become smaller, not larger.
fn check(name: &str, graph: &Graph, known: &BTreeSet<String>) -> Vec<String> {
    let found = cycles(graph);
    let within =
        |group: &str, known: &str| group.split(' ').all(|module| known.split(' ').any(|other| other == module));
    let new = found.iter().filter(|group| !known.iter().any(|known| within(group, known)));
    let gone = known.iter().filter(|known| !found.iter().any(|group| within(group, known)));
    let new = new.map(|group| format!("{name}: a cycle of modules ({group}): {}", edges(graph, group)));
    new.chain(gone.map(|group| format!("{name}: layers.toml lists a cycle that is gone: {group}"))).collect()
}

fn of_crate(folder: &str, files: &[File]) -> Graph {
    let src = format!("{folder}/src/");
    let production = files.iter().filter(|file| !source::is_test(&file.path));
    let sources = production.filter_map(|file| Some((file.path.strip_prefix(&src)?, source::code(&file.text))));
    graph(&sources.collect::<Vec<_>>())
}

#[test]
fn modules_have_no_cycles() {
    let (files, rules) = (project::files(&[".rs"]), project::read_toml("layers.toml"));
    let known = |name: &str| -> BTreeSet<String> {
        let groups = rules["cycles"].get(name).and_then(toml::Value::as_array).into_iter().flatten();
        groups.filter_map(|group| group.as_str().map(str::to_owned)).collect()
    };
    let crates = project::crates();
    let problems =
        crates.iter().flat_map(|member| check(member.name(), &of_crate(&member.folder, &files), &known(member.name())));
    project::assert_none(problems.collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph_of(files: &[(&str, &str)]) -> Graph {
        let files: Vec<_> = files.iter().map(|(path, code)| (*path, (*code).to_owned())).collect();
        graph(&files)
    }

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        cycles(&graph_of(files)).into_iter().collect()
    }

    #[test]
    fn a_chain_has_no_cycle() {
        assert!(
            found(&[("a.rs", "use crate::b::X;"), ("b.rs", "use crate::c;"), ("c/mod.rs", ""), ("lib.rs", "")])
                .is_empty()
        );
    }

    #[test]
    fn a_cycle_over_three_files_is_named_however_the_path_is_written() {
        for (a, b) in [
            ("use crate::b::X;", "use crate::c::Y;"),
            ("use crate::{\n    z,\n    b::{X, Y},\n};", "fn f() { crate::c::run() }"),
            ("use super::b;", "use crate::{c};"),
        ] {
            assert_eq!(
                found(&[("a.rs", a), ("b.rs", b), ("c/d.rs", "use super::super::a;"), ("lib.rs", "")]),
                ["a b c"]
            );
        }
    }

    #[test]
    fn a_re_export_of_the_root_is_seen_through() {
        let root = "mod a;\nmod b;\npub use a::{One, Two as Three};\npub use b::Four;";
        assert_eq!(
            found(&[("lib.rs", root), ("a.rs", "use crate::Four;"), ("b.rs", "use crate::{x, Three};")]),
            ["a b"]
        );
        assert!(found(&[("lib.rs", root), ("a.rs", "use crate::Four;"), ("b.rs", "use crate::Two;")]).is_empty());
    }

    #[test]
    fn a_known_cycle_may_stay_and_must_go_from_the_list_when_it_is_gone() {
        let cycle = graph_of(&[("a.rs", "use crate::b;"), ("b.rs", "use crate::a;")]);
        let set = |groups: &[&str]| groups.iter().map(|group| (*group).to_owned()).collect();
        assert!(check("x", &cycle, &set(&["a b c"])).is_empty());
        assert_eq!(check("x", &cycle, &set(&[])), ["x: a cycle of modules (a b): a uses b, b uses a"]);
        assert_eq!(check("x", &cycle, &set(&["a b", "c d"])), ["x: layers.toml lists a cycle that is gone: c d"]);
    }
}
