//! Files that are read as they grow, through every way in which they are rotated.
//!
//! A file is its number on its device and how it begins, whatever it is called. What is decided of bytes and names is
//! in modules without I/O; `follow` and `tail` read, `run` hands over. Positions are written after records were taken:
//! after a crash some are read twice, none is lost.

mod decode;
mod find;
mod follow;
mod identity;
mod input;
mod join;
mod lines;
mod links;
mod origin;
mod positions;
mod run;
mod scan;
mod tail;
#[cfg(test)]
mod tests;
mod trouble;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(super) use find::Find;
pub(super) use input::Input;

use self::positions::Positions;
use self::run::Run;
use self::tail::{Settings, Tail, Work};
use super::config::LogSourcesConfig;
use crate::deliver::Delivery;
use crate::host::sweep;

/// The way by which records come, in metrics.
pub(super) const FROM: &str = "file";

/// Files that are to be followed.
pub(super) struct Files {
    run: Run,
    tail: Tail,
}

impl Files {
    /// Reads what was read of the files before; `folder` is where that is kept.
    pub(super) fn new(
        config: &LogSourcesConfig,
        inputs: Vec<Arc<Input>>,
        folder: &Path,
        host: &str,
        delivery: Delivery,
    ) -> io::Result<Self> {
        let positions = Positions::load(&folder.join("files.json"))?;
        let (watch, events) = sweep::open(config.watches);
        let settings = Settings {
            host: host.to_owned(),
            inputs,
            max_files: config.max_files,
            max_open: config.max_open_files,
            max_line: config.max_line_bytes,
            full: (config.batch_rows, config.batch_bytes),
        };
        let tail = Tail::new(settings, positions.clone(), delivery.clock.clone());
        let work = Work { scan: true, ..Work::default() };
        let (scanned, saved) = (Duration::ZERO, Duration::ZERO);
        let run = Run { delivery, positions, watch, events, poll: config.poll, work, scanned, saved };
        Ok(Self { run, tail })
    }

    /// Reads until the process ends.
    pub(super) async fn run(self) {
        self.run.run(self.tail).await;
    }
}
