use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Clock, Rng, Shutdown, Timestamp};
use bus::Log;
use model::rows::Scope;
use model::{Batch, ScopeState};

use tracing::Instrument;

use crate::append::{Appender, Unappended};
use crate::publish::{self, Plan, Said};
use crate::{BadRevision, DesiredError, Fetched, HostConfig, Source};

/// Drives one source.
pub(crate) struct Driver {
    out: Appender,
    config: HostConfig,
    name: String,
    /// What was last said, by scope.
    scopes: BTreeMap<String, Said>,
    state: ScopeState,
    message: Option<String>,
    /// Since when no fetch works, if none does.
    failed: Option<Timestamp>,
    /// When the last fetch that worked ended, or when we started, on the clock that never goes back.
    well: Duration,
    /// Scopes of which it says nothing new, why, and when they were last well.
    withheld: BTreeMap<String, (String, Duration)>,
    /// Scopes whose newest revision is still to come.
    begins: BTreeSet<String>,
    /// When the next heartbeat is due.
    beat: Duration,
    /// The refused revision and why, so that it is reported once.
    refused: Option<BadRevision>,
    /// Whether the stand-in for scopes that are not known may have been spoken of.
    stand_in: bool,
    backoff: Backoff,
}

impl Driver {
    pub(crate) fn new(
        log: Arc<dyn Log>,
        clock: Clock,
        rng: Rng,
        shutdown: Shutdown,
        config: HostConfig,
        name: String,
    ) -> Self {
        Self {
            well: clock.monotonic(),
            withheld: BTreeMap::new(),
            begins: BTreeSet::new(),
            beat: clock.monotonic(),
            out: Appender { log, clock, rng, shutdown },
            backoff: Backoff::new(config.first_retry, config.max_retry),
            config,
            name,
            scopes: BTreeMap::new(),
            state: ScopeState::Scanning,
            message: None,
            failed: None,
            refused: None,
            stand_in: false,
        }
    }

    /// Drives `source` until shutdown, or until the log will never take anything again.
    pub(crate) async fn run(mut self, mut source: Box<dyn Source>) {
        if let Err(Unappended::Refused(error)) = self.drive(source.as_mut()).await {
            tracing::error!(source = self.name, %error, "the log refuses what a source declares: it is no longer followed");
        }
    }

    async fn drive(&mut self, source: &mut dyn Source) -> Result<(), Unappended> {
        self.scopes.extend(source.scopes().into_iter().map(|scope| (scope, Said::default())));
        // A run before this one may have spoken of it, and ended before it could say that this is over.
        self.stand_in = source.learns_scopes();
        self.say().await?;
        loop {
            let span = tracing::info_span!("fetch", source = self.name);
            let started = self.out.clock.monotonic();
            let fetched = self.out.shutdown.or(source.fetch().instrument(span)).await.ok_or(Unappended::Shutdown)?;
            let took = self.out.clock.monotonic().saturating_sub(started);
            metrics::histogram!("steadfast_source_fetch_seconds", "source" => self.name.clone())
                .record(took.as_secs_f64());
            self.withhold(source.withheld());
            self.begin(source.begins());
            let retry = match fetched {
                Ok(sets) => self.take(sets).await.map(|()| false)?,
                Err(DesiredError::Revision(bad)) => self.refuse(*bad).await.map(|()| false)?,
                Err(error) => self.fail(error.to_string()).await.map(|()| true)?,
            };
            self.wait(source, retry).await?;
        }
    }

    /// Takes what a fetch gave, oldest first. A set that is refused does not stop those after it.
    async fn take(&mut self, sets: Vec<Fetched>) -> Result<(), Unappended> {
        let before = (self.state, self.message.clone());
        self.well();
        for fetched in sets {
            let (refused, backfill) = (fetched.refused.clone(), fetched.backfill);
            match self.publish(fetched).await? {
                Ok(()) => self.accept(refused),
                // Nobody asked for it: it was there before we were, and the newest is still to come.
                Err(bad) if backfill => self.skip(&bad),
                Err(bad) => self.refuse(*bad).await?,
            }
        }
        if before != (self.state, self.message.clone()) { self.say().await } else { Ok(()) }
    }

