use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use yaml::{Fields, Node};

use super::http::{self, HttpConfig};
use super::sd::{self, DnsSd, FileSd, KubernetesSd};
use super::value::{bytes, count, span};
use crate::discovery::Group;
use crate::mistakes::Mistakes;
use crate::relabel::{self, Rule};
use crate::{LabelLimits, Protocol};

/// How much of what a job may give; 0 is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobLimits {
    /// Bytes of an answer, decompressed.
    pub body: u64,
    /// Samples of a scrape that are left after relabelling.
    pub samples: u64,
    /// Labels of a sample.
    pub labels: LabelLimits,
    /// Targets.
    pub targets: u64,
    /// Targets that relabelling dropped and that are still shown.
    pub dropped: u64,
}

/// What holds for jobs that do not say otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Globals {
    /// From one scrape to the next.
    pub interval: Duration,
    /// How long a scrape may take.
    pub timeout: Duration,
    limits: JobLimits,
    protocols: Option<Vec<Protocol>>,
    native_histograms: bool,
    classic_too: bool,
}

impl Default for Globals {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(10),
            limits: JobLimits::default(),
            protocols: None,
            native_histograms: false,
            classic_too: false,
        }
    }
}

/// Keys that `global` and a job have in common.
const COMMON: [&str; 12] = [
    "scrape_interval",
    "scrape_timeout",
    "scrape_protocols",
    "body_size_limit",
    "sample_limit",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "target_limit",
    "keep_dropped_targets",
    "scrape_native_histograms",
    "always_scrape_classic_histograms",
];

/// Keys of `global` that say nothing of scraping.
const OTHERS: [&str; 5] = ["evaluation_interval", "rule_query_offset", "external_labels", "query_log_file", "runtime"];

/// Keys of a job beside those.
const OWN: [&str; 15] = [
    "job_name",
    "metrics_path",
    "scheme",
    "params",
    "honor_labels",
    "honor_timestamps",
    "track_timestamps_staleness",
    "enable_compression",
    "fallback_scrape_protocol",
    "static_configs",
    "file_sd_configs",
    "dns_sd_configs",
    "kubernetes_sd_configs",
    "relabel_configs",
    "metric_relabel_configs",
];

/// Keys of both that may only say what is done anyway.
const FIXED: [&str; 4] = [
    "metric_name_validation_scheme",
    "metric_name_escaping_scheme",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
];

/// Prometheus' own that nobody here reads, beside the ways to discover targets that are missing.
const MISSING: [&str; 3] = ["scrape_failure_log_file", "convert_classic_histograms_to_nhcb", "extra_scrape_metrics"];

/// A job: targets, and how they are scraped.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name, and the label `job` of its targets.
    pub name: String,
    /// From one scrape to the next.
    pub interval: Duration,
    /// How long a scrape may take.
    pub timeout: Duration,
    /// The path of a target.
    pub metrics_path: String,
    /// `http` or `https`.
    pub scheme: String,
    /// Parameters of the URL.
    pub params: BTreeMap<String, Vec<String>>,
    /// Labels of samples win over the target's.
    pub honor_labels: bool,
    /// Times of samples are theirs.
    pub honor_timestamps: bool,
    /// Samples that have their own times become stale too.
    pub track_timestamps_staleness: bool,
    /// Answers may be compressed.
    pub enable_compression: bool,
    /// How targets are spoken to.
    pub http: HttpConfig,
    /// Limits.
    pub limits: JobLimits,
    /// What is asked for, best first.
    pub protocols: Vec<Protocol>,
    /// What an answer without a type that is known is read as.
    pub fallback: Option<Protocol>,
    /// Native histograms are kept.
    pub native_histograms: bool,
    /// Classic ones are kept too where there is a native one.
    pub classic_too: bool,
    /// Targets that are written down.
    pub statics: Vec<Group>,
    /// Files that list targets.
    pub files: Vec<FileSd>,
    /// Names that are resolved.
    pub dns: Vec<DnsSd>,
    /// Clusters.
    pub kubernetes: Vec<KubernetesSd>,
    /// Relabelling of targets.
    pub relabel: Vec<Rule>,
    /// Relabelling of samples.
    pub metric_relabel: Vec<Rule>,
}

