use std::collections::HashMap;

use base::Timestamp;
use model::{Batch, Dedup, Offset, Record, RecordId};

use crate::checkpoint::{self, Checkpoint};
use crate::links::Links;
use crate::{DocumentRef, Fold, FoldError, Found, Outputs, Parts};

/// The folds of one shard and what they have seen. No I/O: a [`crate::Host`] drives it over a log,
/// and a replay over history.
pub struct Machine {
    shard: u32,
    folds: Vec<Box<dyn Fold>>,
    initial: Vec<Vec<u8>>,
    dedup: Dedup,
    next: Offset,
}

/// What each fold wants to look at for a record.
pub struct Asked(Vec<Result<Vec<DocumentRef>, FoldError>>);

impl Asked {
    /// All of it, each version once.
    pub fn refs(&self) -> Vec<DocumentRef> {
        let mut refs: Vec<_> = self.0.iter().flatten().flatten().copied().collect();
        refs.sort_unstable();
        refs.dedup();
        refs
    }
}

impl Machine {
    /// `folds` in their initial state, before the first record of `shard`.
    pub fn new(shard: u32, folds: Vec<Box<dyn Fold>>) -> Self {
        let initial = folds.iter().map(|fold| fold.checkpoint()).collect();
        Self { shard, folds, initial, dedup: Dedup::default(), next: Offset(0) }
    }

    /// The record that it wants next.
    pub const fn next(&self) -> Offset {
        self.next
    }

    /// Goes on at `offset`, without the records before it.
    pub const fn skip_to(&mut self, offset: Offset) {
        self.next = offset;
    }

    /// Whether a fold has more to do than it did for the last record; a tick is then to follow at once.
    pub fn is_behind(&self) -> bool {
        self.folds.iter().any(|fold| fold.is_behind())
    }

    /// When a fold next wants to be told that time has passed.
    pub fn next_tick(&self) -> Option<Timestamp> {
        self.folds.iter().filter_map(|fold| fold.next_tick()).min()
    }

    /// Moves past `record`; whether it is to be applied. It is not if it, or the same output under
    /// another offset, was there before.
    pub fn admit(&mut self, record: &Record) -> bool {
        if record.offset < self.next {
            return false;
        }
        self.next = record.offset.next();
        self.dedup.admit(record)
    }

    /// What the folds want to look at for `record`.
    pub fn needs(&self, record: &Record) -> Asked {
        Asked(self.folds.iter().map(|fold| fold.needs(record)).collect())
    }

    /// Applies an admitted `record` to each fold and gives their outputs, with ids. A fold that
    /// cannot apply it is left as it was: that is logged and counted, and the others go on.
    pub fn apply(&mut self, record: &Record, asked: Asked, found: &HashMap<DocumentRef, Found>) -> Vec<Batch> {
        let mut made = Vec::new();
        for (fold, asked) in self.folds.iter_mut().zip(asked.0) {
            let mut outputs = Outputs::default();
            match asked.and_then(|_| fold.apply(record, found, &mut outputs)) {
                Ok(()) => made.extend(identify(fold.name(), record, outputs)),
                Err(error) => report(fold.name(), record, &error),
            }
        }
        made
    }

    /// The state of all folds, and what was seen; the same records give the same bytes.
    ///
    /// # Errors
    /// [`FoldError::Checkpoint`] if it is too large to be written.
    pub fn checkpoint(&self) -> Result<Vec<u8>, FoldError> {
        let states: Vec<_> = self.folds.iter().map(|fold| (fold.name(), fold.checkpoint())).collect();
        checkpoint::encode(self.shard, self.next, &self.dedup, &states, None)
    }

    /// The states that are in parts, with their folds.
    pub(crate) fn parts(&mut self) -> impl Iterator<Item = (&'static str, &mut dyn Parts)> {
        self.folds.iter_mut().filter_map(|fold| {
            let name = fold.name();
            Some((name, fold.parts()?))
        })
    }

