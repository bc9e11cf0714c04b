//! OTLP: metrics, logs and traces, protobuf or JSON.

mod exemplars;
mod labels;
mod logs;
mod metrics;
mod traces;

use wire::body::Encoding;
use wire::otlp::{Format, transcode};
use wire::pb::View;

use crate::{Ingest, IngestError};

impl Ingest {
    /// The bytes of a request in protobuf: decompressed, and out of JSON.
    pub(crate) fn protobuf<'a, 'b, T: View<'b>>(
        &self,
        body: &'a [u8],
        encoding: Encoding,
        format: Format,
        buffers: &'a mut [Vec<u8>; 2],
    ) -> Result<&'a [u8], IngestError> {
        let [decoded, transcoded] = buffers;
        let body = encoding.decode(body, self.decoded(), decoded)?;
        if format == Format::Protobuf {
            return Ok(body);
        }
        transcode::<T>(body, self.decoded(), transcoded).map_err(|error| IngestError::Json(error.to_string()))?;
        Ok(transcoded)
    }
}
