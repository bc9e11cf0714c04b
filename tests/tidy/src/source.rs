//! Rust source as the rules read it: without comments and without tests.

use crate::project::File;

/// Whether a file is a test or a benchmark as a whole.
pub fn is_test(path: &str) -> bool {
    let test = |part: &str| matches!(part, "tests" | "tests.rs" | "benches" | "fixtures" | "examples");
    path.split('/').any(test)
}

/// The lines of `text` outside inline modules that are compiled for tests only.
pub fn production(text: &str) -> Vec<&str> {
    let mut kept: Vec<&str> = Vec::new();
    let mut in_tests = false;
    for line in text.lines() {
        let opens = line.starts_with("mod ") && line.ends_with('{');
        if opens && kept.last() == Some(&"#[cfg(test)]") {
            kept.pop();
            in_tests = true;
        }
        if !in_tests {
            kept.push(line);
        } else if line == "}" {
            in_tests = false;
        }
    }
    kept
}

/// [`production`] without comments and doc comments, as one text.
pub fn code(text: &str) -> String {
    let lines = production(text).into_iter().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The files of `files` that are production code of a crate.
pub fn of_crates(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.path.starts_with("crates/") && !is_test(&file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_modules_and_comments_are_left_out_and_what_follows_is_not() {
        let text = "fn a() {}\n// b\n#[cfg(test)]\nmod tests {\n    fn c() {\n    }\n}\nfn d() {}";
        assert_eq!(code(text), "fn a() {}\nfn d() {}");
        assert_eq!(code("mod tests {\n}"), "mod tests {\n}");
    }

    #[test]
    fn test_files_are_known_by_their_path() {
        assert!(
            is_test("crates/a/tests/it.rs") && is_test("crates/a/src/b/tests.rs") && is_test("crates/a/benches/x.rs")
        );
        assert!(!is_test("crates/a/src/attests.rs"));
    }
}
