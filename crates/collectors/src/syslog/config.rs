use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use base::Zone;
use serde::Deserialize;

/// How messages come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SyslogProtocol {
    /// A datagram a message (RFC 5426).
    Udp,
    /// Frames of a length or lines (RFC 6587).
    Tcp,
    /// The same over TLS (RFC 5425).
    Tls,
}

/// A port on which syslog messages are taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// `udp`, `tcp` or `tls`.
    pub protocol: SyslogProtocol,
    /// Certificate and key; needed with `tls`.
    pub tls: Option<SyslogTlsConfig>,
    /// The zone of senders whose times name none, as the IANA database has it, or `+02:00`.
    #[serde(default = "zone")]
    pub zone: String,
    /// Bytes of a message; of a longer one the beginning is kept.
    #[serde(default = "max_message_bytes")]
    pub max_message_bytes: u64,
    /// Connections at once; more wait in the system's queue. TCP and TLS.
    #[serde(default = "max_connections")]
    pub max_connections: usize,
    /// A connection on which nothing comes for so long is closed. TCP and TLS.
    #[serde(default = "idle", with = "base::duration")]
    pub idle: Duration,
    /// Bytes that the system is asked to hold for us; it may give less (`net.core.rmem_max`). UDP.
    #[serde(default = "receive_buffer_bytes")]
    pub receive_buffer_bytes: usize,
    /// Messages that are handed over together.
    #[serde(default = "batch_rows")]
    pub batch_rows: usize,
    /// Bytes that are handed over together.
    #[serde(default = "batch_bytes")]
    pub batch_bytes: usize,
    /// How long the first of them waits for others.
    #[serde(default = "batch_wait", with = "base::duration")]
    pub batch_wait: Duration,
}

/// Who we are to senders, and who they are to us.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogTlsConfig {
    /// A file in PEM with the certificate and those that lead to its root.
    pub cert: PathBuf,
    /// A file in PEM with its key.
    pub key: PathBuf,
    /// A file in PEM with roots of senders' certificates; a sender without one of these is refused.
    pub client_ca: Option<PathBuf>,
}

fn zone() -> String {
    "UTC".to_owned()
}

const fn max_message_bytes() -> u64 {
    64 << 10
}

const fn max_connections() -> usize {
    512
}

const fn idle() -> Duration {
    Duration::from_secs(12 * 3600)
}

const fn receive_buffer_bytes() -> usize {
    4 << 20
}

const fn batch_rows() -> usize {
    8_192
}

const fn batch_bytes() -> usize {
    4 << 20
}

const fn batch_wait() -> Duration {
    Duration::from_millis(100)
}

impl SyslogConfig {
    /// What its type cannot say.
    ///
    /// # Errors
    /// The setting, and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let tls = self.protocol == SyslogProtocol::Tls;
        let problem = match &self.tls {
            None if tls => Some("tls: `cert` and `key` are missing".to_owned()),
            Some(_) if !tls => Some("tls: it is for `protocol: tls`".to_owned()),
            _ if !(480..=16 << 20).contains(&self.max_message_bytes) => {
                Some("max_message_bytes: 480 is the least (RFC 5424), 16777216 the most".to_owned())
            }
            _ if self.max_connections == 0 => Some("max_connections: it must be at least 1".to_owned()),
            _ if self.batch_rows == 0 || self.batch_bytes == 0 => {
                Some("batch_rows, batch_bytes: they must be at least 1".to_owned())
            }
            _ if self.idle.is_zero() => Some("idle: it must be more than 0s".to_owned()),
            _ => self.zone.parse::<Zone>().err().map(|error| format!("zone: {error}")),
        };
        problem.map_or(Ok(()), |problem| Err(format!("{}: {problem}", self.listen)))
    }
}