    async fn publish(&mut self, fetched: Fetched) -> Result<Result<(), Box<BadRevision>>, Unappended> {
        let (scope, refused) = (fetched.scope.clone(), fetched.refused.clone());
        let said = self.scopes.get(&scope).cloned().unwrap_or_default();
        let (name, now, config) = (self.name.clone(), self.out.clock.now(), self.config.clone());
        // A large set is hashed here, which would hold up the runtime.
        let planned = base::blocking(move || publish::plan(&name, fetched, &said, now, &config)).await;
        let Plan { content, revision, known, declared } = match planned {
            Some(Ok(Some(plan))) => plan,
            Some(Ok(None)) => return Ok(Ok(())),
            Some(Err(DesiredError::Revision(bad))) => return Ok(Err(bad)),
            Some(Err(error)) => {
                tracing::error!(source = self.name, scope, %error, "a set has no columns: this is a bug, please report it");
                return Ok(Ok(()));
            }
            None => return Err(Unappended::Shutdown),
        };
        for batches in content {
            self.out.append(batches).await?;
        }
        self.out.append(vec![revision]).await?;
        metrics::counter!("steadfast_source_revisions_total", "source" => self.name.clone()).increment(1);
        metrics::counter!("steadfast_source_declared_total", "source" => self.name.clone()).increment(declared as u64);
        tracing::info!(
            source = self.name,
            scope,
            revision = known.about.revision,
            manifests = known.len(),
            changed = declared,
            "a revision was read"
        );
        self.scopes.insert(scope, Said { known: Some(Arc::new(known)), refused });
        Ok(Ok(()))
    }

    /// A fetch worked: the scopes are current, even if a refused revision is still the newest.
    fn well(&mut self) {
        self.well = self.out.clock.monotonic();
        self.backoff.reset();
        self.state = ScopeState::Ok;
        self.failed = None;
        self.message = self.refused.as_ref().map(stays);
        metrics::counter!("steadfast_source_fetches_total", "source" => self.name.clone(), "result" => "ok")
            .increment(1);
    }

    /// A revision was taken: what was refused before it is history, but for what was refused beside it.
    fn accept(&mut self, refused: Option<BadRevision>) {
        if let Some(bad) = refused.as_ref().filter(|bad| self.refused.as_ref() != Some(*bad)) {
            self.warn(bad);
        }
        self.message = refused.as_ref().map(stays);
        self.refused = refused;
    }

    fn skip(&self, bad: &BadRevision) {
        tracing::warn!(source = self.name, error = %bad, "an earlier revision is left out: that something is behind it cannot be named");
        metrics::counter!("steadfast_source_refused_total", "source" => self.name.clone()).increment(1);
    }

    /// Notes the scopes of which the source says nothing new; a change is said at once.
    fn withhold(&mut self, withheld: Vec<(String, String)>) {
        let since = |scope: &String| self.withheld.get(scope).map_or(self.well, |(_, since)| *since);
        let withheld = withheld.into_iter().map(|(scope, problem)| (scope.clone(), (problem, since(&scope))));
        let withheld: BTreeMap<_, _> = withheld.collect();
        if withheld != self.withheld {
            self.withheld = withheld;
            self.beat = self.out.clock.monotonic();
        }
    }

    /// Notes the scopes whose newest revision is still to come; a change is said at once.
    fn begin(&mut self, begins: Vec<String>) {
        let begins = begins.into_iter().collect();
        if begins != self.begins {
            self.begins = begins;
            self.beat = self.out.clock.monotonic();
        }
    }

    fn warn(&self, bad: &BadRevision) {
        tracing::warn!(source = self.name, error = %bad, "a revision cannot be read; the one before it stays");
        metrics::counter!("steadfast_source_refused_total", "source" => self.name.clone()).increment(1);
    }

    /// A revision cannot be read: says so once; the set before it stays.
    async fn refuse(&mut self, bad: BadRevision) -> Result<(), Unappended> {
        let again = self.refused.as_ref() == Some(&bad);
        let state = self.state;
        self.refused = Some(bad.clone());
        self.well();
        if again && state == self.state {
            return Ok(());
        }
        if !again {
            self.warn(&bad);
            let now = self.out.clock.now();
            let rows = self.reported().into_iter().map(|scope| publish::refused(&self.name, &scope, &bad, now));
            let batches: Result<Vec<Batch>, _> = rows.map(|row| Batch::of(row.scope.clone(), &[row])).collect();
            self.append_rows(batches).await?;
            self.scopes.values_mut().for_each(|said| said.refused = Some(bad.clone()));
        }
        self.say().await
    }

