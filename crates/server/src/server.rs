use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Shutdown, Tasks};
use query::Engine;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::access::Gate;
use crate::connection::Connections;
use crate::intake::Open;
use crate::state::{Books, Shared, State};
use crate::{Alerting, Health, Intake, ServerConfig, ServerError, access, alertmanager, api, rules, tls};

/// How long requests that are being answered may go on when the process ends.
const DRAIN: Duration = Duration::from_secs(10);

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
    /// What others may post, by the name in `/api/intake/<name>`.
    pub intakes: BTreeMap<String, Intake>,
}

/// The HTTP port, open.
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
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
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?;
        let listen = config.listen;
        let refused = |source| ServerError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let Parts { engine, clock, metrics, health, rng, alerting, rules, intakes } = parts;
        for (name, intake) in &intakes {
            access::check(&config, name, intake.token.as_ref())?;
        }
        let intakes = intakes.into_iter().map(|(name, intake)| (name, Open::new(intake))).collect();
        let watchers = Arc::new(Semaphore::new(config.max_watchers));
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
            rng,
            alerting,
            rules,
            addr,
            started,
            intakes,
        };
        Ok(Self { listener, addr, tls, state: State(Arc::new(shared)) })
    }

    /// Where it listens; the port is real even if 0 was asked for.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers until `shutdown`; then refuses connections, lets requests end for ten seconds, and
    /// returns.
    pub async fn run(self, shutdown: Shutdown) {
        let Self { listener, tls, state, .. } = self;
        let connections = Connections {
            clock: state.clock.clone(),
            slots: Arc::new(Semaphore::new(state.config.max_connections.max(1))),
            tasks: state.tasks.clone(),
            shutdown: state.shutdown.clone(),
            tls,
            router: api::router(state.clone(), alertmanager::router().merge(rules::router())),
        };
        let accepting = connections.accept(&listener);
        shutdown.or(accepting).await;
        drop(listener);
        state.shutdown.start();
        if let Err(late) = state.tasks.join(&state.clock, DRAIN).await {
            tracing::warn!(connections = late.len(), "ended before their answers were complete");
        }
    }
}
