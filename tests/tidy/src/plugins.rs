//! Every collector, source and integration is listed in its crate's `all()` and documented.

use regex::Regex;

use crate::project::{self, File};
use crate::source;

/// Crate, trait, page.
const KINDS: [(&str, &str, &str); 3] = [
    ("collectors", "Collector", "docs/collectors.md"),
    ("sources", "Source", "docs/sources.md"),
    ("integrations", "Integration", "docs/integrations.md"),
];

/// A plugin as its file has it: the module it is in, the name it gives itself.
#[derive(Debug, PartialEq, Eq)]
struct Plugin {
    module: String,
    name: String,
}

/// The plugins of a crate, from its files (paths under `src`); or the files that hide their names.
fn plugins(interface: &str, files: &[(&str, String)]) -> Vec<Result<Plugin, String>> {
    let implements = Regex::new(&format!(r"impl(?:<[^>]*>)?\s+(?:[a-z_]+::)*{interface}\s+for\s")).unwrap();
    let function = Regex::new(r#"fn (?:name|kind)\(&self\) -> [^{]+\{\s*([^}]+?)\s*\}"#).unwrap();
    let text = Regex::new(r#""([^"{]+?)\.?(?:"|\{)"#).unwrap();
    let of_file = |(path, code): &(&str, String)| {
        let start = implements.find(code)?.end();
        let module = path.trim_end_matches(".rs").split('/').next().unwrap_or_default().to_owned();
        let body = function.captures(&code[start..]).map(|found| found[1].to_owned());
        let constant = |body: &str| {
            let name = body.rsplit("::").next().unwrap_or(body);
            let value =
                Regex::new(&format!(r#"const {}: &(?:'static )?str = "([^"]+)""#, regex::escape(name))).unwrap();
            value.captures(code).map(|found| found[1].to_owned())
        };
        let name =
            body.and_then(|body| text.captures(&body).map(|found| found[1].to_owned()).or_else(|| constant(&body)));
        Some(name.map(|name| Plugin { module, name }).ok_or_else(|| (*path).to_owned()))
    };
    files.iter().filter_map(of_file).collect()
}

fn check(folder: &str, root: &str, page: (&str, &str), found: Vec<Result<Plugin, String>>) -> Vec<String> {
    let all = root.find("pub fn all(").map(|start| &root[start..]);
    let body = all.map_or("", |all| all.split("\n}").next().unwrap_or_default());
    let mut problems = Vec::new();
    if body.is_empty() {
        problems.push(format!("{folder}/src/lib.rs: has no `pub fn all(`"));
    }
    for plugin in found {
        let Plugin { module, name } = match plugin {
            Ok(plugin) => plugin,
            Err(path) => {
                problems.push(format!("{folder}/src/{path}: its name is not a literal"));
                continue;
            }
        };
        if !body.contains(&format!("{module}::")) {
            problems.push(format!("{folder}: {name} is not in `all()`: it does not use `{module}::`"));
        }
        if !page.1.contains(&format!("`{name}")) {
            problems.push(format!("{}: does not speak of `{name}`", page.0));
        }
    }
    problems
}

fn of_crate(name: &str, interface: &str, page: &str, files: &[File]) -> Vec<String> {
    let (folder, src) = (format!("crates/{name}"), format!("crates/{name}/src/"));
    let production = files.iter().filter(|file| !source::is_test(&file.path));
    let sources: Vec<_> =
        production.filter_map(|file| Some((file.path.strip_prefix(&src)?, source::code(&file.text)))).collect();
    let root = sources.iter().find(|(path, _)| *path == "lib.rs").map_or("", |(_, code)| code.as_str());
    let found = plugins(interface, &sources);
    let mut problems =
        Vec::from_iter(found.is_empty().then(|| format!("{folder}: no `impl {interface} for` was found")));
    problems.extend(check(&folder, root, (page, &project::read(page)), found));
    problems
}

#[test]
fn every_plugin_is_listed_and_documented() {
    let files = project::files(&[".rs"]);
    let problems = KINDS.iter().flat_map(|(name, interface, page)| of_crate(name, interface, page, &files));
    project::assert_none(problems.collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(code: &str) -> Vec<Result<Plugin, String>> {
        plugins("Source", &[("git/mod.rs", code.to_owned())])
    }

    #[test]
    fn names_are_read_as_literals_formats_and_constants() {
        let git = || vec![Ok(Plugin { module: "git".to_owned(), name: "git".to_owned() })];
        assert_eq!(
            named(
                "impl Source for Git {\n    fn name(&self) -> String {\n        format!(\"git.{}\", self.name)\n    }"
            ),
            git()
        );
        assert_eq!(named("impl desired::Source for Git { fn name(&self) -> String { \"git\".to_owned() }"), git());
        assert_eq!(
            named("const NAME: &str = \"git\";\nimpl Source for Git { fn kind(&self) -> &'static str { NAME }"),
            git()
        );
        assert_eq!(
            named("impl Source for Git { fn name(&self) -> String { self.name() }"),
            [Err("git/mod.rs".to_owned())]
        );
        assert!(named("impl Other for Git {}").is_empty());
    }

    #[test]
    fn a_plugin_that_is_not_listed_or_not_documented_is_found() {
        let plugin = || vec![Ok(Plugin { module: "git".to_owned(), name: "git".to_owned() })];
        let (listed, page) = ("pub fn all() -> Vec<X> {\n    vec![git::build()]\n}", ("docs/x.md", "## `git.<name>`"));
        assert!(check("crates/x", listed, page, plugin()).is_empty());
        assert_eq!(check("crates/x", "pub fn all() -> Vec<X> {\n    vec![]\n}\nuse git::X;", page, plugin()).len(), 1);
        assert_eq!(check("crates/x", listed, ("docs/x.md", "git"), plugin()).len(), 1);
        assert_eq!(check("crates/x", "", page, vec![]).len(), 1);
    }
}
