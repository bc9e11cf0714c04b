//! Files that are read again while the process runs: Alertmanager's configuration, rule files, jobs to scrape.

use std::sync::Arc;

use crate::AppError;
use crate::alerting::Alerting;
use crate::ruling::Ruling;
use crate::scraping::Scraping;

/// What is read again. Clones are of the same process.
#[derive(Clone)]
pub(crate) struct Reading {
    alerting: Alerting,
    rules: Ruling,
    scraping: Scraping,
}

impl Reading {
    pub(crate) const fn new(alerting: Alerting, rules: Ruling, scraping: Scraping) -> Self {
        Self { alerting, rules, scraping }
    }

    /// Reads it.
    pub(crate) async fn again(&self) -> Result<(), AppError> {
        if !self.alerting.has_file() && !self.rules.has_files() && !self.scraping.has_files() {
            return Err(AppError::part("alertmanager, rules.files, scrape.files", "there is nothing to read again"));
        }
        // A mistake in the one does not keep the other as it was.
        let rules = if self.rules.has_files() { self.rules.reload().await } else { Ok(()) };
        let alerting = if self.alerting.has_file() { self.alerting.reload().await } else { Ok(()) };
        let scraping = if self.scraping.has_files() { self.scraping.reload().await } else { Ok(()) };
        both(both(alerting, rules), scraping)
    }

    /// For who asks over HTTP.
    pub(crate) fn hook(&self) -> server::Reload {
        let this = self.clone();
        Arc::new(move || {
            let this = this.clone();
            Box::pin(async move { this.again().await.map_err(|error| error.to_string()) })
        })
    }
}

/// The mistakes of both.
fn both(one: Result<(), AppError>, other: Result<(), AppError>) -> Result<(), AppError> {
    match (one, other) {
        (Err(one), Err(other)) => Err(AppError::Manifest { problems: format!("{one}\n{other}") }),
        (one, other) => one.and(other),
    }
}
