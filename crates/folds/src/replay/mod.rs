//! What would have been sent: the folds over history, in virtual time, with another configuration.
//!
//! [`Replay`] is a log in memory with the folds of each of its shards: it is fed with what others appended (findings, posted alerts,
//! silences, reactions), gives the folds what they make of it, ticks when they wait for a time, and answers for providers as these
//! answered then ([`Recorded`]). What it makes is compared with what was sent by [`compare`].

mod compare;
mod provider;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use base::Timestamp;
use fold::{Fold, Machine};
use model::rows::{Intent, Reaction, Tick};
use model::{Batch, ModelError, Offset, Record, Stream, shard_of};
use notify::Notification;

pub use self::compare::{Change, Comparison, Counts, Line, compare};
use self::provider::Provider;
pub use self::provider::Recorded;

/// Ticks of a shard between two other records, after which something is wrong with a fold.
const TICKS: u64 = 10_000_000;
/// How far time goes on when a fold waits for a time that has come.
const STEP: Duration = Duration::from_millis(1);

/// Why history cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A row that does not have the shape of its stream.
    #[error("a row of history cannot be read: {0}")]
    Row(#[from] ModelError),
    /// Time does not go on.
    #[error("the folds ask for the time again and again at {at}: a bug, please report it")]
    Stuck {
        /// When.
        at: Timestamp,
    },
}

/// Something that was put on the log by others than these folds.
#[derive(Clone, Debug)]
pub struct Input {
    /// When.
    pub time: Timestamp,
    /// What; its key decides the shard.
    pub batch: Batch,
    /// Every shard gets it.
    pub everywhere: bool,
}

/// Somebody is paged: an incident is opened at a receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// When it was decided.
    pub time: Timestamp,
    /// Who.
    pub receiver: String,
    /// Of which incident.
    pub incident: String,
    /// Why.
    pub reason: String,
    /// One line for people.
    pub summary: String,
}

impl Page {
    /// The page of an intent, if it is one: updates and ends wake nobody.
    pub fn of(intent: &Intent) -> Option<Self> {
        let pages = intent.action == "trigger";
        let summary = || serde_json::from_str::<Notification>(&intent.payload).map(|told| told.summary);
        pages.then(|| Self {
            time: intent.time,
            receiver: intent.receiver.clone(),
            incident: intent.incident.clone(),
            reason: intent.reason.clone(),
            summary: summary().unwrap_or_default(),
        })
    }

    /// What it is about whenever it opened: an incident's name without the time of its opening.
    pub fn cause(&self) -> &str {
        cause(&self.incident)
    }
}

/// `host/web-1` of `host/web-1#1764150000000`.
fn cause(incident: &str) -> &str {
    // `host/web-1#1764150000000+2` is a child of it.
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parent = incident.rsplit_once('+').filter(|(_, child)| is_number(child)).map(|(parent, _)| parent);
    let incident = parent.filter(|parent| parent.contains(['#', '@'])).unwrap_or(incident);
    let cut = incident.rsplit_once(['#', '@']).filter(|(_, time)| is_number(time));
    cut.map_or(incident, |(cause, _)| cause)
}

/// See the module.
pub struct Replay {
    shards: Vec<Shard>,
    provider: Provider,
    /// What is on its way to the log: by time, then as it came.
    queue: BTreeMap<(Timestamp, u64), (u32, Batch)>,
    next: u64,
    pages: Vec<Page>,
}

struct Shard {
    machine: Machine,
    next: Offset,
    now: Timestamp,
    ticks: u64,
}

impl Replay {
    /// Before the first record; `folds` are those of each shard.
    pub fn new(folds: Vec<Vec<Box<dyn Fold>>>, recorded: Recorded) -> Self {
        let shard = |(shard, folds)| Shard {
            machine: Machine::new(shard, folds),
            next: Offset(0),
            now: Timestamp::ZERO,
            ticks: 0,
        };
        let shards = (0..).zip(folds).map(shard).collect();
        Self { shards, provider: Provider::new(recorded), queue: BTreeMap::new(), next: 0, pages: Vec::new() }
    }

    /// Takes what was put on the log next; times do not go back.
    ///
    /// # Errors
    /// See [`ReplayError`].
    pub fn feed(&mut self, input: Input) -> Result<(), ReplayError> {
        self.run(input.time)?;
        let batch = self.renamed(input.batch)?;
        if input.everywhere {
            for shard in 0..self.count() {
                self.apply(shard, input.time, batch.clone())?;
            }
            return Ok(());
        }
        self.apply(shard_of(&batch.key, self.count()), input.time, batch)
    }

