//! What the documents say is there: links, crates, commands; and the changelog is open.

use std::path::{Component, Path, PathBuf};

use regex::Regex;

use crate::project;

/// Relative links of a Markdown text that lead to no file, by `exists`.
fn broken_links(path: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let link = Regex::new(r"\]\(([^)#\s]+)(?:#[^)]*)?\)").unwrap();
    let folder = Path::new(path).parent().unwrap();
    let targets = link.captures_iter(text).map(|found| found[1].to_owned());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter(|target| !exists(&clean(&folder.join(target))))
        .map(|target| format!("{path}: the link {target} leads nowhere"))
        .collect()
}

fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = out.pop(),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    out
}

/// The crates that a map does not name in backquotes.
fn not_on_map<'a>(map: &str, crates: impl Iterator<Item = &'a str>) -> Vec<String> {
    crates
        .filter(|name| !map.contains(&format!("`{name}`")))
        .map(|name| format!("ARCHITECTURE.md: does not name `{name}`"))
        .collect()
}

/// The `make x` and `scripts/x` that a text tells people to type, and that are not there.
fn missing_commands(path: &str, text: &str, makefile: &str, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let target = Regex::new(r"\bmake ([a-z][a-z-]*)").unwrap();
    let script = Regex::new(r"\bscripts/[a-z-]+(?:\.sh)?\b").unwrap();
    let code: Vec<&str> = in_code(text);
    let targets = code.iter().flat_map(|code| target.captures_iter(code)).map(|found| found[1].to_owned());
    let scripts = code.iter().flat_map(|code| script.find_iter(code)).map(|found| found.as_str().to_owned());
    let lost = targets.filter(|name| !makefile.contains(&format!("\n{name}:"))).map(|name| format!("make {name}"));
    let lost = lost.chain(scripts.filter(|script| !exists(Path::new(script))));
    lost.map(|command| format!("{path}: there is no `{command}`")).collect()
}

/// The fenced and inline code of a Markdown text.
fn in_code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).chain(text.split("```").skip(1).step_by(2)).collect()
}

fn changelog_problem(text: &str) -> Option<&'static str> {
    let open = text.lines().any(|line| line == "## [Unreleased]");
    (!open).then_some("CHANGELOG.md: has no section `## [Unreleased]`")
}

#[test]
fn documents_speak_of_what_is_there() {
    let (makefile, root) = (project::read("Makefile"), project::root());
    let exists = |path: &Path| root.join(path).exists();
    let files = project::files(&[".md"]);
    let problems = files.iter().flat_map(|file| {
        let links = broken_links(&file.path, &file.text, exists);
        links.into_iter().chain(missing_commands(&file.path, &file.text, &makefile, exists))
    });
    project::assert_none(problems.collect());
}

#[test]
fn the_map_names_every_crate() {
    let crates = project::crates();
    project::assert_none(not_on_map(&project::read("ARCHITECTURE.md"), crates.iter().map(project::Crate::name)));
}

#[test]
fn the_changelog_is_open() {
    assert_eq!(changelog_problem(&project::read("CHANGELOG.md")), None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let exists = |path: &Path| path == Path::new("docs/a.md");
        let good = "[a](a.md) [b](../docs/a.md#x) [c](https://example.com/x) [d](#here)";
        assert!(broken_links("docs/b.md", good, exists).is_empty());
        assert_eq!(broken_links("docs/b.md", "[a](c.md)", exists).len(), 1);
    }

    #[test]
    fn a_command_or_crate_that_is_not_there_is_found() {
        let exists = |path: &Path| path == Path::new("scripts/a.sh");
        let check = |text: &str| missing_commands("x.md", text, "\nrun:\n\techo\n", exists);
        assert!(check("make sure that `make run` and `scripts/a.sh`").is_empty());
        assert_eq!(check("```\nmake bench-x\n```").first().unwrap(), "x.md: there is no `make bench-x`");
        assert_eq!(check("`scripts/b.sh`").len(), 1);
        assert_eq!(not_on_map("`bus` store", ["bus", "store"].into_iter()), ["ARCHITECTURE.md: does not name `store`"]);
    }

    #[test]
    fn a_closed_changelog_is_found() {
        assert!(changelog_problem("# Changelog\n\n## [Unreleased]\n").is_none());
        assert!(changelog_problem("# Changelog\n\n## [0.1.0]\n").is_some());
    }
}
