use base::Rng;
use model::Batch;
use model::rows::Tick;

use super::faults::{Fault, Faults};
use super::run::{Disk, Pace, numbered, session};
use super::{Broken, Case, LogDocuments};
use crate::{Documents, Machine, checkpoint};

/// How many places are looked at in one check at most; a history with more is sampled.
const PLACES: u64 = 40;
/// How many steps are struck, each by every fault.
const STRIKES: u64 = 12;

/// Every check of the suite.
///
/// # Errors
/// The first thing that the fold does and must not.
pub async fn all(case: &Case<'_>) -> Result<(), Broken> {
    duplicates(case).await?;
    kills(case).await?;
    checkpoint_and_tail(case).await?;
    super::chains::chains(case).await?;
    damage(case).await
}

/// Records that are there twice change nothing: applied twice is applied once.
///
/// # Errors
/// Names the outputs that differ.
pub async fn duplicates(case: &Case<'_>) -> Result<(), Broken> {
    let rng = Rng::seeded(case.seed);
    let (mut once, mut twice) = (Vec::new(), Vec::new());
    for n in 0..case.inputs.len() {
        once.push((n, numbered(case, n)));
        twice.push((n, numbered(case, n)));
        while rng.below(3) == 0 {
            let again = numbered(case, rng.below(n as u64 + 1) as usize);
            // Where the one log repeats an input, the other has a record that says nothing, so
            // that all offsets are the same. Both carry an id that was there.
            let nothing = Batch { id: again.id.clone(), ..Batch::of::<Tick>("nothing", &[]).map_err(malformed)? };
            once.push((n, nothing));
            twice.push((n, again));
        }
    }
    let (once, twice) = (Disk::of(once, case), Disk::of(twice, case));
    run(case, &once, "once").await?;
    run(case, &twice, "twice").await?;
    same("records that are there twice", &once, &twice, false)
}

/// A process that is ended before or after any append and any checkpoint, and a log or store that
/// fails there, change nothing.
///
/// # Errors
/// Names the step, and the outputs that differ.
pub async fn kills(case: &Case<'_>) -> Result<(), Broken> {
    let rng = Rng::seeded(case.seed);
    for pace in [Pace { chunk: 1, save: 1 }, Pace { chunk: 3, save: 7 }] {
        let whole = Disk::with(case);
        let counter = Faults::default();
        session(case, &whole, &counter, pace, "an undisturbed run").await?;
        for step in sample(counter.steps(), STRIKES, &rng) {
            for fault in Fault::ALL {
                let check = format!("{fault:?} at step {step} with chunks of {}", pace.chunk);
                let disk = Disk::with(case);
                session(case, &disk, &Faults::at(step, fault), pace, &check).await?;
                run(case, &disk, &check).await?;
                // A denied append leaves its batches twice, which moves what comes after them.
                let moved = fault == Fault::Deny;
                same(&check, &whole, &disk, moved)?;
                if !moved && whole.checkpoint(case).await? != disk.checkpoint(case).await? {
                    return broken(&check, "the checkpoint differs".to_owned());
                }
            }
        }
        many_kills(case, &whole, pace, &rng).await?;
    }
    Ok(())
}

/// Ended again and again, until it gets through.
async fn many_kills(case: &Case<'_>, whole: &Disk, pace: Pace, rng: &Rng) -> Result<(), Broken> {
    let disk = Disk::with(case);
    for kill in 0.. {
        let fault = if rng.below(2) == 0 { Fault::KillBefore } else { Fault::KillAfter };
        let check = format!("kill {kill}: {fault:?}");
        if session(case, &disk, &Faults::at(rng.below(4 + kill / 8), fault), pace, &check).await? {
            break;
        }
    }
    same("many kills", whole, &disk, false)
}

/// A checkpoint and the records after it give the outputs and the checkpoint of the whole history,
/// byte for byte.
///
/// # Errors
/// Names the place where it was taken.
pub async fn checkpoint_and_tail(case: &Case<'_>) -> Result<(), Broken> {
    let disk = Disk::with(case);
    let records = disk.log.records(0);
    let mut whole = Machine::new(0, (case.make)());
    let (mut outputs, mut states) = (Vec::new(), vec![state(&whole)?]);
    for record in &records {
        outputs.push(apply(&mut whole, record, &disk).await?);
        states.push(state(&whole)?);
    }
    for cut in sample(records.len() as u64 + 1, PLACES, &Rng::seeded(case.seed)) {
        let (cut, check) = (cut as usize, format!("a checkpoint after {cut} records"));
        let mut machine = Machine::new(0, (case.make)());
        machine.restore(&states[cut]).map_err(|source| Broken::Host { check: check.clone(), source })?;
        if state(&machine)? != states[cut] {
            return broken(&check, "it is another one once it is restored".to_owned());
        }
        for (n, record) in records.iter().enumerate().skip(cut) {
            if apply(&mut machine, record, &disk).await? != outputs[n] {
                return broken(&check, format!("the outputs of input {n} differ"));
            }
            if state(&machine)? != states[n + 1] {
                return broken(&check, format!("the checkpoint after input {n} differs"));
            }
        }
    }
    Ok(())
}

