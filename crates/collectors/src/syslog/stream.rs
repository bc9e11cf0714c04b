//! Messages on connections: RFC 6587, RFC 5425.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base::Elapsed;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use wire::syslog::{Frame, Framer};

use super::port::Port;
use crate::deliver::{Gather, User, count};

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;
/// How long a sender may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// While all places are taken, who has sent no message for so long since it connected gives its place up, and others
/// whose last bytes are so long ago: most of them are there for nothing, and senders connect again.
const FIRST: Duration = Duration::from_secs(15);
const QUIET: Duration = Duration::from_secs(300);
/// How often one who would give its place up looks whether others wait for one.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait after a failed accept (no file descriptors left).
const PAUSE: Duration = Duration::from_millis(100);
/// When the system begins to ask a silent sender whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// A port that takes connections.
#[derive(Clone)]
pub(super) struct Streams {
    pub port: Arc<Port>,
    pub gather: Arc<Gather>,
    pub tls: Option<TlsAcceptor>,
    pub slots: Arc<Semaphore>,
    /// Whether all places are taken.
    pub is_crowded: Arc<AtomicBool>,
    pub idle: Duration,
}

/// Why a connection is closed, beside that the sender did.
#[derive(Debug, thiserror::Error)]
enum Closed {
    #[error("nothing came within syslog.idle")]
    Idle,
    #[error("it was silent while syslog.max_connections were open")]
    Crowded,
    #[error(transparent)]
    Frame(#[from] wire::syslog::FrameError),
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("the TLS handshake failed: {0}")]
    Tls(io::Error),
    #[error("the TLS handshake took too long")]
    SlowTls,
}

impl Closed {
    const fn why(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Crowded => "crowded",
            Self::Frame(_) => "frame",
            Self::Broken(_) => "broken",
            Self::Tls(_) | Self::SlowTls => "tls",
        }
    }
}

impl Streams {
    /// Accepts until the process ends; while all slots are taken, senders wait in the system's queue.
    pub(super) async fn accept(self, listener: TcpListener, _user: User) {
        let shutdown = self.port.shutdown.clone();
        loop {
            if self.slots.available_permits() == 0 {
                self.is_crowded.store(true, Ordering::Relaxed);
                self.full();
            }
            let Some(Ok(slot)) = shutdown.or(Arc::clone(&self.slots).acquire_owned()).await else { return };
            self.is_crowded.store(false, Ordering::Relaxed);
            match shutdown.or(listener.accept()).await {
                None => return,
                Some(Ok((stream, peer))) => {
                    let (this, user) = (self.clone(), self.gather.user());
                    self.port
                        .tasks
                        .spawn("syslog connection", async move { this.serve(stream, peer, slot, user).await });
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    self.port.clock.sleep(PAUSE).await;
                }
            }
        }
    }

    fn full(&self) {
        metrics::counter!("steadfast_limit_exceeded_total", "limit" => "syslog.max_connections").increment(1);
        if let Some(untold) = self.port.quiet.refused.turn(&self.port.clock) {
            tracing::warn!(from = self.port.from, untold, "syslog.max_connections are open: senders wait");
        }
    }

