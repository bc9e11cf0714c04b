//! `docs/metrics.md` lists the metrics that the code has, no more and no less, and says what each
//! means; rules and dashboards use only those. `UPDATE=1 cargo test -p tidy` rewrites the list and
//! keeps the meanings.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::project::{self, File};
use crate::source;

const LIST: &str = "docs/metrics.md";
const START: &str = "<!-- metrics: the list is written by `UPDATE=1 cargo test -p tidy`, the last column by hand -->\n";
const END: &str = "<!-- end of metrics -->\n";
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
    let made = Regex::new(r#"(?s)\b(counter|gauge|histogram)!\s*\(\s*"(steadfast_[a-z0-9_]+)"(.*)"#).unwrap();
    let label = Regex::new(r#""([a-z_]+)"\s*=>"#).unwrap();
    let mut rest = code;
    while let Some(hit) = made.captures(rest) {
        let after = hit.get(3).map_or("", |after| after.as_str());
        let arguments = &after[..after.find(").").or_else(|| after.find(';')).unwrap_or(after.len())];
        let metric = found.entry(hit[2].to_owned()).or_default();
        metric.kinds.insert(hit[1].to_owned());
        metric.labels.extend(label.captures_iter(arguments).map(|label| label[1].to_owned()));
        metric.crates.insert(name.to_owned());
        rest = after;
    }
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

fn render(found: &BTreeMap<String, Metric>, meanings: &BTreeMap<String, String>) -> String {
    let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    let row = |(name, metric): (&String, &Metric)| {
        let meaning = meanings.get(name).map_or("", String::as_str);
        let (kinds, labels, crates) = (join(&metric.kinds), join(&metric.labels), join(&metric.crates));
        format!("| `{name}` | {kinds} | {labels} | {crates} | {meaning} |\n")
    };
    found.iter().map(row).collect()
}

/// The text around the list, and the list.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(START)?;
    let (list, after) = rest.split_once(END)?;
    Some((before, list, after))
}

fn check(text: &str, found: &BTreeMap<String, Metric>) -> Vec<String> {
    let Some((_, list, _)) = split(text) else { return vec![format!("{LIST}: the marks around the list are gone")] };
    let meanings = meanings(list);
    let empty = meanings.iter().filter(|(_, meaning)| meaning.is_empty());
    let mut problems: Vec<_> = empty.map(|(name, _)| format!("{LIST}: say what {name} means")).collect();
    if list.trim() != format!("{HEAD}{}", render(found, &meanings)).trim() {
        problems.push(format!("{LIST}: is not what the code has; run `UPDATE=1 cargo test -p tidy`"));
    }
    problems
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
    let mut text = project::read(LIST);
    if std::env::var_os("UPDATE").is_some() {
        let (before, list, after) = split(&text).expect("the marks around the list");
        text = format!("{before}{START}{HEAD}{}{END}{after}", render(&found, &meanings(list)));
        std::fs::write(project::root().join(LIST), &text).unwrap();
    }
    let mut problems = check(&text, &found);
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
        assert_eq!(
            render(&found, &BTreeMap::new()),
            "| `steadfast_x_total` | counter | log, shard | a |  |\n| `steadfast_y` | gauge |  | a |  |\n"
        );
    }

    #[test]
    fn a_list_that_is_old_or_does_not_say_what_a_metric_means_is_found() {
        let found = found("counter!(\"steadfast_x_total\").increment(1)");
        let page = |row: &str| format!("# Metrics\n\n{START}{HEAD}{row}{END}after");
        assert!(check(&page("| `steadfast_x_total` | counter |  | a | Things. |\n"), &found).is_empty());
        assert_eq!(check(&page("| `steadfast_x_total` | counter |  | a |  |\n"), &found).len(), 1);
        assert_eq!(check(&page("| `steadfast_x_total` | gauge |  | a | Things. |\n"), &found).len(), 1);
        assert_eq!(check(&page(""), &found).len(), 1);
        assert_eq!(check("", &found).len(), 1);
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
