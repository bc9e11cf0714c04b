//! What OTLP answers: `Export*ServiceResponse`, and `google.rpc.Status` for errors.

use std::time::Duration;

use crate::json::push_quoted;
use crate::pb::Writer;

/// What is exported; the answers differ in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Data points.
    Metrics,
    /// Log records.
    Logs,
    /// Spans.
    Traces,
}

/// How an answer is written: as the request was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

impl Format {
    /// From the value of a `Content-Type` header.
    pub fn of(content_type: &str) -> Option<Self> {
        let media = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| media.eq_ignore_ascii_case(name);
        if is("application/x-protobuf") {
            return Some(Self::Protobuf);
        }
        is("application/json").then_some(Self::Json)
    }

    /// The `Content-Type` of an answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// What of a request was not taken, and must not be sent again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partial<'a> {
    /// How many points, records or spans.
    pub rejected: u64,
    /// Why, in English; may warn where nothing was rejected.
    pub message: &'a str,
}

/// The body of the answer to a request that was taken, in whole or in part.
pub fn response(signal: Signal, format: Format, partial: Partial<'_>) -> Vec<u8> {
    let nothing = partial == Partial::default();
    match format {
        Format::Protobuf if nothing => Vec::new(),
        Format::Protobuf => {
            let mut w = Writer::default();
            w.message(1, |w| {
                w.varint(1, partial.rejected);
                w.bytes(2, partial.message.as_bytes());
            });
            w.finish()
        }
        Format::Json if nothing => b"{}".to_vec(),
        Format::Json => {
            let name = match signal {
                Signal::Metrics => "rejectedDataPoints",
                Signal::Logs => "rejectedLogRecords",
                Signal::Traces => "rejectedSpans",
            };
            let mut out = format!("{{\"partialSuccess\":{{\"{name}\":\"{}\",\"errorMessage\":", partial.rejected);
            push_quoted(&mut out, partial.message);
            out.push_str("}}");
            out.into_bytes()
        }
    }
}

/// An error as `google.rpc.Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status<'a> {
    /// A code of gRPC: 3 for what is wrong with the request, 8 for a limit, 14 for what may go well later.
    pub code: i32,
    /// What is wrong, in English.
    pub message: &'a str,
    /// When to try again, as `google.rpc.RetryInfo`.
    pub retry: Option<Duration>,
}

impl Status<'_> {
    /// The body of an answer over HTTP, or the bytes of `grpc-status-details-bin`.
    pub fn encode(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Protobuf => self.protobuf(),
            Format::Json => self.json().into_bytes(),
        }
    }

    fn protobuf(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.varint(1, i64::from(self.code).cast_unsigned());
        w.bytes(2, self.message.as_bytes());
        if let Some(retry) = self.retry {
            w.message(3, |w| {
                w.bytes(1, RETRY_INFO.as_bytes());
                w.message(2, |w| {
                    w.message(1, |w| {
                        w.varint(1, retry.as_secs());
                        w.varint(2, u64::from(retry.subsec_nanos()));
                    });
                });
            });
        }
        w.finish()
    }

    fn json(&self) -> String {
        let mut out = format!("{{\"code\":{},\"message\":", self.code);
        push_quoted(&mut out, self.message);
        if let Some(retry) = self.retry {
            let (secs, nanos) = (retry.as_secs(), retry.subsec_nanos());
            out.push_str(&format!(
                ",\"details\":[{{\"@type\":\"{RETRY_INFO}\",\"retryDelay\":\"{secs}.{nanos:09}s\"}}]"
            ));
        }
        out.push('}');
        out
    }
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
