use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base::{Clock, Timestamp};
use bus_kafka::{KafkaConfig, KafkaLog};
use model::rows::Tick;
use model::{Batch, LogKind};
use tokio::sync::{Mutex, MutexGuard};

/// One broker at a time: each takes some 400 MB and a few seconds of all cores to start.
static TURN: Mutex<()> = Mutex::const_new(());

/// A broker of our own, ended with this value.
pub struct Broker {
    dir: tempfile::TempDir,
    pub address: String,
    _turn: MutexGuard<'static, ()>,
}

fn script(name: &str) -> Command {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers");
    Command::new(peers.join(name))
}

fn run(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Broker {
    /// Nothing, and a line that says so, where there is no Java.
    pub async fn start() -> Option<Self> {
        for program in ["java", "mvn", "python3"] {
            if !Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success()) {
                eprintln!("skipped: no {program}, so no Kafka broker to test against");
                return None;
            }
        }
        let turn = TURN.lock().await;
        let mut install = Command::new("flock");
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers");
        install.arg(std::env::temp_dir().join("steadfast-kafka-install.lock")).arg(peers.join("kafka-install.sh"));
        run(install);
        let mut broker = Self { dir: tempfile::tempdir().unwrap(), address: String::new(), _turn: turn };
        broker.up();
        broker.address = std::fs::read_to_string(broker.path("addr")).unwrap().trim().to_owned();
        Some(broker)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts it, or starts it again with the same data and address.
    pub fn up(&self) {
        let mut up = script("kafka-up.sh");
        up.arg(self.dir.path()).env("KAFKA_HEAP", "384m");
        run(up);
    }

    /// kill -9.
    pub fn kill(&self) {
        let pid = std::fs::read_to_string(self.path("pids")).unwrap().trim().to_owned();
        let mut kill = Command::new("kill");
        kill.args(["-9", &pid]);
        run(kill);
    }

    pub fn config(&self, prefix: &str) -> KafkaConfig {
        KafkaConfig {
            brokers: vec![self.address.clone()],
            prefix: prefix.to_owned(),
            shards: 1,
            replication: 1,
            ..KafkaConfig::default()
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let mut down = script("down.sh");
        let _ = down.arg(self.dir.path()).arg("5").output();
    }
}

pub async fn open(config: KafkaConfig) -> Result<KafkaLog, bus::BusError> {
    KafkaLog::open(config, LogKind::State, Clock::system()).await
}

pub fn batch(n: i64) -> Batch {
    Batch::of("host/a", &[Tick { time: Timestamp::from_nanos(n) }]).unwrap()
}

pub fn number(record: &model::Record) -> i64 {
    record.rows::<Tick>().unwrap()[0].time.nanos()
}

/// Waits, but not for ever.
pub async fn soon<T>(seconds: u64, future: impl Future<Output = T>) -> T {
    Clock::system().timeout(Duration::from_secs(seconds), future).await.unwrap()
}
