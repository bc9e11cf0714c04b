//! `docs/metrics.md` lists the metrics that the code has, no more and no less, and says what each
//! means; rules and dashboards use only those. `UPDATE=1 cargo test -p tidy` rewrites the list and
//! keeps the meanings.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::list::List;
use crate::project::{self, File};
use crate::source;

const LIST: List = List { page: "docs/metrics.md", name: "metrics" };
const HEAD: &str = "| metric | kind | labels | crate | meaning |\n|---|---|---|---|---|\n";

/// What the code says of one metric.
#[derive(Debug, Default, PartialEq, Eq)]
struct Metric {
    kinds: BTreeSet<String>,
    labels: BTreeSet<String>,
    crates: BTreeSet<String>,
}

/// The metrics that `code` of the crate `name` makes.
fn collect(name: &str, code: &str, found: &mut BTreeMap<String, Metric>) {
    let made = Regex::new(r#"\b(counter|gauge|histogram)!\s*\(\s*"(steadfast_[a-z0-9_]+)""#).unwrap();
    for hit in made.captures_iter(code) {
        let metric = found.entry(hit[2].to_owned()).or_default();
        metric.kinds.insert(hit[1].to_owned());
        metric.crates.insert(name.to_owned());
        metric.labels.extend(labels(arguments(&code[hit.get(0).map_or(0, |whole| whole.end())..]), code));
    }
}

/// What is left of a call's arguments, up to the parenthesis that closes it.
fn arguments(rest: &str) -> &str {
    let mut depth = 1;
    let end = rest.find(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    &rest[..end.unwrap_or(rest.len())]
}

/// The labels that `arguments` name, themselves or by a variable (`let labels = [("log", ...)]`).
fn labels(arguments: &str, code: &str) -> Vec<String> {
    let direct = Regex::new(r#""([a-z_]+)"\s*=>"#).unwrap();
    let variable = Regex::new(r"^,\s*&(?:self\.)?([a-z_]+)").unwrap();
    let pair = Regex::new(r#"\("([a-z_]+)","#).unwrap();
    let mut labels: Vec<_> = direct.captures_iter(arguments).map(|label| label[1].to_owned()).collect();
    if let Some(name) = variable.captures(arguments) {
        let start = [format!("let {} = [", &name[1]), format!("{}: [", &name[1])];
        let list = start.iter().find_map(|start| code.split_once(start)).and_then(|(_, rest)| rest.split(']').next());
        labels.extend(pair.captures_iter(list.unwrap_or_default()).map(|label| label[1].to_owned()));
    }
    labels
}

/// Metrics that `code` names without making them there, as a constant would.
fn indirect(code: &str, found: &BTreeMap<String, Metric>) -> Vec<String> {
    let name = Regex::new(r#""(steadfast_[a-z0-9_]+)""#).unwrap();
    let names = name.captures_iter(code).map(|name| name[1].to_owned());
    names.filter(|name| !found.contains_key(name)).collect()
}

/// The meanings of a list, by metric.
fn meanings(list: &str) -> BTreeMap<String, String> {
    let rows = list.lines().filter(|line| line.starts_with("| `steadfast_"));
    let cells =
        rows.map(|line| line.trim_matches('|').splitn(5, '|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    cells
        .filter(|cells| cells.len() == 5)
        .map(|cells| (cells[0].trim_matches('`').to_owned(), cells[4].clone()))
        .collect()
}

/// The list as the code gives it, with the meanings that `list` has.
fn render(found: &BTreeMap<String, Metric>, list: &str) -> String {
    let meanings = meanings(list);
    let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    let row = |(name, metric): (&String, &Metric)| {
        let meaning = meanings.get(name).map_or("", String::as_str);
        let (kinds, labels, crates) = (join(&metric.kinds), join(&metric.labels), join(&metric.crates));
        format!("| `{name}` | {kinds} | {labels} | {crates} | {meaning} |\n")
    };
    format!("{HEAD}{}", found.iter().map(row).collect::<String>())
}

fn unexplained(list: &str) -> Vec<String> {
    let empty = meanings(list).into_iter().filter(|(_, meaning)| meaning.is_empty());
    empty.map(|(name, _)| format!("{}: say what {name} means", LIST.page)).collect()
}

fn of_code(files: &[File]) -> BTreeMap<String, Metric> {
    let mut found = BTreeMap::new();
    for file in source::of_crates(files) {
        collect(file.path.split('/').nth(1).unwrap_or_default(), &source::code(&file.text), &mut found);
    }
    found
}

/// The metrics that a rule or dashboard names and nobody makes.
fn unknown(path: &str, text: &str, known: &BTreeSet<&str>) -> Vec<String> {
    let name = Regex::new(r"\bsteadfast_[a-z0-9_]+").unwrap();
    let series = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        known.contains(name)
            || parts.iter().any(|part| name.strip_suffix(part).is_some_and(|name| known.contains(name)))
    };
    let names: BTreeSet<_> = name.find_iter(text).map(|name| name.as_str()).collect();
    names.into_iter().filter(|name| !series(name)).map(|name| format!("{path}: there is no metric {name}")).collect()
}

#[test]
fn the_list_is_what_the_code_has() {
    let files = project::files(&[".rs"]);
    let found = of_code(&files);
    let list = render(&found, LIST.of(&project::read(LIST.page)));
    let mut problems = LIST.settle(&list);
    problems.extend(unexplained(&list));
    for file in source::of_crates(&files) {
        let hidden = indirect(&source::code(&file.text), &found);
        problems.extend(
            hidden.into_iter().map(|name| format!("{}: {name} is not made by a macro that names it", file.path)),
        );
    }
    project::assert_none(problems);
}

#[test]
fn rules_and_dashboards_use_metrics_that_exist() {
    let (rust, texts) = (project::files(&[".rs"]), project::files(&[".yaml", ".json"]));
    let found = of_code(&rust);
    let known = found.keys().map(String::as_str).collect();
    let texts = texts.iter().filter(|file| file.path.starts_with("alerts/") || file.path.starts_with("dashboards/"));
    project::assert_none(texts.flat_map(|file| unknown(&file.path, &file.text, &known)).collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(code: &str) -> BTreeMap<String, Metric> {
        let mut found = BTreeMap::new();
        collect("a", code, &mut found);
        found
    }

    #[test]
    fn kind_labels_and_crate_are_read_from_the_code() {
        let found = found(
            "metrics::counter!(\n    \"steadfast_x_total\", \"log\" => log.name(),\n    \"shard\" => s).increment(1);\nlet g = gauge!(\"steadfast_y\").set(1);",
        );
        let rows = "| `steadfast_x_total` | counter | log, shard | a |  |\n| `steadfast_y` | gauge |  | a |  |\n";
        assert_eq!(render(&found, ""), format!("{HEAD}{rows}"));
    }

    #[test]
    fn labels_in_a_variable_are_read_and_those_of_the_next_metric_are_not() {
        let code = "let labels = [(\"log\", name()), (\"shard\", s)];\nA { a: counter!(\"steadfast_x\", &labels), b: gauge!(\"steadfast_y\"), c: gauge!(\"steadfast_z\", \"of\" => f(1)) }";
        let labels: Vec<_> =
            found(code).into_values().map(|metric| metric.labels.into_iter().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(labels, ["log shard", "", "of"]);
    }

    #[test]
    fn a_meaning_is_kept_and_one_that_is_not_there_is_found() {
        let found = found("counter!(\"steadfast_x_total\").increment(1)");
        let list = render(&found, "| `steadfast_x_total` | gauge |  | b | Things. |\n");
        assert_eq!(list, format!("{HEAD}| `steadfast_x_total` | counter |  | a | Things. |\n"));
        assert!(unexplained(&list).is_empty());
        assert_eq!(unexplained(&render(&found, "")).len(), 1);
    }

    #[test]
    fn a_metric_behind_a_constant_is_found() {
        let code = "const X: &str = \"steadfast_x_total\"; counter!(\"steadfast_y_total\")";
        assert_eq!(indirect(code, &found(code)), ["steadfast_x_total"]);
    }

    #[test]
    fn a_rule_over_a_metric_that_nobody_makes_is_found() {
        let known = ["steadfast_x_seconds"].into();
        assert!(unknown("a", "rate(steadfast_x_seconds_bucket[5m])", &known).is_empty());
        assert_eq!(unknown("a", "steadfast_y", &known), ["a: there is no metric steadfast_y"]);
    }
}
