use std::io::IsTerminal;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::{Layer, writer::BoxMakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// A level, or directives such as `info,store=debug`.
    pub level: String,
    /// Text for people or JSON for machines.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// Why logging or metrics cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is no filter.
    #[error("telemetry.level: `{level}`: {problem}; levels are error, warn, info, debug, trace")]
    Level {
        /// What was given.
        level: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The process has one already.
    #[error("{0} was started before")]
    Twice(&'static str),
}

/// Starts logging to standard error for the whole process.
///
/// # Errors
/// If the level makes no sense or logging was started before.
pub fn init_logging(config: &LogConfig) -> Result<(), TelemetryError> {
    let level = |error: &dyn std::fmt::Display| TelemetryError::Level {
        level: config.level.clone(),
        problem: error.to_string(),
    };
    let filter = EnvFilter::try_new(&config.level).map_err(|error| level(&error))?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = Layer::new().with_writer(BoxMakeWriter::new(std::io::stderr));
    let started = match config.format {
        LogFormat::Text => {
            registry.with(layer.with_ansi(std::io::stderr().is_terminal()).with_target(false)).try_init()
        }
        LogFormat::Json => registry.with(layer.json()).try_init(),
    };
    started.map_err(|_| TelemetryError::Twice("logging"))
}
