//! OTLP: metrics, logs and traces, protobuf or JSON.

mod exemplars;
mod labels;
mod logs;
mod metrics;
mod scope;
mod traces;

use wire::body::{BodyError, Encoding};
use wire::otlp::{Format, transcode};
use wire::pb::{Fault, LossyError, View, lossy};

use crate::scratch::with_scratch;
use crate::{Ingest, IngestError};

impl Ingest {
    /// Reads a request by its bytes in protobuf: decompressed, and out of JSON. One that has something which is no Unicode is read
    /// with U+FFFD in its place, and `read` is told so: one text is no reason to refuse all others.
    pub(crate) fn otlp<'b, T: View<'b>, R>(
        &self,
        body: &[u8],
        encoding: Encoding,
        format: Format,
        read: impl Fn(&[u8], bool) -> Result<R, IngestError>,
    ) -> Result<R, IngestError> {
        with_scratch(|[decoded, written]| {
            let body = encoding.decode(body, self.decoded(), decoded)?;
            if format == Format::Json {
                let is_lossy = transcode::<T>(body, self.decoded(), written);
                let is_lossy = is_lossy.map_err(|error| IngestError::Json(error.to_string()))?;
                return read(written, is_lossy);
            }
            match read(body, false) {
                Err(IngestError::Bytes(error)) if *error.fault() == Fault::Utf8 => {
                    lossy(body, T::message(), self.decoded(), written).map_err(|error| match error {
                        LossyError::Bytes(error) => IngestError::Bytes(error),
                        LossyError::TooLarge(limit) => IngestError::Body(BodyError::TooLarge(limit)),
                    })?;
                    read(written, true)
                }
                done => done,
            }
        })
    }
}