/// A damaged checkpoint is refused and leaves the initial state; a host then rebuilds it from the
/// log and puts nothing out twice.
///
/// # Errors
/// Names the damage that was not noticed.
pub async fn damage(case: &Case<'_>) -> Result<(), Broken> {
    let whole = Disk::with(case);
    run(case, &whole, "an undisturbed run").await?;
    let good = whole.checkpoint(case).await?;
    if whole.checkpoints.all().is_empty() {
        return Ok(());
    }
    let saved =
        checkpoint::decode(&good).map_err(|source| Broken::Host { check: "a good checkpoint".to_owned(), source })?;
    let rng = Rng::seeded(case.seed);
    for (fold, (_, state)) in saved.states.iter().enumerate() {
        for n in sample(state.len() as u64, PLACES, &rng) {
            let n = n as usize;
            refused(case, fold, &state[..n], true, &format!("a state that is cut off after {n} bytes"))?;
            let mut flipped = state.to_vec();
            flipped[n] ^= 1 << rng.below(8);
            refused(case, fold, &flipped, false, &format!("a state with a flipped bit in byte {n}"))?;
        }
    }
    let records = whole.log.end(0);
    let names: Vec<String> = whole.checkpoints.all().into_keys().collect();
    for name in names.iter().map(|name| vec![name.clone()]).chain([names.clone()]) {
        name.iter().for_each(|name| spoil(&whole, name));
        let check = format!("damage to {}", name.join(" and "));
        run(case, &whole, &check).await?;
        if whole.log.end(0) != records {
            return broken(&check, "outputs are on the log twice".to_owned());
        }
    }
    Ok(())
}

fn spoil(disk: &Disk, name: &str) {
    let mut bytes = disk.checkpoints.get(name).unwrap_or_default();
    let middle = bytes.len() / 2;
    bytes.get_mut(middle).into_iter().for_each(|byte| *byte ^= 1);
    disk.checkpoints.set(name, bytes);
}

/// The fold's own reader of states: a flipped bit may make another good state (the host's checksum
/// is for that), but must not stop the process or leave half a state.
fn refused(case: &Case<'_>, fold: usize, state: &[u8], must: bool, check: &str) -> Result<(), Broken> {
    let mut folds = (case.make)();
    let fold = &mut folds[fold];
    let (initial, check) = (fold.checkpoint(), format!("{} with {check}", fold.name()));
    match fold.restore(state) {
        Ok(()) if must => broken(&check, "it was not noticed".to_owned()),
        Err(_) if fold.checkpoint() != initial => broken(&check, "a part of it is kept".to_owned()),
        _ => Ok(()),
    }
}

async fn run(case: &Case<'_>, disk: &Disk, check: &str) -> Result<(), Broken> {
    let ended = session(case, disk, &Faults::default(), Pace { chunk: 100, save: 1000 }, check).await?;
    if ended { Ok(()) } else { broken(check, "the host was ended".to_owned()) }
}

pub(super) async fn apply(machine: &mut Machine, record: &model::Record, disk: &Disk) -> Result<Vec<String>, Broken> {
    let host = |source| Broken::Host { check: format!("input {}", record.offset), source };
    if !machine.admit(record) {
        return Ok(Vec::new());
    }
    let asked = machine.needs(record);
    let documents = LogDocuments(disk.log.clone());
    let found = documents.fetch(0, record.offset.next(), &asked.refs()).await.map_err(host)?;
    let outputs = machine.apply(record, asked, &found);
    Ok(outputs.iter().map(|batch| format!("{batch:?}")).collect())
}

pub(super) fn state(machine: &Machine) -> Result<Vec<u8>, Broken> {
    machine.checkpoint().map_err(|source| Broken::Host { check: "a checkpoint".to_owned(), source })
}

/// `moved` passes over the offsets in ids.
fn same(check: &str, expected: &Disk, got: &Disk, moved: bool) -> Result<(), Broken> {
    let (mut expected, mut got) = (expected.outputs(), got.outputs());
    if moved {
        expected.iter_mut().chain(&mut got).for_each(|output| output.id.offset = model::Offset(0));
    }
    if let Some(n) = (0..expected.len().max(got.len())).find(|&n| expected.get(n) != got.get(n)) {
        return broken(check, format!("output {n} is {:#?} and should be {:#?}", got.get(n), expected.get(n)));
    }
    Ok(())
}

/// All of `0..count`, or `most` of them.
pub(super) fn sample(count: u64, most: u64, rng: &Rng) -> Vec<u64> {
    if count <= most {
        return (0..count).collect();
    }
    let mut places: Vec<_> = (0..most).map(|_| rng.below(count)).collect();
    places.sort_unstable();
    places.dedup();
    places
}

pub(super) fn broken<T>(check: &str, problem: String) -> Result<T, Broken> {
    Err(Broken::Check { check: check.to_owned(), problem })
}

fn malformed(error: model::ModelError) -> Broken {
    Broken::Check { check: "a record that says nothing".to_owned(), problem: error.to_string() }
}
