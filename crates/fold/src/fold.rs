use std::collections::HashMap;

use base::Timestamp;
use model::{Batch, Record, Row};

use crate::{DocumentRef, FoldError, Found, Parts};

/// A deterministic state machine over the records of one shard. No I/O, no clock: it knows the
/// time only from the records. The same records give the same outputs, byte for byte.
pub trait Fold: Send {
    /// Its name: part of its outputs' ids and of its checkpoint.
    fn name(&self) -> &'static str;

    /// The versions that it wants to look at when it is applied to `record`.
    fn needs(&self, record: &Record) -> Result<Vec<DocumentRef>, FoldError> {
        let _ = record;
        Ok(Vec::new())
    }

    /// Applies `record`; `found` has what [`Self::needs`] asked for, as far as it is there.
    ///
    /// # Errors
    /// If the record does not have the shape of its stream; the state is unchanged, and the host
    /// reports the record and goes on.
    fn apply(
        &mut self,
        record: &Record,
        found: &HashMap<DocumentRef, Found>,
        outputs: &mut Outputs,
    ) -> Result<(), FoldError>;

    /// When it next wants to be told that time has passed; the host then appends a tick.
    fn next_tick(&self) -> Option<Timestamp> {
        None
    }

    /// Whether it has more to do than it did for the last record, which it leaves to the next ones: a tick
    /// then follows at once.
    fn is_behind(&self) -> bool {
        false
    }

    /// Its state, in a form that [`Self::restore`] reads. The same state gives the same bytes.
    fn checkpoint(&self) -> Vec<u8>;

    /// Takes a state back.
    ///
    /// # Errors
    /// If it is of another version or damaged; the state is then the initial one.
    fn restore(&mut self, state: &[u8]) -> Result<(), FoldError>;

    /// Its state in parts, if it may become large: the host then saves what changes of it, and not all of it each time.
    fn parts(&mut self) -> Option<&mut dyn Parts> {
        None
    }
}

/// What a fold puts out for one record, in order.
#[derive(Debug, Default)]
pub struct Outputs(Vec<Batch>);

impl Outputs {
    /// Adds a batch of `rows` about `key`; none if there are no rows.
    ///
    /// # Errors
    /// Only if Arrow refuses the columns, which would be a bug.
    pub fn push<R: Row>(&mut self, key: &str, rows: &[R]) -> Result<(), model::ModelError> {
        if !rows.is_empty() {
            self.0.push(Batch::of(key, rows)?);
        }
        Ok(())
    }

    /// Adds `rows` about `key` in as few batches as take `bytes` each at most, by their `size`; a larger row is one by itself.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_parts<R: Row>(
        &mut self,
        key: &str,
        rows: &[R],
        bytes: usize,
        size: impl Fn(&R) -> usize,
    ) -> Result<(), model::ModelError> {
        let mut rest = rows;
        while !rest.is_empty() {
            let mut sum = 0;
            let fits = rest.iter().take_while(|row| {
                sum += size(row);
                sum <= bytes
            });
            let (part, after) = rest.split_at(fits.count().max(1));
            self.push(key, part)?;
            rest = after;
        }
        Ok(())
    }

    /// Takes the batches.
    pub fn take(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.0)
    }

    /// How many batches were put out.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was put out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
