//! Syslog as others send it: RFC 5424 and RFC 3164 in datagrams, on connections and over TLS.
//!
//! How a message and its frame are read is in `wire`. A message is a record of the table `logs`, handed over through
//! `ingest`. Nobody is answered: while what came is not taken, connections are not read on, so that senders wait;
//! datagrams that the system cannot hold are lost, and counted.

mod config;
mod lost;
mod port;
mod record;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod udp;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Limit, Rng, Shutdown, Tasks};
use ingest::Ingest;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

pub use config::{SyslogConfig, SyslogProtocol, SyslogTlsConfig};
pub use tls::TlsFileError;

use self::port::{Port, Says};
use self::stream::Streams;
use crate::deliver::{self, Delivery, Gather, Size};

/// How long it is tried to hand over what came, after the process is to end.
const LAST: Duration = Duration::from_secs(8);

/// What the ports work with. Clones share it.
#[derive(Clone)]
pub struct Parts {
    /// Takes the records.
    pub ingest: Ingest,
    /// The time.
    pub clock: Clock,
    /// For back-offs.
    pub rng: Rng,
    /// Runs ports and connections.
    pub tasks: Tasks,
    /// Ends them.
    pub shutdown: Shutdown,
}

/// Why a port cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SyslogError {
    /// The system does not give it.
    #[error("cannot listen on {listen}: {error}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// A setting is wrong.
    #[error("{0}")]
    Setting(String),
    /// A file of its certificates cannot be read, or is not what it should be.
    #[error("{listen}: tls: {error}")]
    Tls {
        /// The address.
        listen: SocketAddr,
        /// The file, and what is wrong with it.
        error: TlsFileError,
    },
}

/// Ports that are open.
pub struct Syslog {
    ports: Vec<(SyslogConfig, Open)>,
}

enum Open {
    Datagrams(UdpSocket),
    Connections(TcpListener, Option<TlsAcceptor>),
}

impl Syslog {
    /// Opens the ports; nothing is taken before [`Self::start`].
    ///
    /// # Errors
    /// The port, setting or file that is in the way.
    pub async fn bind(configs: &[SyslogConfig]) -> Result<Self, SyslogError> {
        let mut ports = Vec::new();
        for config in configs {
            ports.push((config.clone(), open(config).await?));
        }
        Ok(Self { ports })
    }

    /// Where the ports are.
    ///
    /// # Errors
    /// The system does not say.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let address = |open: &Open| match open {
            Open::Datagrams(socket) => socket.local_addr(),
            Open::Connections(listener, _) => listener.local_addr(),
        };
        self.ports.iter().map(|(_, open)| address(open)).collect()
    }

    /// Takes what is sent.
    pub fn start(self, parts: &Parts) {
        for (config, open) in self.ports {
            start(&config, open, parts);
        }
    }
}

impl SyslogConfig {
    /// What would be refused of the files of its certificates.
    ///
    /// # Errors
    /// The file, and what is wrong with it.
    pub fn check_files(&self) -> Result<(), SyslogError> {
        self.acceptor().map(|_| ())
    }

    fn acceptor(&self) -> Result<Option<TlsAcceptor>, SyslogError> {
        let listen = self.listen;
        self.tls.as_ref().map(tls::acceptor).transpose().map_err(|error| SyslogError::Tls { listen, error })
    }
}

async fn open(config: &SyslogConfig) -> Result<Open, SyslogError> {
    let listen = config.listen;
    let refused = |error| SyslogError::Listen { listen, error };
    config.check().map_err(SyslogError::Setting)?;
    let tls = config.acceptor()?;
    match config.protocol {
        SyslogProtocol::Udp => udp::bind(listen, config.receive_buffer_bytes).map(Open::Datagrams).map_err(refused),
        SyslogProtocol::Tcp | SyslogProtocol::Tls => {
            let listener = TcpListener::bind(listen).await.map_err(refused)?;
            Ok(Open::Connections(listener, tls))
        }
    }
}

fn start(config: &SyslogConfig, open: Open, parts: &Parts) {
    let from = match config.protocol {
        SyslogProtocol::Udp => "syslog_udp",
        SyslogProtocol::Tcp => "syslog_tcp",
        SyslogProtocol::Tls => "syslog_tls",
    };
    let port = Arc::new(Port {
        from,
        records: deliver::counter(from, "records"),
        limit: Limit::new("syslog.max_message_bytes", config.max_message_bytes),
        zone: config.zone.parse().unwrap_or_default(),
        clock: parts.clock.clone(),
        tasks: parts.tasks.clone(),
        shutdown: parts.shutdown.clone(),
        quiet: Says::default(),
    });
    let gather = Gather::new(Size { rows: config.batch_rows, bytes: config.batch_bytes, wait: config.batch_wait });
    let user = gather.user();
    let Parts { ingest, clock, rng, tasks, shutdown } = parts.clone();
    let delivery = Delivery::new(&deliver::Parts { ingest, clock, rng, shutdown }, from, LAST);
    match open {
        Open::Datagrams(socket) => {
            let socket = Arc::new(socket);
            tasks.spawn("syslog datagrams lost", udp::watch(Arc::clone(&port), Arc::clone(&socket)));
            tasks.spawn("syslog datagrams", udp::run(port, socket, user));
        }
        Open::Connections(listener, tls) => {
            let slots = Arc::new(Semaphore::new(config.max_connections.min(Semaphore::MAX_PERMITS)));
            let (gather, is_crowded) = (Arc::clone(&gather), Arc::default());
            let streams = Streams { port, gather, tls, slots, is_crowded, idle: config.idle };
            tasks.spawn("syslog connections", streams.accept(listener, user));
        }
    }
    tasks.spawn("syslog records", async move { gather.run(&delivery).await });
}
