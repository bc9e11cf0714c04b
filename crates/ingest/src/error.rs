use std::fmt;
use std::time::Duration;

use bus::BusError;
use wire::body::BodyError;
use wire::remote_write::RequestError;

/// Refusals that an answer tells.
const TOLD: usize = 5;

/// Why a request was not taken, or not whole, by what the sender can do.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Too much is being taken: the same again, later.
    #[error("{problem}; try again in {} s", retry_after.as_secs())]
    Busy {
        /// Which limit is reached.
        problem: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// Its rows take more than a request may become: nothing of it was taken.
    #[error("the request: {0}")]
    Rows(#[from] base::Exceeded),
    /// It takes more than all requests together may: nothing of it was taken.
    #[error("the request by itself: {0}")]
    InFlight(base::Exceeded),
    /// It cannot be decompressed.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// It is not what it should be: nothing of it was taken.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// It is not what it should be: nothing of it was taken.
    #[error(transparent)]
    Bytes(#[from] wire::pb::Error),
    /// A line of a bulk request is none.
    #[error(transparent)]
    Bulk(#[from] wire::bulk::BulkError),
    /// It is no push of Loki.
    #[error(transparent)]
    Push(#[from] wire::loki::PushError),
    /// It is not the JSON that it should be: nothing of it was taken.
    #[error("{0}")]
    Json(String),
    /// The log did not take it: the same again, later.
    #[error("the log does not take it: {0}")]
    Log(#[from] BusError),
    /// A bug of ours.
    #[error("{0}")]
    Internal(String),
}

/// What of a request was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    told: Vec<String>,
    count: usize,
    /// What is told beside it.
    noted: Vec<String>,
}

impl Refusals {
    /// One more, which `problem` tells of.
    pub(crate) fn push(&mut self, problem: impl FnOnce() -> String) {
        self.count += 1;
        if self.told.len() < TOLD {
            self.told.push(problem());
        }
    }

    /// Tells of what is not there though nothing that was sent was refused.
    pub(crate) fn note(&mut self, problem: impl FnOnce() -> String) {
        if self.noted.len() < TOLD {
            self.noted.push(problem());
        }
    }

    /// Those of `other`, too.
    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        for (told, more) in [(&mut self.told, other.told), (&mut self.noted, other.noted)] {
            let room = TOLD.saturating_sub(told.len());
            told.extend(more.into_iter().take(room));
        }
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.count
    }
}

impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = Vec::new();
        if self.count > 0 {
            all.push(format!("{} refused: {}", self.count, self.told.join("; ")));
        }
        match self.count - self.told.len() {
            0 => {}
            more => all.push(format!("and {more} more")),
        }
        all.extend(self.noted.iter().cloned());
        f.write_str(&all.join("; "))
    }
}
