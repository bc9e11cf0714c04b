//! Scrape configurations and files of targets: mistakes have a place, and what is read makes targets.

use std::path::Path;

use scrape::config::parse;
use scrape::{Problem, discovery, targets};

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let cases = seeds::parts("scrape/tests/cases/config.txt", "\n== ");
    let body = |case: &Vec<u8>| {
        let text = String::from_utf8_lossy(case).into_owned();
        let lines: Vec<_> = text.lines().skip(1).filter(|line| !line.starts_with("!! ")).collect();
        lines.join("\n").into_bytes()
    };
    let mut seeds: Vec<Vec<u8>> = cases.iter().map(body).collect();
    seeds.extend(seeds::of(&[
        "global: {scrape_interval: 15s}\nscrape_configs:\n- job_name: a\n  static_configs:\n  - targets: ['a:1', '[::1]:2']\n    labels: {x: y}\n  relabel_configs:\n  - {source_labels: [__address__], target_label: instance, regex: '(.*):.*'}\n  params: {module: [x]}\n",
        "[{\"targets\": [\"a:1\"], \"labels\": {\"env\": \"x\"}}]",
    ]));
    seeds.push(seeds::growing("scrape_configs:\n", "- job_name: a\n", ""));
    seeds.push(seeds::growing("{", "a: b, ", "}"));
    seeds.push(seeds::growing("- targets: [", "a, ", "b]"));
    seeds
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    match parse(&text, Path::new("/etc")) {
        Ok(read) => {
            for job in &read.jobs {
                assert!(job.timeout <= job.interval && !job.name.is_empty());
                let found = targets(&job.statics, job);
                let given: usize = job.statics.iter().map(|group| group.targets.len()).sum();
                assert!(found.active.len() + found.dropped_count <= given);
            }
        }
        Err(problems) => told(&text, &problems),
    }
    match discovery::file(&text, "targets.yml") {
        Ok(groups) => {
            let labels = groups.iter().flat_map(|group| group.labels());
            assert!(labels.into_iter().all(|labels| labels.contains_key("__address__")));
        }
        Err(problems) => told(&text, &problems),
    }
}

fn told(text: &str, problems: &[Problem]) {
    assert!(!problems.is_empty());
    for problem in problems {
        input::assert_place(text, problem.place.line, problem.place.column);
        assert!(!problem.message.is_empty());
    }
}
