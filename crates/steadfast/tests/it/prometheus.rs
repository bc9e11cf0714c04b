//! A real Prometheus beside us: it tells us of alerts, writes to us, and answers the same questions.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base::Clock;
use serde_json::Value;
use tempfile::TempDir;

use crate::alertmanager::Alerting;
use crate::host::{Host, PATIENCE};

/// What it scrapes: a counter, a gauge that is set, and a histogram.
struct Target {
    broken: Arc<AtomicU64>,
    port: u16,
}

impl Target {
    async fn start() -> Self {
        let (broken, scrapes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let of = Arc::clone(&broken);
        let router = axum::Router::new().fallback(move || {
            let n = scrapes.fetch_add(1, Ordering::Relaxed);
            let (broken, fast) = (of.load(Ordering::Relaxed), n / 2);
            let text = format!(
                "# TYPE broken gauge\nbroken {broken}\n# TYPE requests_total counter\nrequests_total{{code=\"200\"}} {}\nrequests_total{{code=\"500\"}} {n}\n\
                 # TYPE took_seconds histogram\ntook_seconds_bucket{{le=\"0.1\"}} {fast}\ntook_seconds_bucket{{le=\"+Inf\"}} {n}\ntook_seconds_sum {}\ntook_seconds_count {n}\n",
                n * 7,
                n as f64 * 0.25,
            );
            std::future::ready(([("content-type", "text/plain; version=0.0.4")], text))
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { broken, port }
    }
}

/// The program, which ends with this.
pub struct Prometheus {
    dir: TempDir,
    process: Child,
    pub url: String,
}

impl Prometheus {
    pub fn program() -> Option<PathBuf> {
        let cache = std::env::var_os("STEADFAST_PEERS").map(PathBuf::from);
        let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/steadfast/peers");
        let program = cache.unwrap_or_else(home).join("bin/prometheus");
        if !program.exists() {
            eprintln!("skipped: prometheus is not installed (tests/peers/monitoring-install.sh prometheus)");
            return None;
        }
        Some(program)
    }

    /// It scrapes `target` every second; `more` is added to its configuration.
    fn start(program: &std::path::Path, target: &Target, more: &str) -> Self {
        let text = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\n\
             scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['127.0.0.1:{}']}}]}}]\n{more}",
            target.port
        );
        Self::with(program, &text)
    }

    /// With that configuration.
    fn with(program: &std::path::Path, text: &str) -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("prometheus.yml"), text).unwrap();
        let rules = "groups: [{name: shop, rules: [{alert: Broken, expr: broken == 1, labels: {severity: critical}, \
                     annotations: {summary: 'it is {{ $value }}'}}]}]\n";
        std::fs::write(dir.path().join("rules.yml"), rules).unwrap();
        Self::run(program, dir, &[])
    }

    /// It scrapes nothing and takes what is written to it; `features` are on.
    pub fn receiving(program: &std::path::Path, features: &str) -> Self {
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("prometheus.yml"), "{}").unwrap();
        Self::run(program, dir, &["--web.enable-remote-write-receiver", &format!("--enable-feature={features}")])
    }

    fn run(program: &std::path::Path, dir: TempDir, flags: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let process = Command::new(program)
            .arg(format!("--config.file={}", dir.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(flags)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { dir, process, url: format!("http://127.0.0.1:{port}") }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_tells_of_an_alert_and_of_its_end_and_a_kill_between_them_changes_nothing() {
    let Some(program) = Prometheus::program() else { return };
    let (mut alerting, target) = (Alerting::new().await, Target::start().await);
    alerting.start().await;
    let address = alerting.url.trim_start_matches("http://").to_owned();
    let more = format!("alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{address}']}}]}}]}}\n");
    let prometheus = Prometheus::start(&program, &target, &more);
    target.broken.store(1, Ordering::Relaxed);
    alerting.until("a page", async || (alerting.told().len() == 1).then_some(())).await;
    alerting.taken(1).await;
    alerting.kill();
    alerting.start().await;
    target.broken.store(0, Ordering::Relaxed);
    alerting.until("its end", async || (alerting.told().len() >= 2).then_some(())).await;
    let statuses: Vec<String> = alerting.told().into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, ["firing", "resolved"], "{}", prometheus.log());
}

/// The data of an answer; nothing while there is none.
async fn asked(http: &reqwest::Client, url: &str, query: &str, end: f64) -> Option<Value> {
    let (start, end) = ((end - 8.0).to_string(), end.to_string());
    let parameters = [("query", query), ("start", &start), ("end", &end), ("step", "1")];
    let answer = http.get(format!("{url}/api/v1/query_range")).query(&parameters).send().await.ok()?;
    let answer: Value = answer.json().await.ok()?;
    (answer["status"] == "success").then(|| answer["data"].clone())
}

const QUESTIONS: [&str; 8] = [
    "requests_total",
    "rate(requests_total[5s])",
    "sum by (code) (increase(requests_total[4s]))",
    "histogram_quantile(0.5, rate(took_seconds_bucket[5s]))",
    "took_seconds_sum / took_seconds_count",
    "up",
    r#"{__name__=~"took.*", le!="0.1"}"#,
    "ALERTS",
];

/// A Prometheus that writes to `host` what it scrapes from `target`.
fn writing(program: &std::path::Path, target: &Target, host: &Host) -> Prometheus {
    let more = format!(
        "remote_write:\n- {{url: '{}/api/v1/write', protobuf_message: io.prometheus.write.v2.Request, queue_config: {{batch_send_deadline: 100ms}}}}\n",
        host.url
    );
    Prometheus::start(program, target, &more)
}

/// Waits for so many seconds of samples; gives the time at their end.
async fn scraped(host: &Host, clock: &Clock, seconds: f64) -> f64 {
    let now = || clock.now().nanos() as f64 / 1e9;
    let end = now().floor() + seconds;
    host.until("some seconds of samples", async || (now() > end + 2.0).then_some(())).await;
    end
}

/// Asks us until the answer is `theirs`.
async fn same(http: &reqwest::Client, clock: &Clock, host: &Host, query: &str, end: f64, theirs: &Value, log: &str) {
    let start = clock.monotonic();
    loop {
        let ours = asked(http, &host.url, query, end).await;
        if ours.as_ref() == Some(theirs) {
            return;
        }
        assert!(clock.monotonic() - start < PATIENCE, "{query}\nours: {ours:#?}\ntheirs: {theirs:#}\n{log}");
        clock.sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_prometheus_writes_is_answered_as_it_answers_itself() {
    let Some(program) = Prometheus::program() else { return };
    let target = Target::start().await;
    target.broken.store(1, Ordering::Relaxed);
    let mut host = Host::new(1, "");
    host.start();
    let clock = Clock::system();
    host.until("it answers", async || host.get("/-/ready").await).await;
    let (prometheus, http) = (writing(&program, &target, &host), reqwest::Client::new());
    let end = scraped(&host, &clock, 12.0).await;
    for query in QUESTIONS {
        let theirs =
            asked(&http, &prometheus.url, query, end).await.unwrap_or_else(|| panic!("{query}: {}", prometheus.log()));
        assert!(!theirs["result"].as_array().unwrap().is_empty(), "{query}: Prometheus knows nothing itself");
        same(&http, &clock, &host, query, end, &theirs, &prometheus.log()).await;
    }
    assert_eq!(host.stop().await, 0);
}

/// What a series has had within a minute: its labels, and times with values.
async fn raw(http: &reqwest::Client, url: &str, end: f64) -> Vec<(Value, Vec<Value>)> {
    let parameters = [("query", r#"{job="shop"}[1m]"#.to_owned()), ("time", end.to_string())];
    let answer = http.get(format!("{url}/api/v1/query")).query(&parameters).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let series = answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
    series.map(|series| (series["metric"].clone(), series["values"].as_array().unwrap().clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prometheus_that_reads_from_us_answers_as_we_do_and_another_federates_us() {
    let Some(program) = Prometheus::program() else { return };
    let target = Target::start().await;
    let mut host = Host::new(1, "");
    host.start();
    let clock = Clock::system();
    host.until("it answers", async || host.get("/-/ready").await).await;
    let (_writer, http) = (writing(&program, &target, &host), reqwest::Client::new());
    let reader = format!("remote_read: [{{url: '{}/api/v1/read', read_recent: true}}]\n", host.url);
    let reader = Prometheus::with(&program, &reader);
    let federating = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: federate, honor_labels: true, metrics_path: /federate, \
         params: {{'match[]': ['{{job=\"shop\"}}']}}, static_configs: [{{targets: ['{}']}}]}}]\n",
        host.url.trim_start_matches("http://")
    );
    let federating = Prometheus::with(&program, &federating);
    let end = scraped(&host, &clock, 12.0).await;
    // What the writer has sent late is on both sides, since one asks the other.
    for query in QUESTIONS.into_iter().filter(|query| *query != "ALERTS") {
        let theirs = host.until(query, async || {
            let theirs = asked(&http, &reader.url, query, end).await?;
            (!theirs["result"].as_array()?.is_empty()).then_some(theirs)
        });
        same(&http, &clock, &host, query, end, &theirs.await, &reader.log()).await;
    }
    let (ours, theirs) = (raw(&http, &host.url, end).await, raw(&http, &federating.url, end).await);
    assert!(theirs.len() > 8, "{theirs:?}\n{}", federating.log());
    for (labels, values) in &theirs {
        let own = ours.iter().find(|(own, _)| own == labels).unwrap_or_else(|| panic!("{labels} is none of ours"));
        assert!(values.len() > 2 && values.iter().all(|value| own.1.contains(value)), "{labels}: {values:?}");
    }
    assert_eq!(host.stop().await, 0);
}
