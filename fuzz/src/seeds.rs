//! Inputs to begin with: bodies and case files that the crates' own tests read, from where they are.

use std::fs;
use std::path::Path;

/// An input is no longer, as `scripts/fuzz.sh` says too.
pub const MAX: usize = 4096;

fn read(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file as it is; its path begins with the crate.
pub fn file(path: &str) -> Vec<u8> {
    let mut bytes = read(path);
    bytes.truncate(MAX);
    bytes
}

/// A file in whole, to make inputs of.
pub fn text(path: &str) -> String {
    String::from_utf8(read(path)).expect("text")
}

/// The lines of a file that are not empty.
pub fn lines(path: &str) -> Vec<Vec<u8>> {
    parts(path, "\n")
}

/// What is between separators, without what is empty.
pub fn parts(path: &str, separator: &str) -> Vec<Vec<u8>> {
    let text = text(path);
    let parts = text.split(separator).filter(|part| !part.trim().is_empty() && part.len() <= MAX);
    parts.map(|part| part.as_bytes().to_vec()).collect()
}

/// The case files of Prometheus' and Loki's languages: what stands behind `eval ...`, and every other line.
pub fn queries(paths: &[&str]) -> Vec<Vec<u8>> {
    paths.iter().flat_map(|path| lines(path)).map(|line| query(&line)).collect()
}

fn query(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let Some(rest) = text.trim().strip_prefix("eval ") else { return text.trim().as_bytes().to_vec() };
    // `instant at 5m up`, `range from 0 to 10m step 1m up`, `range 0s 2s 1s up`, `logs up`
    let mut words = rest.split(' ').peekable();
    let heads = ["instant", "range", "logs", "at", "from", "to", "step"];
    let time = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
    while words.next_if(|word| heads.contains(word) || time(word)).is_some() {}
    words.collect::<Vec<_>>().join(" ").into_bytes()
}

/// Texts as seeds.
pub fn of(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A seed that grows: see [`crate::input::grown`].
pub fn growing(before: &str, part: &str, after: &str) -> Vec<u8> {
    [before.as_bytes(), part.as_bytes(), after.as_bytes()].join(&0xff)
}
