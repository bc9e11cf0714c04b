//! Jobs of Prometheus: their files are read, and what they say is scraped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Limit;
use collectors::scrape::Scraper;
use scrape::config::{Job, ScrapeConfig, parse, together};
use tokio::sync::Mutex;

use crate::files::{expand, read};
use crate::{AppError, Config};

/// Bytes of one Prometheus configuration.
const BYTES: Limit = Limit::new("scrape.file_bytes", 16 << 20);

/// What a process scrapes. Clones are of the same.
#[derive(Clone)]
pub(crate) struct Scraping(Arc<Inner>);

struct Inner {
    config: ScrapeConfig,
    /// Nothing if this process does not watch.
    scraper: Option<Scraper>,
    /// Held while the files are read again.
    reloading: Mutex<()>,
}

impl Scraping {
    /// Nothing is scraped before [`Self::reload`].
    pub(crate) fn new(config: &Config, scraper: Option<Scraper>) -> Self {
        Self(Arc::new(Inner { config: config.scrape.clone(), scraper, reloading: Mutex::default() }))
    }

    /// The targets, if this process scrapes.
    pub(crate) fn targets(&self) -> Option<scrape::Targets> {
        self.0.scraper.as_ref().map(Scraper::targets)
    }

    /// Whether there are files to be read.
    pub(crate) fn has_files(&self) -> bool {
        !self.0.config.files.is_empty()
    }

    /// Reads the files and scrapes what they say from now on. What is in them as before goes on.
    pub(crate) async fn reload(&self) -> Result<(), AppError> {
        let Some(scraper) = &self.0.scraper else { return Ok(()) };
        let _one_at_a_time = self.0.reloading.lock().await;
        let jobs = load(&self.0.config)?;
        if !jobs.is_empty() {
            tracing::info!(jobs = jobs.len(), "jobs are scraped");
        }
        scraper.apply(jobs).await;
        Ok(())
    }
}

/// All mistakes of the files that are named.
///
/// # Errors
/// Each with file, line, column, job and key.
pub(crate) fn check(config: &Config) -> Result<(), AppError> {
    load(&config.scrape).map(|_| ())
}

fn load(config: &ScrapeConfig) -> Result<Vec<Job>, AppError> {
    let mut files: Vec<PathBuf> = Vec::new();
    let (mut parts, mut lines) = (vec![config.scrape_configs.clone()], Vec::new());
    for pattern in &config.files {
        match expand("scrape.files", Path::new(""), pattern) {
            Ok(found) if found.is_empty() && !pattern.contains(['*', '?', '[']) => {
                lines.push(AppError::file(pattern, "there is no such file").to_string());
            }
            Ok(found) => files.extend(found),
            Err(error) => lines.push(error.to_string()),
        }
    }
    files.sort();
    files.dedup();
    for file in &files {
        let text = match read(file, BYTES) {
            Ok(text) => text,
            Err(error) => {
                lines.push(error.to_string());
                continue;
            }
        };
        match parse(&text, file.parent().unwrap_or(Path::new(""))) {
            Ok(found) => {
                if !found.unread.is_empty() {
                    let unread = found.unread.join(", ");
                    tracing::info!(file = %file.display(), unread, "only `global` and `scrape_configs` are read");
                }
                parts.push(found.jobs);
            }
            Err(problems) => lines.extend(problems.iter().map(|problem| format!("{}:{problem}", file.display()))),
        }
    }
    if !lines.is_empty() {
        return Err(AppError::Manifest { problems: lines.join("\n") });
    }
    together(parts).map_err(|problem| AppError::part("scrape", problem))
}
