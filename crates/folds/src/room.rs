//! What the log takes at once.

use crate::RECORD;

/// The largest batch of a log, in bytes, where nobody says what it is.
pub(crate) const MAX_BATCH_BYTES: u64 = 16 << 20;

/// Bytes of a record beside the payload of its row: its head, and the row's other columns.
const HEAD: usize = 64 << 10;

/// How large what is put out may become. It is a setting and no state: what was decided with another one stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Bytes of a record of several rows, about.
    pub record: usize,
    /// Bytes of the payload of a notice. Those of the intent that comes of it are more, since it says more.
    pub notice: usize,
    /// Bytes of the payload of an intent.
    pub intent: usize,
}

impl Room {
    /// That of a log whose largest batch has so many bytes.
    pub fn of(max_batch_bytes: u64) -> Self {
        let largest = usize::try_from(max_batch_bytes).unwrap_or(usize::MAX);
        let head = HEAD.min(largest / 4);
        let intent = largest - head;
        Self { record: RECORD.min(intent), notice: intent - head, intent }
    }
}
