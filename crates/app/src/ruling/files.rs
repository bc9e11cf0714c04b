//! Rule files as definitions of groups.

use std::path::{Path, PathBuf};

use base::Limit;
use rules::book::{Definition, Settings};
use rules::{Group, Problem, Reading, parse_rules};

use crate::AppError;
use crate::files::{expand, read};

/// Bytes of one rule file.
const BYTES: Limit = Limit::new("rules.file_bytes", 16 << 20);
/// Rule files.
const FILES: Limit = Limit::new("rules.files", 10_000);
/// Groups of all files.
const GROUPS: Limit = Limit::new("rules.groups", 10_000);
/// Rules of all files.
const RULES: Limit = Limit::new("rules.rules", 100_000);
/// Bytes of a group as it is kept: logs take records of 4 MiB and more.
const GROUP_BYTES: Limit = Limit::new("rules.group_bytes", 2 << 20);

/// The groups of all files that the patterns name, each file once, in order.
///
/// # Errors
/// All mistakes of all files, each with file, line, column and key.
pub(super) fn load(patterns: &[PathBuf], settings: &Settings) -> Result<Vec<Definition>, AppError> {
    let (mut files, mut definitions, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    for pattern in patterns {
        match matching(pattern) {
            Ok(found) => files.extend(found),
            Err(error) => lines.push(error.to_string()),
        }
    }
    files.sort();
    files.dedup();
    FILES.check(files.len() as u64).map_err(|exceeded| AppError::part("rules.files", exceeded))?;
    for file in &files {
        let line = |problem: &Problem| format!("{}:{problem}", file.display());
        match groups(file) {
            Ok(Ok(groups)) => {
                for group in groups {
                    let name = file.display().to_string();
                    let definition = Definition { file: name, group, settings: settings.clone() };
                    lines.extend(bounded(file, &definition).err().map(|error| error.to_string()));
                    definitions.push(definition);
                }
            }
            Ok(Err(problems)) => lines.extend(problems.iter().map(line)),
            Err(error) => lines.push(error.to_string()),
        }
    }
    if !lines.is_empty() {
        return Err(AppError::Manifest { problems: lines.join("\n") });
    }
    let rules = definitions.iter().map(|definition| definition.group.rules.len() as u64).sum();
    let bounds = GROUPS.check(definitions.len() as u64).and_then(|()| RULES.check(rules));
    bounds.map_err(|exceeded| AppError::part("rules.files", exceeded))?;
    Ok(definitions)
}

/// The files that a pattern names.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, AppError> {
    let text = pattern.to_string_lossy();
    let found = expand("rules.files", Path::new(""), &text)?;
    if found.is_empty() && !text.contains(['*', '?', '[']) {
        return Err(AppError::file(pattern, "there is no such file"));
    }
    // A group is known by its file, wherever the process is started.
    let absolute = |path: PathBuf| std::path::absolute(&path).map_err(|error| AppError::file(path, error));
    found.into_iter().map(absolute).collect()
}

/// The groups of a file, or its mistakes.
fn groups(file: &Path) -> Result<Result<Vec<Group>, Vec<Problem>>, AppError> {
    let text = read(file, BYTES)?;
    Ok(parse_rules(&text, Reading::default()))
}

fn bounded(file: &Path, definition: &Definition) -> Result<(), AppError> {
    let wrong = |problem: &dyn std::fmt::Display| {
        AppError::file(file, format!("{}: group {}: {problem}", definition.group.place().line, definition.group.name))
    };
    let bytes = serde_json::to_string(definition).map_err(|error| wrong(&error))?.len();
    GROUP_BYTES.check(bytes as u64).map_err(|exceeded| wrong(&exceeded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    const GOOD: &str = "groups:\n- name: g\n  rules:\n  - {alert: A, sql: SELECT 1}\n";

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn load(folder: &tempfile::TempDir, pattern: &str) -> Result<Vec<Definition>, AppError> {
        let settings = crate::ruling::settings(&Config::parse("").unwrap());
        super::load(&[folder.path().join(pattern)], &settings)
    }

    #[test]
    fn patterns_name_files_and_each_is_read_once() {
        let folder = folder(&[("a.yml", GOOD), ("b.yml", GOOD), ("c.txt", "no rules")]);
        let settings = crate::ruling::settings(&Config::parse("").unwrap());
        let patterns = [folder.path().join("*.yml"), folder.path().join("a.yml")];
        let found = super::load(&patterns, &settings).unwrap();
        let files: Vec<&str> = found.iter().map(|it| it.file.rsplit('/').next().unwrap()).collect();
        assert_eq!(files, ["a.yml", "b.yml"]);
        assert!(load(&folder, "none*.yml").unwrap().is_empty());
        assert!(load(&folder, "none.yml").unwrap_err().to_string().contains("none.yml: there is no such file"));
    }

    #[test]
    fn all_mistakes_of_all_files_are_named_with_their_places() {
        let unknown = GOOD.replace("sql:", "sqll:");
        let twice = format!("{GOOD}- name: g\n");
        let folder = folder(&[("a.yml", &unknown), ("b.yml", GOOD), ("c.yml", &twice)]);
        let text = load(&folder, "*.yml").unwrap_err().to_string();
        assert!(text.contains("a.yml:4:16: sqll: is not a field of a rule"), "{text}");
        assert!(text.contains("c.yml:5:3: name: groupname: \"g\" is repeated"), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn settings_are_those_of_the_configuration() {
        let text = "rules: {files: a.yml, evaluation_interval: 15s, missing: {policy: alert, keep_for: 5m}, flapping: {changes: 0}}";
        let settings = crate::ruling::settings(&Config::parse(text).unwrap());
        assert_eq!((settings.interval, settings.missing.keep_for, settings.flapping.changes), (15_000, 300_000, 0));
        let short = crate::ruling::settings(&Config::parse("rules: {missing: resolve}").unwrap());
        assert_eq!(short.missing.policy, rules::book::MissingPolicy::Resolve);
        for (text, expected) in [
            ("rules: {missing: perhaps}", "`keep`, `resolve`, `alert`"),
            ("rules:\n  fils: x\n", "did you mean `files`?"),
            ("rules: {evaluation_interval: 0s}", "rules.evaluation_interval"),
        ] {
            let problems = Config::parse(text).unwrap_err();
            assert!(problems.iter().any(|problem| problem.to_string().contains(expected)), "{problems:?}");
        }
    }
}
