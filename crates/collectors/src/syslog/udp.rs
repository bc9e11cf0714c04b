//! Messages in datagrams: RFC 5426.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;

use super::lost::lost;
use super::port::Port;
use crate::deliver::User;

/// How often it is looked what was lost.
const LOOK: Duration = Duration::from_secs(10);
/// After an error of the socket.
const PAUSE: Duration = Duration::from_millis(100);
/// How long is waited for what was sent before the end.
const LAST: Duration = Duration::from_millis(20);
/// Bytes of a datagram at most.
const DATAGRAM: usize = 65_536;

/// Opens the socket.
pub(super) fn bind(listen: SocketAddr, buffer: usize) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(listen)?;
    socket.set_nonblocking(true)?;
    // The system gives what it allows; messages that come faster than that holds are counted.
    if let Err(error) = socket2::SockRef::from(&socket).set_recv_buffer_size(buffer) {
        tracing::warn!(%listen, %error, "the socket's buffer keeps its size");
    }
    UdpSocket::from_std(socket)
}

/// Takes datagrams until the process ends.
pub(super) async fn run(port: Arc<Port>, socket: Arc<UdpSocket>, user: User) {
    let mut reader = Reader { port, socket, buffer: vec![0; DATAGRAM], peer: None };
    let shutdown = reader.port.shutdown.clone();
    loop {
        user.room().await;
        let ended = match shutdown.or(reader.socket.readable()).await {
            None => true,
            Some(Ok(())) => false,
            Some(Err(error)) => {
                tracing::warn!(%error, "a UDP socket cannot be read");
                reader.port.clock.sleep(PAUSE).await;
                continue;
            }
        };
        if ended {
            // What lies in the system's buffer was sent before.
            let _ = reader.port.clock.timeout(LAST, reader.socket.readable()).await;
        }
        let more = user.fill(&reader.port.clock.clone(), |batch| reader.one(batch));
        if ended && !more {
            return;
        }
    }
}

struct Reader {
    port: Arc<Port>,
    socket: Arc<UdpSocket>,
    buffer: Vec<u8>,
    /// The last sender, and its address as text.
    peer: Option<(IpAddr, String)>,
}

impl Reader {
    /// Takes a datagram that is there already.
    fn one(&mut self, batch: &mut ingest::LogBatch) -> bool {
        let (bytes, from) = match self.socket.try_recv_from(&mut self.buffer) {
            Ok(received) => received,
            Err(_) => return false,
        };
        let ip = from.ip().to_canonical();
        if self.peer.as_ref().is_none_or(|(known, _)| *known != ip) {
            self.peer = Some((ip, ip.to_string()));
        }
        let peer = self.peer.as_ref().map_or("", |(_, text)| text.as_str());
        let most = usize::try_from(self.port.limit.max()).unwrap_or(usize::MAX);
        let cut = self.port.limit.check(bytes as u64).is_err();
        let message = self.buffer.get(..bytes.min(most)).unwrap_or_default();
        self.port.take(batch, message, cut, peer, self.port.now());
        true
    }
}

/// Counts what the system throws away.
pub(super) async fn watch(port: Arc<Port>, socket: Arc<UdpSocket>) {
    let Ok(of) = rustix::fs::fstat(&*socket) else { return };
    let mut before = 0;
    loop {
        let ended = port.shutdown.or(port.clock.sleep(LOOK)).await.is_none();
        if let Some(now) = lost(of.st_ino) {
            if now > before {
                metrics::counter!("steadfast_syslog_udp_lost_total").increment(now - before);
                if let Some(untold) = port.quiet.full.turn(&port.clock) {
                    tracing::warn!(
                        lost = now - before,
                        untold,
                        "syslog datagrams were lost: they come faster than they are taken"
                    );
                }
            }
            before = now;
        }
        if ended {
            return;
        }
    }
}
