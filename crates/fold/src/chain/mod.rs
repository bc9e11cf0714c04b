//! Checkpoints whose parts are in segments: each says what has changed since the one before, so that
//! a checkpoint costs what has happened and not what is known.
//!
//! Two heads, written in turn, each name their segments; a head is written once its segments are there. After a
//! crash at any point one of them is whole. The log is kept from the older one on, so that the loss of
//! the newer one loses nothing.

mod load;
mod segment;

use futures::{StreamExt, stream};
use model::Offset;

pub(crate) use self::load::load;
use self::segment::Segment;
use crate::links::{Link, Links};
use crate::parts::PartWriter;
use crate::{Checkpoints, FoldError, Machine};

/// How much is written at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Bytes of a segment, about.
    pub segment: usize,
    /// The least that a checkpoint writes anew of what has not changed.
    pub slice: usize,
}

/// A checkpoint writes at least this part of what the last round wrote, so that a round ends.
const SLICES: usize = 64;

/// Segments that one checkpoint removes, at most, and of these at once: records wait for it.
const CLEANED: u64 = 256;
const AT_ONCE: usize = 16;

/// See [`Chain::is_outrun`].
const OUTRUN: usize = 4;
/// Segments that are known at least, for all that is said before the first round has ended.
const LITTLE: usize = 64;

/// What is known of the checkpoints of a shard: where they are, and what was written.
pub(crate) struct Chain {
    name: String,
    sizes: Sizes,
    links: Links,
    /// Where each head stands, if it can be used.
    heads: [Option<Head>; 2],
    /// The head that is written next.
    turn: usize,
    /// A state that was not saved in parts was restored: no checkpoint is whole before a round has ended.
    is_rebased: bool,
    /// What could not be written yet.
    pending: Option<(Link, Vec<u8>)>,
}

/// A head: what it holds, and the first segment that it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    next: Offset,
    first: u64,
}

/// What a checkpoint came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    /// See [`Chain::safe`].
    pub safe: Offset,
    pub bytes: usize,
}

/// What one checkpoint has written.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    changed: usize,
    scanned: usize,
    /// Nothing more is written of what has not changed.
    is_done: bool,
    ends_round: bool,
    bytes: usize,
    /// The last segment was as large as one may be: there is more.
    is_full: bool,
}

/// The names of the two heads.
fn heads(name: &str) -> [String; 2] {
    [name.to_owned(), format!("{name}-other")]
}

fn segment_name(name: &str, number: u64) -> String {
    format!("{name}.{number}")
}

impl Chain {
    /// Of a state without parts, of which nothing was saved.
    fn new(name: &str, sizes: Sizes) -> Self {
        let (name, links) = (name.to_owned(), Links::default());
        Self { name, sizes, links, heads: [None; 2], turn: 0, is_rebased: false, pending: None }
    }

    /// Begins a checkpoint.
    pub fn begin(&mut self, machine: &mut Machine) -> Pass {
        self.follow(machine);
        Pass::default()
    }

    /// Writes one segment. The machine may go on between two calls: what it changes of what was written is written again. False once
    /// there was less than a segment left, so that [`Self::finish`] is short.
    ///
    /// # Errors
    /// As of [`Self::finish`].
    pub async fn step(
        &mut self,
        machine: &mut Machine,
        pass: &mut Pass,
        store: &dyn Checkpoints,
    ) -> Result<bool, FoldError> {
        self.write_pending(store).await?;
        let is_more = self.fill(machine, pass)? && pass.is_full;
        self.write_pending(store).await?;
        Ok(is_more)
    }

    /// Writes what is left: the checkpoint is of what `machine` is now, and it must not be applied to anything until that has ended.
    ///
    /// # Errors
    /// [`FoldError::Store`] if it cannot be written now: the checkpoints of before are still there, and what was
    /// not written comes with the next one.
    pub async fn finish(
        &mut self,
        machine: &mut Machine,
        mut pass: Pass,
        store: &dyn Checkpoints,
    ) -> Result<Saved, FoldError> {
        self.write_pending(store).await?;
        while self.fill(machine, &mut pass)? {
            self.write_pending(store).await?;
        }
        self.write_head(machine, store, &mut pass).await?;
        if self.heads.contains(&None) {
            self.write_head(machine, store, &mut pass).await?;
        }
        self.clean(store).await;
        Ok(Saved { safe: self.safe(), bytes: pass.bytes })
    }

    /// Whether a checkpoint has written several times as much as is known: what changes is faster than it.
    pub const fn is_outrun(&self, pass: &Pass) -> bool {
        let known =
            if self.links.bytes > LITTLE * self.sizes.segment { self.links.bytes } else { LITTLE * self.sizes.segment };
        pass.bytes > OUTRUN * known
    }

    /// The log's records before this one are not needed, whichever head is lost.
    pub fn safe(&self) -> Offset {
        self.heads.iter().flatten().map(|head| head.next).min().unwrap_or_default()
    }

