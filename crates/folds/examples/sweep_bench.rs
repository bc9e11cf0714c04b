//! A sweep of an unchanged fleet through the drift fold: `sweep_bench [RESOURCES]` (default 1,000,000).
//!
//! Fills the fold with resources that are declared and live alike, then feeds it full sweeps, whose
//! keys and fingerprints it compares with those that it knows; at last one while new resources wait to
//! be merged into its columns. Prints the time of each, and what the process's memory grew by per
//! resource.

#![allow(clippy::print_stdout, clippy::expect_used, clippy::unwrap_used, reason = "a benchmark")]

use std::collections::HashMap;

use base::{Clock, Timestamp};
use fold::{Fold, Outputs};
use folds::drift::DriftFold;
use model::rows::{Revision, Scope, SetChunk, SetMember, SetSide};
use model::{Batch, Fingerprint, Key, Offset, Record, Row, ScopeState, Stream};

const SCOPE: &str = "host/fleet";
/// New resources, few enough that they are not merged at once.
const NEW: u64 = 1000;

struct Feed {
    fold: DriftFold,
    next: u64,
}

impl Feed {
    fn apply(&mut self, batch: Batch) {
        let record = Record { shard: 0, offset: Offset(self.next), time: Timestamp::from_secs(1_000_000), batch };
        self.next += 1;
        let needs = self.fold.needs(&record).unwrap();
        assert!(needs.is_empty(), "an unchanged fleet needs no document");
        self.fold.apply(&record, &HashMap::new(), &mut Outputs::default()).unwrap();
    }
}

impl Feed {
    fn sweep(&mut self, clock: &Clock, name: &str, sweep: &[Batch], count: u64) {
        let start = clock.monotonic();
        sweep.iter().cloned().for_each(|batch| self.apply(batch));
        let took = (clock.monotonic() - start).as_secs_f64();
        println!(
            "{name}: {count} unchanged in {:.1} ms, {:.1} million a second",
            took * 1e3,
            count as f64 / took / 1e6
        );
    }
}

fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

fn member(n: u64) -> SetMember {
    let key = Key::of(&n.to_le_bytes());
    SetMember { key, fingerprint: Fingerprint(key.0) }
}

fn full(side: SetSide, source: &str, count: u64) -> Vec<Batch> {
    SetChunk::full(SCOPE, source, side, "r1", (0..count).map(member).collect()).unwrap()
}

/// `live` rows of which only the columns that the fold reads are large.
fn live(from: u64, to: u64) -> Batch {
    let rows: Vec<model::rows::Live> = (from..to)
        .map(|n| {
            let SetMember { key, fingerprint } = member(n);
            model::rows::Live {
                time: Timestamp::ZERO,
                scope: SCOPE.to_owned(),
                source: "host.files".to_owned(),
                id: format!("host/fleet/file//{n}").parse().unwrap(),
                key,
                kind: "file".to_owned(),
                present: true,
                fingerprint,
                document: None,
                text: None,
                actor: None,
            }
        })
        .collect();
    Batch { stream: Stream::Live, key: SCOPE.to_owned(), id: None, data: model::rows::Live::encode(&rows).unwrap() }
}

fn main() {
    let count: u64 = std::env::args().nth(1).map_or(1_000_000, |n| n.parse().expect("a number"));
    let clock = Clock::system();
    let mut feed = Feed { fold: DriftFold::default(), next: 0 };
    let before = resident();
    for from in (0..count).step_by(65_536) {
        feed.apply(live(from, count.min(from + 65_536)));
    }
    full(SetSide::Declared, "git.infra", count).into_iter().for_each(|batch| feed.apply(batch));
    feed.apply(Batch::of(SCOPE, &[revision(count)]).unwrap());
    feed.apply(Batch::of(SCOPE, &[scope()]).unwrap());
    // The checkpoint's way back is also what makes the columns exactly as large as they must be.
    let state = feed.fold.checkpoint();
    feed.fold.restore(&state).unwrap();
    let bytes = state.len() as u64;
    drop(state);
    let grown = resident().saturating_sub(before);
    let sweep = full(SetSide::Live, "host.files", count);
    for round in 1..=3 {
        feed.sweep(&clock, &format!("round {round}"), &sweep, count);
    }
    drop(sweep);
    feed.apply(live(count, count + NEW));
    let sweep = full(SetSide::Live, "host.files", count + NEW);
    feed.sweep(&clock, &format!("with {NEW} new ones"), &sweep, count + NEW);
    println!(
        "state: {:.1} bytes a resource; process grew by {:.1} bytes a resource",
        bytes as f64 / count as f64,
        grown as f64 / count as f64
    );
}

fn revision(count: u64) -> Revision {
    Revision {
        time: Timestamp::ZERO,
        scope: SCOPE.to_owned(),
        source: "git.infra".to_owned(),
        revision: "r1".to_owned(),
        author: None,
        committed: None,
        message: None,
        manifests: count as i64,
        complete: true,
        error: None,
        error_file: None,
        error_line: None,
        backfill: false,
        managed: None,
    }
}

fn scope() -> Scope {
    Scope {
        time: Timestamp::ZERO,
        scope: SCOPE.to_owned(),
        source: "host.files".to_owned(),
        state: ScopeState::Ok,
        message: None,
        resources: 0,
        stale_after: Timestamp::MAX,
        covers: None,
    }
}