    /// What is not in parts, with where those are.
    pub(crate) fn head(&mut self, links: &Links) -> Result<Vec<u8>, FoldError> {
        let mut states = Vec::new();
        for fold in &mut self.folds {
            let name = fold.name();
            let head = fold.parts().map(|parts| parts.head());
            states.push((name, head.unwrap_or_else(|| fold.checkpoint())));
        }
        checkpoint::encode(self.shard, self.next, &self.dedup, &states, Some(links))
    }

    /// Takes back what is not in parts; then come those, and [`Self::end`].
    pub(crate) fn begin(&mut self, saved: &Checkpoint<'_>) -> Result<(), FoldError> {
        if saved.shard != self.shard {
            let what = format_args!("it is of shard {}, this is shard {}", saved.shard, self.shard).to_string();
            return Err(checkpoint::problem(&what));
        }
        // A fold that is new begins anew; the state of one that is gone is dropped.
        for (fold, initial) in self.folds.iter_mut().zip(&self.initial) {
            let (name, in_parts) = (fold.name(), saved.is_in_parts(fold.name()));
            let state = saved.states.iter().find(|(saved, _)| saved == name).map(|(_, state)| &state[..]);
            match (fold.parts(), state) {
                (Some(parts), Some(head)) if in_parts => {
                    parts.begin(head).map_err(|problem| FoldError::Checkpoint { fold: name, problem })?;
                }
                (None, Some(_)) if in_parts => {
                    let problem = "it is in parts, and this program keeps it as one".to_owned();
                    return Err(FoldError::Checkpoint { fold: name, problem });
                }
                _ => fold.restore(state.unwrap_or(initial))?,
            }
        }
        Ok(())
    }

    /// All parts are there.
    pub(crate) fn end(&mut self, saved: &Checkpoint<'_>) -> Result<(), FoldError> {
        for (name, parts) in self.parts().filter(|(name, _)| saved.is_in_parts(name)) {
            parts.end().map_err(|problem| FoldError::Checkpoint { fold: name, problem })?;
        }
        self.dedup.clone_from(&saved.dedup);
        self.next = saved.next;
        Ok(())
    }

    /// Takes back what [`Self::checkpoint`] gave.
    ///
    /// # Errors
    /// [`FoldError::Checkpoint`] if it is damaged, of another version or of another shard. The machine is then in its initial state.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), FoldError> {
        let restored = self.take_back(bytes);
        if restored.is_err() {
            self.reset()?;
        }
        restored
    }

    /// Goes back to the initial state, before the first record.
    ///
    /// # Errors
    /// Only if a fold does not take its own initial state back, which would be a bug.
    pub fn reset(&mut self) -> Result<(), FoldError> {
        self.dedup = Dedup::default();
        self.next = Offset(0);
        self.folds.iter_mut().zip(&self.initial).try_for_each(|(fold, state)| fold.restore(state))
    }

    fn take_back(&mut self, bytes: &[u8]) -> Result<(), FoldError> {
        let saved = checkpoint::decode(bytes)?;
        if saved.links.is_some() {
            return Err(checkpoint::problem(&"its parts are elsewhere"));
        }
        self.begin(&saved)?;
        self.end(&saved)
    }
}

/// Outputs get ids from the fold, the input and their place: made again, they are the same.
fn identify(fold: &'static str, record: &Record, mut outputs: Outputs) -> impl Iterator<Item = Batch> {
    let (shard, offset) = (record.shard, record.offset);
    (0..).zip(outputs.take()).map(move |(index, batch)| {
        metrics::counter!("steadfast_fold_outputs_total", "fold" => fold).increment(1);
        Batch { id: Some(RecordId { producer: fold.to_owned(), shard, offset, index }), ..batch }
    })
}

fn report(fold: &'static str, record: &Record, error: &FoldError) {
    metrics::counter!("steadfast_fold_record_errors_total", "fold" => fold).increment(1);
    tracing::error!(
        fold,
        shard = record.shard,
        offset = record.offset.0,
        stream = record.batch.stream.as_str(),
        %error,
        "a record could not be applied and is skipped"
    );
}