    async fn serve(self, stream: TcpStream, peer: SocketAddr, slot: OwnedSemaphorePermit, user: User) {
        metrics::gauge!("steadfast_syslog_connections", "from" => self.port.from).increment(1.0);
        let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(KEEPALIVE));
        let peer = peer.ip().to_canonical().to_string();
        if let Err(closed) = self.connection(stream, &peer, &user).await {
            metrics::counter!("steadfast_syslog_closed_total", "from" => self.port.from, "why" => closed.why())
                .increment(1);
            if let Some(untold) = self.port.quiet.ended.turn(&self.port.clock) {
                tracing::warn!(from = self.port.from, peer, why = %closed, untold, "a connection for syslog is closed");
            }
        }
        metrics::gauge!("steadfast_syslog_connections", "from" => self.port.from).decrement(1.0);
        drop(slot);
    }

    async fn connection(&self, stream: TcpStream, peer: &str, user: &User) -> Result<(), Closed> {
        let Some(tls) = &self.tls else { return self.read(stream, peer, user).await };
        match self.port.clock.timeout(HANDSHAKE, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.read(stream, peer, user).await,
            Ok(Err(error)) => Err(Closed::Tls(error)),
            Err(Elapsed) => Err(Closed::SlowTls),
        }
    }

    /// Reads to the end; while what was read is not taken, nothing more is read.
    async fn read(&self, mut stream: impl AsyncRead + Unpin, peer: &str, user: &User) -> Result<(), Closed> {
        let connected = self.port.clock.monotonic();
        let framer = Framer::new(self.port.limit);
        let mut messages = Messages { port: &self.port, peer, framer, buffer: Vec::new(), at: 0, any: false };
        loop {
            messages.hand_over(user).await?;
            messages.make_room();
            let until = if messages.any { self.port.clock.monotonic() + QUIET } else { connected + FIRST };
            let read = self.within(until, stream.read_buf(&mut messages.buffer));
            match self.port.shutdown.or(read).await {
                None => return Ok(()),
                Some(Ok(Ok(0))) => return messages.end(user, Ok(())).await,
                Some(Ok(Ok(_))) => {}
                Some(Ok(Err(error))) => {
                    // Senders often end TLS without saying so.
                    let torn = matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset);
                    return messages.end(user, if torn { Ok(()) } else { Err(Closed::Broken(error)) }).await;
                }
                Some(Err(closed)) => return messages.end(user, Err(closed)).await,
            }
        }
    }

    /// What is read, unless nothing comes for too long: from `until` on others come first.
    async fn within<T>(&self, until: Duration, read: impl Future<Output = T>) -> Result<T, Closed> {
        let clock = &self.port.clock;
        let crowded = async {
            clock.sleep(until.saturating_sub(clock.monotonic())).await;
            while !self.is_crowded.load(Ordering::Relaxed) {
                clock.sleep(LOOK).await;
            }
        };
        tokio::select! {
            biased;
            read = read => Ok(read),
            () = clock.sleep(self.idle) => Err(Closed::Idle),
            () = crowded => Err(Closed::Crowded),
        }
    }
}

/// What a connection has sent and nobody has taken so far.
struct Messages<'a> {
    port: &'a Port,
    peer: &'a str,
    framer: Framer,
    buffer: Vec<u8>,
    /// Up to here it was taken.
    at: usize,
    /// Whether a whole message came.
    any: bool,
}

impl Messages<'_> {
    fn make_room(&mut self) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.reserve(CHUNK);
    }

    /// Hands over every whole message.
    async fn hand_over(&mut self, user: &User) -> Result<(), Closed> {
        let (port, now) = (self.port, self.port.now());
        loop {
            let mut wrong = None;
            let more = user.fill(&port.clock, |batch| match self.one(batch, now) {
                Ok(more) => more,
                Err(error) => {
                    wrong = Some(error);
                    false
                }
            });
            match wrong {
                Some(error) => return Err(error),
                None if more => user.room().await,
                None => return Ok(()),
            }
        }
    }

    /// Takes a message out of the buffer.
    fn one(&mut self, batch: &mut ingest::LogBatch, now: base::Timestamp) -> Result<bool, Closed> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let consumed = match self.framer.next(rest)? {
            Frame::More => return Ok(false),
            Frame::Rest { consumed } => consumed,
            Frame::Message { bytes, consumed, cut } => {
                self.port.take(batch, bytes, cut, self.peer, now);
                self.any = true;
                consumed
            }
        };
        self.at += consumed;
        Ok(true)
    }

    /// A last line needs no end; a frame that is not whole is lost.
    async fn end(mut self, user: &User, ended: Result<(), Closed>) -> Result<(), Closed> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        if rest.first().is_some_and(u8::is_ascii_digit) {
            count(self.port.from, "torn", 1);
        } else if !rest.is_empty() {
            self.buffer.push(b'\n');
            self.hand_over(user).await?;
        }
        ended
    }
}
