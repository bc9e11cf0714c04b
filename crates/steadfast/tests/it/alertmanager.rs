//! In place of an Alertmanager: its configuration, its API, and a webhook that is told.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base::Clock;
use fake_provider::FakeProvider;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::host::PATIENCE;

const ROUTES: &str = "\
route: {receiver: default, group_by: [alertname], group_wait: 300ms, group_interval: 500ms, repeat_interval: 1h}
inhibit_rules:
  - {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [alertname]}
receivers:
  - name: default
    webhook_configs: [{url: 'HOOK/webhook'}]
";

/// The alerting role alone, with a configuration of Alertmanager's.
pub struct Alerting {
    pub dir: TempDir,
    hook: FakeProvider,
    process: Option<Child>,
    pub url: String,
    http: reqwest::Client,
    clock: Clock,
}

impl Alerting {
    pub async fn new() -> Self {
        let (dir, hook) = (TempDir::new().unwrap(), FakeProvider::start("127.0.0.1:0").await.unwrap());
        let text = "data_dir: DIR/data\nroles: [alerting]\nserver: {listen: \"127.0.0.1:PORT\"}\npostgres: {enabled: false}\nalertmanager: alertmanager.yml\n";
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let text = text.replace("PORT", &port.to_string());
        let text = text.replace("DIR", &dir.path().display().to_string());
        std::fs::write(dir.path().join("steadfast.yaml"), text).unwrap();
        let (http, clock) = (reqwest::Client::new(), Clock::system());
        let new = Self { dir, hook, process: None, url: String::new(), http, clock };
        new.configure(ROUTES);
        new
    }

    fn configure(&self, text: &str) {
        std::fs::write(self.dir.path().join("alertmanager.yml"), text.replace("HOOK", self.hook.url())).unwrap();
    }

    /// Starts it and reads from its log where it listens.
    pub async fn start(&mut self) {
        let log = self.dir.path().join("log");
        let file = std::fs::File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_steadfast"))
            .args(["up", "--config"])
            .arg(self.dir.path().join("steadfast.yaml"))
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .unwrap();
        self.process = Some(child);
        let found = self.until("it listens", async || {
            let text = std::fs::read_to_string(&log).unwrap();
            let line = text.lines().find(|line| line.contains("Listening on"))?;
            line.split_whitespace().find_map(|word| word.strip_prefix("address=")).map(str::to_owned)
        });
        self.url = format!("http://{}", found.await);
        self.until("it answers", async || self.get("/-/ready").await).await;
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = self.process.as_ref().unwrap().id();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id as i32).unwrap(), signal).unwrap();
    }

    pub fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    pub async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let start = self.clock.monotonic();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(self.clock.monotonic() - start < PATIENCE, "never: {what}\n{}\n{:#?}", log(), self.hook.log());
            self.clock.sleep(Duration::from_millis(20)).await;
        }
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.ok()?;
        answer.status().is_success().then_some(answer)?.json().await.ok()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.url)).header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
    }

    /// What was told: the status of a message, and the names of its alerts.
    pub fn told(&self) -> Vec<(String, Vec<String>)> {
        let told = self.hook.log().into_iter().filter(|entry| entry.taken).map(|entry| {
            let alerts = entry.body["alerts"].as_array().unwrap().iter();
            let names = alerts.map(|alert| alert["labels"]["instance"].as_str().unwrap_or_default().to_owned());
            (entry.body["status"].as_str().unwrap().to_owned(), names.collect())
        });
        told.collect()
    }

    /// Waits until it is on the log that so many messages were taken: one whose answer is lost in a kill is sent again.
    pub async fn taken(&self, messages: usize) {
        let known = async || {
            let rows = self.sql("SELECT count(*) FROM receipts WHERE last").await;
            (rows[0][0] == json!(messages)).then_some(())
        };
        self.until("the receipt", known).await;
    }

    async fn sql(&self, query: &str) -> Value {
        let request = self.http.post(format!("{}/api/sql?format=json", self.url)).body(query.to_owned());
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["rows"].clone()
    }
}

