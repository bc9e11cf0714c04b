//! Names that are resolved, by the system's resolver.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use scrape::config::{DnsSd, Record};
use scrape::discovery::{Group, resolved};

use super::Cx;

/// How long a name may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses of a name.
const ADDRESSES: base::Limit = base::Limit::new("scrape_dns_addresses", 10_000);

/// Resolves the names until it is told to stop.
pub(super) async fn run(config: DnsSd, cx: Cx) {
    let clock = cx.parts.clock.clone();
    let mut known: BTreeMap<&str, Vec<SocketAddr>> = BTreeMap::new();
    loop {
        for name in &config.names {
            match clock.timeout(TIMEOUT, resolve(name, &config)).await {
                Ok(Ok(addresses)) => drop(known.insert(name, addresses)),
                Ok(Err(problem)) => failed(&cx.job, name, &problem),
                Err(late) => failed(&cx.job, name, &late.to_string()),
            }
        }
        let group = |(name, addresses): (&&str, &Vec<SocketAddr>)| Group {
            targets: addresses.iter().map(|address| resolved(name, *address)).collect(),
            ..Group::default()
        };
        if !cx.send(known.iter().map(group).collect()).await {
            return;
        }
        if cx.stop.or(clock.sleep(config.refresh)).await.is_none() {
            return;
        }
    }
}

async fn resolve(name: &str, config: &DnsSd) -> Result<Vec<SocketAddr>, String> {
    let all = tokio::net::lookup_host((name, config.port)).await.map_err(|error| error.to_string())?;
    let wanted = |address: &SocketAddr| address.is_ipv4() == (config.record == Record::A);
    let mut addresses: Vec<SocketAddr> = all.filter(wanted).collect();
    addresses.sort_unstable();
    addresses.dedup();
    ADDRESSES.check(addresses.len() as u64).map_err(|exceeded| exceeded.to_string())?;
    Ok(addresses)
}

fn failed(job: &str, name: &str, problem: &str) {
    metrics::counter!("steadfast_scrape_discovery_failures_total", "of" => "dns").increment(1);
    tracing::warn!(job, name, problem, "a name cannot be resolved: what it was before stays");
}
