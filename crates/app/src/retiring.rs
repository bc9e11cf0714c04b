//! Collectors and sources that the configuration no longer has: the state log says so, and nothing is expected of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use base::{Clock, Timestamp};
use bus::Log;
use futures::TryStreamExt;
use model::rows::Scope;
use model::{Batch, ScopeState};
use store::{ScanOptions, Store};

use crate::AppError;

/// Who speaks of which scope.
#[derive(Debug, Default)]
pub(crate) struct Configured {
    /// Scopes, with a collector or source.
    parties: BTreeSet<(String, String)>,
    /// Sources that may come to speak of any scope.
    anywhere: BTreeSet<String>,
}

impl Configured {
    /// A collector or source of one scope.
    pub(crate) fn one(&mut self, scope: &str, name: &str) {
        self.parties.insert((scope.to_owned(), name.to_owned()));
    }

    /// A source that says itself of which scopes it speaks.
    pub(crate) fn anywhere(&mut self, name: String) {
        self.anywhere.insert(name);
    }

    fn has(&self, scope: &str, name: &str) -> bool {
        self.anywhere.contains(name) || self.parties.contains(&(scope.to_owned(), name.to_owned()))
    }

    /// What is to be said of those that have spoken, given as scope, name and state, and are configured no longer.
    fn retired<'a>(&self, spoke: impl Iterator<Item = (&'a str, &'a str, &'a str)>, now: Timestamp) -> Vec<Scope> {
        let gone =
            spoke.filter(|(scope, name, state)| *state != ScopeState::Retired.as_str() && !self.has(scope, name));
        let row = |(scope, name, _): (&str, &str, &str)| Scope {
            time: now,
            scope: scope.to_owned(),
            source: name.to_owned(),
            state: ScopeState::Retired,
            message: Some("it is no longer configured".to_owned()),
            resources: 0,
            stale_after: Timestamp::MAX,
            covers: None,
        };
        gone.map(row).collect()
    }
}

/// Says of each collector and source that is known, and not configured, that it is retired. `store` has all of the log.
/// For a log of this process alone: on another one they may be those of another process.
pub(crate) async fn retire(
    configured: &Configured,
    store: &Store,
    log: &Arc<dyn Log>,
    clock: &Clock,
) -> Result<(), AppError> {
    let Some(table) = store.snapshot().table("scopes") else { return Ok(()) };
    let schema = table.schema();
    let projection = ["scope", "source", "state"].iter().filter_map(|name| schema.index_of(name).ok()).collect();
    let mut batches = table.scan(ScanOptions { projection: Some(projection), ..ScanOptions::default() });
    let mut rows = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        let text = |name| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let (Some(scopes), Some(sources), Some(states)) = (text("scope"), text("source"), text("state")) else {
            continue;
        };
        let spoke = (0..scopes.len()).map(|n| (scopes.value(n), sources.value(n), states.value(n)));
        rows.extend(configured.retired(spoke, clock.now()));
    }
    for row in rows {
        tracing::info!(scope = row.scope, source = row.source, "it is no longer configured");
        let batch = Batch::of(row.scope.clone(), &[row]).map_err(|error| AppError::part("scopes", error))?;
        log.append(batch.shard(log.shards()), vec![batch]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_spoken_and_is_not_configured_is_retired_once() {
        let mut configured = Configured::default();
        configured.one("host/new", "host.files");
        configured.one("host/new", "packages");
        configured.anywhere("git.infra".to_owned());
        let spoke = [
            ("host/new", "host.files", "ok"),
            ("host/new", "host.sockets", "failed"),
            ("host/new", "git.infra", "ok"),
            ("host/old", "git.infra", "ok"),
            ("host/old", "host.files", "ok"),
            ("host/old", "packages", "retired"),
            ("host/new", "git.old", "scanning"),
        ];
        let rows = configured.retired(spoke.into_iter(), Timestamp::from_secs(1));
        let named: Vec<(&str, &str)> = rows.iter().map(|row| (row.scope.as_str(), row.source.as_str())).collect();
        assert_eq!(named, [("host/new", "host.sockets"), ("host/old", "host.files"), ("host/new", "git.old")]);
        assert!(rows.iter().all(|row| row.state == ScopeState::Retired && row.stale_after == Timestamp::MAX));
    }
}
