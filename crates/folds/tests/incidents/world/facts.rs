//! The log, as the oracle is told of it: what was put in, and what was said about why.

use std::collections::BTreeSet;

use model::rows::{Decision, Finding, Intent, Posting, Reaction, SilenceRow, VerdictRow};
use model::{AlertState, Verdict};

use super::disk::Kept;
use crate::oracle::{Fact, Told, Why};

/// What others put in, in order.
pub fn facts(kept: &[Kept]) -> Vec<Told> {
    let mut facts = Vec::new();
    let mut events = BTreeSet::new();
    for kept in kept.iter().filter(|kept| kept.record.batch.id.is_none()) {
        let record = &kept.record;
        let mut tell = |fact| facts.push(Told { at: kept.at, wall_ms: record.time.millis(), fact });
        record.rows::<Finding>().unwrap().into_iter().filter_map(finding).for_each(&mut tell);
        for row in record.rows::<VerdictRow>().unwrap() {
            let revision = row.revision.unwrap_or_default();
            tell(Fact::Rolls { scope: row.scope, revision, on: row.verdict == Verdict::RollingOut });
        }
        for row in record.rows::<Posting>().unwrap() {
            let over = row.ends_at <= record.time;
            let (cause, finding) = (row.labels["cause"].clone(), row.labels["cause"].clone());
            tell(if over { Fact::Ends { finding } } else { Fact::Fires { cause, finding, severity: 1 } });
        }
        // Each shard has them.
        if record.shard != 0 {
            continue;
        }
        for row in record.rows::<SilenceRow>().unwrap() {
            let matchers: serde_json::Value = serde_json::from_str(&row.matchers).unwrap();
            let cause = matchers[0]["value"].as_str().unwrap_or_default().to_owned();
            tell(Fact::Silence { id: row.id, cause, on: row.ends_at > record.time });
        }
        for row in record.rows::<Reaction>().unwrap() {
            if let (true, Some(key)) = (events.insert(row.event), row.incident) {
                tell(Fact::Reaction { receiver: row.receiver, key, action: row.action });
            }
        }
    }
    facts
}

fn finding(row: Finding) -> Option<Fact> {
    match row.state {
        AlertState::Firing => {
            Some(Fact::Fires { cause: row.cause, finding: row.finding, severity: row.severity as u8 })
        }
        AlertState::Resolved => Some(Fact::Ends { finding: row.finding }),
        AlertState::Unknown | AlertState::Pending => None,
    }
}

/// What was said about why.
pub fn whys(kept: &[Kept]) -> Vec<Why> {
    let mut whys = Vec::new();
    for record in kept.iter().map(|kept| &kept.record) {
        whys.extend(record.rows::<Intent>().unwrap().into_iter().map(|row| Why::Intent {
            receiver: row.receiver,
            key: row.incident,
            wall_ms: row.time.millis(),
            reason: row.reason,
        }));
        whys.extend(record.rows::<Decision>().unwrap().into_iter().map(|row| Why::Decision {
            cause: row.labels.get("cause").cloned().unwrap_or_default(),
            key: row.incident,
            decision: row.decision,
            wall_ms: row.time.millis(),
        }));
    }
    whys
}