impl Job {
    /// Makes paths relative to `folder`.
    pub(super) fn at(&mut self, folder: &Path) {
        self.http.at(folder);
        for pattern in self.files.iter_mut().flat_map(|files| &mut files.patterns) {
            *pattern = folder.join(&*pattern).to_string_lossy().into_owned();
        }
        for kubeconfig in self.kubernetes.iter_mut().filter_map(|kubernetes| kubernetes.kubeconfig.as_mut()) {
            *kubeconfig = folder.join(&*kubeconfig);
        }
    }
}

impl Globals {
    pub(super) fn read(node: &Node, mistakes: &mut Mistakes) -> Self {
        let known: Vec<&str> = COMMON.iter().chain(&OTHERS).chain(&FIXED).copied().collect();
        let Some(fields) = mistakes.fields(node, "global", &known, &MISSING) else { return Self::default() };
        schemes(&fields, mistakes);
        let mut globals = Self::default().overridden(&fields, mistakes);
        let timeout = fields.get("scrape_timeout").is_some();
        if timeout && globals.timeout > globals.interval {
            mistakes.of(&fields, "scrape_timeout", "global scrape timeout greater than scrape interval");
        }
        globals.timeout = globals.timeout.min(globals.interval);
        globals
    }

    /// With what `fields` say.
    fn overridden(&self, fields: &Fields<'_>, mistakes: &mut Mistakes) -> Self {
        let positive =
            |mistakes: &mut Mistakes, key| mistakes.read(fields, key, span).filter(|duration| !duration.is_zero());
        let (interval, timeout) = (positive(mistakes, "scrape_interval"), positive(mistakes, "scrape_timeout"));
        let mut truth = |key: &str, default| mistakes.read(fields, key, Node::truth).unwrap_or(default);
        Self {
            native_histograms: truth("scrape_native_histograms", self.native_histograms),
            classic_too: truth("always_scrape_classic_histograms", self.classic_too),
            interval: interval.unwrap_or(self.interval),
            timeout: timeout.unwrap_or(self.timeout),
            limits: self.limits.overridden(fields, mistakes),
            protocols: protocols(fields, mistakes).or_else(|| self.protocols.clone()),
        }
    }
}

impl JobLimits {
    fn overridden(self, fields: &Fields<'_>, mistakes: &mut Mistakes) -> Self {
        // Nothing and 0 are what holds for all jobs.
        let mut number =
            |key: &str, default: u64| mistakes.read(fields, key, count).filter(|limit| *limit > 0).unwrap_or(default);
        let samples = number("sample_limit", self.samples);
        let labels = LabelLimits {
            count: number("label_limit", self.labels.count),
            name: number("label_name_length_limit", self.labels.name),
            value: number("label_value_length_limit", self.labels.value),
        };
        let (targets, dropped) = (number("target_limit", self.targets), number("keep_dropped_targets", self.dropped));
        let body = mistakes.read(fields, "body_size_limit", bytes).filter(|limit| *limit > 0).unwrap_or(self.body);
        Self { body, samples, labels, targets, dropped }
    }
}

/// `scrape_protocols`.
fn protocols(fields: &Fields<'_>, mistakes: &mut Mistakes) -> Option<Vec<Protocol>> {
    const KEY: &str = "scrape_protocols";
    fields.get(KEY)?;
    let (names, mut found) = (mistakes.texts(fields, KEY), Vec::new());
    if names.is_empty() {
        mistakes.of(fields, KEY, "scrape_protocols cannot be empty");
    }
    for name in names {
        match protocol(&name) {
            Ok(protocol) if found.contains(&protocol) => {
                mistakes.of(fields, KEY, format!("duplicated protocol in scrape_protocols: {name}"));
            }
            Ok(protocol) => found.push(protocol),
            Err(problem) => mistakes.of(fields, KEY, problem),
        }
    }
    Some(found)
}

fn protocol(name: &str) -> Result<Protocol, String> {
    let known = || Protocol::ALL.map(Protocol::name).join(", ");
    Protocol::of(name).ok_or_else(|| format!("unknown scrape protocol {name:?}, supported: {}", known()))
}

/// Names may be of any characters here; a configuration that wants less is not what we do.
fn schemes(fields: &Fields<'_>, mistakes: &mut Mistakes) {
    for (key, only) in [("metric_name_validation_scheme", "utf8"), ("metric_name_escaping_scheme", "allow-utf-8")] {
        if mistakes.read(fields, key, Node::text).is_some_and(|scheme| !scheme.is_empty() && scheme != only) {
            mistakes.of(fields, key, format!("only {only} is supported here"));
        }
    }
    for key in ["native_histogram_bucket_limit", "native_histogram_min_bucket_factor"] {
        if mistakes
            .read(fields, key, Node::text)
            .is_some_and(|limit| !limit.parse::<f64>().is_ok_and(|limit| limit == 0.0))
        {
            mistakes.of(fields, key, "this setting of Prometheus is not supported here");
        }
    }
}

