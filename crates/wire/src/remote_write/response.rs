/// What was written of a request, which version 2 wants told in headers of the answer, of errors too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Float samples.
    pub samples: usize,
    /// Native histograms.
    pub histograms: usize,
    /// Exemplars.
    pub exemplars: usize,
}

impl Written {
    /// The headers of the answer, names and values.
    pub fn headers(&self) -> [(&'static str, String); 3] {
        [
            ("X-Prometheus-Remote-Write-Samples-Written", self.samples.to_string()),
            ("X-Prometheus-Remote-Write-Histograms-Written", self.histograms.to_string()),
            ("X-Prometheus-Remote-Write-Exemplars-Written", self.exemplars.to_string()),
        ]
    }
}

/// The message that a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// `prometheus.WriteRequest`
    V1,
    /// `io.prometheus.write.v2.Request`
    V2,
}

/// A `Content-Type` that is none of remote write: 415.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Content-Type `{0}` is not application/x-protobuf with a message that is read")]
pub struct ContentTypeError(String);

/// Which message a body is, from `Content-Type`; no header means version 1, as old senders do it.
///
/// # Errors
/// Another type, or another message.
pub fn content_type(header: &str) -> Result<Version, ContentTypeError> {
    let wrong = || ContentTypeError(header.chars().take(128).collect());
    let mut parts = header.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    if !media.is_empty() && !media.eq_ignore_ascii_case("application/x-protobuf") {
        return Err(wrong());
    }
    for part in parts {
        let Some((name, value)) = part.split_once('=') else { continue };
        if name.trim().eq_ignore_ascii_case("proto") {
            return match value.trim().trim_matches('"') {
                "prometheus.WriteRequest" => Ok(Version::V1),
                "io.prometheus.write.v2.Request" => Ok(Version::V2),
                _ => Err(wrong()),
            };
        }
    }
    Ok(Version::V1)
}
