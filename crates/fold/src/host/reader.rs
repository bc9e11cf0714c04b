use bus::{BusError, Records};
use futures::{FutureExt, StreamExt};
use model::Record;

use super::HostConfig;
use crate::FoldError;

/// Takes records from a shard, as many at once as there are.
pub(super) struct Reader {
    records: Records,
    failed: Option<BusError>,
}

impl Reader {
    pub(super) const fn new(records: Records) -> Self {
        Self { records, failed: None }
    }

    /// Waits for a record and takes those that are there with it. Nothing is lost if it is
    /// cancelled: it waits only for the first.
    ///
    /// # Errors
    /// What the log says; after [`BusError::Unavailable`] it may be called again.
    pub(super) async fn next(&mut self, config: &HostConfig) -> Result<Vec<Record>, FoldError> {
        if let Some(error) = self.failed.take() {
            return Err(error.into());
        }
        let first = self.records.next().await.unwrap_or_else(|| Err(ended()))?;
        let mut bytes = first.batch.data.get_array_memory_size();
        let mut chunk = vec![first];
        while chunk.len() < config.chunk_records && bytes < config.chunk_bytes {
            match self.records.next().now_or_never() {
                Some(Some(Ok(record))) => {
                    bytes += record.batch.data.get_array_memory_size();
                    chunk.push(record);
                }
                Some(Some(Err(error))) => {
                    self.failed = Some(error);
                    break;
                }
                Some(None) | None => break,
            }
        }
        Ok(chunk)
    }
}

/// A log's stream does not end; where it does, nothing can be read from it any more.
pub(super) fn ended() -> BusError {
    BusError::Closed { log: model::LogKind::State.as_str().to_owned(), problem: "its records ended".to_owned() }
}
