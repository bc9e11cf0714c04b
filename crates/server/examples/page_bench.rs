//! Requests over a large fleet that drifts: `page_bench [RESOURCES]` (default 200,000).
//!
//! Fills a store with one verdict for each resource, half of them `modified` and half `in_sync`
//! again, and prints how long the page, the API and a count by verdict take: the best and the worst
//! of ten.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a benchmark")]
#![allow(clippy::disallowed_methods, reason = "the server runs beside the client")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::{Clock, Rng, Shutdown, Tasks, Timestamp};
use bus::{Embedded, EmbeddedConfig, Log};
use model::rows::{Summary, VerdictRow};
use model::{Batch, LogKind, ResourceId, Row, Verdict};
use query::{Engine, QueryConfig};
use server::{Health, Parts, Server, ServerConfig};
use store::{LocalObjects, Store, StoreConfig};

const SCOPE: &str = "host/fleet";
/// Rows of one batch.
const ROWS: u64 = 1_000;

struct Fill {
    log: Arc<dyn Log>,
    store: Store,
}

impl Fill {
    async fn append<R: Row>(&self, rows: &[R]) {
        let batch = Batch::of(SCOPE, rows).unwrap();
        let shard = batch.shard(self.log.shards());
        let offset = self.log.append(shard, vec![batch]).await.unwrap();
        self.store.wait_for(LogKind::State, shard, offset).await.unwrap();
    }

    async fn fleet(&self, resources: u64) {
        for from in (0..resources).step_by(ROWS as usize) {
            let rows: Vec<VerdictRow> = (from..resources.min(from + ROWS)).map(verdict).collect();
            self.append(&rows).await;
        }
        let count = |verdict| Summary {
            time: Timestamp::from_secs(1_800_000_000),
            scope: SCOPE.to_owned(),
            verdict,
            count: (resources / 2) as i64,
        };
        self.append(&[count(Verdict::Modified), count(Verdict::InSync)]).await;
        self.store.flush().await.unwrap();
    }
}

fn verdict(n: u64) -> VerdictRow {
    let id: ResourceId = format!("{SCOPE}/file//etc/service-{}/part-{n}.conf", n % 977).parse().unwrap();
    let drifts = n.is_multiple_of(2);
    let diff = format!("--- declared\\n+++ live\\n@@ -1,3 +1,3 @@\\n a = 1\\n-b = {n}\\n+b = 0\\n c = 3\\n");
    let fields = format!(
        r#"[{{"path":"/digest","reason":"modified","declared":"blake3:{n:064x}","live":"blake3:{:064x}","diff":"{diff}"}}]"#,
        n + 1
    );
    VerdictRow {
        time: Timestamp::from_secs(1_800_000_000 + n as i64 / 100),
        scope: SCOPE.to_owned(),
        key: id.key(),
        id,
        kind: "file".to_owned(),
        verdict: if drifts { Verdict::Modified } else { Verdict::InSync },
        previous: if drifts { Verdict::InSync } else { Verdict::Modified },
        since: Timestamp::from_secs(1_800_000_000 + n as i64 / 100),
        source: Some("git.infra".to_owned()),
        revision: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        author: Some("Ada <ada@example.org>".to_owned()),
        message: Some("Serve over TLS".to_owned()),
        file: Some(format!("web/files/etc/service-{}/part-{n}.conf.yaml", n % 977)),
        line: Some(2),
        actor: None,
        fields: if drifts { fields } else { "[]".to_owned() },
        evidence: "{}".to_owned(),
        gitops: None,
    }
}

#[tokio::main]
async fn main() {
    let resources = std::env::args().nth(1).map_or(200_000, |n| n.parse().expect("a number of resources"));
    let dir = tempfile::tempdir().unwrap();
    let (clock, tasks, shutdown) = (Clock::system(), Tasks::new(), Shutdown::new());
    let log = EmbeddedConfig::new(dir.path().join("log"), "state");
    let log: Arc<dyn Log> = Arc::new(Embedded::open(log, clock.clone()).unwrap());
    let objects = Arc::new(LocalObjects::new(&dir.path().join("store")).unwrap());
    let store = Store::open(StoreConfig::default(), objects, clock.clone()).await.unwrap();
    store.run(vec![(LogKind::State, Arc::clone(&log))], &tasks, shutdown.clone());
    let began = Instant::now();
    Fill { log, store: store.clone() }.fleet(resources).await;
    println!("{resources} resources written in {:.1} s", began.elapsed().as_secs_f64());

    let engine = Arc::new(Engine::new(store, QueryConfig::default(), clock.clone()));
    let parts = Parts {
        engine,
        clock: clock.clone(),
        metrics: Arc::new(String::new),
        health: Health::new(),
        rng: Rng::seeded(1),
        alerting: None,
        rules: Vec::new(),
        intakes: BTreeMap::new(),
        ingest: None,
        targets: None,
        canaries: Vec::new(),
        shelf: None,
        telemetry: None,
    };
    let config = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
    let server = Server::bind(config, parts).await.unwrap();
    let (addr, ending) = (server.addr(), shutdown.clone());
    tasks.spawn("server", async move { server.run(ending).await });
    for path in [
        "/",
        "/api/drift?limit=100",
        "/api/drift",
        "/resource?id=host/fleet/file//etc/service-42/part-42.conf",
        "/api/sql?query=SELECT verdict, count(*) FROM drift GROUP BY 1",
    ] {
        ask(&format!("http://{addr}{path}"), path).await;
    }
    shutdown.start();
    let _ = tasks.join(&clock, Duration::from_secs(10)).await;
}

async fn ask(url: &str, path: &str) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut best, mut worst, mut bytes) = (Duration::MAX, Duration::ZERO, 0);
    for _ in 0..10 {
        let began = Instant::now();
        let answer = client.get(url).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        bytes = answer.bytes().await.unwrap().len();
        best = best.min(began.elapsed());
        worst = worst.max(began.elapsed());
    }
    println!("{:6.0} to {:6.0} ms  {bytes:>10} bytes  {path}", best.as_secs_f64() * 1e3, worst.as_secs_f64() * 1e3);
}
