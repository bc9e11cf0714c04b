//! Accepts connections and serves HTTP on each, within limits.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base::{Clock, Shutdown, Tasks};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use crate::caller::Caller;
use crate::stall::Stalling;
use crate::tls;

/// How long a client may take for its TLS handshake, and for the head of a request.
const HEAD: Duration = Duration::from_secs(15);
/// Bytes of a request's head.
const MAX_HEAD: usize = 32 << 10;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;
/// After so long a client is asked to connect again; what it has asked for is answered before. One
/// that only holds its place would otherwise do so for ever.
const LIFE: Duration = Duration::from_secs(600);
/// The same for a client of whom no request was let in so far.
const UNKNOWN: Duration = Duration::from_secs(60);
/// How long a client may take nothing of what it is sent.
const STALL: Duration = Duration::from_secs(60);
/// How often a client that speaks HTTP/2 is asked whether it is still there, and how long it may
/// take to answer.
const PING: Duration = Duration::from_secs(20);
/// How long to wait after a failed accept (no file descriptors left).
const PAUSE: Duration = Duration::from_millis(100);

/// What each connection needs.
#[derive(Clone)]
pub struct Connections {
    pub clock: Clock,
    pub slots: Arc<Semaphore>,
    pub tasks: Tasks,
    pub shutdown: Shutdown,
    pub tls: Option<TlsAcceptor>,
    pub router: Router,
    /// Whether clients that use no TLS speak HTTP/2.
    pub http2: bool,
    /// How long the last answers of a connection may take. HTTP/2 lets a client ask and then have no room for the
    /// answer, which nothing on the wire tells from an answer that takes long.
    pub last: Duration,
}

impl Connections {
    /// Accepts for ever; while all slots are taken, clients wait in the system's queue.
    pub async fn accept(&self, listener: &TcpListener) {
        loop {
            if self.slots.available_permits() == 0 {
                metrics::counter!("steadfast_limit_exceeded_total", "limit" => "max_connections").increment(1);
            }
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let this = self.clone();
                    self.tasks.spawn("http connection", async move { this.serve(stream, slot).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    self.clock.sleep(PAUSE).await;
                }
            }
        }
    }

    async fn serve(self, stream: TcpStream, slot: OwnedSemaphorePermit) {
        metrics::gauge!("steadfast_http_connections").increment(1.0);
        // Small answers are not to wait for others.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.http(stream, self.http2).await,
            Some(tls) => match self.clock.timeout(HEAD, tls.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(tls::HTTP2);
                    self.http(stream, http2).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            },
        }
        metrics::gauge!("steadfast_http_connections").decrement(1.0);
        drop(slot);
    }

    async fn http(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, http2: bool) {
        // The version is known before the first byte: to find it out by reading has no time limit.
        let (stream, caller) = (TokioIo::new(Stalling::new(stream, self.clock.clone(), STALL)), Caller::default());
        let (router, of) = (TowerToHyperService::new(self.router.clone()), caller.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(of.clone());
            router.call(request)
        });
        let ended = if http2 {
            let mut connection = pin!(of_http2().serve_connection(stream, service));
            tokio::select! {
                ended = connection.as_mut() => Some(ended),
                () = self.over(&caller) => {
                    connection.as_mut().graceful_shutdown();
                    self.last(connection, &caller).await
                }
            }
        } else {
            let mut connection = pin!(of_http1().serve_connection(stream, service).with_upgrades());
            tokio::select! {
                ended = connection.as_mut() => Some(ended),
                () = self.over(&caller) => {
                    connection.as_mut().graceful_shutdown();
                    self.last(connection, &caller).await
                }
            }
        };
        match ended {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(%error, "a connection ended early"),
            None => tracing::debug!("a connection is ended before its client has taken all answers"),
        }
    }

    /// Until the connection takes no other request.
    async fn over(&self, caller: &Caller) {
        let life = async {
            self.clock.sleep(UNKNOWN).await;
            if caller.is_let_in() {
                self.clock.sleep(LIFE - UNKNOWN).await;
            }
        };
        self.shutdown.or(life).await;
    }

    /// Until what was asked for is answered, within its time.
    async fn last<F: Future>(&self, mut connection: Pin<&mut F>, caller: &Caller) -> Option<F::Output> {
        let limit = if caller.is_let_in() { self.last } else { HEAD };
        loop {
            match self.clock.timeout(limit, connection.as_mut()).await {
                Ok(ended) => return Some(ended),
                // It ends by itself if its client does not read.
                Err(_) if caller.watches() => {}
                Err(_) => return None,
            }
        }
    }
}

fn of_http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MAX_HEAD).keep_alive(true);
    builder
}

fn of_http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD as u32);
    builder
}
