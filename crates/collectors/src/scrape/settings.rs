use std::sync::Arc;

use scrape::config::Job;

use super::client::Client;

/// What all targets of a job have in common.
pub(super) struct Settings {
    pub job: Arc<Job>,
    pub client: Client,
    /// Why nothing of the job is scraped.
    pub refused: Option<String>,
}
