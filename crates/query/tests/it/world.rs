//! A store fed by embedded logs, with a small fleet in it.

#![allow(dead_code, reason = "the tests of the server use it too, and each needs a part")]

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Shutdown, Simulation, Tasks, Timestamp};
use bus::{Embedded, EmbeddedConfig, Log};
use model::rows::{
    Alert, Declared, Finding, Intent, Live, LogLine, Receipt, Revision, Sample, Scope, Series, Summary, VerdictRow,
};
use model::{
    AlertState, Batch, Fingerprint, Key, Labels, LogKind, Outcome, ResourceId, Row, ScopeState, Severity, Verdict,
};
use query::{Engine, QueryConfig, Token};
use store::{LocalObjects, Store, StoreConfig};

pub const SCOPE: &str = "host/web-1";

pub struct World {
    pub store: Store,
    pub clock: Clock,
    pub simulation: Simulation,
    state: Arc<dyn Log>,
    telemetry: Arc<dyn Log>,
    shutdown: Shutdown,
    tasks: Tasks,
    _dir: tempfile::TempDir,
}

/// A time of the day of the tests.
pub fn at(clock: &str) -> Timestamp {
    format!("2026-11-25T{clock}Z").parse().unwrap()
}

pub fn id(name: &str) -> ResourceId {
    format!("{SCOPE}/file//{name}").parse().unwrap()
}

impl World {
    pub async fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (clock, simulation) = Clock::simulated(at("11:00:00"));
        let log = |name: &str| -> Arc<dyn Log> {
            Arc::new(Embedded::open(EmbeddedConfig::new(dir.path().join("log"), name), clock.clone()).unwrap())
        };
        let (state, telemetry) = (log("state"), log("telemetry"));
        let objects = Arc::new(LocalObjects::new(&dir.path().join("store")).unwrap());
        let store = Store::open(StoreConfig::default(), objects, clock.clone()).await.unwrap();
        let (tasks, shutdown) = (Tasks::new(), Shutdown::new());
        let logs = vec![(LogKind::State, Arc::clone(&state)), (LogKind::Telemetry, Arc::clone(&telemetry))];
        store.run(logs, &tasks, shutdown.clone());
        Self { store, clock, simulation, state, telemetry, shutdown, tasks, _dir: dir }
    }

    /// With a fleet of one host: half of its rows in files, half in memory.
    pub async fn fleet() -> Self {
        let world = Self::empty().await;
        world.morning().await;
        world.store.flush().await.unwrap();
        world.noon().await;
        world
    }

    /// The log that telemetry is appended to.
    pub fn telemetry(&self) -> Arc<dyn Log> {
        Arc::clone(&self.telemetry)
    }

    /// The log that state is appended to.
    pub fn state(&self) -> Arc<dyn Log> {
        Arc::clone(&self.state)
    }

    /// Waits until the store shows all that is on the telemetry log.
    pub async fn settle(&self) {
        let (_, end) = self.telemetry.bounds(0).await.unwrap();
        if let Some(last) = end.0.checked_sub(1) {
            self.store.wait_for(LogKind::Telemetry, 0, model::Offset(last)).await.unwrap();
        }
    }

    pub fn engine(&self, config: QueryConfig) -> Engine {
        Engine::new(self.store.clone(), config, self.clock.clone())
    }

    /// Appends and waits until the store shows it.
    pub async fn append<R: Row>(&self, rows: &[R]) -> Token {
        let log = if R::STREAM.log() == LogKind::State { &self.state } else { &self.telemetry };
        let batch = Batch::of(SCOPE, rows).unwrap();
        let shard = batch.shard(log.shards());
        let offset = log.append(shard, vec![batch]).await.unwrap();
        self.store.wait_for(R::STREAM.log(), shard, offset).await.unwrap();
        Token(vec![(R::STREAM.log(), shard, offset)])
    }

    pub async fn end(self) {
        self.shutdown.start();
        self.tasks.join(&Clock::system(), Duration::from_secs(10)).await.unwrap();
    }

    async fn morning(&self) {
        self.append(&[
            live("etc/nginx/nginx.conf", "09:00:00", Some("0644")),
            live("etc/ssh/sshd_config", "09:00:00", Some("0600")),
        ])
        .await;
        self.append(&[live("etc/old.conf", "09:00:00", Some("0644"))]).await;
        self.append(&[
            declared("etc/nginx/nginx.conf", Some(12)),
            declared("etc/ssh/sshd_config", Some(3)),
            declared("etc/motd", Some(1)),
        ])
        .await;
        self.append(&[revision()]).await;
        self.append(&[
            verdict("etc/nginx/nginx.conf", "09:01:00", Verdict::InSync, "[]"),
            verdict("etc/ssh/sshd_config", "09:01:00", Verdict::InSync, "[]"),
        ])
        .await;
        self.append(&[cpu("user", "web"), cpu("idle", "web")]).await;
        let user = cpu("user", "web").series_id;
        let points = (0..60).map(|n| Sample {
            series_id: user,
            ts: at("09:00:00").plus(Duration::from_secs(n * 60)),
            value: n as f64,
        });
        self.append(&points.collect::<Vec<_>>()).await;
    }

    async fn noon(&self) {
        self.append(&[live("etc/old.conf", "10:00:00", None)]).await;
        self.append(&[live("etc/nginx/nginx.conf", "10:30:00", Some("0666"))]).await;
        let fields = r#"[{"path":"/mode","reason":"modified","declared":"0644","live":"0666","actor":"mallory"}]"#;
        self.append(&[
            verdict("etc/nginx/nginx.conf", "10:30:01", Verdict::Modified, fields),
            verdict("etc/motd", "10:30:01", Verdict::Missing, "[]"),
        ])
        .await;
        let count = |verdict, count| Summary { time: at("10:30:01"), scope: SCOPE.to_owned(), verdict, count };
        self.append(&[
            count(Verdict::InSync, 1),
            count(Verdict::Modified, 1),
            count(Verdict::Missing, 1),
            count(Verdict::Behind, 0),
        ])
        .await;
        self.append(&[scope("host.files", ScopeState::Ok), scope("git.infra", ScopeState::Ok)]).await;
        self.append(&[finding()]).await;
        self.append(&[alert()]).await;
        self.append(&[intent("pager", 1), intent("hook", 1)]).await;
        self.append(&[
            receipt("pager", 1, Outcome::Retry, Some(503)),
            receipt("pager", 2, Outcome::Delivered, Some(202)),
        ])
        .await;
        let idle = cpu("idle", "web").series_id;
        self.append(&[Sample { series_id: idle, ts: at("10:00:00"), value: 97.5 }]).await;
        self.append(&[line("INFO", "started"), line("ERROR", "no space left")]).await;
    }
}

