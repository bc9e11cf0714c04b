//! No word that announces something unfinished, no path of a developer's machine, no lint
//! silenced without a reason.

use regex::Regex;

use crate::project;

const ENDINGS: [&str; 9] = [".rs", ".md", ".toml", ".yaml", ".yml", ".sh", "Makefile", "Containerfile", ".ci/run"];

/// Each rule: what it finds, and why that is wrong. The words are put together here so that this
/// file does not hold them.
fn rules() -> Vec<(Regex, &'static str)> {
    let unfinished = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!(r"\bXX", r"X\b"),
        concat!("todo", r"!\("),
        concat!("unimplemented", r"!\("),
        concat!("not (yet )?", "implemented"),
        concat!("place", "holder"),
        concat!(r"\bfor ", r"now(?:[^ \w]|$| [^i]| i[^n])"), // but not the head of a loop
    ];
    let machine = [concat!("/wo", "rk/"), concat!("/fa", "rm/"), concat!("/Us", "ers/"), concat!("/ro", r"ot/\.ca")];
    let of = |words: &[&str]| Regex::new(&words.join("|")).unwrap();
    vec![
        (of(&unfinished), "finish it, or leave the word out"),
        (of(&machine), "a path of somebody's machine"),
        (of(&[concat!(r"#!?\[all", r"ow\([a-z_:, ]+\)\]")]), "wants a reason: `#[allow(lint, reason = \"...\")]`"),
    ]
}

fn check(path: &str, text: &str, rules: &[(Regex, &str)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (line, n) in text.lines().zip(1..) {
        for (regex, why) in rules {
            problems.extend(regex.find(line).map(|found| format!("{path}:{n}: `{}`: {why}", found.as_str())));
        }
    }
    problems
}

#[test]
fn nothing_unfinished_and_nothing_of_one_machine() {
    let rules = rules();
    let files = project::files(&ENDINGS);
    project::assert_none(files.iter().flat_map(|file| check(&file.path, &file.text, &rules)).collect());
}

#[test]
fn each_rule_finds_what_it_names_and_nothing_else() {
    let rules = rules();
    let good = concat!(
        "#[allow(dead_code, reason = \"x\")]\ntodo = \"deny\"\nbefore nowhere\nfor ",
        "now in 0..9 {}\n~/.cache/x"
    );
    assert!(check("a", good, &rules).is_empty());
    for bad in [
        concat!("// TO", "DO: later"),
        concat!("todo", "!()"),
        concat!("is not yet ", "implemented"),
        concat!("ok for ", "now."),
        concat!("cd /wo", "rk/x"),
        concat!("#[all", "ow(dead_code)]"),
    ] {
        assert_eq!(check("a", bad, &rules).len(), 1, "{bad}");
    }
}
