//! Every collector, source and integration is listed in its crate's `all()` and documented.

use regex::{Captures, Regex};

use crate::project::{self, File};
use crate::source;

/// Crates of plugins, each with its page.
const KINDS: [(&str, &str); 3] =
    [("collectors", "docs/collectors.md"), ("sources", "docs/sources.md"), ("integrations", "docs/integrations.md")];

/// A plugin as its file has it: `files::PLUGIN`, and the name it gives itself.
#[derive(Debug, PartialEq, Eq)]
struct Plugin {
    path: String,
    name: String,
}

/// The plugins of a crate, from its files (paths under `src`).
fn plugins(files: &[(&str, String)]) -> Vec<Plugin> {
    let made =
        r#"(?:const ([A-Z_]+): Plugin =|fn ([a-z_]+)\(\) -> Plugin \{)\s*Plugin\s*\{\s*(?:name|kind): "([^"]+)""#;
    let made = Regex::new(made).unwrap();
    let of_file = |(path, code): &(&str, String)| {
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let module = module.rsplit('/').next().unwrap_or(module).to_owned();
        let path =
            |found: &Captures<'_>| found.get(1).or_else(|| found.get(2)).map_or("", |item| item.as_str()).to_owned();
        let plugin =
            |found: Captures<'_>| Plugin { path: format!("{module}::{}", path(&found)), name: found[3].to_owned() };
        made.captures_iter(code).map(plugin).collect::<Vec<_>>()
    };
    files.iter().flat_map(of_file).collect()
}

/// What `all()` lists, with the lists that it is made of.
fn listed(files: &[(&str, String)]) -> String {
    let list = Regex::new(r"(?s)const ALL: &\[[^=]*= &\[(.*?)\];|pub fn all\(\)[^{]*\{(.*?)\n\}").unwrap();
    files.iter().flat_map(|(_, code)| list.find_iter(code)).map(|found| found.as_str()).collect()
}

fn check(member: &str, page: (&str, &str), listed: &str, found: &[Plugin]) -> Vec<String> {
    let mut problems = Vec::from_iter(found.is_empty().then(|| format!("{member}: no `Plugin` was found")));
    for Plugin { path, name } in found {
        if !Regex::new(&format!(r"\b{path}\b")).unwrap().is_match(listed) {
            problems.push(format!("{member}: {path} ({name}) is not in `all()`"));
        }
        if !page.1.contains(&format!("`{name}`")) {
            problems.push(format!("{}: does not speak of `{name}`", page.0));
        }
    }
    problems
}

fn of_crate(member: &str, page: &str, files: &[File]) -> Vec<String> {
    let src = format!("crates/{member}/src/");
    let production = files.iter().filter(|file| !source::is_test(&file.path));
    let sources: Vec<_> =
        production.filter_map(|file| Some((file.path.strip_prefix(&src)?, source::code(&file.text)))).collect();
    check(member, (page, &project::read(page)), &listed(&sources), &plugins(&sources))
}

#[test]
fn every_plugin_is_listed_and_documented() {
    let files = project::files(&[".rs"]);
    project::assert_none(KINDS.iter().flat_map(|(member, page)| of_crate(member, page, &files)).collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_and_lists_are_read_from_the_code() {
        let files = [
            ("lib.rs", "pub fn all() -> &'static [Plugin] {\n    host::ALL\n}".to_owned()),
            ("host/mod.rs", "const ALL: &[Plugin] = &[files::PLUGIN];".to_owned()),
            ("host/files/mod.rs", "pub(crate) const PLUGIN: Plugin = Plugin {\n    name: \"host.files\",".to_owned()),
        ];
        let plugin = || vec![Plugin { path: "files::PLUGIN".to_owned(), name: "host.files".to_owned() }];
        assert_eq!(plugins(&files), plugin());
        let function = "pub fn plugin() -> Plugin {\n    Plugin {\n        kind: \"webhook\",";
        assert_eq!(plugins(&[("webhook/mod.rs", function.to_owned())])[0].path, "webhook::plugin");
        assert!(check("x", ("docs/x.md", "## `host.files`"), &listed(&files), &plugin()).is_empty());
    }

    #[test]
    fn a_plugin_that_is_not_listed_or_not_documented_is_found() {
        let plugin = [Plugin { path: "git::PLUGIN".to_owned(), name: "git".to_owned() }];
        assert_eq!(check("x", ("docs/x.md", "`git`"), "vec![git::PLUGIN_TWO]", &plugin).len(), 1);
        assert_eq!(check("x", ("docs/x.md", "git"), "vec![git::PLUGIN]", &plugin).len(), 1);
        assert_eq!(check("x", ("docs/x.md", ""), "", &[]).len(), 1);
    }
}