    /// Writes the newest state into both heads, so that no record of before is needed.
    ///
    /// # Errors
    /// As of [`Self::finish`].
    pub async fn seal(&mut self, machine: &mut Machine, store: &dyn Checkpoints) -> Result<Saved, FoldError> {
        self.heads[1 - self.turn] = None;
        let pass = self.begin(machine);
        self.finish(machine, pass, store).await
    }

    /// The first segment that a head needs.
    pub fn needed(&self) -> u64 {
        self.heads.iter().flatten().map(|head| head.first).min().unwrap_or_default()
    }

    /// A round goes through the folds that there were when it began.
    fn follow(&mut self, machine: &mut Machine) {
        let folds: Vec<String> = machine.parts().map(|(name, _)| name.to_owned()).collect();
        if self.links.folds != folds {
            self.links.folds = folds;
            self.links.begin_round();
        }
    }

    /// Makes the next segment; false if there is nothing left for it.
    fn fill(&mut self, machine: &mut Machine, pass: &mut Pass) -> Result<bool, FoldError> {
        let mut segment = Segment::default();
        for (name, parts) in machine.parts() {
            let room = self.sizes.segment.saturating_sub(segment.len());
            if room > 0 {
                let mut out = PartWriter::new(room);
                parts.changed(&mut out);
                segment.push(name, &out);
            }
        }
        pass.changed += segment.len();
        self.scan(machine, &mut segment, pass);
        pass.is_full = segment.len() >= self.sizes.segment;
        if segment.is_empty() {
            self.end_round(pass);
            return Ok(false);
        }
        // What cannot be written is no longer marked as changed: all of it is to be written anew.
        let bytes = segment.encode().inspect_err(|_| self.is_rebased = true)?;
        let link = Link { number: self.links.next, crc: crc32fast::hash(&bytes) };
        pass.bytes += bytes.len();
        self.links.next += 1;
        self.links.segments.push(link);
        self.pending = Some((link, bytes));
        self.end_round(pass);
        Ok(true)
    }

    fn end_round(&mut self, pass: &mut Pass) {
        if std::mem::take(&mut pass.ends_round) {
            self.links.end_round();
            self.is_rebased = false;
        }
    }

    /// Adds a slice of what has not changed.
    fn scan(&mut self, machine: &mut Machine, segment: &mut Segment, pass: &mut Pass) {
        while !pass.is_done && segment.len() < self.sizes.segment {
            let least = self.sizes.slice.max(pass.changed / 2).max(self.links.bytes / SLICES);
            let budget = if self.is_rebased { usize::MAX } else { least };
            let room = budget.saturating_sub(pass.scanned).min(self.sizes.segment - segment.len());
            if room == 0 {
                pass.is_done = true;
                return;
            }
            let round = &mut self.links.round;
            let Some((name, parts)) = machine.parts().nth(round.fold) else {
                (pass.is_done, pass.ends_round) = (true, true);
                return;
            };
            let mut out = PartWriter::new(room);
            parts.rest(&after(&round.after), &mut out);
            pass.scanned += out.bytes().len();
            round.bytes += out.bytes().len();
            if out.is_full() {
                round.after = hex(out.last());
            } else {
                (round.fold, round.after) = (round.fold + 1, String::new());
            }
            segment.push(name, &out);
        }
    }

    async fn write_pending(&mut self, store: &dyn Checkpoints) -> Result<(), FoldError> {
        if let Some((link, bytes)) = &self.pending {
            store.save(&segment_name(&self.name, link.number), bytes.clone()).await?;
            self.pending = None;
        }
        Ok(())
    }

    async fn write_head(
        &mut self,
        machine: &mut Machine,
        store: &dyn Checkpoints,
        pass: &mut Pass,
    ) -> Result<(), FoldError> {
        self.links.sequence += 1;
        let bytes = machine.head(&self.links)?;
        pass.bytes += bytes.len();
        let [first, other] = heads(&self.name);
        let name = if self.turn == 0 { first } else { other };
        store.save(&name, bytes).await?;
        self.heads[self.turn] = Some(Head { next: machine.next(), first: self.links.first() });
        self.turn = 1 - self.turn;
        Ok(())
    }

    /// Removes segments that no head needs. Those that cannot be removed now, or are too many, are removed later.
    async fn clean(&mut self, store: &dyn Checkpoints) {
        let first = self.links.removed;
        let names = (first..self.needed().min(first + CLEANED)).map(|number| segment_name(&self.name, number));
        let removals = names.map(|name| async move { store.remove(&name).await.map_err(|error| (name, error)) });
        let mut removals = stream::iter(removals).buffered(AT_ONCE);
        while let Some(removed) = removals.next().await {
            if let Err((segment, error)) = removed {
                tracing::warn!(segment, %error, "a part of a checkpoint that is not needed stays until the next checkpoint");
                return;
            }
            self.links.removed += 1;
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A round whose place cannot be read goes on at the beginning of its fold: parts are then written twice.
fn after(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    digits.collect::<Option<_>>().unwrap_or_default()
}
