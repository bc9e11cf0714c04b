use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Simulation, Timestamp};
use model::rows::LogLine;

use crate::deliver::Delivery;
use crate::deliver::tests::world::World;
use crate::logs::config::{LogFilesConfig, LogSourcesConfig};
use crate::logs::files::Input;
use crate::logs::files::positions::Positions;
use crate::logs::files::tail::{Settings, Step, Tail, Work};

/// Files that are read step by step, in simulated time.
pub(super) struct Tailing {
    pub folder: tempfile::TempDir,
    pub tail: Tail,
    pub positions: Positions,
    clock: Clock,
    pub simulation: Simulation,
    config: LogSourcesConfig,
    world: World,
}

/// Settings as a file has them; `FOLDER` stands for where the files are.
pub(super) fn config(folder: &Path, text: &str) -> LogSourcesConfig {
    let text = text.replace("FOLDER", &folder.display().to_string());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn tail(config: &LogSourcesConfig, positions: &Positions, clock: &Clock) -> Tail {
    config.check().unwrap();
    let inputs: Vec<_> =
        config.files.iter().map(|files: &LogFilesConfig| Arc::new(Input::new(files).unwrap())).collect();
    let settings = Settings {
        host: "h".to_owned(),
        inputs,
        max_files: config.max_files,
        max_open: config.max_open_files,
        max_line: config.max_line_bytes,
        full: (config.batch_rows, config.batch_bytes),
    };
    Tail::new(settings, positions.clone(), clock.clone())
}

impl Tailing {
    pub(super) async fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), settings);
        let positions = Positions::load(&folder.path().join("positions.json")).unwrap();
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(1_000_000));
        let tail = tail(&config, &positions, &clock);
        Self { folder, tail, positions, clock, simulation, config, world: World::new().await }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn append(&self, name: &str, text: &str) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Looks for files, and reads until nothing is left; gives what the records say.
    pub(super) async fn read(&mut self) -> Vec<String> {
        self.lines().await.into_iter().map(|line| line.body).collect()
    }

    pub(super) async fn lines(&mut self) -> Vec<LogLine> {
        self.step(true).await
    }

    /// The same; `taken` says whether the records are, so that they need not be read again.
    pub(super) async fn step(&mut self, taken: bool) -> Vec<LogLine> {
        let before = self.world.log.logs().len();
        let mut work = Work { scan: true, ..Work::default() };
        loop {
            let Step { logs, positions, gone, more, .. } = self.tail.step(&work);
            let delivery = Delivery::new(&self.world.parts, "test", Duration::ZERO);
            if let Some(logs) = logs {
                delivery.deliver(logs).await.unwrap();
            }
            if taken {
                self.positions.taken(positions);
                self.positions.forget(&gone);
            }
            if !more {
                return self.world.log.logs().split_off(before);
            }
            work = Work::default();
        }
    }

    pub(super) fn pass(&self, time: Duration) {
        self.simulation.advance(time);
    }

    /// Another process goes on where records were taken last.
    pub(super) fn restart(&mut self) {
        let (path, bytes) = self.positions.encode().unwrap();
        crate::logs::keep::save(&path, &bytes).unwrap();
        self.positions = Positions::load(&path).unwrap();
        self.tail = tail(&self.config, &self.positions, &self.clock);
    }
}
