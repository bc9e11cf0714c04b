use std::collections::BTreeMap;

use base::Rng;
use model::Offset;

use super::checks::{apply, broken, sample, state};
use super::run::{CHECKPOINT, Disk, SIZES, restored};
use super::{Broken, Case, MemoryCheckpoints};
use crate::chain::{Chain, Sizes};
use crate::{FoldError, Machine};

/// Blobs of a checkpoint that are lost in turn, at most.
const LOST: u64 = 6;

/// States as they were, by the record that they want next.
type States = BTreeMap<Offset, Vec<u8>>;

/// What is restored from checkpoints that were saved one after the other, at any time and in steps with records between them, is the state as a whole. With one blob of
/// them lost or damaged it is that state or one that was saved before, as it was then.
///
/// # Errors
/// Names the state that differs.
pub async fn chains(case: &Case<'_>) -> Result<(), Broken> {
    let (disk, rng) = (Disk::with(case), Rng::seeded(case.seed));
    let sizes = Sizes { segment: 1 + rng.below(1000) as usize, slice: 1 + rng.below(100) as usize };
    let (store, end) = (MemoryCheckpoints::default(), disk.log.end(0));
    let mut machine = Machine::new(0, (case.make)());
    let mut states = States::from([(Offset(0), state(&machine)?)]);
    let mut chain = restored(&store, &mut machine, end, sizes, true).await?;
    let mut begun = None;
    for record in &disk.log.records(0) {
        apply(&mut machine, record, &disk).await?;
        if rng.below(3) > 0 {
            continue;
        }
        let check = format!("a checkpoint in parts before record {}", machine.next());
        let host = |source: FoldError| Broken::Host { check: check.clone(), source };
        let mut pass = begun.take().unwrap_or_else(|| chain.begin(&mut machine));
        if rng.below(2) == 0 && chain.step(&mut machine, &mut pass, &store).await.map_err(host)? {
            unfinished(case, &store, &states, end).await?;
            begun = Some(pass);
            continue;
        }
        let saved = match rng.below(8) {
            0 => chain.seal(&mut machine, &store).await,
            _ => chain.finish(&mut machine, pass, &store).await,
        };
        let safe = saved.map_err(host)?.safe;
        states.insert(machine.next(), state(&machine)?);
        let mut again = Machine::new(0, (case.make)());
        let goes_on = restored(&store, &mut again, end, sizes, true).await?;
        if state(&again)? != state(&machine)? {
            return broken(&check, "another state is restored".to_owned());
        }
        if rng.below(4) == 0 {
            lost(case, &store, &states, safe, &rng).await?;
        }
        if rng.below(4) == 0 {
            (machine, chain) = (again, goes_on);
        }
    }
    few(&store, &chain)
}

/// What was written of a checkpoint that has not ended changes nothing.
async fn unfinished(case: &Case<'_>, store: &MemoryCheckpoints, states: &States, end: Offset) -> Result<(), Broken> {
    let left = MemoryCheckpoints::default();
    store.all().into_iter().for_each(|(name, bytes)| left.set(&name, bytes));
    let mut machine = Machine::new(0, (case.make)());
    restored(&left, &mut machine, end, SIZES, true).await?;
    match states.get(&machine.next()) {
        Some(was) if *was == state(&machine)? => Ok(()),
        _ => broken("a checkpoint that has not ended", format!("another state is restored: before {}", machine.next())),
    }
}

async fn lost(
    case: &Case<'_>,
    store: &MemoryCheckpoints,
    states: &States,
    safe: Offset,
    rng: &Rng,
) -> Result<(), Broken> {
    let all = store.all();
    for n in sample(all.len() as u64, LOST, rng) {
        let Some((name, bytes)) = all.iter().nth(n as usize) else { continue };
        let mut flipped = bytes.clone();
        let place = rng.below(bytes.len().max(1) as u64) as usize;
        flipped.get_mut(place).into_iter().for_each(|byte| *byte ^= 1 << rng.below(8));
        for damaged in [None, Some(flipped), bytes.get(..place).map(<[u8]>::to_vec)] {
            let check = format!("the loss of {name} at {}", states.keys().next_back().copied().unwrap_or_default());
            let left = MemoryCheckpoints::default();
            all.iter().filter(|(other, _)| *other != name).for_each(|(other, bytes)| left.set(other, bytes.clone()));
            damaged.into_iter().for_each(|bytes| left.set(name, bytes));
            let mut machine = Machine::new(0, (case.make)());
            restored(&left, &mut machine, Offset(u64::MAX), SIZES, false).await?;
            let Some(was) = states.get(&machine.next()) else {
                return broken(&check, format!("a state is restored that was never saved: before {}", machine.next()));
            };
            if *was != state(&machine)? {
                return broken(&check, format!("the state before {} is another one", machine.next()));
            }
            if !name.contains('.') && machine.next() < safe {
                return broken(&check, format!("records before {safe} may be gone, and are needed"));
            }
        }
    }
    Ok(())
}

/// What is not needed is removed.
fn few(store: &MemoryCheckpoints, chain: &Chain) -> Result<(), Broken> {
    let needed = chain.needed();
    let left =
        store.all().into_keys().filter_map(|name| name.strip_prefix(CHECKPOINT)?.strip_prefix('.')?.parse().ok());
    match left.filter(|number: &u64| *number < needed).count() {
        0 => Ok(()),
        more => broken("checkpoints in parts", format!("{more} segments are kept that nothing needs")),
    }
}
