use serde::{Deserialize, Serialize};

/// Where the parts of a checkpoint are, and how far the round that writes all of them anew has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Links {
    /// Rises with each checkpoint: of two the newer one has the higher.
    pub sequence: u64,
    /// The folds whose states are in parts, in their order.
    pub folds: Vec<String>,
    /// From the oldest to the newest: what a later one says of a part counts.
    pub segments: Vec<Link>,
    /// The number of the next segment.
    pub next: u64,
    /// Segments before this one are no longer there.
    pub removed: u64,
    /// See [`Round`].
    pub round: Round,
    /// Bytes that the last round has written.
    pub bytes: usize,
}

/// One segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    pub number: u64,
    /// CRC-32 of all of it.
    pub crc: u32,
}

/// Every checkpoint writes, beside what has changed, a slice of what has not. Once all of it was
/// written the segments of before are not needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Round {
    /// Its first segment.
    pub first: u64,
    /// The place in [`Links::folds`] of the fold that it has come to.
    pub fold: usize,
    /// The last key of that fold that was written, in hexadecimal digits.
    pub after: String,
    /// Bytes that it has written.
    pub bytes: usize,
}

impl Links {
    /// Begins a round with the next segment.
    pub fn begin_round(&mut self) {
        self.round = Round { first: self.next, ..Round::default() };
    }

    /// Every part was written since the round began.
    pub fn end_round(&mut self) {
        self.bytes = self.round.bytes;
        self.segments.retain(|link| link.number >= self.round.first);
        self.begin_round();
    }

    /// The number of the oldest segment that is needed.
    pub fn first(&self) -> u64 {
        self.segments.first().map_or(self.next, |link| link.number)
    }
}