pub fn live(name: &str, time: &str, mode: Option<&str>) -> Live {
    let document = mode.map(|mode| format!(r#"{{"mode":"{mode}","owner":"root"}}"#));
    Live {
        time: at(time),
        scope: SCOPE.to_owned(),
        source: "host.files".to_owned(),
        id: id(name),
        key: id(name).key(),
        kind: "file".to_owned(),
        present: mode.is_some(),
        fingerprint: mode.map_or(Fingerprint::ABSENT, |mode| Fingerprint(Key::of(mode.as_bytes()).0)),
        document,
        text: mode.map(|_| "user www;\n".to_owned()),
        actor: Some("mallory".to_owned()),
    }
}

pub fn declared(name: &str, line: Option<i64>) -> Declared {
    Declared {
        time: at("08:00:00"),
        scope: SCOPE.to_owned(),
        source: "git.infra".to_owned(),
        revision: "c0ffee".to_owned(),
        id: id(name),
        key: id(name).key(),
        kind: "file".to_owned(),
        present: true,
        fingerprint: Fingerprint(Key::of(b"0644").0),
        document: Some(r#"{"mode":"0644"}"#.to_owned()),
        text: Some("user nobody;\n".to_owned()),
        file: Some("hosts/web.yaml".to_owned()),
        line,
    }
}

pub fn verdict(name: &str, time: &str, verdict: Verdict, fields: &str) -> VerdictRow {
    VerdictRow {
        time: at(time),
        scope: SCOPE.to_owned(),
        id: id(name),
        key: id(name).key(),
        kind: "file".to_owned(),
        verdict,
        previous: Verdict::InSync,
        since: at(time),
        source: Some("git.infra".to_owned()),
        revision: Some("c0ffee".to_owned()),
        author: Some("Ada".to_owned()),
        message: Some("Serve over TLS".to_owned()),
        file: Some("hosts/web.yaml".to_owned()),
        line: Some(12),
        actor: (verdict == Verdict::Modified).then(|| "mallory".to_owned()),
        fields: fields.to_owned(),
        evidence: "{}".to_owned(),
        gitops: None,
    }
}

fn revision() -> Revision {
    Revision {
        time: at("08:00:00"),
        scope: SCOPE.to_owned(),
        source: "git.infra".to_owned(),
        revision: "c0ffee".to_owned(),
        author: Some("Ada".to_owned()),
        committed: Some(at("07:59:00")),
        message: Some("Serve over TLS".to_owned()),
        manifests: 3,
        complete: true,
        error: None,
        error_file: None,
        error_line: None,
        managed: None,
        backfill: false,
    }
}

fn scope(source: &str, state: ScopeState) -> Scope {
    let (time, stale_after) = (at("10:00:00"), at("12:00:00"));
    Scope {
        time,
        scope: SCOPE.to_owned(),
        source: source.to_owned(),
        state,
        message: None,
        resources: 3,
        stale_after,
        covers: None,
    }
}

pub fn finding() -> Finding {
    let finding = format!("drift/{}", id("etc/nginx/nginx.conf"));
    Finding {
        time: at("10:30:01"),
        key: Key::of(finding.as_bytes()),
        finding,
        kind: "drift".to_owned(),
        scope: SCOPE.to_owned(),
        resource: Some(id("etc/nginx/nginx.conf").to_string()),
        cause: format!("host/{SCOPE}"),
        severity: Severity::Error,
        state: AlertState::Firing,
        summary: "/mode: declared 0644, live 0666".to_owned(),
        since: at("10:30:01"),
        labels: Labels::from([("verdict".to_owned(), "modified".to_owned())]),
        evidence: "{}".to_owned(),
    }
}

pub fn alert() -> Alert {
    let incident = "inc-1".to_owned();
    Alert {
        time: at("10:30:02"),
        key: Key::of(incident.as_bytes()),
        incident,
        cause: format!("host/{SCOPE}"),
        scope: SCOPE.to_owned(),
        state: AlertState::Firing,
        severity: Severity::Error,
        summary: "web-1: nginx.conf was modified".to_owned(),
        since: at("10:30:02"),
        findings: 1,
        labels: Labels::new(),
        evidence: "[]".to_owned(),
        reason: "opened".to_owned(),
    }
}

pub fn intent(receiver: &str, sequence: i64) -> Intent {
    let intent = format!("{receiver}/inc-1/{sequence}");
    Intent {
        time: at("10:30:03"),
        key: Key::of(intent.as_bytes()),
        intent,
        receiver: receiver.to_owned(),
        incident: "inc-1".to_owned(),
        sequence,
        action: "trigger".to_owned(),
        reason: "opened".to_owned(),
        payload: "{}".to_owned(),
    }
}

fn receipt(receiver: &str, attempt: i64, outcome: Outcome, status: Option<i64>) -> Receipt {
    let intent = format!("{receiver}/inc-1/1");
    Receipt {
        time: at("10:30:04").plus(Duration::from_secs(attempt as u64)),
        key: Key::of(intent.as_bytes()),
        intent,
        receiver: receiver.to_owned(),
        incident: "inc-1".to_owned(),
        sequence: 1,
        attempt,
        outcome,
        last: outcome == Outcome::Delivered,
        status,
        message: None,
        reference: None,
        took_ms: 20,
    }
}

fn cpu(mode: &str, job: &str) -> Series {
    let labels = Labels::from([("mode".to_owned(), mode.to_owned()), ("job".to_owned(), job.to_owned())]);
    let metric = "node_cpu_seconds_total".to_owned();
    Series { time: at("09:00:00"), series_id: Series::id(&metric, &labels), metric, labels }
}

fn line(severity: &str, body: &str) -> LogLine {
    LogLine {
        ts: at("10:00:00"),
        service: "nginx".to_owned(),
        severity: severity.to_owned(),
        body: body.to_owned(),
        attributes: Labels::from([("host".to_owned(), "web-1".to_owned())]),
        severity_number: None,
        observed_ts: None,
        trace_id: None,
        span_id: None,
        resource: None,
        scope: None,
        event: None,
    }
}
