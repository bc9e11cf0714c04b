use std::collections::BTreeSet;
use std::time::Duration;

use alertmanager::{Entry, Fingerprint, decide};
use serde::Deserialize;

use super::{at, cases};

#[derive(Deserialize)]
struct Case {
    name: String,
    entry: Option<Sent>,
    #[serde(default)]
    firing: BTreeSet<u64>,
    #[serde(default)]
    resolved: BTreeSet<u64>,
    send_resolved: bool,
    reason: Option<String>,
    sent: bool,
}

/// What was last sent, and how many seconds ago.
#[derive(Deserialize)]
struct Sent {
    #[serde(default)]
    firing: BTreeSet<u64>,
    #[serde(default)]
    resolved: BTreeSet<u64>,
    ago: i64,
}

fn set(numbers: &BTreeSet<u64>) -> BTreeSet<Fingerprint> {
    numbers.iter().copied().map(Fingerprint).collect()
}

#[test]
fn a_group_is_notified_as_the_table_says() {
    for case in cases::<Vec<Case>>("dedup") {
        let entry =
            case.entry.map(|it| Entry { firing: set(&it.firing), resolved: set(&it.resolved), sent_at: at(-it.ago) });
        let repeat = Duration::from_secs(3600);
        let reason =
            decide(entry.as_ref(), &set(&case.firing), &set(&case.resolved), case.send_resolved, repeat, at(0));
        assert_eq!(reason.map(|reason| reason.to_string()), case.reason, "{}", case.name);
        assert_eq!(reason.is_some_and(|reason| reason.is_sent(case.send_resolved)), case.sent, "{}", case.name);
    }
}
