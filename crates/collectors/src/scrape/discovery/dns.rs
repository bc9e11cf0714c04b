//! Names that are resolved, by the system's resolver.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base::Clock;
use scrape::config::{DnsSd, Record};
use scrape::discovery::{Group, resolved};

use super::Cx;

/// How long a name may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses of a name.
const ADDRESSES: base::Limit = base::Limit::new("scrape_dns_addresses", 10_000);

/// How the C libraries say that there is no such name, or none with an address (`EAI_NONAME` and `EAI_NODATA` of
/// `getaddrinfo`): Rust hands on the text of the code alone, in English. Of glibc, musl and macOS.
const NO_SUCH_NAME: [&str; 6] = [
    "Name or service not known",
    "No address associated with hostname",
    "Name does not resolve",
    "Name has no usable address",
    "nodename nor servname provided, or not known",
    "No address associated with nodename",
];

/// Asks for the addresses of a name.
trait Resolver: Sync {
    fn resolve(&self, name: &str, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;
}

/// That of the system.
struct System;

impl Resolver for System {
    async fn resolve(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, port)).await?.collect())
    }
}

/// What is known of each name.
#[derive(Default)]
struct Known(BTreeMap<String, Vec<SocketAddr>>);

/// Resolves the names until it is told to stop.
pub(super) async fn run(config: DnsSd, cx: Cx) {
    let clock = cx.parts.clock.clone();
    let mut known = Known::default();
    loop {
        known.look(&config, &System, &clock, &cx.job).await;
        if !cx.send(known.groups()).await {
            return;
        }
        if cx.stop.or(clock.sleep(config.refresh)).await.is_none() {
            return;
        }
    }
}

impl Known {
    /// Asks for all names. One that is not there has no addresses; of one that nobody can tell, it has those that it had.
    async fn look(&mut self, config: &DnsSd, resolver: &impl Resolver, clock: &Clock, job: &str) {
        for name in &config.names {
            let answer = match clock.timeout(TIMEOUT, resolver.resolve(name, config.port)).await {
                Ok(Ok(addresses)) => wanted(addresses, config.record),
                Ok(Err(error)) if is_no_such_name(&error) => Ok(self.no_such(name, job)),
                Ok(Err(error)) => Err(error.to_string()),
                Err(late) => Err(late.to_string()),
            };
            match answer {
                Ok(addresses) => drop(self.0.insert(name.clone(), addresses)),
                Err(problem) => failed(job, name, &problem),
            }
        }
    }

    /// The addresses of a name that is not there; told once.
    fn no_such(&self, name: &str, job: &str) -> Vec<SocketAddr> {
        if self.0.get(name).is_none_or(|before| !before.is_empty()) {
            tracing::warn!(job, name, "there is no such name: it has no targets");
        }
        Vec::new()
    }

    fn groups(&self) -> Vec<Group> {
        let group = |(name, addresses): (&String, &Vec<SocketAddr>)| Group {
            targets: addresses.iter().map(|address| resolved(name, *address)).collect(),
            ..Group::default()
        };
        self.0.iter().map(group).collect()
    }
}

fn wanted(mut addresses: Vec<SocketAddr>, record: Record) -> Result<Vec<SocketAddr>, String> {
    addresses.retain(|address| address.is_ipv4() == (record == Record::A));
    addresses.sort_unstable();
    addresses.dedup();
    ADDRESSES.check(addresses.len() as u64).map_err(|exceeded| exceeded.to_string())?;
    Ok(addresses)
}

fn is_no_such_name(error: &io::Error) -> bool {
    let text = error.to_string();
    NO_SUCH_NAME.iter().any(|end| text.ends_with(end))
}

fn failed(job: &str, name: &str, problem: &str) {
    metrics::counter!("steadfast_scrape_discovery_failures_total", "of" => "dns").increment(1);
    tracing::warn!(job, name, problem, "a name cannot be resolved: what it was before stays");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says the same of each name.
    struct Says(Result<&'static [&'static str], &'static str>);

    impl Resolver for Says {
        async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
            let problem = |text| io::Error::other(format!("failed to lookup address information: {text}"));
            let hosts = self.0.map_err(problem)?;
            Ok(hosts.iter().map(|host| SocketAddr::new(host.parse().unwrap(), port)).collect())
        }
    }

    /// The addresses of a name after each of these answers.
    async fn after(answers: &[Says]) -> Vec<Vec<String>> {
        let config = DnsSd {
            names: vec!["app.shop.svc".to_owned()],
            record: Record::A,
            port: 80,
            refresh: Duration::from_secs(30),
        };
        let (mut known, clock, mut seen) = (Known::default(), Clock::system(), Vec::new());
        for answer in answers {
            known.look(&config, answer, &clock, "j").await;
            let labels = known.groups().iter().flat_map(|group| group.labels().collect::<Vec<_>>()).collect::<Vec<_>>();
            seen.push(labels.iter().map(|labels| labels["__address__"].clone()).collect());
        }
        seen
    }

    const FOUND: Says = Says(Ok(&["10.0.0.2", "fd00::1", "10.0.0.1"]));

    #[tokio::test]
    async fn a_name_that_is_gone_has_no_targets() {
        for words in NO_SUCH_NAME {
            let seen = after(&[FOUND, Says(Err(words)), FOUND, Says(Ok(&[]))]).await;
            assert_eq!(seen[0], ["10.0.0.1:80", "10.0.0.2:80"]);
            assert_eq!((seen[1].len(), seen[2].len(), seen[3].len()), (0, 2, 0), "{words}");
        }
    }

    #[tokio::test]
    async fn a_name_that_nobody_can_tell_keeps_its_targets() {
        // Of SERVFAIL, of time-outs, and of what is no answer at all.
        for words in ["Temporary failure in name resolution", "Non-recoverable failure in name resolution", "Try again"]
        {
            let seen = after(&[Says(Err(words)), FOUND, Says(Err(words))]).await;
            assert_eq!((seen[0].len(), seen[1].len(), seen[2].len()), (0, 2, 2), "{words}");
        }
    }
}
