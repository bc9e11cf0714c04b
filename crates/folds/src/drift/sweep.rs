//! A full set of what a collector sees against what is known: two columns of keys and two of
//! fingerprints, in one pass.

use std::cmp::Ordering;

use model::rows::SetChunk;
use model::{Fingerprint, Key, ModelError};

use super::changes::{Change, column};
use super::table::Table;

/// Where the chunk differs from what is known: resources of `party` that are not in it, and
/// members that are known otherwise or not at all. What another collector sees is its own affair.
pub(super) fn differences(table: &Table, party: u8, chunk: &SetChunk) -> Result<Vec<Change>, ModelError> {
    let keys = column(&chunk.members, "key")?.value_data().as_chunks::<16>().0;
    let prints = column(&chunk.members, "fingerprint")?.value_data().as_chunks::<16>().0;
    if !table.is_merged() {
        let known = table.range(chunk.first, chunk.last);
        return Ok(merge(known.map(|(key, entry)| (key, entry.live, entry.meta.watcher)), keys, prints, party));
    }
    let start = table.keys.partition_point(|key| *key < chunk.first);
    let end = table.keys.partition_point(|key| *key <= chunk.last).max(start);
    let columns = table.keys[start..end].iter().zip(&table.live[start..end]).zip(&table.meta[start..end]);
    Ok(merge(columns.map(|((key, live), meta)| (*key, *live, meta.watcher)), keys, prints, party))
}

/// `known`: key, what is live and who sees it, in order of key.
fn merge(
    mut known: impl Iterator<Item = (Key, Fingerprint, u8)>,
    keys: &[[u8; 16]],
    prints: &[[u8; 16]],
    party: u8,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut members = keys.iter().zip(prints);
    let (mut old, mut new) = (known.next(), members.next());
    loop {
        let order = match (&old, &new) {
            (Some((a, ..)), Some((b, _))) => number(&a.0).cmp(&number(b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return changes,
        };
        match (old, new) {
            (Some((key, live, watcher)), new) if order.is_le() => {
                let member = new.filter(|_| order.is_eq());
                let print = member.map_or(Fingerprint::ABSENT, |(_, print)| Fingerprint(*print));
                let ours = watcher == party || (member.is_some() && live == Fingerprint::ABSENT);
                if live != print && ours {
                    changes.push(Change { live: Some(print), swept: member.is_some(), ..Change::look(key) });
                }
            }
            (_, Some((key, print))) => {
                let live = Some(Fingerprint(*print));
                changes.push(Change { live, swept: true, ..Change::look(Key(*key)) });
            }
            _ => {}
        }
        if order.is_le() {
            old = known.next();
        }
        if order.is_ge() {
            new = members.next();
        }
    }
}

/// Compares as the bytes do, and faster.
fn number(key: &[u8; 16]) -> u128 {
    u128::from_be_bytes(*key)
}
