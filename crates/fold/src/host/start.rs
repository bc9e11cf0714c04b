use bus::Records;
use futures::StreamExt;
use model::{Dedup, Offset};

use super::Host;
use super::reader::ended;
use super::retry::Retry;
use crate::{FoldError, chain};

impl Host {
    /// Brings the folds to where they were: the checkpoint, if there is a good one, and what the
    /// log has of their outputs after it. Gives those; nothing if the host is to end.
    pub(super) async fn start(&mut self, retry: &Retry) -> Result<Option<Dedup>, FoldError> {
        let bounds = retry.until("ask the log", || async { Ok(self.log.bounds(self.shard).await?) }).await?;
        let Some((start, end)) = bounds else { return Ok(None) };
        if self.starts {
            // Before who is started with it says anything. If the log is away, it comes as the next tick.
            self.append_tick().await;
        }
        if !self.restore(end, retry).await? {
            return Ok(None);
        }
        self.skip_what_is_gone(start);
        let next = self.machine.next();
        let saved = self.chain.as_ref().map_or(next, |chain| chain.safe()).min(next);
        self.progress.update(|position| (position.saved, position.applied) = (saved, next));
        tracing::info!(shard = self.shard, from = next.0, records = end.0.saturating_sub(next.0), "folds start");
        outputs_on_log(self.log.read(self.shard, next), next, end, retry).await.map(Some)
    }

    /// Takes the newest checkpoint back that can be used; false if the host is to end before.
    async fn restore(&mut self, end: Offset, retry: &Retry) -> Result<bool, FoldError> {
        let machine = tokio::sync::Mutex::new(&mut self.machine);
        let (name, sizes, checkpoints) = (&self.name, self.sizes, &self.checkpoints);
        let loaded = retry.until("load the checkpoint", || async {
            chain::load(name, sizes, *machine.lock().await, end, &**checkpoints, &report).await
        });
        self.chain = loaded.await?;
        Ok(self.chain.is_some())
    }

    /// What was truncated before it was applied cannot be told any more.
    fn skip_what_is_gone(&mut self, start: Offset) {
        let next = self.machine.next();
        if next < start {
            tracing::error!(
                shard = self.shard,
                from = next.0,
                to = start.0,
                "the log no longer has these records: what only they told is missing from the folds' state"
            );
            self.machine.skip_to(start);
        }
    }
}

fn report(checkpoint: &str, error: &FoldError) {
    metrics::counter!("steadfast_fold_checkpoint_errors_total").increment(1);
    tracing::warn!(
        checkpoint,
        %error,
        "a checkpoint cannot be used: the folds go on from the one before, or are rebuilt from the start of the log"
    );
}

/// Which outputs are on the shard in `from..end`, so that they are not appended again.
async fn outputs_on_log(mut records: Records, from: Offset, end: Offset, retry: &Retry) -> Result<Dedup, FoldError> {
    let mut made = Dedup::default();
    let mut next = from;
    while next < end {
        match records.next().await {
            Some(Ok(record)) => {
                next = record.offset.next();
                made.admit(&record);
            }
            Some(Err(error)) => retry.bear(error.into()).await?,
            None => return Err(ended().into()),
        }
    }
    Ok(made)
}
