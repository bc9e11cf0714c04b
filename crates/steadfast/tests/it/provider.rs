//! The provider that pages people, as the tests ask it.

use base::Timestamp;
use fake_provider::FakeProvider;

/// Takes PagerDuty's events and Alertmanager's webhook, and holds each against its contract.
pub struct Provider {
    fake: FakeProvider,
    key: tempfile::NamedTempFile,
}

impl Provider {
    pub async fn start() -> Self {
        let key = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(key.path(), "0123456789abcdef0123456789abcdef").unwrap();
        Self { fake: FakeProvider::start("127.0.0.1:0").await.unwrap(), key }
    }

    /// Receivers that send here, as configuration.
    pub fn receivers(&self) -> String {
        let (url, key) = (self.fake.url(), self.key.path().display());
        format!(
            "receivers:\n  - name: on-call\n    pagerduty: {{routing_key: {{file: {key}}}, url: \"{url}\"}}\n  \
             - name: hook\n    webhook: {{url: \"{url}/webhook\"}}\n"
        )
    }

    /// A receiver whose PagerDuty posts back, with that secret.
    pub fn answering(&self, secret: &std::path::Path) -> String {
        let (url, key, secret) = (self.fake.url(), self.key.path().display(), secret.display());
        format!(
            "receivers:\n  - name: on-call\n    pagerduty:\n      routing_key: {{file: {key}}}\n      url: \"{url}\"\n      \
             webhook_secret: {{file: {secret}}}\n"
        )
    }

    /// The deduplication key of the first request.
    pub async fn first_key(&self) -> String {
        self.fake.log().iter().find_map(|entry| entry.key.clone()).unwrap_or_default()
    }

    /// Incidents that PagerDuty opened, and how many of these are resolved.
    pub async fn incidents(&self) -> (u64, u64) {
        let stats = self.fake.stats();
        let of = |key: &str| key.starts_with("/v2/enqueue");
        let incidents = || stats.incidents.iter().filter(|(key, _)| of(key)).map(|(_, incident)| incident);
        let pages = incidents().map(|incident| incident.pages).sum();
        (pages, pages - incidents().filter(|incident| incident.open).count() as u64)
    }

    /// The body of the first request.
    pub async fn first_payload(&self) -> String {
        self.fake.log().first().map(|entry| entry.body.to_string()).unwrap_or_default()
    }

    /// When PagerDuty's triggers came.
    #[allow(dead_code, reason = "the benchmark asks")]
    pub async fn arrivals(&self) -> Vec<Timestamp> {
        self.arrivals_of("trigger")
    }

    /// When the events of that action came.
    pub fn arrivals_of(&self, action: &str) -> Vec<Timestamp> {
        let log = self.fake.log();
        let of = log.iter().filter(|entry| entry.path == "/v2/enqueue" && entry.action.as_deref() == Some(action));
        of.map(|entry| Timestamp::from_nanos(entry.nanos)).collect()
    }

    /// Every request kept its provider's contract.
    pub async fn assert_contract(&self) {
        assert_eq!(self.fake.stats().violations, Vec::<String>::new());
    }
}
