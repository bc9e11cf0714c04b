use std::path::Path;

use super::find::Find;
use super::join::{Multiline, Rules};
use super::origin::{Origin, origin};
use crate::logs::config::{LogFilesConfig, StartAt};

/// Files that are read in one way.
#[derive(Debug)]
pub(in crate::logs) struct Input {
    config: LogFilesConfig,
    pub(super) find: Find,
    multiline: Option<Multiline>,
}

impl Input {
    /// # Errors
    /// The setting, and what is wrong with it.
    pub(in crate::logs) fn new(config: &LogFilesConfig) -> Result<Self, String> {
        let find = Find::new(&config.include, &config.exclude)?;
        let multiline = config.multiline.as_ref().map(Multiline::new).transpose()?;
        Ok(Self { config: config.clone(), find, multiline })
    }

    pub(super) fn origin(&self, path: &Path, host: &str) -> Origin {
        origin(path, host, &self.config)
    }

    /// Whether what is in a file when the process runs first is left out.
    pub(super) fn begins_at_end(&self) -> bool {
        self.config.start == StartAt::End
    }

    pub(super) const fn rules(&self, max_line: usize) -> Rules<'_> {
        Rules { multiline: self.multiline.as_ref(), max_line }
    }
}
