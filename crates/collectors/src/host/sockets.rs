//! Listening sockets, from `/proc/net/{tcp,tcp6,udp,udp6}` (proc(5)), with the process that has
//! them where `/proc/*/fd` can be read.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use async_trait::async_trait;
use base::Limit;
use collect::{CollectError, Collector, Cover, Seen};
use model::Document;
use serde_json::{Map, Value};

use super::owners::Owners;
use super::poll::{Look, Poll};
use super::{HostConfig, Place, input};
use crate::{Build, Plugin};

pub(crate) const PLUGIN: Plugin = Plugin {
    name: "host.sockets",
    doc: "Listening TCP and UDP sockets, with their user and process.",
    kinds: &["socket"],
    build: Build::Host(build),
};

/// Listening sockets of a host.
const SOCKETS: Limit = Limit::new("collector_sockets", 100_000);

/// Open files of all processes that are looked at to find a socket's process.
const DESCRIPTORS: u64 = 1_000_000;

fn build(config: &HostConfig, place: &Place) -> Option<Box<dyn Collector>> {
    let poll = Poll {
        name: PLUGIN.name,
        scope: place.scope().to_owned(),
        covers: vec![Cover::all("socket")],
        interval: config.sockets.interval,
        watch: Vec::new(),
        look: Sockets { place: place.clone(), ephemeral: config.sockets.ephemeral, processes: HashMap::new() },
    };
    config.sockets.enabled.then(|| Box::new(poll) as Box<dyn Collector>)
}

/// A line of `/proc/net/tcp` or its like, of a socket that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Socket {
    address: SocketAddr,
    uid: u32,
    inode: u64,
}

struct Sockets {
    place: Place,
    ephemeral: bool,
    /// Inode -> process, so that processes are searched only for new sockets.
    processes: HashMap<u64, Option<String>>,
}

#[async_trait]
impl Look for Sockets {
    async fn look(&mut self) -> Result<Vec<Seen>, CollectError> {
        let (place, ephemeral, known) = (self.place.clone(), self.ephemeral, std::mem::take(&mut self.processes));
        let panicked =
            || CollectError::Source { what: "/proc/net".to_owned(), problem: "reading it panicked".to_owned() };
        let (seen, processes) =
            base::blocking(move || sockets(&place, ephemeral, known)).await.ok_or_else(panicked)??;
        self.processes = processes;
        Ok(seen)
    }
}

type Processes = HashMap<u64, Option<String>>;

fn sockets(place: &Place, ephemeral: bool, known: Processes) -> Result<(Vec<Seen>, Processes), CollectError> {
    let range =
        input::text(&place.path("/proc/sys/net/ipv4/ip_local_port_range")).ok().and_then(|text| port_range(&text));
    let counts =
        |socket: &Socket| ephemeral || range.is_none_or(|(low, high)| !(low..=high).contains(&socket.address.port()));
    let mut found = BTreeMap::new();
    for (protocol, file) in [("tcp", "tcp"), ("tcp", "tcp6"), ("udp", "udp"), ("udp", "udp6")] {
        let path = place.path(&format!("/proc/net/{file}"));
        // Without IPv6 the kernel has no such file.
        let Ok(opened) = File::open(&path) else { continue };
        for line in BufReader::new(opened).lines() {
            let line = line.map_err(|error| input::failed(&path, error))?;
            let socket = listening(&line, protocol).filter(|socket| protocol == "tcp" || counts(socket));
            if let Some(socket) = socket {
                SOCKETS.check(found.len() as u64 + 1).map_err(|error| input::failed(&path, error))?;
                found.entry(format!("{protocol}:{}", socket.address)).or_insert(socket);
            }
        }
    }
    let processes = processes(&place.path("/proc"), found.values(), known);
    let owners = Owners::load(place);
    let seen = found.iter().filter_map(|(name, socket)| {
        let mut members = Map::new();
        members.insert("user".to_owned(), owners.user(socket.uid).into());
        if let Some(Some(process)) = processes.get(&socket.inode) {
            members.insert("process".to_owned(), process.clone().into());
        }
        let document = Some(Document::new(Value::Object(members)));
        Some(Seen { id: place.id("socket", "", name)?, document, text: None, actor: None })
    });
    Ok((seen.collect(), processes))
}

/// A socket that listens: of TCP in the state LISTEN (0A), of UDP one that is bound and connected
/// to nobody (07). Fields: number, local and remote address, state, queues, timer, retransmits,
/// uid, timeout, inode.
fn listening(line: &str, protocol: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (local, remote, state) = (address(fields.get(1)?)?, address(fields.get(2)?)?, *fields.get(3)?);
    let listens = if protocol == "tcp" { state == "0A" } else { state == "07" && remote.port() == 0 };
    let (uid, inode) = (fields.get(7)?.parse().ok()?, fields.get(9)?.parse().ok()?);
    (listens && local.port() != 0).then_some(Socket { address: local, uid, inode })
}

/// `0100007F:0016`: 32-bit words in the machine's byte order, the port in hexadecimal.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| u32::from_str_radix(ip.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip = match ip.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn port_range(text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_ascii_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// The processes of these sockets. Those of other users can be seen by root only.
fn processes<'a>(proc: &Path, sockets: impl Iterator<Item = &'a Socket>, mut known: Processes) -> Processes {
    let mut found: Processes = sockets
        .map(|socket| (socket.inode, known.remove(&socket.inode)))
        .map(|(inode, process)| (inode, process.flatten()))
        .collect();
    if found.values().all(Option::is_some) {
        return found;
    }
    let mut looked = 0;
    for process in std::fs::read_dir(proc).into_iter().flatten().flatten() {
        if !process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        for descriptor in std::fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            looked += 1;
            if looked > DESCRIPTORS {
                return found;
            }
            let link = std::fs::read_link(descriptor.path()).unwrap_or_default();
            let inode = link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(slot @ None) = inode.and_then(|inode: u64| found.get_mut(&inode)) {
                *slot = input::word(&process.path().join("comm"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100\n\
        1: 0100007F:A000 0100007F:0016 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0000 20\n\
        2: broken\n";
    const UDP: &str = "0: 00000000:0044 00000000:0000 07 0:0 00:0 0 7 0 4713 2\n1: 00000000:9C40 00000000:0000 07 0:0 00:0 0 7 0 4714 2\n";
    const TCP6: &str =
        "0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 7 0 4715 1\n";

    #[test]
    fn only_what_listens_is_seen_and_ports_of_clients_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("proc/net/tcp", TCP);
        write("proc/net/tcp6", TCP6);
        write("proc/net/udp", UDP);
        write("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
        write("etc/passwd", "root:x:0:0:::\n");
        write("proc/42/comm", "sshd\n");
        std::fs::create_dir_all(dir.path().join("proc/42/fd")).unwrap();
        std::os::unix::fs::symlink("socket:[4711]", dir.path().join("proc/42/fd/3")).unwrap();
        let place = Place::new(Some("a"), None).at(dir.path());
        let shown = |ephemeral: bool| -> Vec<String> {
            let (seen, _) = sockets(&place, ephemeral, HashMap::new()).unwrap();
            seen.iter()
                .map(|seen| format!("{} {}", seen.id.name(), seen.document.as_ref().unwrap().to_json()))
                .collect()
        };
        assert_eq!(
            shown(false),
            [
                r#"tcp:127.0.0.1:22 {"process":"sshd","user":"root"}"#,
                r#"tcp:[::]:80 {"user":"7"}"#,
                r#"udp:0.0.0.0:68 {"user":"7"}"#,
            ]
        );
        assert_eq!(shown(true).len(), 4);
    }
}
