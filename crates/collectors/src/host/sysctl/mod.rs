//! Kernel parameters, from `/proc/sys`: a list of those that matter and do not move by themselves
//! (`watched.txt`), and what the configuration adds.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use async_trait::async_trait;
use base::Limit;
use collect::{CollectError, Collector, Cover, Seen};
use globset::GlobBuilder;
use model::Document;
use serde_json::json;

use super::pattern::{Patterns, too_large};
use super::poll::{Look, Poll};
use super::{HostConfig, Place, input};
use crate::{Build, Plugin};

pub(crate) const PLUGIN: Plugin = Plugin {
    name: "host.sysctl",
    doc: "Kernel parameters that decide how safe a host is and how it behaves.",
    kinds: &["sysctl"],
    build: Build::Host(build),
};

/// Where systemd mounts formats of programs when somebody looks.
const AUTOMOUNT: &str = "fs/binfmt_misc";

/// Files of `/proc/sys` that are looked at.
const ENTRIES: Limit = Limit::new("collector_sysctl_entries", 200_000);

const WATCHED: &str = include_str!("watched.txt");

fn watched() -> impl Iterator<Item = &'static str> {
    WATCHED.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn build(config: &HostConfig, place: &Place) -> Option<Box<dyn Collector>> {
    let names: Vec<String> = watched().map(str::to_owned).chain(config.sysctl.include.iter().cloned()).collect();
    let whole = |name: &&String| !name.contains(['*', '?', '[', '{']);
    let cover = |name: &String| Cover::below("sysctl", name);
    let poll = Poll {
        name: PLUGIN.name,
        scope: place.scope().to_owned(),
        covers: names.iter().filter(whole).map(cover).collect(),
        interval: config.sysctl.interval,
        watch: Vec::new(),
        look: Sysctl { place: place.clone(), names },
    };
    config.sysctl.enabled.then(|| Box::new(poll) as Box<dyn Collector>)
}

struct Sysctl {
    place: Place,
    names: Vec<String>,
}

#[async_trait]
impl Look for Sysctl {
    async fn look(&mut self) -> Result<Vec<Seen>, CollectError> {
        let (place, names) = (self.place.clone(), self.names.clone());
        let panicked =
            || CollectError::Source { what: "/proc/sys".to_owned(), problem: "reading it panicked".to_owned() };
        base::blocking(move || parameters(&place, &names)).await.ok_or_else(panicked)?
    }
}

fn parameters(place: &Place, names: &[String]) -> Result<Vec<Seen>, CollectError> {
    let bad =
        |error: globset::Error| CollectError::Source { what: "sysctl.include".to_owned(), problem: error.to_string() };
    // In a path, so that `*` stops where a dot of the name is.
    let glob = |name: &String| GlobBuilder::new(&name.replace('.', "/")).literal_separator(true).build().map_err(bad);
    let patterns = Patterns::of(names.iter().map(glob).collect::<Result<Vec<_>, _>>()?).map_err(too_large)?;
    let base = place.path("/proc/sys");
    let (mut waiting, mut seen, mut entries) = (vec![base.clone()], Vec::new(), 0);
    while let Some(directory) = waiting.pop() {
        let listed = match input::entries(&directory) {
            // A folder that is mounted when it is looked at, which a container may not do. None of the parameters is there.
            Err(error) if directory == base.join(AUTOMOUNT) && !input::is_shortage(&error) => continue,
            listed => listed.map_err(|error| input::failed(&directory, error))?,
        };
        for entry in listed {
            entries += 1;
            ENTRIES.check(entries).map_err(|error| input::failed(&base, error))?;
            let path = entry.path();
            let Ok(relative) = path.strip_prefix(&base) else { continue };
            match input::if_there(entry.file_type()).map_err(|error| input::failed(&path, error))? {
                Some(kind) if kind.is_dir() => waiting.push(path),
                Some(kind) if kind.is_file() && patterns.matches(relative) => {
                    seen.extend(parameter(place, relative, &path)?)
                }
                _ => {}
            }
        }
    }
    Ok(seen)
}

/// One that is there. Of those that root alone may read nothing is known to others; some are for writing only.
fn parameter(place: &Place, relative: &Path, path: &Path) -> Result<Option<Seen>, CollectError> {
    let document = match input::text_if_there(path) {
        Ok(Some(text)) => json!({ "value": canonical(&text) }),
        Ok(None) => return Ok(None),
        Err(error) if input::is_shortage(&error) => return Err(input::failed(path, error)),
        Err(_) if is_for_writing(path) => return Ok(None),
        Err(error) => json!({ "unreadable": error.to_string() }),
    };
    let id = place.id("sysctl", "", &name(&relative.to_string_lossy()));
    Ok(id.map(|id| Seen { id, document: Some(Document::new(document)), text: None, actor: None }))
}

fn is_for_writing(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o444 == 0)
}

/// As sysctl(8) names it: dots for slashes, and slashes for the dots in an interface's name.
fn name(relative: &str) -> String {
    let swap = |c: char| match c {
        '/' => '.',
        '.' => '/',
        other => other,
    };
    relative.chars().map(swap).collect()
}

/// The kernel separates numbers by tabs, people by spaces.
fn canonical(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watched_parameters_and_those_added_are_seen_in_one_form() {
        let dir = tempfile::tempdir().unwrap();
        let sys = dir.path().join("proc/sys");
        for (path, value) in [
            ("net/ipv4/ip_forward", "1\n"),
            ("net/ipv4/ip_local_port_range", "32768\t60999\n"),
            ("net/ipv4/conf/eth0.1/rp_filter", "2\n"),
            ("kernel/random/uuid", "never the same\n"),
        ] {
            std::fs::create_dir_all(sys.join(path).parent().unwrap()).unwrap();
            std::fs::write(sys.join(path), value).unwrap();
        }
        let place = Place::new(Some("a"), None).at(dir.path());
        let names: Vec<String> = watched().map(str::to_owned).chain(["net.ipv4.conf.*.rp_filter".to_owned()]).collect();
        let mut shown: Vec<String> = parameters(&place, &names[..names.len() - 1])
            .unwrap()
            .iter()
            .map(|seen| format!("{} {}", seen.id.name(), seen.document.as_ref().unwrap().to_json()))
            .collect();
        shown.sort();
        assert_eq!(
            shown,
            [r#"net.ipv4.ip_forward {"value":"1"}"#, r#"net.ipv4.ip_local_port_range {"value":"32768 60999"}"#]
        );
        assert_eq!(name("net/ipv4/conf/eth0.1/rp_filter"), "net.ipv4.conf.eth0/1.rp_filter");
        assert!(parameters(&place, &["[".to_owned()]).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_not_absent() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::new(Some("a"), None).at(dir.path());
        let names = ["kernel.panic".to_owned(), "kernel.poke".to_owned()];
        assert_eq!(parameters(&place, &names).unwrap(), [], "a host without them");
        let path = dir.path().join("proc/sys/kernel/panic");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Longer than what is read, which is as good as not to be read.
        std::fs::File::create(&path).unwrap().set_len(65 << 20).unwrap();
        let seen = parameters(&place, &names).unwrap();
        assert_eq!((seen.len(), seen[0].id.name()), (1, "kernel.panic"));
        assert!(seen[0].document.as_ref().unwrap().tree()["unreadable"].is_string());
        std::fs::remove_dir_all(dir.path().join("proc/sys")).unwrap();
        std::fs::write(dir.path().join("proc/sys"), "").unwrap();
        assert!(parameters(&place, &names).is_err(), "it cannot be listed");
    }
}
