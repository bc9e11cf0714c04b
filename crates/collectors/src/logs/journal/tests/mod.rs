//! Against a program of our own that says what `journalctl` would.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Limit};
use model::rows::LogLine;
use wire::journal::{Entry, Limits, Reader};

use super::child::Program;
use super::{Journal, arguments};
use crate::deliver::Delivery;
use crate::deliver::tests::world::World;
use crate::logs::config::{JournaldConfig, LogSourcesConfig, StartAt};
use crate::scrape::tests::memory::Memory;

/// A program that notes how it was called, and says what is in `export`, again each time that it is started.
fn program(folder: &Path, end: &str) -> Program {
    let path = folder.join("journalctl");
    let text = format!("#!/bin/sh\necho \"$@\" >> {0}/calls\ncat {0}/export\n{end}\n", folder.display());
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Program::At(path)
}

fn entry(n: usize) -> String {
    format!(
        "__CURSOR=s=1;i={n}\n__REALTIME_TIMESTAMP={}\nMESSAGE=entry {n}\nPRIORITY=6\n_SYSTEMD_UNIT=a.service\n\n",
        1_000_000 * n
    )
}

async fn start(log: &Arc<Memory>, folder: &Path, program: Program) -> World {
    of(log, folder, JournaldConfig { enabled: true, ..JournaldConfig::default() }, program).await
}

async fn of(log: &Arc<Memory>, folder: &Path, journald: JournaldConfig, program: Program) -> World {
    let world = World::of(Arc::clone(log), Clock::system()).await;
    let delivery = Delivery::new(&world.parts, "test", Duration::from_secs(1));
    let config = LogSourcesConfig { journald, ..LogSourcesConfig::default() };
    let mut journal = Journal::new(&config, folder, "h", delivery).unwrap();
    journal.program = program;
    world.tasks.spawn("journal", journal.run());
    world
}

#[tokio::test]
async fn entries_become_records_and_the_next_process_goes_on_behind_them() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Arc::default());
    fs::write(folder.path().join("export"), (1..=3).map(entry).collect::<String>()).unwrap();
    let world = start(&log, folder.path(), program(folder.path(), "sleep 60")).await;
    world.until("three", |bodies| bodies == ["entry 1", "entry 2", "entry 3"]).await;
    world.end().await;
    assert_eq!(fs::read_to_string(folder.path().join("journald.cursor")).unwrap(), "s=1;i=3");
    fs::write(folder.path().join("export"), entry(4)).unwrap();
    let world = start(&log, folder.path(), program(folder.path(), "sleep 60")).await;
    world.until("four", |bodies| bodies.len() == 4).await;
    world.end().await;
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
    let calls: Vec<_> = calls.lines().collect();
    assert!(calls[0].ends_with("--lines=0") && calls[1].ends_with("--after-cursor=s=1;i=3 --lines=all"), "{calls:?}");
}

#[tokio::test]
async fn a_child_that_ends_is_started_again_behind_what_was_taken() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Arc::default());
    fs::write(folder.path().join("export"), entry(1)).unwrap();
    let world = start(&log, folder.path(), program(folder.path(), "echo 'no journal' >&2; exit 1")).await;
    world.until("again", |bodies| bodies.len() == 2).await;
    world.end().await;
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
    assert!(calls.lines().nth(1).unwrap().contains("--after-cursor=s=1;i=1"), "{calls}");
}

#[tokio::test]
async fn a_cursor_that_is_none_is_set_aside() {
    let (folder, log) = (tempfile::tempdir().unwrap(), Arc::default());
    fs::write(folder.path().join("journald.cursor"), "--flush now").unwrap();
    fs::write(folder.path().join("export"), entry(1)).unwrap();
    let world = start(&log, folder.path(), program(folder.path(), "sleep 60")).await;
    world.until("one", |bodies| bodies.len() == 1).await;
    world.end().await;
    assert!(!fs::read_to_string(folder.path().join("calls")).unwrap().contains("flush"));
    assert!(folder.path().join("journald.damaged").exists());
}

/// Entries as `systemd-journal-remote` writes them into a journal.
fn write(remote: &Path, folder: &Path, entries: &[(u64, &str)]) {
    let export: String = entries
        .iter()
        .map(|(n, boot)| {
            let boot = boot.repeat(16);
            format!(
                "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={n}\n_BOOT_ID={boot}\nMESSAGE=entry {n}\nPRIORITY=4\n_SYSTEMD_UNIT=a.service\n\n",
                1_764_151_200_000_000 + n
            )
        })
        .collect();
    fs::write(folder.join("entries"), export).unwrap();
    let mut command = std::process::Command::new(remote);
    command.arg("-o").arg(folder.join("journals/a.journal")).arg(folder.join("entries"));
    assert!(command.output().unwrap().status.success());
}