    /// Lets time pass until `end`; gives who was paged, in order of time.
    ///
    /// # Errors
    /// See [`ReplayError`].
    pub fn finish(mut self, end: Timestamp) -> Result<Vec<Page>, ReplayError> {
        self.run(end)?;
        self.pages.sort_by(|a, b| (a.time, &a.receiver, &a.incident).cmp(&(b.time, &b.receiver, &b.incident)));
        Ok(self.pages)
    }

    fn count(&self) -> u32 {
        u32::try_from(self.shards.len()).unwrap_or(u32::MAX)
    }

    /// What happens before `until`, in order.
    fn run(&mut self, until: Timestamp) -> Result<(), ReplayError> {
        loop {
            let queued = self.queue.first_key_value().map(|(key, _)| key.0);
            let due = (0..).zip(&self.shards).filter_map(|(n, shard): (u32, _)| Some((shard.due()?, n))).min();
            match (queued, due) {
                // What was made at a time is there before time passes.
                (Some(at), due) if at <= until && due.is_none_or(|(due, _)| at <= due) => {
                    if let Some((_, (shard, batch))) = self.queue.pop_first() {
                        self.apply(shard, at, batch)?;
                    }
                }
                (_, Some((due, shard))) if due < until => self.tick(shard, due)?,
                _ => return Ok(()),
            }
        }
    }

    fn tick(&mut self, shard: u32, due: Timestamp) -> Result<(), ReplayError> {
        if let Some(shard) = self.shards.get_mut(shard as usize) {
            shard.ticks += 1;
            if shard.ticks > TICKS {
                return Err(ReplayError::Stuck { at: due });
            }
        }
        self.apply(shard, due, Batch::of("tick", &[Tick { time: due }])?)
    }

    /// A record of a shard, and what comes of it.
    fn apply(&mut self, to: u32, time: Timestamp, batch: Batch) -> Result<(), ReplayError> {
        let count = self.count();
        let Some(shard) = self.shards.get_mut(to as usize) else { return Ok(()) };
        shard.now = shard.now.max(time);
        if batch.stream != Stream::Ticks {
            shard.ticks = 0;
        }
        let record = Record { shard: to, offset: shard.next, time: shard.now, batch };
        shard.next = shard.next.next();
        if !shard.machine.admit(&record) {
            return Ok(());
        }
        let asked = shard.machine.needs(&record);
        let made = shard.machine.apply(&record, asked, &HashMap::new());
        for batch in made {
            let of = shard_of(&batch.key, count);
            if batch.stream == Stream::Intents {
                self.send(of, &Record { batch, ..record.clone() })?;
            } else {
                self.push(record.time, of, batch);
            }
        }
        Ok(())
    }

    /// Intents are answered as the provider did, or would have.
    fn send(&mut self, shard: u32, record: &Record) -> Result<(), ReplayError> {
        for intent in record.rows::<Intent>()? {
            self.pages.extend(Page::of(&intent));
            for (after, receipt) in self.provider.answers(&intent) {
                let time = record.time.plus(after);
                self.push(time, shard, Batch::of(&*record.batch.key, &[receipt])?);
            }
        }
        Ok(())
    }

    fn push(&mut self, time: Timestamp, shard: u32, batch: Batch) {
        self.next += 1;
        self.queue.insert((time, self.next), (shard, batch));
    }

    /// Reactions name incidents as they were called then.
    fn renamed(&self, batch: Batch) -> Result<Batch, ReplayError> {
        if batch.stream != Stream::Reactions {
            return Ok(batch);
        }
        let record = Record { shard: 0, offset: Offset(0), time: Timestamp::ZERO, batch };
        let rows = record.rows::<Reaction>()?.into_iter().map(|row| self.provider.renamed(row));
        Ok(Batch::of(&*record.batch.key, &rows.collect::<Vec<_>>())?)
    }
}

impl Shard {
    /// When it wants to be told of the time, and not earlier than it is.
    fn due(&self) -> Option<Timestamp> {
        let due = self.machine.next_tick()?;
        Some(if self.ticks > 0 { due.max(self.now.plus(STEP)) } else { due.max(self.now) })
    }
}
