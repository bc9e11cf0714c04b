//! Files stay small: half of them under 200 lines of production code, none over 800.

use crate::{project, source};

const MAX: usize = 800;
const MEDIAN: usize = 200;

fn check(mut sizes: Vec<(usize, &str)>) -> Vec<String> {
    sizes.sort_unstable();
    let large = sizes.iter().filter(|(lines, _)| *lines > MAX);
    let mut problems: Vec<_> =
        large.map(|(lines, path)| format!("{path}: {lines} lines of production code, {MAX} allowed")).collect();
    if let Some((median, _)) = sizes.get(sizes.len() / 2).filter(|(lines, _)| *lines >= MEDIAN) {
        problems.push(format!("the median file has {median} lines, less than {MEDIAN} allowed"));
    }
    problems
}

#[test]
fn files_are_small() {
    let files = project::files(&[".rs"]);
    let sizes = source::of_crates(&files).map(|file| (source::production(&file.text).len(), file.path.as_str()));
    project::assert_none(check(sizes.collect()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_and_a_large_median_are_found() {
        assert!(check(vec![(10, "a"), (199, "b"), (800, "c")]).is_empty());
        assert_eq!(check(vec![(10, "a"), (10, "b"), (801, "c")]).len(), 1);
        assert_eq!(check(vec![(10, "a"), (200, "b"), (300, "c")]).len(), 1);
    }
}
