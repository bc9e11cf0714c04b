//! Accepts connections and serves HTTP on each, within limits.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use base::{Clock, Shutdown, Tasks};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

/// How long a client may take for its TLS handshake, and for the head of a request.
const HEAD: Duration = Duration::from_secs(15);
/// Bytes of a request's head.
const MAX_HEAD: usize = 32 << 10;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 64;
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
}

impl Connections {
    /// Accepts for ever; while all slots are taken, clients wait in the system's queue.
    pub async fn accept(&self, listener: &TcpListener) {
        loop {
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
            None => self.http(stream).await,
            Some(tls) => match self.clock.timeout(HEAD, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.http(stream).await,
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            },
        }
        metrics::gauge!("steadfast_http_connections").decrement(1.0);
        drop(slot);
    }

    async fn http(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MAX_HEAD).keep_alive(true);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(MAX_HEAD as u32);
        let service = TowerToHyperService::new(self.router.clone());
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.shutdown.wait() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
