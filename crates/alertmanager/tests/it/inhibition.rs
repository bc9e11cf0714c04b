use alertmanager::{Config, Fingerprint, Inhibitor};
use serde::Deserialize;

use super::{at, cases, labels};

#[derive(Deserialize)]
struct Case {
    name: String,
    /// `inhibit_rules` as in a configuration.
    rules: String,
    /// Alerts, numbered from 1, and until when they fire; `gone` are taken away again.
    alerts: Vec<Alert>,
    checks: Vec<Check>,
}

#[derive(Deserialize)]
struct Alert {
    labels: String,
    #[serde(default = "later")]
    until: i64,
    #[serde(default)]
    gone: bool,
}

const fn later() -> i64 {
    1000
}

#[derive(Deserialize)]
struct Check {
    labels: String,
    #[serde(default)]
    at: i64,
    by: Vec<u64>,
}

fn inhibitor(rules: &str) -> Inhibitor {
    let text = format!("route: {{receiver: x}}\nreceivers: [{{name: x}}]\ninhibit_rules:\n{rules}");
    let config = Config::parse(&text).unwrap();
    Inhibitor::new(config.inhibit_rules.iter().map(|rule| rule.to_rule().unwrap()).collect())
}

#[test]
fn an_alert_is_inhibited_as_the_rules_say() {
    for case in cases::<Vec<Case>>("inhibition") {
        let mut inhibitor = inhibitor(&case.rules);
        for (number, alert) in (1..).zip(&case.alerts) {
            inhibitor.update(Fingerprint(number), &labels(&alert.labels), Some(at(alert.until)));
            if alert.gone {
                inhibitor.update(Fingerprint(number), &labels(&alert.labels), None);
            }
        }
        for check in &case.checks {
            let (subject, now) = (labels(&check.labels), at(check.at));
            let by: Vec<u64> = inhibitor.inhibited_by(&subject, now).iter().map(|it| it.0).collect();
            assert_eq!(by, check.by, "{}: {}", case.name, check.labels);
            assert_eq!(inhibitor.inhibition(&subject, now).is_some(), !check.by.is_empty(), "{}", case.name);
        }
    }
}

#[test]
fn an_index_gives_what_asking_each_rule_would() {
    let rng = base::Rng::seeded(3);
    let pick = |bound: u64| rng.below(bound);
    for _ in 0..50 {
        let mut rules = String::new();
        for _ in 0..8 {
            let (source, target, equal) = (pick(4), pick(4), ["", "e"][usize::try_from(pick(2)).unwrap()]);
            let op = ["=", "=~"][usize::try_from(pick(2)).unwrap()];
            rules += &format!(
                "  - {{source_matchers: ['s{op}\"{source}\"'], target_matchers: ['t=\"{target}\"'], equal: [{equal}]}}\n"
            );
        }
        let mut inhibitor = inhibitor(&rules);
        let mut firing: Vec<Option<alertmanager::Labels>> = vec![None; 12];
        for _ in 0..60 {
            let number = usize::try_from(pick(12)).unwrap();
            // An alert's labels never change: they are its identity.
            let labels = labels(&format!("s={} t={} e={}", number % 4, number / 4, number % 3));
            let fires = pick(3) > 0;
            inhibitor.update(Fingerprint(number as u64), &labels, fires.then(|| at(10)));
            firing[number] = fires.then_some(labels);
        }
        for s in 0..4 {
            for t in 0..4 {
                let subject = labels(&format!("s={s} t={t} e=1"));
                let expected = inhibitor.rules().iter().any(|rule| {
                    let source = &rule.sources[0];
                    let both = source.matchers.matches(&subject);
                    rule.targets.matches(&subject)
                        && firing.iter().flatten().any(|alert| {
                            source.matchers.matches(alert)
                                && source.equal.iter().all(|name| alert.get(name) == subject.get(name))
                                && !(both && rule.targets.matches(alert))
                        })
                });
                assert_eq!(inhibitor.inhibition(&subject, at(0)).is_some(), expected, "{rules} {subject:?}");
            }
        }
    }
}
