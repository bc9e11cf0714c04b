//! Addresses that are listened on: the system gives each to one.

use std::net::{IpAddr, SocketAddr};

use collectors::syslog::SyslogProtocol;
use postgres::PostgresConfig;

use super::{Config, Role};

/// A setting whose address another one has.
pub(super) struct Twice {
    pub setting: String,
    pub address: SocketAddr,
    pub other: String,
}

/// A port that a process of this configuration opens.
struct Port {
    setting: String,
    address: SocketAddr,
    datagrams: bool,
}

/// Each setting whose port is that of one before it.
pub(super) fn twice(config: &Config) -> Vec<Twice> {
    let mut before: Vec<Port> = Vec::new();
    let mut found = Vec::new();
    for port in opened(config) {
        match before.iter().find(|other| other.is(&port)) {
            Some(Port { setting: other, .. }) => {
                found.push(Twice { other: other.clone(), address: port.address, setting: port.setting });
            }
            None => before.push(port),
        }
    }
    found
}

fn opened(config: &Config) -> Vec<Port> {
    let stream = |setting: &str, address| Port { setting: setting.to_owned(), address, datagrams: false };
    let mut ports = vec![stream("server.listen", config.server.listen)];
    ports.extend(config.server.grpc_listen.map(|address| stream("server.grpc_listen", address)));
    // Of a port that nobody asked for it is only told that another one has it.
    if config.postgres.enabled && config.postgres != PostgresConfig::default() {
        ports.push(stream("postgres.listen", config.postgres.listen));
    }
    if config.has(Role::Watching) {
        ports.extend(config.syslog.iter().enumerate().map(|(n, port)| Port {
            setting: format!("syslog[{n}].listen"),
            address: port.listen,
            datagrams: port.protocol == SyslogProtocol::Udp,
        }));
    }
    ports
}

impl Port {
    /// Whether the system would refuse the second of the two. Port 0 is any that is free.
    fn is(&self, other: &Self) -> bool {
        let (a, b) = (self.address.ip(), other.address.ip());
        // `[::]` has IPv4, too.
        let has = |one: IpAddr, other: IpAddr| one.is_unspecified() && (one.is_ipv6() || other.is_ipv4());
        let covers = a == b || has(a, b) || has(b, a);
        let port = self.address.port();
        port != 0 && port == other.address.port() && self.datagrams == other.datagrams && covers
    }
}
