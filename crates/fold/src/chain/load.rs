//! The newest checkpoint that is whole.

use std::collections::{HashMap, HashSet};

use model::Offset;

use super::segment::{decode, sections};
use super::{Chain, Head, Sizes, heads, segment_name};
use crate::checkpoint::{self, Checkpoint, problem};
use crate::links::{Link, Links};
use crate::parts::PartReader;
use crate::{Checkpoints, FoldError, Machine};

/// Keys of parts of which something newer was read, by fold.
type Seen = HashMap<String, HashSet<Box<[u8]>>>;

/// Brings `machine` to the newest state that is whole and that a log which ends at `end` goes on from; to the initial one if there is
/// none. What cannot be used is told to `report`.
///
/// # Errors
/// [`FoldError::Store`] if something cannot be read now; it may be called again.
pub(crate) async fn load(
    name: &str,
    sizes: Sizes,
    machine: &mut Machine,
    end: Offset,
    store: &dyn Checkpoints,
    report: &(dyn Fn(&str, &FoldError) + Sync),
) -> Result<Chain, FoldError> {
    let mut chain = Chain::new(name, sizes);
    let names = heads(name);
    let loaded = [store.load(&names[0]).await?, store.load(&names[1]).await?];
    let mut found = Vec::new();
    for (turn, bytes) in loaded.iter().enumerate() {
        match bytes.as_ref().map(|bytes| checkpoint::decode(bytes)) {
            Some(Ok(head)) => found.push((turn, head)),
            Some(Err(error)) => report(&names[turn], &error),
            None => {}
        }
    }
    let sequence = |head: &Checkpoint<'_>| head.links.as_ref().map_or(0, |links| links.sequence);
    found.sort_by_key(|(_, head)| std::cmp::Reverse(sequence(head)));
    // What is written from now on is newer than all that is there, whether it can be used or not.
    chain.links.sequence = found.first().map_or(0, |(_, head)| sequence(head));
    let links = || found.iter().filter_map(|(_, head)| head.links.as_ref());
    chain.links.next = links().map(|it| it.next).max().unwrap_or(0);
    // Of heads of another log, too: it may be millions of segments that are gone already.
    chain.links.removed = links().map(|it| it.removed).max().unwrap_or(0);
    for (place, (turn, head)) in found.iter().enumerate() {
        match restore(name, machine, head, end, store).await {
            Ok(()) => {
                let older = found.get(place + 1).map(|(turn, head)| (*turn, head));
                chain.is_rebased = machine.parts().any(|(fold, _)| head.is_whole(fold));
                chain.go_on(*turn, head, older);
                return Ok(chain);
            }
            Err(error @ FoldError::Store { .. }) => return Err(error),
            Err(error) => report(&names[*turn], &error),
        }
        machine.reset()?;
    }
    chain.links.begin_round();
    Ok(chain)
}

impl Chain {
    /// Goes on from a head that was restored.
    fn go_on(&mut self, turn: usize, head: &Checkpoint<'_>, older: Option<(usize, &Checkpoint<'_>)>) {
        let (sequence, next) = (self.links.sequence, self.links.next);
        self.links = head.links.clone().unwrap_or_default();
        (self.links.sequence, self.links.next) = (sequence, next);
        let head_of =
            |head: &Checkpoint<'_>| Head { next: head.next, first: head.links.as_ref().map_or(u64::MAX, Links::first) };
        self.heads[turn] = Some(head_of(head));
        if let Some((turn, older)) = older {
            self.heads[turn] = Some(head_of(older));
        }
        self.turn = 1 - turn;
        if head.links.is_none() {
            self.links.begin_round();
        }
    }
}

async fn restore(
    name: &str,
    machine: &mut Machine,
    head: &Checkpoint<'_>,
    end: Offset,
    store: &dyn Checkpoints,
) -> Result<(), FoldError> {
    if head.next > end {
        return Err(problem(&format_args!("it is at offset {}, and the log ends at {end}", head.next)));
    }
    machine.begin(head)?;
    let mut seen = Seen::new();
    let segments = head.links.iter().flat_map(|links| links.segments.iter().rev());
    for link in segments {
        let segment = segment_name(name, link.number);
        let bytes = store.load(&segment).await?.ok_or_else(|| problem(&format_args!("{segment} is missing")))?;
        take(machine, &mut seen, &bytes, *link).map_err(|error| problem(&format_args!("{segment}: {error}")))?;
    }
    machine.end(head)
}

/// Takes what a segment says of parts of which nothing newer was read.
fn take(machine: &mut Machine, seen: &mut Seen, bytes: &[u8], link: Link) -> Result<(), FoldError> {
    if crc32fast::hash(bytes) != link.crc {
        return Err(problem(&"its checksum is wrong"));
    }
    let body = decode(bytes)?;
    for (fold, parts) in sections(&body)? {
        // A fold that is gone is passed over.
        let Some((name, state)) = machine.parts().find(|(name, _)| *name == fold) else { continue };
        let seen = seen.entry(fold.to_owned()).or_default();
        for part in PartReader(parts) {
            let (key, text) = part.map_err(|error| problem(&error))?;
            if seen.insert(key.into())
                && let Some(text) = text
            {
                let bad = |problem| FoldError::Checkpoint { fold: name, problem };
                state.take(key, text).map_err(bad)?;
            }
        }
    }
    Ok(())
}
