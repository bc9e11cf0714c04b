//! Listening sockets, from `/proc/net/{tcp,tcp6,udp,udp6}` (proc(5)), with the process that has
//! them where `/proc/*/fd` can be read.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use async_trait::async_trait;
use base::Limit;
use collect::{CollectError, Collector, Cover, Seen};
use model::Document;
use rustix::io::Errno;
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

/// Why nothing is said of a socket's process.
const HIDDEN: &str = "the open files of its process are not ours to see";

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
    /// Of inodes, so that processes are searched only for new sockets.
    processes: Processes,
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

/// Who has a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Process {
    /// Nobody: it is the kernel's.
    #[default]
    None,
    Named(String),
    /// Open files of a process could not be looked at: it may be that one.
    Hidden,
}

/// By inode.
type Processes = HashMap<u64, Process>;

fn sockets(place: &Place, ephemeral: bool, known: Processes) -> Result<(Vec<Seen>, Processes), CollectError> {
    let range_path = place.path("/proc/sys/net/ipv4/ip_local_port_range");
    let range = input::text_if_there(&range_path).map_err(|error| input::failed(&range_path, error))?;
    let range = range.and_then(|text| port_range(&text));
    let counts =
        |socket: &Socket| ephemeral || range.is_none_or(|(low, high)| !(low..=high).contains(&socket.address.port()));
    let mut found = BTreeMap::new();
    for (protocol, file) in [("tcp", "tcp"), ("tcp", "tcp6"), ("udp", "udp"), ("udp", "udp6")] {
        let path = place.path(&format!("/proc/net/{file}"));
        // Without IPv6 the kernel has no such file.
        let opened = input::if_there(File::open(&path)).map_err(|error| input::failed(&path, error))?;
        let Some(opened) = opened else { continue };
        for line in BufReader::new(opened).lines() {
            let line = line.map_err(|error| input::failed(&path, error))?;
            let socket = listening(&line, protocol).filter(|socket| protocol == "tcp" || counts(socket));
            if let Some(socket) = socket {
                SOCKETS.check(found.len() as u64 + 1).map_err(|error| input::failed(&path, error))?;
                found.entry(format!("{protocol}:{}", socket.address)).or_insert(socket);
            }
        }
    }
    let proc = place.path("/proc");
    let processes = processes(&proc, found.values(), known).map_err(|error| input::failed(&proc, error))?;
    let owners = Owners::load(place)?;
    let seen = found.iter().filter_map(|(name, socket)| {
        let mut members = Map::new();
        members.insert("user".to_owned(), owners.user(socket.uid).into());
        match processes.get(&socket.inode) {
            Some(Process::Named(name)) => _ = members.insert("process".to_owned(), name.clone().into()),
            Some(Process::Hidden) => _ = members.insert("unreadable".to_owned(), HIDDEN.into()),
            Some(Process::None) | None => {}
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
fn processes<'a>(
    proc: &Path,
    sockets: impl Iterator<Item = &'a Socket>,
    mut known: Processes,
) -> io::Result<Processes> {
    let named = |process: &Process| matches!(process, Process::Named(_));
    let mut found: Processes = sockets
        .map(|socket| (socket.inode, known.remove(&socket.inode)))
        .map(|(inode, process)| (inode, process.filter(named).unwrap_or_default()))
        .collect();
    if found.values().all(named) {
        return Ok(found);
    }
    if !search(proc, &mut found)? {
        found.values_mut().filter(|process| !named(process)).for_each(|process| *process = Process::Hidden);
    }
    Ok(found)
}

/// Looks at the open files of all processes; whether it could look at all of them.
fn search(proc: &Path, found: &mut Processes) -> io::Result<bool> {
    let (mut looked, mut all) = (0, true);
    for process in input::entries(proc)? {
        if !process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let descriptors = match input::entries(&process.path().join("fd")) {
            Ok(descriptors) => descriptors,
            Err(error) if input::is_shortage(&error) => return Err(error),
            // One that ends while it is looked at has no open files any more.
            Err(error) => {
                all &= Errno::from_io_error(&error) == Some(Errno::SRCH);
                continue;
            }
        };
        for descriptor in descriptors {
            looked += 1;
            if looked > DESCRIPTORS {
                return Ok(false);
            }
            let link = std::fs::read_link(descriptor.path()).unwrap_or_default();
            let inode = link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(slot @ Process::None) = inode.and_then(|inode: u64| found.get_mut(&inode)) {
                *slot = input::word(&process.path().join("comm")).map_or(Process::None, Process::Named);
            }
        }
    }
    Ok(all)
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
        // A process whose open files cannot be listed may have any of those that nobody else has.
        write("proc/43/fd", "");
        assert_eq!(
            shown(false),
            [
                r#"tcp:127.0.0.1:22 {"process":"sshd","user":"root"}"#,
                r#"tcp:[::]:80 {"unreadable":"the open files of its process are not ours to see","user":"7"}"#,
                r#"udp:0.0.0.0:68 {"unreadable":"the open files of its process are not ours to see","user":"7"}"#,
            ]
        );
    }

    #[test]
    fn a_table_that_cannot_be_read_is_not_empty() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(Some("a"), None).at(dir.path());
        std::fs::create_dir(dir.path().join("proc")).unwrap();
        std::fs::write(dir.path().join("proc/net"), "").unwrap();
        assert!(sockets(&place, false, HashMap::new()).is_err());
        std::fs::remove_file(dir.path().join("proc/net")).unwrap();
        assert_eq!(sockets(&place, false, HashMap::new()).unwrap().0, [], "a kernel without it");
    }
}
