//! What the log holds of each collector's resources, so that a restart does not append it again.

use std::collections::HashMap;

use arrow::array::{Array, AsArray};
use futures::TryStreamExt;
use model::rows::SetMember;
use model::{Fingerprint, Key, LogKind, Offset};
use store::{ScanOptions, Store};

use crate::AppError;
use crate::logs::Logs;

/// By (scope, collector).
pub(crate) type Known = HashMap<(String, String), Vec<SetMember>>;

/// Waits until the store has all of the state log, and reads the table of live resources.
pub(crate) async fn known(store: &Store, logs: &Logs) -> Result<Known, AppError> {
    for shard in 0..logs.state.shards() {
        let (_, end) = logs.state.bounds(shard).await?;
        if let Some(last) = end.0.checked_sub(1) {
            store.wait_for(LogKind::State, shard, Offset(last)).await?;
        }
    }
    let mut known = Known::new();
    let Some(table) = store.snapshot().table("resources") else { return Ok(known) };
    let schema = table.schema();
    let projection = ["scope", "source", "key", "fingerprint"].iter().filter_map(|name| schema.index_of(name).ok());
    let mut batches = table.scan(ScanOptions { projection: Some(projection.collect()), ..ScanOptions::default() });
    while let Some(batch) = batches.try_next().await? {
        let text = |name| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let bytes = |name| batch.column_by_name(name).and_then(|column| column.as_fixed_size_binary_opt());
        let (Some(scopes), Some(sources), Some(keys), Some(prints)) =
            (text("scope"), text("source"), bytes("key"), bytes("fingerprint"))
        else {
            continue;
        };
        for n in 0..keys.len() {
            let member = SetMember {
                key: Key(keys.value(n).try_into().unwrap_or_default()),
                fingerprint: Fingerprint(prints.value(n).try_into().unwrap_or_default()),
            };
            let of = (scopes.value(n).to_owned(), sources.value(n).to_owned());
            known.entry(of).or_default().push(member);
        }
    }
    Ok(known)
}
