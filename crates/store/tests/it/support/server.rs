//! A real S3 server, of those that `tests/peers` installs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base::{Secret, SecretRef};
use store::S3Config;

/// Names the server that scenarios run over, as `host:port`.
pub const OVER: &str = "STEADFAST_TEST_S3";
const BUCKET: &str = "telemetry";

/// SeaweedFS, ended with this value; it keeps its data over kill -9.
pub struct Server {
    dir: tempfile::TempDir,
    pub address: String,
}

impl Server {
    /// Nothing, and a line that says so, where it is not installed.
    pub fn start() -> Option<Self> {
        let cache = std::env::var_os("STEADFAST_PEERS").map(PathBuf::from);
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/steadfast/peers");
        if !cache.unwrap_or_else(home).join("bin/weed").exists() {
            eprintln!("skipped: no S3 server is installed (tests/peers/seaweedfs-install.sh)");
            return None;
        }
        let mut server = Self { dir: tempfile::tempdir().unwrap(), address: String::new() };
        server.up();
        server.address = server.read("addr");
        let filer = server.read("ports").lines().nth(6).unwrap().to_owned();
        let mut stream = TcpStream::connect(format!("127.0.0.1:{filer}")).unwrap();
        write!(stream, "POST /buckets/{BUCKET}/ HTTP/1.0\r\nContent-Length: 0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains(" 201 "), "{answer}");
        Some(server)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap().trim().to_owned()
    }

    fn script(&self, name: &str) -> Command {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers");
        let mut command = Command::new(peers.join(name));
        command.arg(self.dir.path());
        command
    }

    /// Starts it, or starts it again with the same data and address.
    pub fn up(&self) {
        let output = self.script("seaweedfs-up.sh").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// kill -9.
    pub fn kill(&self) {
        let killed = Command::new("kill").args(["-9", &self.read("pid")]).status().unwrap();
        assert!(killed.success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.script("down.sh").arg("1").output();
    }
}

/// A bucket of the server there, with objects under `prefix`.
pub fn bucket(address: &str, prefix: &str) -> S3Config {
    let given = |text: &str| Some(SecretRef::Given(Secret::new(text)));
    S3Config {
        bucket: BUCKET.to_owned(),
        prefix: prefix.to_owned(),
        endpoint: Some(format!("http://{address}")),
        allow_http: true,
        access_key_id: given("a"),
        secret_access_key: given("b"),
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(1),
        retries: 2,
        retry_for: Duration::from_secs(5),
        ..S3Config::default()
    }
}