impl Drop for Alerting {
    /// Also where a test fails: nothing of it stays.
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn alert(name: &str, instance: &str, severity: &str) -> Value {
    json!({"labels": {"alertname": name, "instance": instance, "severity": severity}, "annotations": {"summary": "it is down"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_told_as_alertmanager_tells_them_and_nothing_is_lost_or_double_over_a_kill() {
    let mut alerting = Alerting::new().await;
    alerting.start().await;
    let both = json!([alert("Down", "a", "warning"), alert("Down", "b", "warning")]);
    assert_eq!(alerting.post("/api/v2/alerts", both).await.0, 200);
    let seen = alerting.get("/api/v2/alerts").await.unwrap();
    assert_eq!(seen.as_array().unwrap().len(), 2, "an answer comes once they are seen");
    assert_eq!((&seen[0]["status"]["state"], &seen[0]["receivers"][0]["name"]), (&json!("active"), &json!("default")));
    let first = vec![("firing".to_owned(), vec!["a".to_owned(), "b".to_owned()])];
    alerting.until("the first message", async || (!alerting.told().is_empty()).then_some(())).await;
    assert_eq!(alerting.told(), first);
    alerting.taken(1).await;

    alerting.kill();
    alerting.start().await;
    let over = json!([{"labels": {"alertname": "Down", "instance": "a", "severity": "warning"}, "endsAt": "2026-01-01T00:00:00Z", "startsAt": "2025-12-31T00:00:00Z"},
        {"labels": {"alertname": "Down", "instance": "b", "severity": "warning"}, "endsAt": "2026-01-01T00:00:00Z", "startsAt": "2025-12-31T00:00:00Z"}]);
    assert_eq!(alerting.post("/api/v2/alerts", over).await.0, 200);
    alerting.until("the end", async || (alerting.told().len() > 1).then_some(())).await;
    alerting.taken(2).await;
    alerting.kill();
    alerting.start().await;
    let rest = vec![("resolved".to_owned(), vec!["a".to_owned(), "b".to_owned()])];
    assert_eq!(alerting.told(), [first, rest].concat());
    assert_eq!(alerting.get("/api/v2/alerts").await.unwrap(), json!([]));
    let reasons = alerting.sql("SELECT reason FROM intents ORDER BY time").await;
    assert_eq!(reasons, json!([["first notification"], ["all alerts resolved"]]));
    assert_eq!(alerting.hook.stats().violations, Vec::<String>::new());
    alerting.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn silences_and_inhibitions_hold_at_once_and_are_explained() {
    let mut alerting = Alerting::new().await;
    alerting.start().await;
    let silence = json!({"matchers": [{"name": "instance", "value": "a", "isRegex": false}], "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2100-01-01T00:00:00Z", "createdBy": "ann", "comment": "maintenance"});
    let (status, answer) = alerting.post("/api/v2/silences", silence.clone()).await;
    assert_eq!(status, 200, "{answer}");
    let id = answer["silenceID"].as_str().unwrap().to_owned();
    let alerts = json!([alert("Down", "a", "info"), alert("Down", "b", "warning"), alert("Down", "c", "critical")]);
    assert_eq!(alerting.post("/api/v2/alerts", alerts).await.0, 200);
    let suppressed = |alerts: &Value| {
        let alerts = alerts.as_array().unwrap().iter();
        let mut states: Vec<String> = alerts
            .map(|it| {
                format!(
                    "{} {} {}",
                    it["labels"]["instance"].as_str().unwrap(),
                    it["status"]["state"].as_str().unwrap(),
                    it["status"]["silencedBy"].as_array().unwrap().len()
                )
            })
            .collect();
        states.sort();
        states
    };
    let seen = alerting.get("/api/v2/alerts").await.unwrap();
    assert_eq!(suppressed(&seen), ["a suppressed 1", "b suppressed 0", "c active 0"]);
    let filtered = alerting.get("/api/v2/alerts?silenced=false&filter=instance%3D~%22a%7Cc%22").await.unwrap();
    assert_eq!(suppressed(&filtered), ["c active 0"]);
    let groups = alerting.get("/api/v2/alerts/groups").await.unwrap();
    assert_eq!(
        (groups[0]["labels"].clone(), groups[0]["alerts"].as_array().unwrap().len()),
        (json!({"alertname": "Down"}), 3)
    );
    alerting.until("a message", async || (!alerting.told().is_empty()).then_some(())).await;
    assert_eq!(alerting.told(), vec![("firing".to_owned(), vec!["c".to_owned()])]);
    let why = "SELECT decision, because FROM decisions ORDER BY decision";
    let why = alerting
        .until("reasons", async || {
            let rows = alerting.sql(why).await;
            (rows.as_array()?.len() == 3).then_some(rows)
        })
        .await;
    assert_eq!(
        (why[0][0].as_str(), &why[1], &why[2][0]),
        (Some("inhibited"), &json!(["silenced", id]), &json!("told"))
    );

    let request = alerting.http.delete(format!("{}/api/v2/silence/{id}", alerting.url));
    assert_eq!(request.send().await.unwrap().status(), 200);
    assert_eq!(alerting.get(&format!("/api/v2/silence/{id}")).await.unwrap()["status"]["state"], "expired");
    alerting.until("the rest", async || (alerting.told().len() > 1).then_some(())).await;
    assert_eq!(alerting.told()[1].1, ["a", "c"]);
    let mut changed = silence;
    changed["id"] = json!("00000000-0000-4000-8000-000000000000");
    assert_eq!(alerting.post("/api/v2/silences", changed).await.0, 404);
    alerting.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_keeps_what_was_told_and_refuses_a_mistake_with_its_place() {
    let mut alerting = Alerting::new().await;
    alerting.start().await;
    assert_eq!(alerting.post("/api/v2/alerts", json!([alert("Down", "a", "info")])).await.0, 200);
    alerting.until("a message", async || (!alerting.told().is_empty()).then_some(())).await;

    alerting.configure("route: {receiver: default}\nreceivers:\n  - name: other\n");
    let answer = alerting.http.post(format!("{}/-/reload", alerting.url)).send().await.unwrap();
    assert_eq!(answer.status(), 500);
    let answer = answer.text().await.unwrap();
    assert!(answer.starts_with("failed to reload config: ") && answer.contains("alertmanager.yml:1:"), "{answer}");
    let original = alerting.get("/api/v2/status").await.unwrap()["config"]["original"].as_str().unwrap().to_owned();
    assert!(
        original.contains("<secret>") && original.contains("default") && !original.contains("127.0.0.1"),
        "{original}"
    );

    alerting.configure(&ROUTES.replace("name: default", "name: other").replace("receiver: default", "receiver: other"));
    alerting.signal(rustix::process::Signal::HUP);
    alerting
        .until("the other receiver", async || {
            (alerting.get("/api/v2/receivers").await? == json!([{"name": "other"}])).then_some(())
        })
        .await;
    alerting.until("both receivers are told", async || (alerting.told().len() > 2).then_some(())).await;
    let mut rest = alerting.told().split_off(1);
    rest.sort();
    let told = |status: &str| (status.to_owned(), vec!["a".to_owned()]);
    assert_eq!(rest, [told("firing"), told("resolved")], "the first is told the end, the other that it fires");
    alerting.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_and_what_is_right_beside_it_is_taken() {
    let mut alerting = Alerting::new().await;
    alerting.start().await;
    let mixed = json!([alert("Down", "a", "info"), {"labels": {}}, {"labels": {"alertname": "x"}, "startsAt": "2026-02-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}]);
    let (status, answer) = alerting.post("/api/v2/alerts", mixed).await;
    assert_eq!((status, answer), (400, json!("at least one label pair required; start time must be before end time")));
    assert_eq!(alerting.get("/api/v2/alerts").await.unwrap().as_array().unwrap().len(), 1);
    let long = "x".repeat(1 << 20);
    let (status, answer) = alerting.post("/api/v2/alerts", json!([alert(&long, "a", "info")])).await;
    assert!(status == 400 && answer.as_str().unwrap().contains("alert_label_bytes"), "{status} {answer}");
    let many: Vec<Value> = (0..100_001).map(|_| json!({"labels": {"a": "b"}})).collect();
    let (status, answer) = alerting.post("/api/v2/alerts", json!(many)).await;
    assert!(status == 413 && answer.as_str().unwrap().contains("alertmanager.posted"), "{status} {answer}");
    assert_eq!(alerting.post("/api/v2/alerts", json!({"no": "list"})).await.0, 400);
    let far =
        json!([{"labels": {"alertname": "far"}, "startsAt": "9999-12-31T23:59:59Z", "endsAt": "9999-12-31T23:59:59Z"}]);
    assert_eq!(alerting.post("/api/v2/alerts", far).await.0, 200);
    alerting.kill();
}
