//! What is discovered becomes targets.

use std::collections::BTreeSet;
use std::time::Duration;

use url::Url;

use crate::config::Job;
use crate::discovery::Group;
use crate::labels::{ADDRESS, INSTANCE, JOB, META, METRICS_PATH, PARAM, SCHEME, SCRAPE_INTERVAL, SCRAPE_TIMEOUT};
use crate::{Labels, duration, relabel};

/// Dropped targets that are shown, whatever `keep_dropped_targets` says.
const DROPPED: usize = 10_000;
/// Problems that are told.
const TOLD: usize = 20;

/// Something that is scraped.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its labels after relabelling, those that begin with `__` too.
    pub labels: Labels,
    /// Its labels before relabelling.
    pub discovered: Labels,
    /// Where it is.
    pub url: Url,
    /// From one scrape to the next.
    pub interval: Duration,
    /// How long a scrape may take.
    pub timeout: Duration,
}

/// Why what was discovered is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// There is nothing to connect to.
    #[error("no address")]
    NoAddress,
    /// It is no host, or host and port.
    #[error("{0:?} is not a valid hostname")]
    Address(String),
    /// Neither `http` nor `https`.
    #[error("invalid scheme: {0:?}")]
    Scheme(String),
    /// The label is no duration.
    #[error("error parsing {what}: {problem}")]
    Duration {
        /// Which.
        what: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The label is zero.
    #[error("{0} cannot be 0")]
    Zero(&'static str),
    /// A scrape would go on when the next begins.
    #[error("scrape timeout cannot be greater than scrape interval ({timeout:?} > {interval:?})")]
    Timeout {
        /// How long a scrape may take.
        timeout: String,
        /// From one to the next.
        interval: String,
    },
}

/// What was discovered, as targets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What is scraped; each once.
    pub active: Vec<Target>,
    /// What relabelling dropped, as far as it is kept to be shown: labels before relabelling.
    pub dropped: Vec<Labels>,
    /// How many it dropped.
    pub dropped_count: usize,
    /// What is wrong with some of them.
    pub problems: Vec<String>,
}

/// The targets of a job.
pub fn targets<'a>(groups: impl IntoIterator<Item = &'a Group>, job: &Job) -> Found {
    let mut found = Found::default();
    let mut seen = BTreeSet::new();
    let keep = if job.limits.dropped == 0 { DROPPED } else { usize::try_from(job.limits.dropped).unwrap_or(DROPPED) };
    for labels in groups.into_iter().flat_map(Group::labels) {
        match populate(labels, job) {
            Ok(Ok(target)) => {
                if seen.insert(target.identity()) {
                    found.active.push(target);
                }
            }
            Ok(Err(discovered)) => {
                found.dropped_count += 1;
                if found.dropped.len() < keep.min(DROPPED) {
                    found.dropped.push(discovered);
                }
            }
            Err((error, address)) if found.problems.len() < TOLD => {
                found.problems.push(format!("{address:?}: {error}"))
            }
            Err(_) => {}
        }
    }
    found
}

/// A target, or the labels that relabelling dropped; an error with the address that it is about.
fn populate(mut labels: Labels, job: &Job) -> Result<Result<Target, Labels>, (TargetError, String)> {
    labels.retain(|_, value| !value.is_empty());
    let defaults = [
        (JOB, job.name.clone()),
        (SCRAPE_INTERVAL, duration::show(job.interval)),
        (SCRAPE_TIMEOUT, duration::show(job.timeout)),
        (METRICS_PATH, job.metrics_path.clone()),
        (SCHEME, job.scheme.clone()),
    ];
    for (name, value) in defaults {
        labels.entry(name.to_owned()).or_insert(value);
    }
    for (name, values) in &job.params {
        if let Some(first) = values.first().filter(|first| !first.is_empty()) {
            labels.entry(format!("{PARAM}{name}")).or_insert_with(|| first.clone());
        }
    }
    let discovered = labels.clone();
    if !relabel::process(&mut labels, &job.relabel) {
        return Ok(Err(discovered));
    }
    let address = labels.get(ADDRESS).cloned().unwrap_or_default();
    complete(labels, discovered, job).map(Ok).map_err(|error| (error, address))
}

fn complete(mut labels: Labels, discovered: Labels, job: &Job) -> Result<Target, TargetError> {
    let address = labels.get(ADDRESS).cloned().ok_or(TargetError::NoAddress)?;
    let interval = span(&labels, SCRAPE_INTERVAL, "scrape interval")?;
    let timeout = span(&labels, SCRAPE_TIMEOUT, "scrape timeout")?;
    if timeout > interval {
        let [timeout, interval] = [timeout, interval].map(duration::show);
        return Err(TargetError::Timeout { timeout, interval });
    }
    let url = url(&labels, &address, job)?;
    labels.retain(|name, _| !name.starts_with(META));
    labels.entry(INSTANCE.to_owned()).or_insert(address);
    Ok(Target { labels, discovered, url, interval, timeout })
}

fn span(labels: &Labels, name: &str, what: &'static str) -> Result<Duration, TargetError> {
    let text = labels.get(name).map_or("", String::as_str);
    match duration::parse(text) {
        Ok(Duration::ZERO) => Err(TargetError::Zero(what)),
        Ok(duration) => Ok(duration),
        Err(problem) => Err(TargetError::Duration { what, problem }),
    }
}

fn url(labels: &Labels, address: &str, job: &Job) -> Result<Url, TargetError> {
    let scheme = labels.get(SCHEME).map_or("http", String::as_str);
    if !matches!(scheme, "http" | "https") {
        return Err(TargetError::Scheme(scheme.to_owned()));
    }
    let wrong = || TargetError::Address(address.to_owned());
    if address.contains(['/', '\\', '?', '#', '@']) {
        return Err(wrong());
    }
    let mut url = Url::parse(&format!("{scheme}://{address}")).map_err(|_| wrong())?;
    url.set_path(labels.get(METRICS_PATH).map_or("", String::as_str));
    let mut params = job.params.clone();
    for (name, value) in labels.iter().filter_map(|(name, value)| Some((name.strip_prefix(PARAM)?, value))) {
        let values = params.entry(name.to_owned()).or_default();
        match values.first_mut() {
            Some(first) => first.clone_from(value),
            None => values.push(value.clone()),
        }
    }
    let mut pairs = params.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value))).peekable();
    if pairs.peek().is_some() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(url)
}

/// What makes a target the same one: its labels and where it is, however often it is scraped.
pub type Identity = (Labels, String);

impl Target {
    /// What makes it the same one.
    pub fn identity(&self) -> Identity {
        let mut labels = self.labels.clone();
        [SCRAPE_INTERVAL, SCRAPE_TIMEOUT].iter().for_each(|name| drop(labels.remove(*name)));
        (labels, self.url.to_string())
    }

    /// When in its interval it is scraped, so that targets are spread: the same in each process, but
    /// for `seed`.
    pub fn offset(&self, seed: u64) -> Duration {
        let mut hash = Fnv::default();
        let (labels, url) = self.identity();
        for (name, value) in &labels {
            hash.add(name.as_bytes());
            hash.add(value.as_bytes());
        }
        hash.add(url.as_bytes());
        let nanos = u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX).max(1);
        Duration::from_nanos((hash.0 ^ seed) % nanos)
    }
}

/// A seed for [`Target::offset`], so that processes of two names scrape at different times, and one that
/// is started again at the same.
pub fn seed(process: &str) -> u64 {
    let mut hash = Fnv::default();
    hash.add(process.as_bytes());
    hash.0
}

/// FNV-1a of 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>), with a byte between the parts that no text has.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0xff]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
