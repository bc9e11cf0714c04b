//! Jobs from text.

use std::path::Path;

use scrape::Problem;
use scrape::config::{Job, Read, parse};

pub fn read(text: &str) -> Result<Read, Vec<Problem>> {
    parse(text, Path::new("/etc/prometheus"))
}

/// The job `j` with these settings, each in a line.
pub fn job(settings: &str) -> Job {
    let settings: String = settings.lines().map(|line| format!("  {line}\n")).collect();
    let text = format!("scrape_configs:\n- job_name: j\n{settings}");
    let mut jobs = read(&text).unwrap_or_else(|problems| panic!("{problems:?}\n{text}")).jobs;
    jobs.remove(0)
}

/// Blocks of a case file: name and lines.
pub fn blocks(file: &str) -> Vec<(String, Vec<String>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut blocks: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            blocks.push((name.to_owned(), Vec::new()));
        } else if let Some((_, lines)) = blocks.last_mut().filter(|_| !line.is_empty()) {
            lines.push(line.to_owned());
        }
    }
    assert!(!blocks.is_empty(), "{}", path.display());
    blocks
}