/// Reads a job; what is wrong with it is told with its name.
pub(super) fn read(node: &Node, globals: &Globals, mistakes: &mut Mistakes) -> Option<Job> {
    let name = mistakes.take(node.fields("a scrape configuration", &[], true))?;
    let name = mistakes.read(&name, "job_name", Node::text).unwrap_or_default();
    if name.is_empty() {
        mistakes.add(node.place, "scrape_configs", "job_name is empty");
        return None;
    }
    mistakes.within(format!("job {name}: "), |mistakes| {
        let known: Vec<&str> = COMMON.iter().chain(&OWN).chain(&FIXED).chain(&http::KEYS).copied().collect();
        let missing: Vec<&str> = MISSING.iter().chain(&http::MISSING).chain(&sd::MISSING).copied().collect();
        let fields = mistakes.fields(node, "a scrape configuration", &known, &missing)?;
        Some(job(name, &fields, globals, mistakes))
    })
}

fn job(name: String, fields: &Fields<'_>, globals: &Globals, mistakes: &mut Mistakes) -> Job {
    schemes(fields, mistakes);
    let own = globals.overridden(fields, mistakes);
    let mut timeout = own.timeout;
    if timeout > own.interval {
        if fields.get("scrape_timeout").is_some() {
            mistakes.of(fields, "scrape_timeout", "scrape timeout greater than scrape interval");
        }
        timeout = own.interval;
    }
    let default = if own.native_histograms {
        [Protocol::PrometheusProto].into_iter().chain(Protocol::DEFAULT).collect()
    } else {
        Protocol::DEFAULT.to_vec()
    };
    let mut truth = |key: &str, default| mistakes.read(fields, key, Node::truth).unwrap_or(default);
    let (honor_labels, honor_timestamps) = (truth("honor_labels", false), truth("honor_timestamps", true));
    let track_timestamps_staleness = truth("track_timestamps_staleness", false);
    let enable_compression = truth("enable_compression", true);
    let mut text = |key: &str, default: &str| {
        let text = mistakes.read(fields, key, Node::text).filter(|text| !text.is_empty());
        text.unwrap_or_else(|| default.to_owned())
    };
    let (metrics_path, scheme) = (text("metrics_path", "/metrics"), text("scheme", "http"));
    if !matches!(scheme.as_str(), "http" | "https") {
        mistakes.of(fields, "scheme", format!("{scheme:?} is neither http nor https"));
    }
    let fallback = mistakes.read(fields, "fallback_scrape_protocol", Node::text).and_then(|name| {
        protocol(&name).map_err(|problem| mistakes.of(fields, "fallback_scrape_protocol", problem)).ok()
    });
    Job {
        name,
        interval: own.interval,
        timeout,
        metrics_path,
        scheme,
        params: params(fields, mistakes),
        honor_labels,
        honor_timestamps,
        track_timestamps_staleness,
        enable_compression,
        http: HttpConfig::read(fields, mistakes),
        limits: own.limits,
        protocols: own.protocols.unwrap_or(default),
        fallback,
        native_histograms: own.native_histograms,
        classic_too: own.classic_too,
        statics: sd::statics(fields, mistakes),
        files: sd::list(fields, "file_sd_configs", FileSd::read, mistakes),
        dns: sd::list(fields, "dns_sd_configs", DnsSd::read, mistakes),
        kubernetes: sd::list(fields, "kubernetes_sd_configs", KubernetesSd::read, mistakes),
        relabel: relabel::rules(fields, "relabel_configs", mistakes),
        metric_relabel: relabel::rules(fields, "metric_relabel_configs", mistakes),
    }
}

fn params(fields: &Fields<'_>, mistakes: &mut Mistakes) -> BTreeMap<String, Vec<String>> {
    let members = mistakes.read(fields, "params", Node::members).unwrap_or_default();
    mistakes.within("params", |mistakes| {
        let values = |node: &Node, key: &str| -> Result<Vec<String>, yaml::Problem> {
            node.list(key)?.iter().map(|value| value.text(key)).collect()
        };
        let read = |(key, node): &(yaml::Key, Node)| Some((key.text.clone(), mistakes.take(values(node, &key.text))?));
        members.iter().filter_map(read).collect()
    })
}
