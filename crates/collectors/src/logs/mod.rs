//! Logs that are read where they are written: files of the host and its containers, and systemd's journal.
//!
//! What was read is a record of the table `logs`, handed over through `ingest`; how far it was read is kept once it is
//! taken.

mod config;
mod files;
mod journal;
mod keep;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Shutdown, Tasks};
use ingest::Ingest;

pub use config::{JournaldConfig, LogFileFormat, LogFilesConfig, LogSourcesConfig, MultilineConfig, StartAt};

use self::files::{Files, Input};
use self::journal::Journal;
use crate::deliver::{self, Delivery};

/// How long it is tried to hand over what was read, after the process is to end; what is not taken is read again.
const LAST: Duration = Duration::from_secs(2);

/// What logs are read with.
pub struct Parts {
    /// Takes the records.
    pub ingest: Ingest,
    /// The time.
    pub clock: Clock,
    /// For back-offs.
    pub rng: Rng,
    /// What the host is called.
    pub host: String,
    /// Where is kept how far logs were read.
    pub folder: PathBuf,
    /// Runs what reads.
    pub tasks: Tasks,
    /// Ends it.
    pub shutdown: Shutdown,
}

/// Why logs cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// A setting is wrong.
    #[error("{0}")]
    Setting(String),
    /// What is kept cannot be read, or its folder not made.
    #[error("{}: {error}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

impl LogSourcesConfig {
    /// Whether there is anything to read.
    pub fn is_some(&self) -> bool {
        !self.files.is_empty() || self.journald.enabled
    }

    fn inputs(&self) -> Result<Vec<Arc<Input>>, LogsError> {
        let input = |config| Input::new(config).map(Arc::new).map_err(LogsError::Setting);
        self.files.iter().map(input).collect()
    }
}

/// Reads logs until the process ends.
///
/// # Errors
/// The setting or folder that is in the way.
pub fn start(config: &LogSourcesConfig, parts: &Parts) -> Result<(), LogsError> {
    config.check().map_err(LogsError::Setting)?;
    if !config.is_some() {
        return Ok(());
    }
    let folder = |error| LogsError::Folder { folder: parts.folder.clone(), error };
    std::fs::create_dir_all(&parts.folder).map_err(folder)?;
    let Parts { ingest, clock, rng, shutdown, .. } = parts;
    let handing =
        deliver::Parts { ingest: ingest.clone(), clock: clock.clone(), rng: rng.clone(), shutdown: shutdown.clone() };
    if !config.files.is_empty() {
        let delivery = Delivery::new(&handing, files::FROM, LAST);
        let files = Files::new(config, config.inputs()?, &parts.folder, &parts.host, delivery).map_err(folder)?;
        parts.tasks.spawn("log files", files.run());
    }
    if config.journald.enabled {
        let delivery = Delivery::new(&handing, journal::FROM, LAST);
        let journal = Journal::new(config, &parts.folder, &parts.host, delivery).map_err(folder)?;
        parts.tasks.spawn("journald", journal.run());
    }
    Ok(())
}
