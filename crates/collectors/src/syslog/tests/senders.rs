//! Programs that send syslog: `logger` of util-linux, rsyslog. Each is left out where it is not installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::world::open;

fn program(name: &str) -> Option<PathBuf> {
    let own = std::env::var_os(name.to_uppercase()).map(PathBuf::from);
    let places = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].iter().map(|place| Path::new(place).join(name));
    let found = own.into_iter().chain(places).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: {name} is not installed");
    }
    found
}

async fn run(mut command: Command) {
    let ended = base::blocking(move || command.stdin(Stdio::null()).stdout(Stdio::null()).status()).await.unwrap();
    assert!(ended.unwrap().success());
}

#[tokio::test]
async fn logger_sends_in_each_of_its_ways() {
    let Some(logger) = program("logger") else { return };
    for (protocol, ways) in [("udp", vec!["--udp"]), ("tcp", vec!["--tcp"]), ("tcp", vec!["--tcp", "--octet-count"])] {
        let (world, address) = open(&format!(r#""protocol": "{protocol}""#)).await;
        for (format, text) in [("--rfc3164", "the old one"), ("--rfc5424", "the new one")] {
            let mut command = Command::new(&logger);
            command.args(["--server", "127.0.0.1", "--port", &address.port().to_string(), "--tag", "shop", format]);
            command.args(["--id=77", "-p", "local3.warning"]).args(&ways).arg(text);
            run(command).await;
        }
        world.until("both", |bodies| bodies.len() == 2).await;
        let lines = world.end().await.logs();
        for text in ["the old one", "the new one"] {
            let line = lines.iter().find(|line| line.body == text).unwrap_or_else(|| panic!("{text} in {lines:?}"));
            assert_eq!((line.service.as_str(), line.severity.as_str()), ("shop", "WARN"), "{ways:?}");
            assert_eq!(
                (line.attributes["syslog.facility"].as_str(), line.attributes["syslog.procid"].as_str()),
                ("local3", "77")
            );
        }
    }
}

/// rsyslog, which ends with this.
struct Rsyslog(tempfile::TempDir);

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers")
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        let _ = Command::new(peers().join("down.sh")).arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn rsyslog_forwards_what_it_takes() {
    if program("rsyslogd").is_none() {
        return;
    }
    for protocol in ["tcp", "udp"] {
        let (world, address) = open(&format!(r#""protocol": "{protocol}""#)).await;
        let rsyslog = Rsyslog(tempfile::tempdir().unwrap());
        let mut up = Command::new(peers().join("rsyslog-up.sh"));
        up.arg(rsyslog.0.path()).arg(address.to_string()).arg(protocol).stderr(Stdio::null());
        run(up).await;
        let to = std::fs::read_to_string(rsyslog.0.path().join("addr")).unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 0..100 {
            let message = format!("<165>1 2026-11-26T10:00:00.5Z web-1 shop 77 ID [x@1 n=\"{n}\"] message {n}");
            socket.send_to(message.as_bytes(), to.trim()).unwrap();
        }
        world.until("all", |bodies| bodies.iter().filter(|body| body.starts_with("message ")).count() == 100).await;
        drop(rsyslog);
        let lines = world.end().await.logs();
        let line = lines.iter().find(|line| line.body == "message 7").unwrap();
        assert_eq!(
            (line.service.as_str(), line.ts.to_string()),
            ("shop", "2026-11-26T10:00:00.5Z".to_owned()),
            "{protocol}"
        );
        assert_eq!((line.attributes["x@1.n"].as_str(), line.attributes["syslog.msgid"].as_str()), ("7", "ID"));
        assert_eq!(line.resource.as_ref().unwrap()["host.name"], "web-1");
    }
}
