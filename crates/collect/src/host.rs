use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use base::{Backoff, Clock, DigestKey, Rng, Shutdown, Tasks};
use bus::Log;
use futures::FutureExt;
use model::rows::SetMember;

use crate::append::Appender;
use crate::report::Reporter;
use crate::series::Announced;
use crate::session::Session;
use crate::table::Table;
use crate::{CollectError, Collector, Cover};

/// A collector gets this long to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// Runs collectors: one task each, restarted with a back-off when they fail or panic, and a word
/// on the log about each every [`crate::HEARTBEAT`].
///
/// Per collector it keeps what is on the log (key, fingerprint and, in pieces, the id), so that
/// only changes are appended. After a restart of the process everything is appended once more,
/// unless [`Host::start_known`] is told what the log has.
pub struct Host {
    state: Arc<dyn Log>,
    telemetry: Arc<dyn Log>,
    clock: Clock,
    rng: Rng,
    digest_key: DigestKey,
    tasks: Tasks,
    shutdown: Shutdown,
}

impl Host {
    /// A host that appends observations to `state`, and metrics and logs to `telemetry`.
    pub fn new(
        state: Arc<dyn Log>,
        telemetry: Arc<dyn Log>,
        clock: Clock,
        rng: Rng,
        digest_key: DigestKey,
        tasks: Tasks,
        shutdown: Shutdown,
    ) -> Self {
        Self { state, telemetry, clock, rng, digest_key, tasks, shutdown }
    }

    /// Runs `collector` until shutdown.
    pub fn start(&self, collector: Box<dyn Collector>) {
        self.start_known(collector, Vec::new());
    }

    /// Runs `collector` until shutdown. `known` is what the state log holds of its resources
    /// already (its last full set and what changed since): that is not appended again.
    pub fn start_known(&self, collector: Box<dyn Collector>, known: Vec<SetMember>) {
        let source = collector.name();
        let session = self.session(source, collector.scope(), &collector.covers(), known);
        self.tasks.spawn(source, live(collector, session));
    }

    fn session(&self, source: &'static str, scope: &str, covers: &[Cover], known: Vec<SetMember>) -> Session {
        let appender = |log: &Arc<dyn Log>| Appender {
            log: Arc::clone(log),
            clock: self.clock.clone(),
            rng: self.rng.clone(),
            shutdown: self.shutdown.clone(),
            source,
        };
        Session {
            source,
            scope: scope.to_owned(),
            table: Table::of(known),
            announced: Announced::default(),
            state: appender(&self.state),
            telemetry: appender(&self.telemetry),
            reporter: Arc::new(Reporter::new(scope, covers, appender(&self.state))),
            digest_key: self.digest_key.clone(),
            completed: false,
        }
    }
}

/// The life of a collector, with its heartbeats beside it.
async fn live(mut collector: Box<dyn Collector>, mut session: Session) {
    let reporter = Arc::clone(&session.reporter);
    tokio::select! {
        biased;
        () = supervise(collector.as_mut(), &mut session) => {}
        never = reporter.heartbeats() => match never {},
    }
}

async fn supervise(collector: &mut dyn Collector, session: &mut Session) {
    let (shutdown, clock) = (session.state.shutdown.clone(), session.state.clock.clone());
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    let _ = session.reporter.started().await.inspect_err(|error| report_lost(session.source, error));
    loop {
        session.restart();
        let problem = run(collector, session).await;
        if shutdown.started() {
            return;
        }
        metrics::counter!("steadfast_collector_failures_total", "collector" => session.source).increment(1);
        tracing::warn!(
            collector = session.source,
            scope = session.scope,
            problem,
            "a collector failed: it is started again"
        );
        let _ = session.reporter.failed(problem).await.inspect_err(|error| report_lost(session.source, error));
        if session.completed {
            backoff.reset();
        }
        if shutdown.or(clock.sleep(backoff.next(&session.state.rng))).await.is_none() {
            return;
        }
    }
}

/// One run; gives why it ended.
async fn run(collector: &mut dyn Collector, session: &mut Session) -> String {
    let (shutdown, clock, source) = (session.state.shutdown.clone(), session.state.clock.clone(), session.source);
    let overdue = async {
        shutdown.wait().await;
        clock.sleep(GRACE).await;
    };
    let ended = tokio::select! {
        biased;
        ended = AssertUnwindSafe(collector.run(session)).catch_unwind() => ended,
        () = overdue => {
            tracing::warn!(collector = source, "a collector did not end in {} s: it is dropped", GRACE.as_secs());
            return "it did not end".to_owned();
        }
    };
    match ended {
        Ok(Ok(())) => "it ended though nothing told it to".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => {
            metrics::counter!("steadfast_collector_panics_total", "collector" => source).increment(1);
            // The text of a panic may hold anything, a secret too.
            "it panicked: this is a bug, please report it".to_owned()
        }
    }
}

fn report_lost(source: &str, error: &CollectError) {
    tracing::warn!(collector = source, %error, "the state of a scope is not on the log");
}
