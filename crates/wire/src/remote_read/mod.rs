//! Remote read (<https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/>): what is asked,
//! as views over a body, and the two forms of an answer.

mod answer;
mod frame;
#[cfg(test)]
mod tests;
pub mod xor;

pub use answer::{Answer, FloatHistogram};
pub use frame::{Chunk, frame};

use crate::pb::{Enum, Error, Int64, Many, Numbers, Str, View, views};

/// One message with all samples, compressed by Snappy.
pub const SAMPLES: &str = "application/x-protobuf";
/// Messages with chunks of series, each with its length and checksum.
pub const STREAMED: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

views! {
    /// A request.
    pub struct ReadRequest<'a> {
        /// What is asked.
        queries: Many<Query<'a>> = 1,
        /// See [`ReadRequest::form`].
        accepted_response_types: Numbers<Enum> = 2,
    }

    /// Samples of series within a time.
    pub struct Query<'a> {
        /// Milliseconds since the epoch, included.
        start_timestamp_ms: Int64 = 1,
        /// Milliseconds since the epoch, included.
        end_timestamp_ms: Int64 = 2,
        /// Of which all must be true.
        matchers: Many<LabelMatcher<'a>> = 3,
    }

    /// A condition on a label.
    pub struct LabelMatcher<'a> {
        /// 0 `=`, 1 `!=`, 2 `=~`, 3 `!~`.
        kind: Enum = 1,
        /// The label's name.
        name: Str = 2,
        /// What it is compared with.
        value: Str = 3,
    }
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// [`SAMPLES`]
    Samples,
    /// [`STREAMED`]
    Chunks,
}

impl<'a> ReadRequest<'a> {
    /// Reads where the queries of a decompressed body are.
    ///
    /// # Errors
    /// Bytes that are no request, with the place.
    pub fn read(body: &'a [u8]) -> Result<Self, Error> {
        Self::decode(body)
    }

    /// The forms that are accepted and known, the best first: samples if none is named.
    ///
    /// # Errors
    /// Bytes that cannot be read.
    pub fn forms(&self) -> Result<Vec<Form>, Error> {
        let (mut forms, mut named) = (Vec::new(), false);
        for form in self.accepted_response_types.iter() {
            named = true;
            let form = match form? {
                0 => Form::Samples,
                1 => Form::Chunks,
                _ => continue,
            };
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        if !named {
            forms.push(Form::Samples);
        }
        Ok(forms)
    }
}
