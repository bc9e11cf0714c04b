//! Accepts connections, within limits, and lets clients in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, DigestKey, Shutdown, Tasks};
use query::Engine;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use crate::cancel::Sessions;
use crate::entrance::{Entering, Entrance};
use crate::failure::Failure;
use crate::session::Session;
use crate::settings::Settings;
use crate::shared::Shared;
use crate::users::{Caller, Token, Users};
use crate::wire::{self, Ended, First, Wire};
use crate::{PostgresConfig, PostgresError};

/// How long a client may take until it is let in.
const STARTUP: Duration = Duration::from_secs(15);
/// How long statements may go on when the process ends.
const DRAIN: Duration = Duration::from_secs(10);
/// How long to wait after a failed accept (no file descriptors left), and after a wrong password.
const PAUSE: Duration = Duration::from_millis(100);
const WRONG: Duration = Duration::from_secs(1);
/// Questions for encryption before a session begins: TLS and GSSAPI, each once, and again inside.
const QUESTIONS: usize = 4;
/// A session's name for its database, its user and options: the rest are settings.
const NO_SETTINGS: &[&str] = &["user", "database", "options", "replication"];

/// What the port answers from.
pub struct Parts {
    /// Answers SQL.
    pub engine: Arc<Engine>,
    /// The time.
    pub clock: Clock,
    /// The tokens of the HTTP port, which are users here.
    pub tokens: Vec<Token>,
    /// Offered to clients, if there is a certificate.
    pub tls: Option<TlsAcceptor>,
}

/// The port, open.
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    shared: Arc<Shared>,
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
    /// Names the address or the user that is in the way; see [`PostgresError`].
    pub async fn bind(config: PostgresConfig, parts: Parts) -> Result<Self, PostgresError> {
        let Parts { engine, clock, tokens, tls } = parts;
        config.check(tokens.len())?;
        let key = || DigestKey::generate().map_err(PostgresError::Random);
        let users = Users::new(&config, tokens, key()?)?;
        let refused = |source| PostgresError::Listen { listen: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        let addr = listener.local_addr().map_err(refused)?;
        let postgres = engine.postgres().await?;
        let (sessions, shutdown) = (Arc::new(Sessions::new(key()?)), Shutdown::new());
        let shared = Shared { postgres, config, clock, shutdown, users, sessions, tls };
        Ok(Self { listener, addr, shared: Arc::new(shared) })
    }

    /// Where it listens; the port is real even if 0 was asked for.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Answers until `shutdown`; then refuses connections, lets statements end for ten seconds, and
    /// returns.
    pub async fn run(self, shutdown: Shutdown) {
        let Self { listener, shared, .. } = self;
        let tasks = Tasks::new();
        shutdown.or(accept(&listener, &shared, &tasks)).await;
        drop(listener);
        shared.shutdown.start();
        if let Err(late) = tasks.join(&shared.clock, DRAIN).await {
            tracing::warn!(connections = late.len(), "ended before their statements were");
        }
    }
}

async fn accept(listener: &TcpListener, shared: &Arc<Shared>, tasks: &Tasks) {
    let (slots, entrance) = (Arc::new(Semaphore::new(shared.config.max_connections)), Arc::new(Entrance::default()));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                shared.clock.sleep(PAUSE).await;
                continue;
            }
        };
        let Some(entering) = entrance.enter(peer.ip()) else {
            metrics::counter!("steadfast_limit_exceeded_total", "limit" => "postgres.entrance").increment(1);
            continue;
        };
        let (shared, slots) = (Arc::clone(shared), Arc::clone(&slots));
        tasks.spawn("postgres connection", async move {
            metrics::gauge!("steadfast_postgres_connections").increment(1.0);
            serve(shared, stream, entering, slots).await;
            metrics::gauge!("steadfast_postgres_connections").decrement(1.0);
        });
    }
}

/// A connection, from its first byte to its last.
async fn serve(shared: Arc<Shared>, stream: TcpStream, entering: Entering, slots: Arc<Semaphore>) {
    // Small answers are not to wait for others.
    let _ = stream.set_nodelay(true);
    let starting = shared.clock.timeout(STARTUP, start(&shared, stream, &slots));
    let started = shared.shutdown.or(starting).await;
    drop(entering);
    if let Some(Ok(Some((session, _slot)))) = started {
        session.run().await;
    }
}

