use std::fmt::Write;

use wire::exposition::Format;

/// A format that a target is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the formats are all there is to say")]
pub enum Protocol {
    PrometheusProto,
    PrometheusText0_0_4,
    PrometheusText1_0_0,
    OpenMetricsText0_0_1,
    OpenMetricsText1_0_0,
}

/// The weight of the first format in tenths, as Prometheus has it: one more than there are formats.
const FIRST: usize = Protocol::ALL.len() + 1;

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PrometheusProto,
        Self::PrometheusText0_0_4,
        Self::PrometheusText1_0_0,
        Self::OpenMetricsText0_0_1,
        Self::OpenMetricsText1_0_0,
    ];

    /// What is asked for if nothing is configured, best first.
    pub const DEFAULT: [Self; 4] =
        [Self::OpenMetricsText1_0_0, Self::OpenMetricsText0_0_1, Self::PrometheusText1_0_0, Self::PrometheusText0_0_4];

    /// Its name in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PrometheusProto => "PrometheusProto",
            Self::PrometheusText0_0_4 => "PrometheusText0.0.4",
            Self::PrometheusText1_0_0 => "PrometheusText1.0.0",
            Self::OpenMetricsText0_0_1 => "OpenMetricsText0.0.1",
            Self::OpenMetricsText1_0_0 => "OpenMetricsText1.0.0",
        }
    }

    /// The protocol with a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name)
    }

    /// Its media type in `Accept`; the newer texts may have names of any characters.
    const fn media(self) -> &'static str {
        match self {
            Self::PrometheusProto => {
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
            }
            Self::PrometheusText0_0_4 => "text/plain;version=0.0.4",
            Self::PrometheusText1_0_0 => "text/plain;version=1.0.0;escaping=allow-utf-8",
            Self::OpenMetricsText0_0_1 => "application/openmetrics-text;version=0.0.1",
            Self::OpenMetricsText1_0_0 => "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8",
        }
    }

    const fn format(self) -> Format {
        match self {
            Self::PrometheusProto => Format::Protobuf,
            Self::PrometheusText0_0_4 | Self::PrometheusText1_0_0 => Format::Prometheus,
            Self::OpenMetricsText0_0_1 | Self::OpenMetricsText1_0_0 => Format::OpenMetrics,
        }
    }
}

/// The value of `Accept` that asks for these, best first.
pub fn accept(protocols: &[Protocol]) -> String {
    let mut header = String::new();
    for (protocol, less) in protocols.iter().zip(0..) {
        let _ = write!(header, "{};q=0.{},", protocol.media(), FIRST.saturating_sub(less));
    }
    let _ = write!(header, "*/*;q=0.{}", FIRST.saturating_sub(protocols.len()));
    header
}

/// The format of an answer, from its `Content-Type`, or else `fallback`.
///
/// # Errors
/// The type is none that is read, and there is no fallback.
pub fn format(content_type: &str, fallback: Option<Protocol>) -> Result<Format, String> {
    if let Some(format) = Format::of(content_type) {
        return Ok(format);
    }
    fallback.map(Protocol::format).ok_or_else(|| match content_type {
        "" => "the target sends no Content-Type, and there is no fallback_scrape_protocol".to_owned(),
        shown => {
            let shown: String = shown.chars().take(64).collect();
            format!("the target sends the Content-Type {shown:?}, which is not read, and there is no fallback_scrape_protocol")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_fall_from_the_first_format() {
        assert_eq!(
            accept(&[Protocol::PrometheusProto, Protocol::OpenMetricsText1_0_0, Protocol::PrometheusText0_0_4]),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
             application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
             text/plain;version=0.0.4;q=0.4,*/*;q=0.3"
        );
        assert!(accept(&Protocol::DEFAULT).ends_with("text/plain;version=0.0.4;q=0.3,*/*;q=0.2"));
    }

    #[test]
    fn an_answer_of_no_known_type_needs_a_fallback() {
        assert_eq!(format("text/plain; version=0.0.4", None), Ok(Format::Prometheus));
        assert!(format("", None).unwrap_err().contains("no Content-Type"));
        assert!(format("text/html", None).unwrap_err().contains("\"text/html\""));
        assert_eq!(format("text/html", Some(Protocol::PrometheusText0_0_4)), Ok(Format::Prometheus));
    }
}