    /// The source cannot be reached.
    async fn fail(&mut self, problem: String) -> Result<(), Unappended> {
        metrics::counter!("steadfast_source_fetches_total", "source" => self.name.clone(), "result" => "failed")
            .increment(1);
        let since = *self.failed.get_or_insert_with(|| self.out.clock.now());
        let message = format!("not read since {}: {problem}", Timestamp::from_secs(since.nanos() / 1_000_000_000));
        if (self.state, self.message.as_ref()) == (ScopeState::Failed, Some(&message)) {
            return Ok(());
        }
        tracing::warn!(source = self.name, problem, "what is declared cannot be read; what was read before stays");
        (self.state, self.message) = (ScopeState::Failed, Some(message));
        self.say().await
    }

    /// Waits until a fetch is worth while, or for the back-off after a failure.
    async fn wait(&mut self, source: &mut dyn Source, retry: bool) -> Result<(), Unappended> {
        let wait = if retry { self.backoff.next(&self.out.rng) } else { self.config.poll };
        let until = self.out.clock.monotonic() + wait;
        loop {
            let now = self.out.clock.monotonic();
            if now >= self.beat {
                self.say().await?;
            }
            let left = until.saturating_sub(now);
            if left.is_zero() {
                return Ok(());
            }
            let nap = left.min(self.beat.saturating_sub(now)).max(Duration::from_millis(1));
            let waited = async { if retry { std::future::pending().await } else { source.changed(left).await } };
            let changed = self.out.shutdown.or(self.out.clock.timeout(nap, waited)).await;
            if changed.ok_or(Unappended::Shutdown)?.is_ok() {
                return Ok(());
            }
        }
    }

    /// Appends a scope row for each scope, and sets when the next is due.
    async fn say(&mut self) -> Result<(), Unappended> {
        self.beat = self.out.clock.monotonic() + self.config.heartbeat;
        let mut rows = Vec::new();
        if self.stand_in && !self.scopes.is_empty() {
            // It spoke before the scopes were known: that is over, and nobody speaks of it again.
            rows.push(Scope {
                message: Some("the scopes that it stood in for are known".to_owned()),
                stale_after: Timestamp::MAX,
                ..self.scope_row(self.stand_in_scope(), ScopeState::Retired)
            });
        }
        rows.extend(self.reported().into_iter().map(|scope| self.scope_row(scope, self.state)));
        self.stand_in = self.scopes.is_empty();
        let batches: Result<Vec<Batch>, _> = rows.into_iter().map(|row| Batch::of(row.scope.clone(), &[row])).collect();
        self.append_rows(batches).await
    }

    async fn append_rows(&self, batches: Result<Vec<Batch>, model::ModelError>) -> Result<(), Unappended> {
        match batches {
            Ok(batches) => self.out.append(batches).await,
            Err(error) => {
                tracing::error!(source = self.name, %error, "a row has no columns: this is a bug, please report it");
                Ok(())
            }
        }
    }

    fn scope_row(&self, scope: String, state: ScopeState) -> Scope {
        let (now, monotonic) = (self.out.clock.now(), self.out.clock.monotonic());
        let withheld = self.withheld.get(&scope).filter(|_| state != ScopeState::Retired);
        let well = withheld.map_or(self.well, |(_, since)| *since);
        let resources = self.scopes.get(&scope).and_then(|said| said.known.as_ref().map(|known| known.len()));
        Scope {
            time: now,
            source: self.name.clone(),
            state: match state {
                _ if withheld.is_some() => ScopeState::Failed,
                ScopeState::Ok if self.begins.contains(&scope) => ScopeState::Scanning,
                state => state,
            },
            message: withheld.map(|(problem, _)| problem.clone()).or_else(|| self.message.clone()),
            resources: resources.and_then(|count| i64::try_from(count).ok()).unwrap_or(0),
            // A failed fetch does not move it: the scope is unknown once the last good one is old.
            stale_after: now.plus(self.config.window()).minus(monotonic.saturating_sub(well)),
            covers: None,
            scope,
        }
    }

    /// The scopes to speak of; a stand-in if none is known yet.
    fn reported(&self) -> Vec<String> {
        if self.scopes.is_empty() { vec![self.stand_in_scope()] } else { self.scopes.keys().cloned().collect() }
    }

    /// `git.infra` as a scope: `git/infra`.
    fn stand_in_scope(&self) -> String {
        let (provider, name) = self.name.split_once('.').unwrap_or(("source", &self.name));
        format!("{provider}/{name}")
    }
}

fn stays(bad: &BadRevision) -> String {
    format!("the newest revision cannot be read, the one before it stays: {bad}")
}
