use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Limit};
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use model::rows::{Confirmation, Suspect};
use model::{Batch, DryRun};

use super::reader::Reader;
use super::{Confirmer, Unconfirmed};
use crate::CollectError;
use crate::append::Appender;

/// Questions under way at once.
const AT_ONCE: usize = 8;
/// From one question to the next: servers have other work, too.
const APART: Duration = Duration::from_millis(10);
/// Suspects that wait for their turn. More than that are many pages about one thing.
const WAITING: Limit = Limit::new("confirm_waiting", 1024);

/// The suspects of one shard.
pub(super) struct Shard {
    confirmers: BTreeMap<String, Arc<dyn Confirmer>>,
    reader: Reader,
    appender: Appender,
    waiting: VecDeque<Suspect>,
    asking: FuturesUnordered<BoxFuture<'static, Confirmation>>,
    /// When the next question may go out.
    next: Duration,
}

impl Shard {
    pub fn new(number: u32, confirmers: BTreeMap<String, Arc<dyn Confirmer>>, appender: Appender) -> Self {
        let reader = Reader::new(number, appender.clone());
        let (waiting, asking) = (VecDeque::new(), FuturesUnordered::new());
        Self { confirmers, reader, appender, waiting, asking, next: Duration::ZERO }
    }

    pub async fn run(mut self) {
        let (shutdown, clock) = (self.appender.shutdown.clone(), self.appender.clock.clone());
        loop {
            let (pause, idle) = (self.next.saturating_sub(clock.monotonic()), self.is_idle());
            let answers = tokio::select! {
                biased;
                () = shutdown.wait() => return,
                Some(answer) = self.asking.next() => self.answers(answer),
                () = clock.sleep(pause), if !idle => self.ask(&clock),
                suspects = self.reader.next() => self.queue(suspects),
            };
            match append(&self.appender, &answers).await {
                Ok(()) | Err(CollectError::Shutdown) => {}
                Err(error) => {
                    tracing::error!(%error, "answers about suspects cannot be kept: people are told without them");
                }
            }
        }
    }

    /// Whether no question may go out now.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() || self.asking.len() >= AT_ONCE
    }

    /// Takes suspects in; those that are too many have their answer at once.
    fn queue(&mut self, suspects: Vec<Suspect>) -> Vec<Confirmation> {
        let now = self.appender.clock.now();
        let ours = |suspect: &Suspect| suspect.until > now && self.confirmers.contains_key(&suspect.scope);
        let mut refused = Vec::new();
        for suspect in suspects.into_iter().filter(ours) {
            if WAITING.check(self.waiting.len() as u64 + 1).is_ok() {
                self.waiting.push_back(suspect);
            } else {
                let why = Unconfirmed("too many wait to be asked about".to_owned());
                refused.push(answer(&suspect, Err(why), Duration::ZERO, &self.appender.clock));
            }
        }
        refused
    }

    /// Asks about the next suspect.
    fn ask(&mut self, clock: &Clock) -> Vec<Confirmation> {
        let now = clock.now();
        self.waiting.retain(|suspect| suspect.until > now);
        if let Some(suspect) = self.waiting.pop_front()
            && let Some(confirmer) = self.confirmers.get(&suspect.scope)
        {
            self.next = clock.monotonic() + APART;
            self.asking.push(ask(Arc::clone(confirmer), suspect, clock.clone()).boxed());
        }
        Vec::new()
    }

    /// All answers that are there.
    fn answers(&mut self, first: Confirmation) -> Vec<Confirmation> {
        let mut answers = vec![first];
        while let Some(Some(answer)) = self.asking.next().now_or_never() {
            answers.push(answer);
        }
        answers
    }
}

/// Appends answers, those of each scope as one record.
async fn append(appender: &Appender, answers: &[Confirmation]) -> Result<(), CollectError> {
    let mut scopes: BTreeMap<&str, Vec<Confirmation>> = BTreeMap::new();
    for answer in answers {
        scopes.entry(&answer.scope).or_default().push(answer.clone());
    }
    appender.append(|| scopes.iter().map(|(scope, rows)| Ok(Batch::of(*scope, rows)?)).collect()).await
}

/// One question, within its time. Who fails on it has not refuted it.
async fn ask(confirmer: Arc<dyn Confirmer>, suspect: Suspect, clock: Clock) -> Confirmation {
    let (left, started) = (suspect.until.since(clock.now()), clock.monotonic());
    let asked = AssertUnwindSafe(confirmer.confirm(&suspect)).catch_unwind();
    let said = match clock.timeout(left, asked).await {
        Ok(Ok(said)) => said,
        Ok(Err(_)) => Err(Unconfirmed("the question failed: this is a bug, please report it".to_owned())),
        Err(_) => Err(Unconfirmed("the server did not answer in time".to_owned())),
    };
    answer(&suspect, said, clock.monotonic().saturating_sub(started), &clock)
}

fn answer(suspect: &Suspect, said: Result<Vec<String>, Unconfirmed>, took: Duration, clock: &Clock) -> Confirmation {
    let (refuted, message) = match said {
        Ok(refuted) => (refuted, None),
        Err(why) => (Vec::new(), Some(why.to_string())),
    };
    let outcome = match &message {
        Some(_) => DryRun::Failed,
        None if !refuted.is_empty() && paths(suspect).all(|path| refuted.contains(&path)) => DryRun::Refuted,
        None => DryRun::Confirmed,
    };
    metrics::histogram!("steadfast_confirm_seconds").record(took.as_secs_f64());
    metrics::counter!("steadfast_confirm_answers_total", "outcome" => outcome.as_str()).increment(1);
    Confirmation {
        time: clock.now(),
        scope: suspect.scope.clone(),
        id: suspect.id.clone(),
        key: suspect.key,
        declared: suspect.declared,
        live: suspect.live,
        outcome,
        refuted: serde_json::Value::from(refuted).to_string(),
        message,
        took_ms: i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
    }
}

/// The paths in doubt.
fn paths(suspect: &Suspect) -> impl Iterator<Item = String> {
    suspect.doubts().unwrap_or_default().into_iter().map(|doubt| doubt.path)
}
