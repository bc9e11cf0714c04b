use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::ingest::Ingest;
use axum::middleware::from_fn_with_state;
use base::{Clock, Rng, Shutdown, Tasks};
use bus::Log;
use query::Engine;
use scrape::Targets;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::access::Gate;
use crate::answers::Answers;
use crate::connection::Connections;
use crate::intake::Open;
use crate::shelf::Canaries;
use crate::state::{Books, Shared, State};
use crate::{
    Alerting, Health, Intake, ServerConfig, ServerError, access, alertmanager, api, canary, flight_sql, grpc, guard,
    ingest, jaeger, kayenta, loki, privilege, prometheus, rules, tls,
};

/// How long requests that are being answered may go on when the process ends.
const DRAIN: Duration = Duration::from_secs(10);

/// What a client may take for an answer beside the time until it begins and that of its query.
const GRACE: Duration = Duration::from_secs(5);

/// What the server answers from.
pub struct Parts {
    /// Answers SQL.
    pub engine: Arc<Engine>,
    /// The time.
    pub clock: Clock,
    /// Renders our own metrics in Prometheus' text format.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// How the parts of the process are.
    pub health: Health,
    /// For ids.
    pub rng: Rng,
    /// What takes alerts in, if this process does that.
    pub alerting: Option<Alerting>,
    /// What is known of rules, by shard; nothing if this process has none.
    pub rules: Books,
    /// What is known of canaries, by shard; nothing if this process has none.
    pub canaries: Vec<::canary::Shared>,
    /// What others may post, by the name in `/api/intake/<name>`.
    pub intakes: BTreeMap<String, Intake>,
    /// What takes telemetry in, if this process does that.
    pub ingest: Option<Ingest>,
    /// What is scraped, if this process does that.
    pub targets: Option<Targets>,
    /// The state log, if this process judges canaries for clients of Kayenta.
    pub shelf: Option<Arc<dyn Log>>,
    /// The telemetry log that these canaries are measured by: they are judged once the store has what is on it.
    pub telemetry: Option<Arc<dyn Log>>,
}

/// The HTTP port, open.
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    /// For gRPC.
    grpc: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
    state: State,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the port; nothing is answered before [`Self::run`].
    ///
    /// # Errors
    /// Names the address, the token or the file that is in the way; see [`ServerError`].
    pub async fn bind(config: ServerConfig, parts: Parts) -> Result<Self, ServerError> {
        let gate = Gate::new(&config)?;
        let tls = config.tls.as_ref().map(|tls| tls.acceptor(&[tls::HTTP2, b"http/1.1"])).transpose()?;
        let (listener, addr) = open(config.listen).await?;
        if gate.is_open() && privilege::reads_for_others() {
            tracing::warn!(
                address = %addr,
                "there are no server.tokens: every user of this machine may ask for what is read here, of which some \
                 is in files that they may not read"
            );
        }
        let grpc = match config.grpc_listen {
            Some(listen) => Some(open(listen).await?.0),
            None => None,
        };
        let Parts { engine, clock, metrics, health, rng, alerting, rules, canaries, intakes, ingest, targets, .. } =
            parts;
        let (shelf, telemetry) = (parts.shelf, parts.telemetry);
        let shelf = shelf.map(|log| Canaries::new(log, telemetry, engine.store().clone(), clock.clone()));
        for (name, intake) in &intakes {
            access::check(&config, name, &intake.from)?;
        }
        let intakes = intakes.into_iter().map(|(name, intake)| (name, Open::new(intake))).collect();
        let watchers = Arc::new(Semaphore::new(config.max_watchers));
        let answers = Answers::new(config.max_answer_bytes);
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let started = clock.now();
        let shared = Shared {
            engine,
            clock,
            metrics,
            health,
            config,
            gate,
            tasks,
            shutdown,
            watchers,
            answers,
            rng,
            alerting,
            rules,
            canaries,
            addr,
            started,
            intakes,
            ingest,
            targets,
            shelf,
        };
        Ok(Self { listener, addr, grpc, tls, state: State(Arc::new(shared)) })
    }

    /// Where it listens; the port is real even if 0 was asked for.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where it takes gRPC, if it does.
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.grpc.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Answers until `shutdown`; then refuses connections, lets requests end for ten seconds, and
    /// returns.
    pub async fn run(self, shutdown: Shutdown) {
        let Self { listener, grpc: of_calls, tls, state, .. } = self;
        let resumed = state.clone();
        state.tasks.spawn("kayenta resume", async move {
            let shutdown = resumed.shutdown.clone();
            shutdown.or(kayenta::resume(resumed)).await;
        });
        let slots = || Arc::new(Semaphore::new(state.config.max_connections.max(1)));
        let connections = Connections {
            clock: state.clock.clone(),
            slots: slots(),
            tasks: state.tasks.clone(),
            shutdown: state.shutdown.clone(),
            tls,
            http2: false,
            last: state.config.request_timeout + state.engine.config().timeout + GRACE,
            router: api::router(state.clone(), routes(&state)),
        };
        let calls = ingest::grpc().merge(flight_sql::router(&state));
        let calls = grpc::speaking(api::router(state.clone(), calls));
        let of_grpc = Connections { http2: true, router: calls, slots: slots(), ..connections.clone() };
        let grpc_calls = async {
            match &of_calls {
                Some(listener) => of_grpc.accept(listener).await,
                None => std::future::pending().await,
            }
        };
        shutdown.or(async { tokio::join!(connections.accept(&listener), grpc_calls) }).await;
        drop((listener, of_calls));
        state.shutdown.start();
        if let Err(late) = state.tasks.join(&state.clock, DRAIN).await {
            tracing::warn!(connections = late.len(), "ended before their answers were complete");
        }
    }
}

async fn open(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let refused = |source| ServerError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let addr = listener.local_addr().map_err(refused)?;
    Ok((listener, addr))
}

/// The routes of what speaks with the tongue of others.
fn routes(state: &State) -> axum::Router<State> {
    let ours = alertmanager::router().merge(rules::router()).merge(prometheus::router());
    let ours = ours.merge(canary::router());
    let ours = ours.merge(jaeger::router()).merge(loki::router()).merge(kayenta::router()).merge(ingest::router());
    ours.layer(from_fn_with_state(state.clone(), guard::bounded))
}
