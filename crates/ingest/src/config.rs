use serde::Deserialize;
use wire::names::Strategy;

/// See [`Strategy`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TranslationStrategy(Strategy);

impl TryFrom<String> for TranslationStrategy {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let all = Strategy::ALL.map(Strategy::name).join(", ");
        Strategy::of(&name).map(Self).ok_or_else(|| format!("`{name}` is none of {all}"))
    }
}

impl IngestConfig {
    pub(crate) const fn strategy(&self) -> Strategy {
        self.translation_strategy.0
    }
}

/// What telemetry may be sent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestConfig {
    /// Bytes of a request as it is sent.
    pub max_body_bytes: usize,
    /// Bytes of a request when it is decompressed.
    pub max_decoded_bytes: u64,
    /// Bytes of all requests that are being taken, as they were sent and what they become until it is on the log; more are
    /// refused for a while.
    pub max_in_flight_bytes: u64,
    /// Series that are active, within `store.series_idle`. Samples of more are refused.
    pub max_series: usize,
    /// Labels of a series.
    pub max_labels: usize,
    /// Bytes of a label's value.
    pub max_label_bytes: usize,
    /// How names of OpenTelemetry become names of Prometheus: `UnderscoreEscapingWithSuffixes`,
    /// `UnderscoreEscapingWithoutSuffixes`, `NoUTF8EscapingWithSuffixes` or `NoTranslation`.
    pub translation_strategy: TranslationStrategy,
    /// Attributes of OpenTelemetry's resources that become labels of each of their series.
    pub promote_resource_attributes: Vec<String>,
    /// Whether series that count get a zero at the time at which that began, where senders say it (remote write 2.0, OTLP,
    /// `_created` of OpenMetrics), as Prometheus does with `created-timestamp-zero-ingestion`.
    pub created_zeros: bool,
    /// Records of the telemetry log that the store may be behind; while it is more, requests are refused.
    pub max_behind: u64,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            max_body_bytes: 32 << 20,
            max_decoded_bytes: 64 << 20,
            max_in_flight_bytes: 512 << 20,
            max_series: 10_000_000,
            max_labels: 128,
            max_label_bytes: 8 << 10,
            translation_strategy: TranslationStrategy::default(),
            promote_resource_attributes: Vec::new(),
            created_zeros: false,
            max_behind: 4_096,
        }
    }
}
