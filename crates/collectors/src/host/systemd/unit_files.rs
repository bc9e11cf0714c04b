//! Unit files and the links between them, as systemd.unit(5) says they are searched.

use std::collections::BTreeSet;
use std::fs::DirEntry;
use std::io;
use std::path::Path;

use base::Limit;
use collect::CollectError;

use super::{Unit, Units};
use crate::host::{Place, input};

/// Where unit files are; the first that has a name wins.
const PLACES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Where an administrator's links are.
const LINKS: [&str; 2] = [PLACES[0], PLACES[1]];

const SUFFIXES: [&str; 11] = [
    ".service",
    ".socket",
    ".timer",
    ".target",
    ".mount",
    ".automount",
    ".path",
    ".slice",
    ".swap",
    ".scope",
    ".device",
];

/// Unit files of a host.
const UNITS: Limit = Limit::new("collector_units", 50_000);

/// The units that have a file, with the state that follows from the files alone.
///
/// # Errors
/// If there are too many, or what is there cannot be listed.
pub(super) fn read(place: &Place) -> Result<Units, CollectError> {
    let wanted = wanted(place)?;
    let mut units = Units::new();
    for directory in PLACES {
        let path = place.path(directory);
        for entry in list(&path)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) || units.contains_key(&name) {
                continue;
            }
            UNITS.check(units.len() as u64 + 1).map_err(|error| input::failed(&path, error))?;
            let (enabled, unreadable) = match enabled(&entry.path(), &name, directory, &wanted) {
                Ok(enabled) => (Some(enabled.to_owned()), None),
                Err(error) if input::is_shortage(&error) => return Err(input::failed(&entry.path(), error)),
                Err(error) => (None, Some(error.to_string())),
            };
            let fragment = Some(format!("{directory}/{name}"));
            units.insert(name, Unit { enabled, active: None, fragment, unreadable });
        }
    }
    Ok(units)
}

/// The names of the links in `*.wants` and `*.requires` of the administrator; of an instance
/// (`getty@tty1.service`) also its template.
fn wanted(place: &Place) -> Result<BTreeSet<String>, CollectError> {
    let mut names = BTreeSet::new();
    for directory in LINKS {
        for entry in list(&place.path(directory))? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".wants") && !name.ends_with(".requires") {
                continue;
            }
            // Something else of such a name is none of systemd's.
            if !entry.path().is_dir() {
                continue;
            }
            for link in list(&entry.path())? {
                let link = link.file_name().to_string_lossy().into_owned();
                names.extend(template(&link));
                names.insert(link);
            }
        }
    }
    Ok(names)
}

fn list(path: &Path) -> Result<Vec<DirEntry>, CollectError> {
    input::entries(path).map_err(|error| input::failed(path, error))
}

fn template(instance: &str) -> Option<String> {
    let (name, rest) = instance.split_once('@')?;
    let (_, suffix) = rest.rsplit_once('.')?;
    Some(format!("{name}@.{suffix}"))
}

/// The words of `systemctl is-enabled`.
fn enabled(path: &Path, name: &str, directory: &str, wanted: &BTreeSet<String>) -> io::Result<&'static str> {
    let link = match std::fs::read_link(path) {
        Err(error) if input::is_shortage(&error) => return Err(error),
        link => link.ok(),
    };
    if link.as_deref() == Some(Path::new("/dev/null"))
        || std::fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() == 0)
    {
        return Ok(if directory == PLACES[1] { "masked-runtime" } else { "masked" });
    }
    let other_name =
        link.as_ref().and_then(|link| link.file_name()).is_some_and(|target| target.to_string_lossy() != name);
    if other_name {
        return Ok("alias");
    }
    if wanted.contains(name) {
        return Ok("enabled");
    }
    // A link that leads nowhere has no such section.
    let text = input::text_if_there(path)?.unwrap_or_default();
    Ok(if text.lines().any(|line| line.trim() == "[Install]") { "disabled" } else { "static" })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn files_and_links_give_the_state() {
        let dir = tempfile::tempdir().unwrap();
        let etc = dir.path().join("etc/systemd/system");
        let lib = dir.path().join("usr/lib/systemd/system");
        std::fs::create_dir_all(etc.join("multi-user.target.wants")).unwrap();
        std::fs::create_dir_all(&lib).unwrap();
        for name in ["ssh.service", "cron.service", "getty@.service", "masked.service"] {
            std::fs::write(lib.join(name), "[Unit]\n[Install]\nWantedBy=x\n").unwrap();
        }
        std::fs::write(lib.join("dbus.socket"), "[Unit]\n").unwrap();
        std::fs::write(lib.join("README"), "no unit").unwrap();
        symlink("/lib/systemd/system/ssh.service", etc.join("multi-user.target.wants/ssh.service")).unwrap();
        symlink("/lib/systemd/system/getty@.service", etc.join("multi-user.target.wants/getty@tty1.service")).unwrap();
        symlink("/dev/null", etc.join("masked.service")).unwrap();
        symlink("/lib/systemd/system/ssh.service", etc.join("sshd.service")).unwrap();
        let units = read(&Place::new(Some("a"), None).at(dir.path())).unwrap();
        let states: Vec<_> =
            units.iter().map(|(name, unit)| (name.as_str(), unit.enabled.as_deref().unwrap())).collect();
        assert_eq!(
            states,
            [
                ("cron.service", "disabled"),
                ("dbus.socket", "static"),
                ("getty@.service", "enabled"),
                ("masked.service", "masked"),
                ("ssh.service", "enabled"),
                ("sshd.service", "alias"),
            ]
        );
        // Longer than what is read, which is as good as not to be read.
        std::fs::File::create(lib.join("hidden.service")).unwrap().set_len(65 << 20).unwrap();
        let hidden = &read(&Place::new(Some("a"), None).at(dir.path())).unwrap()["hidden.service"];
        assert!(hidden.enabled.is_none() && hidden.unreadable.is_some());
        std::fs::write(dir.path().join("run"), "").unwrap();
        assert!(read(&Place::new(Some("a"), None).at(dir.path())).is_err(), "what cannot be listed is not empty");
        assert_eq!(units["masked.service"].fragment.as_deref(), Some("/etc/systemd/system/masked.service"));
    }
}
