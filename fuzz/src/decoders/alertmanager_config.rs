//! Alertmanager's configuration: what is shown of one that was read has no secret and reads as the same; mistakes
//! have line, column and key.

use alertmanager::{Config, Labels, Tree};

use crate::{input, seeds};

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![seeds::file("alertmanager/tests/cases/full.yaml")];
    seeds.extend(seeds::of(&[
        "route: {receiver: x, routes: [{matchers: ['a=b'], group_by: [c], continue: true}]}\nreceivers: [{name: x, webhook_configs: [{url: 'http://x'}]}]\n",
        "global: {resolve_timeout: 1m}\nroute:\n  receiver: x\n  group_by: ['...']\n  mute_time_intervals: [n]\nreceivers:\n- name: x\n  slack_configs: [{api_url: 'http://s3cret', channel: '#a', text: '{{ .Status }}'}]\ntime_intervals:\n- name: n\n  time_intervals: [{times: [{start_time: '09:00', end_time: '17:00'}], weekdays: ['monday:friday'], days_of_month: ['-3:-1'], location: Europe/Berlin}]\ninhibit_rules: [{source_matchers: [a=b], target_matchers: [c=d], equal: [e]}]\n",
    ]));
    let errors = seeds::parts("alertmanager/tests/cases/config_errors.yaml", "\n- ");
    seeds.extend(errors.iter().filter_map(|case| case.split(|byte| *byte == b'|').nth(1).map(unindented)));
    seeds.push(seeds::growing("route: {receiver: x}\nreceivers:\n", "- name: x\n", ""));
    seeds.push(seeds::growing("route: {receiver: x, routes: ", "[{routes: ", ""));
    seeds
}

/// The text of a block of YAML.
fn unindented(block: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(block);
    let lines = text.lines().skip(1).map_while(|line| line.strip_prefix("    "));
    lines.flat_map(|line| [line.strip_prefix("  ").unwrap_or(line), "\n"]).collect::<String>().into_bytes()
}

pub fn run(data: &[u8]) {
    let Some(text) = input::text(data) else { return };
    match Config::parse(&text) {
        Ok(config) => {
            let shown = config.original();
            let again = Config::parse(shown).unwrap_or_else(|error| panic!("{error}\n{shown}"));
            assert_eq!(again.original(), shown);
            assert_eq!((&again.route, &again.inhibit_rules), (&config.route, &config.inhibit_rules));
            let tree = Tree::new(&config).expect("a tree of a configuration that was read");
            let labels = Labels::from([("a".to_owned(), "b".to_owned())]);
            assert!(!tree.matches(&labels).is_empty(), "an alert goes somewhere");
            for (_, route) in tree.routes() {
                assert!(config.receiver(&route.receiver).is_some(), "{}", route.receiver);
            }
        }
        Err(error) => {
            assert!(!error.0.is_empty());
            for problem in &error.0 {
                input::assert_place(&text, problem.line, problem.column);
                assert!(!problem.message.is_empty());
            }
        }
    }
}
