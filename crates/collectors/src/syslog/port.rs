//! What the ways by which messages come have in common.

use base::{Clock, Limit, Shutdown, Tasks, Timestamp, Zone};
use ingest::LogBatch;

use super::record::{Envelope, record};
use crate::deliver::{Quiet, count};

/// What each reader of a port needs.
pub(super) struct Port {
    pub from: &'static str,
    /// Counts messages.
    pub records: metrics::Counter,
    pub limit: Limit,
    pub zone: Zone,
    pub clock: Clock,
    pub tasks: Tasks,
    pub shutdown: Shutdown,
    pub quiet: Says,
}

/// Lines that would otherwise be many.
#[derive(Default)]
pub(super) struct Says {
    pub cut: Quiet,
    pub unparsed: Quiet,
    pub ended: Quiet,
    pub refused: Quiet,
    pub full: Quiet,
}

impl Port {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Adds a message to a batch; one without text is none.
    pub(super) fn take(&self, batch: &mut LogBatch, bytes: &[u8], cut: bool, peer: &str, now: Timestamp) {
        let bytes = wire::syslog::trimmed(bytes);
        if bytes.is_empty() {
            return;
        }
        self.records.increment(1);
        if cut {
            count(self.from, "cut", 1);
            if let Some(untold) = self.quiet.cut.turn(&self.clock) {
                let limit = self.limit.max();
                tracing::warn!(
                    from = self.from,
                    peer,
                    limit,
                    untold,
                    "a syslog message exceeds syslog.max_message_bytes and is cut"
                );
            }
        }
        match record(batch, bytes, &Envelope { peer, now, zone: &self.zone, cut }) {
            Ok(read) => {
                if read.lossy {
                    count(self.from, "lossy", 1);
                }
                if read.unparsed {
                    count(self.from, "unparsed", 1);
                    if let Some(untold) = self.quiet.unparsed.turn(&self.clock) {
                        tracing::warn!(
                            from = self.from,
                            peer,
                            untold,
                            "a syslog message is not as RFC 5424 has it; it is kept as it is"
                        );
                    }
                }
            }
            Err(error) => {
                tracing::error!(from = self.from, %error, "a log record is lost: this is a bug, please report it")
            }
        }
    }
}
