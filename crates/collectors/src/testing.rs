//! A collector under test: runs in the background, and what it hands over can be awaited.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, DigestKey, Rng, Shutdown, Tasks};
use collect::{CollectError, Collector, Cover, Cx, Seen};
use model::rows::{LogLine, Sample, Series};
use model::{Document, Fingerprint, ResourceId};
use tokio::sync::Notify;

/// What was handed over.
#[derive(Default)]
pub(crate) struct State {
    /// By `kind/namespace/name`.
    pub(crate) live: BTreeMap<String, Seen>,
    /// Everything that is new or changed, in order.
    pub(crate) history: Vec<Seen>,
    pub(crate) completes: usize,
    pub(crate) messages: Vec<String>,
    pub(crate) covers: Vec<Cover>,
    pub(crate) samples: usize,
    pass: Vec<String>,
}

impl State {
    /// A member of the document of a resource.
    pub(crate) fn member(&self, name: &str, member: &str) -> Option<String> {
        let value = self.live.get(name)?.document.as_ref()?.tree().get(member)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.live.keys().map(String::as_str).collect()
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<(Mutex<State>, Notify)>);

/// A running collector.
pub(crate) struct Running {
    shared: Shared,
    shutdown: Shutdown,
    tasks: Tasks,
}

impl Running {
    pub(crate) fn start(mut collector: Box<dyn Collector>) -> Self {
        let (shared, shutdown, tasks) = (Shared::default(), Shutdown::new(), Tasks::new());
        let mut cx = Recorder {
            shared: shared.clone(),
            clock: Clock::system(),
            rng: Rng::seeded(1),
            key: DigestKey::from_bytes([5; 32]),
            shutdown: shutdown.clone(),
        };
        tasks.spawn("collector", async move {
            let ended = collector.run(&mut cx).await;
            assert!(matches!(ended, Ok(()) | Err(CollectError::Shutdown)), "{ended:?}");
        });
        Self { shared, shutdown, tasks }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the state is as `wanted`.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&State) -> bool) {
        let reached = async {
            loop {
                let changed = self.shared.0.1.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if wanted(&self.state()) {
                    return;
                }
                changed.await;
            }
        };
        let waited = Clock::system().timeout(Duration::from_secs(20), reached).await;
        let state = self.state();
        assert!(waited.is_ok(), "{what}: {:?} {:?}", state.names(), state.messages);
    }

    pub(crate) async fn complete(&self) {
        self.until("never complete", |state| state.completes > 0).await;
    }

    pub(crate) async fn end(self) {
        self.shutdown.start();
        self.tasks.join(&Clock::system(), Duration::from_secs(10)).await.expect("it ended");
    }
}

struct Recorder {
    shared: Shared,
    clock: Clock,
    rng: Rng,
    key: DigestKey,
    shutdown: Shutdown,
}

impl Recorder {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.0.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.0.1.notify_waiters();
    }
}

fn name(id: &ResourceId) -> String {
    format!("{}/{}/{}", id.kind(), id.namespace(), id.name())
}

#[async_trait]
impl Cx for Recorder {
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
        &self.key
    }

    fn known(&self, id: &ResourceId) -> Option<Fingerprint> {
        let state = self.shared.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.live.get(&name(id))?.document.as_ref().map(Document::fingerprint)
    }

    fn begin(&mut self) {
        self.change(|state| state.pass.clear());
    }

    async fn seen(&mut self, resources: Vec<Seen>) -> Result<(), CollectError> {
        assert!(resources.len() <= 2048, "a step is bounded");
        self.change(|state| {
            for seen in resources {
                let name = name(&seen.id);
                state.pass.push(name.clone());
                let before = state.live.get(&name).and_then(|before| before.document.clone());
                if before != seen.document {
                    state.history.push(seen.clone());
                    match seen.document {
                        Some(_) => _ = state.live.insert(name, seen),
                        None => _ = state.live.remove(&name),
                    }
                }
            }
        });
        Ok(())
    }

    async fn cover(&mut self, covers: Vec<Cover>) -> Result<(), CollectError> {
        self.change(|state| state.covers = covers);
        Ok(())
    }

    fn keep(&mut self, places: &[Cover]) {
        let holds = |seen: &Seen| places.iter().any(|cover| cover.kind == seen.id.kind());
        self.change(|state| {
            let kept = state.live.iter().filter(|(_, seen)| holds(seen)).map(|(name, _)| name.clone());
            state.pass.extend(kept.collect::<Vec<_>>());
        });
    }

    fn still(&mut self, id: &ResourceId) -> bool {
        let mut known = false;
        self.change(|state| {
            state.pass.push(name(id));
            known = state.live.contains_key(&name(id));
        });
        known
    }

    async fn complete(&mut self) -> Result<(), CollectError> {
        self.change(|state| {
            let pass: std::collections::HashSet<String> = state.pass.drain(..).collect();
            state.live.retain(|name, _| pass.contains(name));
            state.completes += 1;
        });
        Ok(())
    }

    async fn progress(&mut self, message: String) -> Result<(), CollectError> {
        self.change(|state| state.messages.push(message));
        Ok(())
    }

    async fn metrics(&mut self, _: Vec<Series>, samples: Vec<Sample>) -> Result<(), CollectError> {
        self.change(|state| state.samples += samples.len());
        Ok(())
    }

    async fn logs(&mut self, _: Vec<LogLine>) -> Result<(), CollectError> {
        Ok(())
    }
}
