//! What is discovered becomes targets.

use std::time::Duration;

use scrape::{Found, Target, targets};

use super::support::job;

fn found(settings: &str) -> Found {
    let job = job(settings);
    targets(&job.statics, &job)
}

fn one(settings: &str) -> Target {
    let mut found = found(settings);
    assert_eq!((found.active.len(), found.problems.as_slice()), (1, [].as_slice()));
    found.active.remove(0)
}

const STATIC: &str = "static_configs:\n- targets: ['a:1']\n  labels: {env: x}";

#[test]
fn a_target_has_the_labels_of_its_job_and_its_address_as_instance() {
    let target = one(STATIC);
    assert_eq!(target.url.as_str(), "http://a:1/metrics");
    let label = |name: &str| target.labels[name].as_str();
    assert_eq!((label("job"), label("instance"), label("env")), ("j", "a:1", "x"));
    assert_eq!((label("__scrape_interval__"), label("__scrape_timeout__")), ("1m", "10s"));
}

#[test]
fn relabelling_may_change_where_a_target_is_and_how_often_it_is_scraped() {
    let target = one(&format!(
        "params: {{module: [http_2xx, other], target: [x]}}\nrelabel_configs:\n\
         - {{source_labels: [__address__], target_label: __param_target}}\n\
         - {{source_labels: [__param_target], target_label: instance}}\n\
         - {{target_label: __address__, replacement: 'probe:9115'}}\n\
         - {{target_label: __metrics_path__, replacement: '/probe'}}\n\
         - {{target_label: __scheme__, replacement: https}}\n\
         - {{target_label: __scrape_interval__, replacement: 5s}}\n\
         - {{target_label: __scrape_timeout__, replacement: 3s}}\n{STATIC}"
    ));
    assert_eq!(target.url.as_str(), "https://probe:9115/probe?module=http_2xx&module=other&target=a%3A1");
    assert_eq!(target.labels["instance"], "a:1");
    assert_eq!((target.interval, target.timeout), (Duration::from_secs(5), Duration::from_secs(3)));
}

#[test]
fn a_parameter_of_a_target_counts_more_than_that_of_its_job() {
    let target = one("params: {module: [http_2xx, other], target: [x]}\nstatic_configs:\n\
         - {targets: [probe], labels: {__param_module: icmp, __param_target: ''}}");
    assert_eq!(target.url.as_str(), "http://probe/metrics?module=icmp&module=other&target=x");
    assert_eq!(target.discovered["__param_module"], "icmp");
}

#[test]
fn no_port_is_added_and_meta_labels_are_gone_afterwards() {
    let target = one("static_configs:\n- {targets: [host], labels: {__meta_x: y, __keep: z}}");
    assert_eq!((target.url.as_str(), target.labels["instance"].as_str()), ("http://host/metrics", "host"));
    assert_eq!((target.labels.get("__meta_x"), target.discovered["__meta_x"].as_str()), (None, "y"));
    assert_eq!(target.labels["__keep"], "z");
}

#[test]
fn what_relabelling_drops_is_counted_and_kept_to_be_shown() {
    let drop = "relabel_configs:\n- {source_labels: [__address__], regex: 'b.*', action: drop}\n";
    let settings = format!("keep_dropped_targets: 2\n{drop}static_configs:\n- targets: [a, b1, b2, b3, a]");
    let found = found(&settings);
    assert_eq!((found.active.len(), found.dropped.len(), found.dropped_count), (1, 2, 3), "and each is there once");
}

#[test]
fn what_cannot_be_a_target_is_told() {
    let cases = [
        ("{target_label: __address__, replacement: ''}", "no address"),
        ("{target_label: __address__, replacement: 'a/b'}", "\"a/b\" is not a valid hostname"),
        ("{target_label: __address__, replacement: 'user@a'}", "is not a valid hostname"),
        ("{target_label: __scheme__, replacement: ftp}", "invalid scheme: \"ftp\""),
        ("{target_label: __scrape_interval__, replacement: soon}", "error parsing scrape interval"),
        ("{target_label: __scrape_interval__, replacement: '0'}", "scrape interval cannot be 0"),
        ("{target_label: __scrape_timeout__, replacement: 2m}", "scrape timeout cannot be greater"),
    ];
    for (rule, expected) in cases {
        let found = found(&format!("relabel_configs:\n- {rule}\n{STATIC}"));
        assert!(found.active.is_empty() && found.problems[0].contains(expected), "{rule}: {:?}", found.problems);
    }
}

#[test]
fn targets_are_spread_over_their_interval_and_stay_where_they_are() {
    let names: Vec<String> = (0..200).map(|n| format!("host{n}:9100")).collect();
    let settings = format!("scrape_interval: 10s\nstatic_configs:\n- targets: {names:?}");
    let found = found(&settings);
    let mut tenths = [0; 10];
    for target in &found.active {
        let offset = target.offset(7);
        assert!(offset < target.interval);
        assert_eq!(offset, target.offset(7));
        tenths[usize::try_from(offset.as_secs()).unwrap()] += 1;
    }
    assert!(tenths.iter().all(|count| (5..=40).contains(count)), "{tenths:?}");
    assert_ne!(found.active[0].offset(7), found.active[0].offset(8));
}
