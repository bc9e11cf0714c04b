//! Which instance of the host this is: one resource that changes when the machine is started anew
//! or replaced by another one of its name.

use std::io;

use async_trait::async_trait;
use collect::{CollectError, Collector, Cover, Seen};
use model::Document;
use serde_json::{Map, Value};

use super::poll::{Look, Poll};
use super::{HostConfig, Place, input};
use crate::{Build, Plugin};

pub(crate) const PLUGIN: Plugin = Plugin {
    name: "host.boot",
    doc: "Which instance of the host this is: the boot, and a digest of the machine's id.",
    kinds: &["instance"],
    build: Build::Host(build),
};

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const MACHINE_ID: &str = "/etc/machine-id";

/// machine-id(5): the id is confidential, and what is shown is to be hashed under a key of the
/// application. The same everywhere, so that a machine is recognised under a new digest key.
const CONTEXT: &str = "Steadfast host.boot machine_id";

fn build(config: &HostConfig, place: &Place) -> Option<Box<dyn Collector>> {
    let poll = Poll {
        name: PLUGIN.name,
        scope: place.scope().to_owned(),
        covers: vec![Cover::all("instance")],
        interval: config.boot.interval,
        watch: vec![place.path(MACHINE_ID)],
        look: Boot(place.clone()),
    };
    config.boot.enabled.then(|| Box::new(poll) as Box<dyn Collector>)
}

struct Boot(Place);

#[async_trait]
impl Look for Boot {
    async fn look(&mut self) -> Result<Vec<Seen>, CollectError> {
        instance(&self.0)
    }
}

/// A file that is there and cannot be read is an error: without its member the document would be
/// that of another instance.
fn instance(place: &Place) -> Result<Vec<Seen>, CollectError> {
    let boot = text(place, BOOT_ID)?.filter(|id| !id.is_empty());
    let machine = text(place, MACHINE_ID)?.filter(|id| is_machine_id(id));
    let members = [("boot_id", boot), ("machine_id", machine.as_deref().map(digest))];
    let document: Map<String, Value> =
        members.into_iter().filter_map(|(name, id)| Some((name.to_owned(), id?.into()))).collect();
    if document.is_empty() {
        return Ok(Vec::new());
    }
    let seen = |id| Seen { id, document: Some(Document::new(document.into())), text: None, actor: None };
    Ok(place.id("instance", "", "boot").map(seen).into_iter().collect())
}

/// Nothing if the file is not there: in a container, on a disk of a host that is off.
fn text(place: &Place, path: &str) -> Result<Option<String>, CollectError> {
    let path = place.path(path);
    match input::text(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(input::failed(&path, error)),
    }
}

/// An image that was never started has none: its file is empty or says `uninitialized`.
fn is_machine_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn digest(machine_id: &str) -> String {
    let hash = blake3::derive_key(CONTEXT, machine_id.to_ascii_lowercase().as_bytes());
    format!("keyed:{}", hex::encode(&hash[..16]))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    const MACHINE: &str = "0123456789abcdef0123456789abcdef";

    fn host(dir: &Path, boot: &str, machine: &str) -> Place {
        for (path, text) in [(BOOT_ID, boot), (MACHINE_ID, machine)] {
            let path = dir.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{text}\n")).unwrap();
        }
        Place::new(Some("web-1"), None).at(dir)
    }

    fn only(place: &Place) -> Seen {
        let [only] = instance(place).unwrap().try_into().unwrap();
        only
    }

    /// The drift fold begins anew whenever the fingerprint of a resource of this kind changes.
    #[test]
    fn the_document_changes_with_a_boot_and_with_a_machine_and_the_id_never() {
        let dir = tempfile::tempdir().unwrap();
        let first = only(&host(dir.path(), "b-1", MACHINE));
        assert_eq!((first.id.as_str(), first.id.kind()), ("host/web-1/instance//boot", "instance"));
        assert_eq!(first, only(&host(dir.path(), "b-1", MACHINE)), "a restart of the process is no new instance");
        let reboot = only(&host(dir.path(), "b-2", MACHINE));
        let other = only(&host(dir.path(), "b-1", &MACHINE.replace('0', "f")));
        let member = |seen: &Seen, name: &str| seen.document.as_ref().unwrap().tree()[name].clone();
        assert_eq!(member(&reboot, "boot_id"), "b-2");
        assert_eq!(member(&reboot, "machine_id"), member(&first, "machine_id"));
        assert_ne!(member(&other, "machine_id"), member(&first, "machine_id"));
        assert_eq!((&reboot.id, &other.id), (&first.id, &first.id));
    }

    #[test]
    fn the_machine_id_itself_is_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let json = only(&host(dir.path(), "b-1", MACHINE)).document.unwrap().to_json();
        assert!(json.contains(r#""machine_id":"keyed:"#) && !json.contains(&MACHINE[..8]), "{json}");
    }

    #[test]
    fn what_is_not_there_is_left_out_and_what_cannot_be_read_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let json = |place: &Place| only(place).document.unwrap().to_json();
        assert_eq!(json(&host(dir.path(), "b-1", "uninitialized")), r#"{"boot_id":"b-1"}"#);
        assert_eq!(json(&host(dir.path(), "b-1", "")), r#"{"boot_id":"b-1"}"#);
        let place = host(dir.path(), "b-1", MACHINE);
        fs::remove_file(dir.path().join("etc/machine-id")).unwrap();
        assert_eq!(json(&place), r#"{"boot_id":"b-1"}"#);
        fs::create_dir(dir.path().join("etc/machine-id")).unwrap();
        assert!(instance(&place).unwrap_err().to_string().contains("machine-id"));
        fs::remove_dir(dir.path().join("etc/machine-id")).unwrap();
        fs::remove_dir_all(dir.path().join("proc")).unwrap();
        assert_eq!(instance(&place).unwrap(), []);
    }

    #[tokio::test]
    async fn the_collector_passes_the_suite() {
        let dir = tempfile::tempdir().unwrap();
        let place = host(dir.path(), "b-1", MACHINE);
        collect::suite::check(|| build(&HostConfig::default(), &place).unwrap(), &[MACHINE]).await.unwrap();
    }
}
