use std::collections::BTreeMap;

use async_trait::async_trait;
use base::{Clock, DigestKey, Limit, Rng, Shutdown};
use model::rows::{LogLine, Sample, Series};
use model::{Fingerprint, ResourceId};

use crate::{CollectError, Collector, Cover, Cx, Seen};

/// Resources that [`once`] holds.
const RESOURCES: Limit = Limit::new("collect_once_resources", 4_000_000);

/// Runs `collector` until it has seen everything once; gives what it saw, in order of id. Needs no log.
///
/// # Errors
/// The collector's, or [`CollectError::Shutdown`] if `shutdown` was given first.
pub async fn once(
    collector: &mut dyn Collector,
    clock: &Clock,
    rng: &Rng,
    digest_key: &DigestKey,
    shutdown: &Shutdown,
) -> Result<Vec<Seen>, CollectError> {
    Ok(look(collector, clock, rng, digest_key, shutdown).await?.0)
}

/// The same, with what it has looked at.
///
/// # Errors
/// As of [`once`].
pub async fn look(
    collector: &mut dyn Collector,
    clock: &Clock,
    rng: &Rng,
    digest_key: &DigestKey,
    shutdown: &Shutdown,
) -> Result<(Vec<Seen>, Vec<Cover>), CollectError> {
    let mut gather = Gather::new(clock, rng, digest_key, shutdown.child());
    gather.covers = collector.covers();
    let ended = collector.run(&mut gather).await;
    if gather.completed {
        return Ok((gather.seen.into_values().collect(), gather.covers));
    }
    Err(ended.err().unwrap_or(CollectError::Shutdown))
}

/// Takes what a collector sees, and ends it at its first [`Cx::complete`].
pub(crate) struct Gather {
    clock: Clock,
    rng: Rng,
    digest_key: DigestKey,
    pub(crate) shutdown: Shutdown,
    pub(crate) seen: BTreeMap<ResourceId, Seen>,
    /// Ids that came with two different documents.
    pub(crate) conflicts: Vec<ResourceId>,
    pub(crate) covers: Vec<Cover>,
    pub(crate) messages: Vec<String>,
    pub(crate) completed: bool,
    /// Whether the first [`Cx::complete`] is the end.
    pub(crate) until_complete: bool,
}

impl Gather {
    pub(crate) fn new(clock: &Clock, rng: &Rng, digest_key: &DigestKey, shutdown: Shutdown) -> Self {
        Self {
            clock: clock.clone(),
            rng: rng.clone(),
            digest_key: digest_key.clone(),
            shutdown,
            seen: BTreeMap::new(),
            conflicts: Vec::new(),
            covers: Vec::new(),
            messages: Vec::new(),
            completed: false,
            until_complete: true,
        }
    }

    fn check(&self) -> Result<(), CollectError> {
        if self.shutdown.started() { Err(CollectError::Shutdown) } else { Ok(()) }
    }
}

#[async_trait]
impl Cx for Gather {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn rng(&self) -> &Rng {
        &self.rng
    }

    fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    fn digest_key(&self) -> &DigestKey {
        &self.digest_key
    }

    fn known(&self, _: &ResourceId) -> Option<Fingerprint> {
        None
    }

    fn begin(&mut self) {}

    async fn seen(&mut self, resources: Vec<Seen>) -> Result<(), CollectError> {
        self.check()?;
        for seen in resources {
            if seen.document.is_none() {
                self.seen.remove(&seen.id);
                continue;
            }
            let before = self.seen.insert(seen.id.clone(), seen.clone());
            if before.is_some_and(|before| before.document != seen.document) {
                self.conflicts.push(seen.id);
            }
        }
        let problem =
            |error: base::Exceeded| CollectError::Source { what: "once".to_owned(), problem: error.to_string() };
        RESOURCES.check(self.seen.len() as u64).map_err(problem)
    }

    async fn cover(&mut self, covers: Vec<Cover>) -> Result<(), CollectError> {
        self.covers = covers;
        self.check()
    }

    async fn complete(&mut self) -> Result<(), CollectError> {
        self.check()?;
        self.completed = true;
        if self.until_complete {
            self.shutdown.start();
            return Err(CollectError::Shutdown);
        }
        Ok(())
    }

    async fn progress(&mut self, message: String) -> Result<(), CollectError> {
        self.messages.push(message);
        self.messages.truncate(1000);
        self.check()
    }

    async fn metrics(&mut self, _: Vec<Series>, _: Vec<Sample>) -> Result<(), CollectError> {
        self.check()
    }

    async fn logs(&mut self, _: Vec<LogLine>) -> Result<(), CollectError> {
        self.check()
    }
}
