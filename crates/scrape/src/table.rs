use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use parking_lot::RwLock;
use serde_json::{Value, json};

use crate::labels::RESERVED;
use crate::{Labels, duration};

/// How a target is, by its last scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It was not scraped so far.
    #[default]
    Unknown,
    /// The last scrape went well.
    Up,
    /// It failed.
    Down,
}

impl Health {
    /// As Prometheus' API names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// A target that is scraped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Its labels after relabelling.
    pub labels: Labels,
    /// Its labels before relabelling.
    pub discovered: Labels,
    /// Where it is.
    pub url: String,
    /// From one scrape to the next.
    pub interval: Duration,
    /// How long a scrape may take.
    pub timeout: Duration,
    /// How it is.
    pub health: Health,
    /// Why the last scrape failed, or what of it was refused; empty if nothing was.
    pub last_error: String,
    /// When the last scrape began.
    pub last_scrape: Option<Timestamp>,
    /// How long it took.
    pub last_duration: Duration,
}

/// The targets of a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobTable {
    /// What is scraped, by a number that the scraper gives.
    pub active: BTreeMap<u64, Row>,
    /// What relabelling dropped, as far as it is kept: labels before relabelling.
    pub dropped: Vec<Labels>,
    /// How many it dropped.
    pub dropped_count: usize,
    /// What is wrong with what was discovered.
    pub problems: Vec<String>,
}

/// All targets, by job. Clones share the table: the scraper writes it, others read it.
#[derive(Clone, Debug, Default)]
pub struct Targets(Arc<RwLock<BTreeMap<String, JobTable>>>);

impl Targets {
    /// Looks at the table.
    pub fn read<R>(&self, look: impl FnOnce(&BTreeMap<String, JobTable>) -> R) -> R {
        look(&self.0.read())
    }

    /// Changes the table; for who scrapes.
    pub fn write<R>(&self, change: impl FnOnce(&mut BTreeMap<String, JobTable>) -> R) -> R {
        change(&mut self.0.write())
    }

    /// The labels of all that is scraped.
    pub fn labels(&self) -> Vec<Labels> {
        self.read(|jobs| jobs.values().flat_map(|job| job.active.values().map(Row::public)).collect())
    }

    /// `data` of Prometheus' `/api/v1/targets`; `state` is `active`, `dropped` or `any`, `pool` a job or none
    /// (<https://prometheus.io/docs/prometheus/latest/querying/api/#targets>).
    pub fn prometheus(&self, state: &str, pool: Option<&str>) -> Value {
        let table = self.0.read();
        let jobs: Vec<(&String, &JobTable)> =
            table.iter().filter(|(name, _)| pool.is_none_or(|pool| pool == name.as_str())).collect();
        let wants = |wanted: &str| matches!(state, "" | "any") || state == wanted;
        let active: Vec<Value> = jobs
            .iter()
            .filter(|_| wants("active"))
            .flat_map(|(job, table)| table.active.values().map(move |row| row.prometheus(job)))
            .collect();
        let dropped: Vec<Value> = jobs
            .iter()
            .filter(|_| wants("dropped"))
            .flat_map(|(job, table)| table.dropped.iter().map(move |labels| (job, labels)))
            .map(|(job, labels)| json!({"discoveredLabels": labels, "scrapePool": job}))
            .collect();
        let counts: BTreeMap<&str, usize> =
            jobs.iter().map(|(job, table)| (job.as_str(), table.dropped_count)).collect();
        json!({"activeTargets": active, "droppedTargets": dropped, "droppedTargetCounts": counts})
    }
}

impl Row {
    /// The labels that its series get.
    fn public(&self) -> Labels {
        let all = self.labels.iter().filter(|(name, _)| !name.starts_with(RESERVED));
        all.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn prometheus(&self, job: &str) -> Value {
        json!({
            "discoveredLabels": self.discovered,
            "labels": self.public(),
            "scrapePool": job,
            "scrapeUrl": self.url,
            "globalUrl": self.url,
            "lastError": self.last_error,
            // As Go shows a time that was never set.
            "lastScrape": self.last_scrape.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), |time| time.to_string()),
            "lastScrapeDuration": self.last_duration.as_secs_f64(),
            "health": self.health.name(),
            "scrapeInterval": duration::show(self.interval),
            "scrapeTimeout": duration::show(self.timeout),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_as_prometheus_answers() {
        let targets = Targets::default();
        let labels = Labels::from([("job".to_owned(), "a".to_owned()), ("__address__".to_owned(), "x".to_owned())]);
        let row = Row { labels: labels.clone(), interval: Duration::from_secs(15), ..Row::default() };
        targets.write(|jobs| {
            let job = jobs.entry("a".to_owned()).or_default();
            job.active.insert(1, row);
            job.dropped.push(labels);
            job.dropped_count = 7;
        });
        let all = targets.prometheus("any", None);
        assert_eq!(all["activeTargets"][0]["labels"], json!({"job": "a"}));
        assert_eq!(all["activeTargets"][0]["health"], "unknown");
        assert_eq!(all["activeTargets"][0]["scrapeInterval"], "15s");
        assert_eq!(all["droppedTargetCounts"], json!({"a": 7}));
        assert_eq!(targets.prometheus("active", None)["droppedTargets"], json!([]));
        assert_eq!(targets.prometheus("any", Some("b"))["activeTargets"], json!([]));
        assert_eq!(targets.labels(), [Labels::from([("job".to_owned(), "a".to_owned())])]);
    }
}
