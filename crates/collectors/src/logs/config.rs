use std::collections::BTreeMap;
use std::time::Duration;

use base::duration;
use regex::bytes::Regex;
use serde::Deserialize;

use super::files::Find;
use crate::host::Pattern;

/// Logs that are read where they are written: files, and systemd's journal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSourcesConfig {
    /// Files that are read as they grow.
    pub files: Vec<LogFilesConfig>,
    /// The journal of systemd.
    pub journald: JournaldConfig,
    /// How often is looked for files, beside when the system tells of them.
    #[serde(with = "duration")]
    pub poll: Duration,
    /// Files that are followed at most.
    pub max_files: usize,
    /// Files that are open at most.
    pub max_open_files: usize,
    /// Directories that are watched at most; in others is looked every `poll`.
    pub watches: usize,
    /// Bytes of a line; of a longer one the beginning is kept. Also of a container's line that its runtime has split.
    pub max_line_bytes: usize,
    /// Records that are handed over together.
    pub batch_rows: usize,
    /// Bytes that are handed over together.
    pub batch_bytes: usize,
}

impl Default for LogSourcesConfig {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            journald: JournaldConfig::default(),
            poll: Duration::from_secs(5),
            max_files: 16_384,
            max_open_files: 512,
            watches: 8_192,
            max_line_bytes: 256 << 10,
            batch_rows: 8_192,
            batch_bytes: 4 << 20,
        }
    }
}

/// What is written to files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFileFormat {
    /// By the file's path: containers' logs where Kubernetes and Docker have them, else lines.
    #[default]
    Auto,
    /// Lines.
    Plain,
    /// Lines of containers as containerd and CRI-O write them.
    Cri,
    /// Lines of containers as Docker's `json-file` driver writes them.
    Docker,
}

/// Where a file is begun that is there when it is looked for first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartAt {
    /// All that is in it.
    #[default]
    Beginning,
    /// What is added to it.
    End,
}

/// Files that are read in one way.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogFilesConfig {
    /// Whole paths: `/var/log/pods/*/*/*.log`; `*` stops at slashes, `**` does not.
    pub include: Vec<String>,
    /// Files that are left out, by their name or path. What is compressed always is.
    pub exclude: Vec<Pattern>,
    /// `auto`, `plain`, `cri` or `docker`; by default by the path.
    pub format: LogFileFormat,
    /// The service that logs; by default the container, else the file's name without `.log`.
    pub service: Option<String>,
    /// Attributes of the resource, beside `host.name`.
    pub resource: BTreeMap<String, String>,
    /// How lines become records of more than one line.
    pub multiline: Option<MultilineConfig>,
    /// `beginning` or `end`: where a file is begun that is there when the process starts for the first time.
    pub start: StartAt,
}

/// Records of more than one line. One of `start` and `continuation` is needed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultilineConfig {
    /// An expression that the first line of a record matches, and no other.
    pub start: Option<String>,
    /// An expression that every line of a record matches but the first.
    pub continuation: Option<String>,
    /// How long a record waits for its next line.
    #[serde(default = "timeout", with = "duration")]
    pub timeout: Duration,
    /// Lines of a record; what follows is the next record.
    #[serde(default = "max_lines")]
    pub max_lines: usize,
    /// Bytes of a record; what follows is the next record.
    #[serde(default = "max_bytes")]
    pub max_bytes: usize,
}

const fn timeout() -> Duration {
    Duration::from_secs(1)
}

const fn max_lines() -> usize {
    1_000
}

const fn max_bytes() -> usize {
    256 << 10
}

/// The journal, through `journalctl`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JournaldConfig {
    /// Whether it is read.
    pub enabled: bool,
    /// Units whose entries are read; all if empty.
    pub units: Vec<String>,
    /// A folder with journals other than the system's.
    pub directory: Option<std::path::PathBuf>,
    /// `beginning` or `end`: where it is begun when the process starts for the first time.
    pub start: StartAt,
    /// Bytes of a field; of a longer one the beginning is kept.
    pub max_field_bytes: u64,
}

impl Default for JournaldConfig {
    fn default() -> Self {
        Self { enabled: false, units: Vec::new(), directory: None, start: StartAt::End, max_field_bytes: 256 << 10 }
    }
}

impl LogSourcesConfig {
    /// What its type cannot say.
    ///
    /// # Errors
    /// The setting, and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let numbers = [
            ("max_files", self.max_files),
            ("max_open_files", self.max_open_files),
            ("batch_rows", self.batch_rows),
            ("batch_bytes", self.batch_bytes),
        ];
        if let Some((name, _)) = numbers.iter().find(|(_, number)| *number == 0) {
            return Err(format!("{name}: it must be at least 1"));
        }
        if !(1_024..=8 << 20).contains(&self.max_line_bytes) {
            return Err("max_line_bytes: 1024 is the least, 8388608 the most".to_owned());
        }
        if self.poll < Duration::from_millis(250) {
            return Err("poll: it must be at least 250ms".to_owned());
        }
        let unit = |unit: &String| unit.is_empty() || unit.starts_with('-');
        if self.journald.units.iter().any(unit) {
            return Err("journald.units: a unit has a name".to_owned());
        }
        self.files
            .iter()
            .enumerate()
            .try_for_each(|(n, files)| files.check().map_err(|what| format!("files[{n}].{what}")))
    }
}

impl LogFilesConfig {
    fn check(&self) -> Result<(), String> {
        if self.include.is_empty() {
            return Err("include: it names no file".to_owned());
        }
        for pattern in &self.include {
            if !pattern.starts_with('/') {
                return Err(format!("include: `{pattern}` is no whole path"));
            }
        }
        Find::new(&self.include, &self.exclude).map_err(|error| format!("include, exclude: {error}"))?;
        self.multiline.as_ref().map_or(Ok(()), |multiline| multiline.pattern().map(|_| ()))
    }
}

impl MultilineConfig {
    /// The expression, and whether it is for the first line of a record.
    ///
    /// # Errors
    /// The setting, and what is wrong with it.
    pub(crate) fn pattern(&self) -> Result<(Regex, bool), String> {
        let (name, text, first) = match (&self.start, &self.continuation) {
            (Some(start), None) => ("start", start, true),
            (None, Some(continuation)) => ("continuation", continuation, false),
            _ => return Err("multiline: one of `start` and `continuation` is needed".to_owned()),
        };
        if self.max_lines == 0 || self.max_bytes == 0 {
            return Err("multiline: max_lines and max_bytes must be at least 1".to_owned());
        }
        let expression = Regex::new(text).map_err(|error| format!("multiline.{name}: {error}"))?;
        Ok((expression, first))
    }
}
