//! What is done about incidents at their providers, put on the log.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use bus::{BusError, Log};
use integrations::Inbound;
use model::rows::Reaction;
use model::{Batch, Key};
use parking_lot::Mutex;
use server::{From, Intake, NotTaken, Take};

use crate::{AppError, ReceiverConfig, receivers};

/// How long the log may take: who posts waits five seconds, and posts again.
const PATIENCE: Duration = Duration::from_secs(4);
/// Events that are remembered, so that what is posted again is not put on the log again.
const SEEN: usize = 10_000;

/// The intakes of receivers whose provider posts back, by name.
///
/// # Errors
/// Names the receiver whose secret is not there.
pub(crate) fn intakes(
    configs: &[ReceiverConfig],
    clock: &Clock,
    log: &Arc<dyn Log>,
) -> Result<BTreeMap<String, Intake>, AppError> {
    let mut intakes = BTreeMap::new();
    for config in configs {
        let Some((kind, inbound)) = receivers::inbound(config)? else { continue };
        let inbound: Arc<dyn Inbound> = Arc::from(inbound);
        let desk = Arc::new(Desk {
            receiver: config.name.clone(),
            inbound: Arc::clone(&inbound),
            clock: clock.clone(),
            log: Arc::clone(log),
            seen: Mutex::default(),
        });
        let (limit, header) = (inbound.limit(), inbound.header());
        let is_signed = Arc::new(move |body: &[u8], signature: &str| inbound.is_signed(body, signature));
        let take: Take = Arc::new(move |body| {
            let desk = Arc::clone(&desk);
            Box::pin(async move { desk.take(&body).await })
        });
        let name = format!("{kind}/{}", config.name);
        intakes.insert(name, Intake { from: From::Signed { header, is_signed }, limit, take });
    }
    Ok(intakes)
}

/// Where one receiver's provider posts.
struct Desk {
    receiver: String,
    inbound: Arc<dyn Inbound>,
    clock: Clock,
    log: Arc<dyn Log>,
    seen: Mutex<Seen>,
}

impl Desk {
    /// It is on the log when this returns: what is answered well is not posted again.
    async fn take(&self, body: &[u8]) -> Result<(), NotTaken> {
        let row = self.inbound.read(&self.receiver, body, self.clock.now()).map_err(NotTaken::Malformed)?;
        let Some(row) = row else { return Ok(()) };
        if self.seen.lock().has(&row.key) {
            count(&self.receiver, "repeated");
            return Ok(());
        }
        self.append(&row).await?;
        self.seen.lock().add(row.key);
        count(&self.receiver, "taken");
        Ok(())
    }

    /// On every shard: which one has the incident, only its folds know.
    async fn append(&self, row: &Reaction) -> Result<(), NotTaken> {
        for shard in 0..self.log.shards() {
            let batch = Batch::of("reactions", std::slice::from_ref(row)).map_err(|_| NotTaken::Closed)?;
            match self.clock.timeout(PATIENCE, self.log.append(shard, vec![batch])).await {
                Ok(Ok(_)) => {}
                Ok(Err(BusError::TooLarge { .. })) => return Err(NotTaken::Malformed("it is too large".to_owned())),
                Ok(Err(error)) => {
                    tracing::warn!(receiver = self.receiver, %error, "what a provider said is not on the log");
                    return Err(NotTaken::Closed);
                }
                Err(_) => return Err(NotTaken::Closed),
            }
        }
        Ok(())
    }
}

fn count(receiver: &str, what: &'static str) {
    metrics::counter!("steadfast_reactions_posted_total", "receiver" => receiver.to_owned(), "outcome" => what)
        .increment(1);
}

/// The newest events.
#[derive(Default)]
struct Seen {
    order: VecDeque<Key>,
    keys: BTreeSet<Key>,
}

impl Seen {
    fn has(&self, key: &Key) -> bool {
        self.keys.contains(key)
    }

    fn add(&mut self, key: Key) {
        if self.keys.insert(key) {
            self.order.push_back(key);
        }
        if self.order.len() > SEEN
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}