/// Everything until a client is let in, and its place then; nothing if it is not.
async fn start(
    shared: &Arc<Shared>,
    stream: TcpStream,
    slots: &Arc<Semaphore>,
) -> Option<(Session, OwnedSemaphorePermit)> {
    let (mut wire, first) = encrypted(shared, stream).await?;
    let (minor, parameters) = match first {
        Ok(First::Startup { minor, parameters }) => (minor, parameters),
        Ok(First::Cancel { process, secret }) => {
            shared.sessions.cancel(process, &secret);
            return None;
        }
        Ok(First::Tls | First::Gss) => return None,
        Err(Ended::Gone) => return None,
        Err(Ended::Told(failure)) => {
            wire.end(&failure).await;
            return None;
        }
    };
    if slots.available_permits() == 0 {
        wire.end(&full()).await;
        return None;
    }
    match admitted(shared, &mut wire, minor, &parameters).await {
        Ok((caller, settings)) => {
            // Others may have been let in meanwhile.
            let Ok(slot) = Arc::clone(slots).try_acquire_owned() else {
                wire.end(&full()).await;
                return None;
            };
            let place = shared.sessions.begin();
            Some((Session::new(Arc::clone(shared), wire, caller, settings, place), slot))
        }
        Err(Ended::Gone) => None,
        Err(Ended::Told(failure)) => {
            if failure.code == "28P01" {
                tracing::warn!(message = failure.message, "refused a PostgreSQL client");
                shared.clock.sleep(WRONG).await;
            }
            wire.end(&Failure { fatal: true, ..failure }).await;
            None
        }
    }
}

/// What a client is told for whom there is no place.
fn full() -> Failure {
    metrics::counter!("steadfast_limit_exceeded_total", "limit" => "postgres.max_connections").increment(1);
    Failure::fatal("53300", "sorry, too many clients already (postgres.max_connections)")
}

/// Answers what a client asks about encryption, and gives the first message after that.
async fn encrypted(shared: &Arc<Shared>, mut stream: TcpStream) -> Option<(Wire, Result<First, Ended>)> {
    let clock = || shared.clock.clone();
    for _ in 0..QUESTIONS {
        match (wire::first(&mut stream).await, &shared.tls) {
            (Ok(First::Tls), Some(tls)) => {
                stream.write_all(b"S").await.ok()?;
                let stream =
                    tls.accept(stream).await.inspect_err(|error| tracing::debug!(%error, "a TLS handshake failed"));
                let mut wire = Wire::new(Box::new(stream.ok()?), clock());
                let first = wire.first().await;
                return Some((wire, first));
            }
            (Ok(First::Tls | First::Gss), _) => stream.write_all(b"N").await.ok()?,
            (first, _) => return Some((Wire::new(Box::new(stream), clock()), first)),
        }
    }
    None
}

async fn admitted(
    shared: &Shared,
    wire: &mut Wire,
    minor: u16,
    parameters: &[(String, String)],
) -> Result<(Caller, Settings), Ended> {
    let of = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let Some(user) = of("user").filter(|user| !user.is_empty()) else {
        return Err(Failure::fatal("28000", "no PostgreSQL user name specified in startup packet").into());
    };
    if of("replication").is_some_and(|word| !matches!(word, "false" | "off" | "no" | "0")) {
        return Err(Failure::fatal("0A000", "replication is not supported").into());
    }
    negotiate(wire, minor, parameters);
    let rights = shared.users.admit(wire, user).await?;
    let mut asked: Vec<(String, String)> = options(of("options").unwrap_or_default());
    let settings =
        parameters.iter().filter(|(name, _)| !NO_SETTINGS.contains(&name.as_str()) && !name.starts_with("_pq_."));
    asked.extend(settings.cloned());
    Ok((Caller { name: user.into(), rights }, Settings::new(user, &asked)?))
}

/// Says which of a newer protocol is not known here, as it wants to be told.
fn negotiate(wire: &mut Wire, minor: u16, parameters: &[(String, String)]) {
    let unknown: Vec<&str> =
        parameters.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("_pq_.")).collect();
    if minor == 0 && unknown.is_empty() {
        return;
    }
    wire.reply.message(b'v', |out| {
        out.put_i32(3 << 16);
        out.put_i32(unknown.len() as i32);
        unknown.iter().for_each(|name| out.put_text(name));
    });
}

/// The settings of `-c name=value --name=value`, in which a backslash keeps a space.
fn options(text: &str) -> Vec<(String, String)> {
    let (mut words, mut word, mut chars) = (Vec::new(), String::new(), text.chars());
    while let Some(char) = chars.next() {
        match char {
            '\\' => word.extend(chars.next()),
            ' ' => words.push(std::mem::take(&mut word)),
            other => word.push(other),
        }
    }
    words.push(word);
    let setting = |word: &String| {
        let word = word.strip_prefix("--").or_else(|| word.strip_prefix("-c")).unwrap_or(word);
        word.split_once('=').map(|(name, value)| (name.replace('-', "_"), value.to_owned()))
    };
    words.iter().filter_map(setting).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_settings() {
        let seen = options(r"-c statement_timeout=5s --search-path=a\ b -cgeqo=off  -c");
        let expected = [("statement_timeout", "5s"), ("search_path", "a b"), ("geqo", "off")];
        assert_eq!(seen, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
