//! From a change at an API server to the finding, and to the request at the provider, and the memory
//! of watched objects: `cargo bench -p steadfast --bench kubernetes -- simulated [CONFIGMAPS
//! [DEPLOYMENTS [CHANGES A SECOND]]]`, or `-- real [CHANGES A SECOND]` against the API server of
//! `tests/peers/kubernetes`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    reason = "a benchmark"
)]

#[path = "../../tests/it/cluster.rs"]
mod cluster;
#[path = "../../tests/it/host.rs"]
mod host;
#[path = "../../tests/it/provider.rs"]
mod provider;
mod real;
mod simulated;

use std::collections::BTreeMap;
use std::time::Duration;

use base::Timestamp;
use host::Host;
use provider::Provider;

/// ConfigMaps that Git declares, and that are changed.
const DECLARED: usize = 5_000;
const SINGLES: usize = 20;

/// A server whose objects can be changed.
pub(crate) trait Server {
    /// The kubeconfig for it.
    fn kubeconfig(&self) -> std::path::PathBuf;

    /// Sets the value of the declared ConfigMap of that number, as a person.
    async fn set(&self, n: usize, value: &str);
}

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |n: usize, default: usize| args.get(n).map_or(default, |arg| arg.parse().unwrap());
    match args.first().map(String::as_str) {
        Some("real") => {
            let server = real::Real::start(DECLARED).await;
            measure(&server, DECLARED, number(1, 200)).await;
        }
        _ => {
            let (config_maps, deployments) = (number(1, 100_000), number(2, 20_000));
            let server = simulated::Simulated::start(config_maps, deployments).await;
            measure(&server, config_maps + deployments, number(3, 1_000)).await;
        }
    }
}

async fn measure(server: &impl Server, objects: usize, rate: usize) {
    let provider = Provider::start().await;
    let receivers = provider.receivers().replace("name: on-call\n", "name: on-call\n    limits: {burst: 1000}\n");
    let more = format!(
        "kubernetes: {{cluster: test, images: false, kinds: [v1/ConfigMap, apps/v1/Deployment], kubeconfig: {}}}\n{receivers}",
        server.kubeconfig().display()
    );
    let mut host = Host::of(0, ", kubernetes: {cluster: test}", &more);
    declare(&host);
    host.start();
    let start = host.clock.monotonic();
    // Longer than a test may wait.
    while listed(&host).await.is_none_or(|listed| listed < objects as i64) {
        assert!(host.clock.monotonic() - start < Duration::from_secs(900), "never listed");
        host.clock.sleep(Duration::from_millis(500)).await;
    }
    in_sync(&host).await;
    println!(
        "{objects} objects listed and {DECLARED} of them in sync in {:.1} s",
        (host.clock.monotonic() - start).as_secs_f64()
    );
    println!("resident {} MB, {} bytes an object", host.resident() >> 20, host.resident() / objects);
    // Until what came with the list is in files.
    host.clock.sleep(Duration::from_secs(90)).await;
    println!("and then {} MB, {} bytes an object", host.resident() >> 20, host.resident() / objects);

    let (mut written, start) = (BTreeMap::new(), host.clock.monotonic());
    for n in 0..DECLARED {
        let due = Duration::from_secs_f64(n as f64 / rate as f64);
        // A sleep takes a millisecond at least: none where it is late.
        if let Some(early) = due.checked_sub(host.clock.monotonic() - start) {
            host.clock.sleep(early).await;
        }
        written.insert(format!("k8s/test/ConfigMap/shop/settings-{n}"), host.clock.now());
        server.set(n, "changed").await;
    }
    let took = (host.clock.monotonic() - start).as_secs_f64();
    host.until("all are modified", async || (count(&host, "modified").await? == DECLARED as i64).then_some(())).await;
    let query = "SELECT resource, CAST(time AS BIGINT) FROM finding_history WHERE state = 'firing' AND kind = 'drift'";
    let rows = host.sql(query).await.unwrap();
    let since = |row: &Vec<serde_json::Value>| {
        let at = Timestamp::from_nanos(row[1].as_i64().unwrap());
        at.since(written[row[0].as_str().unwrap()]).as_secs_f64() * 1e3
    };
    print(&format!("{:.0} changes/s: change -> finding", DECLARED as f64 / took), rows.iter().map(since).collect());
    println!("resident {} MB", host.resident() >> 20);
    for n in 0..DECLARED {
        server.set(n, "on").await;
    }
    in_sync(&host).await;
    singles(server, &host, &provider).await;
    host.stop().await;
}

async fn singles(server: &impl Server, host: &Host, provider: &Provider) {
    let mut requests = Vec::new();
    for n in 0..SINGLES {
        let (opened, _) = provider.incidents().await;
        let start = host.clock.now();
        server.set(n, "changed").await;
        host.until("a page", async || (provider.incidents().await.0 > opened).then_some(())).await;
        let arrived = provider.arrivals().await.into_iter().find(|at| *at >= start).unwrap();
        requests.push(arrived.since(start).as_secs_f64() * 1e3);
        server.set(n, "on").await;
        host.until("a resolve", async || {
            let (opened, resolved) = provider.incidents().await;
            (opened == resolved).then_some(())
        })
        .await;
    }
    print("single: change -> request", requests);
}

/// The manifests of what is changed: the objects of a server are made of the same text.
fn declare(host: &Host) {
    std::fs::create_dir_all(&host.repository).unwrap();
    host.git(&["init", "-q", "-b", "main"]);
    for file in 0..DECLARED / 100 {
        let texts: Vec<String> = (0..100).map(|n| config_map(file * 100 + n)).collect();
        std::fs::write(host.repository.join(format!("settings-{file}.yaml")), texts.join("---\n")).unwrap();
    }
    host.commit("Settings");
}

/// A ConfigMap of about a kilobyte.
pub fn config_map(n: usize) -> String {
    let filler = "x".repeat(700);
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings-{n}, namespace: shop, labels: {{app: shop}}}}\n\
         data: {{mode: \"on\", filler: {filler}}}\n"
    )
}

async fn listed(host: &Host) -> Option<i64> {
    let query = "SELECT resources FROM scopes WHERE scope = 'k8s/test' AND source = 'kubernetes' AND state = 'ok'";
    host.sql(query).await?.first()?.first()?.as_i64()
}

async fn in_sync(host: &Host) {
    host.until("all are in sync", async || (count(host, "in_sync").await? >= DECLARED as i64).then_some(())).await;
}

/// How many objects have that verdict. Asked seldom, and of a small table: it is not to be measured.
async fn count(host: &Host, verdict: &str) -> Option<i64> {
    host.clock.sleep(Duration::from_millis(200)).await;
    let query = format!(
        "SELECT count FROM summaries WHERE scope = 'k8s/test' AND verdict = '{verdict}' ORDER BY time DESC LIMIT 1"
    );
    host.sql(&query).await?.first()?.first()?.as_i64()
}

fn print(what: &str, mut millis: Vec<f64>) {
    millis.sort_by(f64::total_cmp);
    let at = |part: f64| millis[((millis.len() - 1) as f64 * part) as usize];
    println!("{what}: n {}, p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms", millis.len(), at(0.5), at(0.99), at(1.0));
}
