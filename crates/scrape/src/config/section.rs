use std::collections::HashSet;
use std::path::Path;

use yaml::Problem;

use super::{Job, LIMITS, jobs, sorted};
use crate::mistakes::Mistakes;

/// What is scraped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScrapeConfig {
    /// Prometheus configurations, of which `scrape_configs` and what `global` says of them are read: paths or patterns such as `scrape/*.yml`, relative to this file.
    pub files: Vec<String>,
    /// Jobs, as `scrape_configs` of a Prometheus configuration has them. Beside it `global`, as there.
    pub scrape_configs: Vec<Job>,
}

impl ScrapeConfig {
    /// Reads the section of our own configuration.
    ///
    /// # Errors
    /// All of its mistakes.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let root = yaml::parse(text, LIMITS).map_err(|problem| vec![problem])?;
        let Some(root) = root else { return Ok(Self::default()) };
        let mut mistakes = Mistakes::default();
        let mut config = Self::default();
        if let Some(fields) = mistakes.fields(&root, "scrape", &["files", "global", "scrape_configs"], &[]) {
            let single = fields.get("files").filter(|node| node.list("").is_err());
            config.files = match single {
                Some(file) => mistakes.take(file.text("files")).into_iter().collect(),
                None => mistakes.texts(&fields, "files"),
            };
            if fields.get("global").is_some() && fields.get("scrape_configs").is_none() {
                mistakes.of(&fields, "global", "it means something only with scrape_configs; files have their own");
            }
            config.scrape_configs = jobs(&root, Path::new(""), &mut mistakes);
        }
        if mistakes.list.is_empty() { Ok(config) } else { Err(sorted(mistakes.list)) }
    }

    /// Makes paths relative to `folder`.
    pub fn at(&mut self, folder: &Path) {
        self.scrape_configs.iter_mut().for_each(|job| job.at(folder));
        for file in &mut self.files {
            *file = folder.join(&*file).to_string_lossy().into_owned();
        }
    }
}

/// The jobs of several configurations, one after the other.
///
/// # Errors
/// A name that two of them have.
pub fn together(parts: Vec<Vec<Job>>) -> Result<Vec<Job>, String> {
    let (mut jobs, mut names): (Vec<Job>, HashSet<String>) = (Vec::new(), HashSet::new());
    for job in parts.into_iter().flatten() {
        if !names.insert(job.name.clone()) {
            return Err(format!("found multiple scrape configs with job name {:?}", job.name));
        }
        jobs.push(job);
    }
    Ok(jobs)
}
