//! No dependency upward or to a sibling; heavy libraries only in their own crates.

use toml::{Table, Value};

use crate::project;

const KINDS: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

/// The dependencies of one kind, those of targets included: the packages' own names.
pub fn dependencies(manifest: &Table, kind: &str) -> Vec<String> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = std::iter::once(manifest.get(kind)).chain(targets.map(|target| target.get(kind)));
    tables
        .flatten()
        .filter_map(Value::as_table)
        .flatten()
        .map(|(name, spec)| spec.get("package").and_then(Value::as_str).unwrap_or(name).to_owned())
        .collect()
}

fn edge(from: &Value, to: &Value, kind: &str) -> Result<(), &'static str> {
    match (from.as_integer(), to.as_integer()) {
        (None, _) => Ok(()),
        (Some(_), None) if kind == "dev-dependencies" => Ok(()),
        (Some(_), None) => Err("is for tests only"),
        (Some(from), Some(to)) if to == from => Err("is a sibling"),
        (Some(from), Some(to)) if to > from => Err("is above it"),
        _ => Ok(()),
    }
}

fn check<'a>(rules: &Table, manifests: impl Iterator<Item = (&'a str, &'a Table)> + Clone) -> Vec<String> {
    let (layers, homes) = (rules["layers"].as_table().unwrap(), rules["homes"].as_table().unwrap());
    let mut problems = Vec::new();
    for name in layers.keys().filter(|name| !manifests.clone().any(|(known, _)| known == *name)) {
        problems.push(format!("layers.toml: there is no crate {name}"));
    }
    for (name, manifest) in manifests {
        let Some(layer) = layers.get(name) else {
            problems.push(format!("{name}: has no layer in layers.toml"));
            continue;
        };
        for kind in KINDS {
            for dependency in dependencies(manifest, kind) {
                if let Some(Err(why)) = layers.get(&dependency).map(|to| edge(layer, to, kind)) {
                    problems.push(format!("{name}: {kind}: {dependency} {why}"));
                }
                let home = homes.get(&dependency).filter(|_| kind != "dev-dependencies");
                if home.is_some_and(|home| !home.as_array().unwrap().iter().any(|home| home.as_str() == Some(name))) {
                    problems.push(format!("{name}: {kind}: {dependency} has another home in layers.toml"));
                }
            }
        }
    }
    problems
}

#[test]
fn crates_use_lower_layers_only() {
    let crates = project::crates();
    let manifests = crates.iter().map(|member| (member.name(), &member.manifest));
    project::assert_none(check(&project::read_toml("layers.toml"), manifests));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(manifest: &str) -> Vec<String> {
        let rules = "layers = { low = 0, a = 1, b = 1, high = 2, helper = \"test\" }\nhomes = { heavy = [\"b\"] }";
        let (rules, manifest): (Table, Table) = (rules.parse().unwrap(), manifest.parse().unwrap());
        let empty = Table::new();
        let others = [("low", &empty), ("b", &empty), ("high", &empty), ("helper", &empty)];
        check(&rules, others.into_iter().chain([("a", &manifest)]))
    }

    #[test]
    fn up_and_sideways_are_found_in_every_kind_of_dependency() {
        assert!(problems("dependencies.low.workspace = true\ndev-dependencies.helper.path = \"x\"").is_empty());
        for (manifest, problem) in [
            ("dependencies.high.workspace = true", "a: dependencies: high is above it"),
            ("dependencies.b = \"1\"", "a: dependencies: b is a sibling"),
            ("dependencies.x = { package = \"b\" }", "a: dependencies: b is a sibling"),
            ("dev-dependencies.high.path = \"x\"", "a: dev-dependencies: high is above it"),
            ("build-dependencies.helper.path = \"x\"", "a: build-dependencies: helper is for tests only"),
            ("target.'cfg(unix)'.dependencies.b = \"1\"", "a: dependencies: b is a sibling"),
            ("dependencies.heavy = \"1\"", "a: dependencies: heavy has another home in layers.toml"),
        ] {
            assert_eq!(problems(manifest), [problem]);
        }
    }

    #[test]
    fn every_crate_has_a_layer_and_every_layer_a_crate() {
        let rules: Table = "layers = { gone = 0 }\nhomes = {}".parse().unwrap();
        let empty = Table::new();
        let found = check(&rules, [("new", &empty)].into_iter());
        assert_eq!(found, ["layers.toml: there is no crate gone", "new: has no layer in layers.toml"]);
    }
}