#[tokio::test]
async fn a_real_journal_is_read_over_restarts_of_the_system() {
    let own = std::env::var_os("SYSTEMD_JOURNAL_REMOTE").map(std::path::PathBuf::from);
    let remote = own.unwrap_or_else(|| "/lib/systemd/systemd-journal-remote".into());
    if !remote.is_file() || !crate::host::child::exists("journalctl") {
        return eprintln!("skipped: journalctl and systemd-journal-remote are not both installed");
    }
    let (folder, log) = (tempfile::tempdir().unwrap(), Arc::default());
    fs::create_dir(folder.path().join("journals")).unwrap();
    write(&remote, folder.path(), &[(1, "a1"), (2, "a1")]);
    let journals = JournaldConfig {
        enabled: true,
        units: vec!["a.service".to_owned()],
        directory: Some(folder.path().join("journals")),
        start: StartAt::Beginning,
        ..JournaldConfig::default()
    };
    let world = of(&log, folder.path(), journals.clone(), Program::System).await;
    world.until("what is there", |bodies| bodies == ["entry 1", "entry 2"]).await;
    write(&remote, folder.path(), &[(3, "a1")]);
    world.until("what is added", |bodies| bodies.len() == 3).await;
    world.end().await;
    write(&remote, folder.path(), &[(4, "a1"), (5, "b2")]);
    let world = of(&log, folder.path(), journals, Program::System).await;
    world.until("of the boot before too", |bodies| bodies.len() == 5).await;
    assert_eq!(world.bodies(), (1..=5).map(|n| format!("entry {n}")).collect::<Vec<_>>());
    let line = &world.end().await.logs()[4];
    assert_eq!((line.service.as_str(), line.severity.as_str()), ("a", "WARN"));
}

#[test]
fn what_is_asked_for() {
    let of = |start, cursor: Option<&str>| {
        let units = vec!["ssh.service".to_owned()];
        let config = JournaldConfig { start, units, directory: Some("/j".into()), ..JournaldConfig::default() };
        arguments(&config, cursor).split_off(5).join(" ")
    };
    assert_eq!(of(StartAt::End, None), "--lines=0 --unit=ssh.service --directory=/j");
    assert_eq!(of(StartAt::Beginning, None), "--lines=all --unit=ssh.service --directory=/j");
    assert_eq!(of(StartAt::Beginning, Some("s=1")), "--after-cursor=s=1 --lines=all --unit=ssh.service --directory=/j");
}

fn read(export: &[u8]) -> Entry {
    let limits = Limits { value: Limit::new("test_value", 1_000), fields: Limit::new("test_fields", 100) };
    Reader::new(limits).next(&mut &export[..]).unwrap().unwrap()
}

async fn line(export: &[u8]) -> LogLine {
    let world = World::new().await;
    let mut batch = ingest::LogBatch::default();
    super::record(&mut batch, &read(export), "own", base::Timestamp::from_secs(9)).unwrap();
    Delivery::new(&world.parts, "test", Duration::ZERO).deliver(batch.finish().unwrap().unwrap()).await.unwrap();
    world.log.logs().remove(0)
}

#[tokio::test]
async fn fields_become_what_other_records_have() {
    let text = "__CURSOR=c\n__REALTIME_TIMESTAMP=1764151200000000\nPRIORITY=3\nSYSLOG_IDENTIFIER=sshd\n_HOSTNAME=web-1\n\
        _SYSTEMD_UNIT=ssh.service\n_PID=7\nSYSLOG_FACILITY=4\nTRACE_ID=4bf92f3577b34da6a3ce929d0e0e4736\nMESSAGE\n";
    let of = line(&[text.as_bytes(), b"\x04\0\0\0\0\0\0\0a\nb\xff\n\n"].concat()).await;
    assert_eq!(of.body, "a\nb\u{fffd}");
    assert_eq!((of.service.as_str(), of.severity.as_str(), of.severity_number), ("sshd", "ERROR", Some(17)));
    assert_eq!(of.ts.to_string(), "2025-11-26T10:00:00Z");
    let resource = of.resource.unwrap();
    assert_eq!((resource["host.name"].as_str(), resource["systemd.unit"].as_str()), ("web-1", "ssh.service"));
    let attributes: Vec<_> = of.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(attributes, ["_PID=7", "syslog.facility=auth", "text.lossy=true"]);
    assert_eq!(of.trace_id.unwrap(), "4bf92f3577b34da6a3ce929d0e0e4736");
    let of = line(b"MESSAGE=error: x\n_SYSTEMD_UNIT=a.service\n\n").await;
    assert_eq!((of.service.as_str(), of.severity.as_str(), of.ts), ("a", "ERROR", base::Timestamp::from_secs(9)));
    assert_eq!(of.resource.unwrap()["host.name"], "own");
}

#[tokio::test]
async fn fields_that_come_more_than_once_are_one_attribute() {
    let of = line(b"MESSAGE=x\nCONFIG_FILE=/b\n_PID=7\nCONFIG_FILE=/a\nCONFIG_FILE=/b\n\n").await;
    let attributes: Vec<_> = of.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(attributes, ["CONFIG_FILE=/b;/a;/b", "_PID=7"]);
}
