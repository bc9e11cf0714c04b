//! The values of a statement, as clients send them: nothing that their bytes say of themselves is believed.

use std::panic::AssertUnwindSafe;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::root_as_message;
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use base::Limit;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use tonic::Status;

use crate::status;

/// Bytes of the values that are bound to a statement.
pub const PARAMETERS: Limit = Limit::new("flight.parameter_bytes", 1 << 20);
/// What stands before the length of each message of a stream of Arrow IPC.
const CONTINUATION: [u8; 4] = [0xff; 4];

/// The row of a whole stream of Arrow IPC, if there is one.
///
/// # Errors
/// If it is none, or has more rows.
pub fn of_stream(bytes: &[u8]) -> Result<Option<RecordBatch>, Status> {
    refuse_lengths(bytes)?;
    // Arrow checks most, but panics on some bytes that no writer makes.
    let decoded = std::panic::catch_unwind(|| StreamDecoder::new().decode(&mut Buffer::from(bytes)));
    let decoded = decoded.map_err(|_| damaged())?;
    let row = decoded.map_err(|error| status::invalid(format!("the parameters: {error}")))?;
    one_row(row.as_ref().map_or(0, RecordBatch::num_rows))?;
    Ok(row)
}

/// The one row of values that a client sends.
///
/// # Errors
/// If they are too long, compressed, more than a row, or no Arrow.
pub async fn of_messages(
    stream: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
) -> Result<Option<RecordBatch>, Status> {
    let mut bytes = 0;
    let checked = stream.map(move |data| {
        let refused = |status| FlightError::Tonic(Box::new(status));
        let data = data.map_err(refused)?;
        bytes += (data.data_header.len() + data.data_body.len()) as u64;
        PARAMETERS.check(bytes).map_err(|exceeded| refused(status::exceeded(&exceeded)))?;
        // A message may be one of Flight alone.
        if !data.data_header.is_empty() {
            body_length(&data.data_header).map_err(refused)?;
        }
        Ok(data)
    });
    let row = AssertUnwindSafe(row_of(FlightRecordBatchStream::new_from_flight_data(checked)));
    row.catch_unwind().await.map_err(|_| damaged())?
}

async fn row_of(mut batches: FlightRecordBatchStream) -> Result<Option<RecordBatch>, Status> {
    let wrong = |error: FlightError| match error {
        FlightError::Tonic(status) => *status,
        other => status::invalid(format!("the parameters: {other}")),
    };
    let mut row: Option<RecordBatch> = None;
    while let Some(batch) = batches.try_next().await.map_err(wrong)? {
        one_row(row.as_ref().map_or(0, RecordBatch::num_rows).saturating_add(batch.num_rows()))?;
        if batch.num_rows() == 1 {
            row = Some(batch);
        }
    }
    Ok(row)
}

fn one_row(rows: usize) -> Result<(), Status> {
    match rows {
        0 | 1 => Ok(()),
        _ => Err(status::invalid("there is more than one row of parameters: a query takes one")),
    }
}

fn damaged() -> Status {
    status::invalid("the parameters have buffers that are not there")
}

/// Whether every message of a stream is as long as it says, and none is compressed.
fn refuse_lengths(mut rest: &[u8]) -> Result<(), Status> {
    let short = || status::invalid("the parameters are no stream of Arrow: it ends early");
    while !rest.is_empty() {
        rest = rest.strip_prefix(&CONTINUATION).unwrap_or(rest);
        let (length, tail) = rest.split_first_chunk().ok_or_else(short)?;
        let length = u32::from_le_bytes(*length);
        if length == 0 {
            break;
        }
        let (head, tail) = tail.split_at_checked(length as usize).ok_or_else(short)?;
        let body = body_length(head)?;
        (_, rest) = tail.split_at_checked(body).ok_or_else(short)?;
    }
    Ok(())
}

/// What follows a head of a message, if it is not compressed: Arrow would take memory for what a compressed buffer says
/// that it becomes, which may be any number, and a process that asks for more than there is has ended.
fn body_length(head: &[u8]) -> Result<usize, Status> {
    let message = root_as_message(head).map_err(|error| status::invalid(format!("the parameters: {error}")))?;
    let dictionary = message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data());
    let batch = message.header_as_record_batch().or(dictionary);
    if batch.is_some_and(|batch| batch.compression().is_some()) {
        return Err(status::invalid("the parameters are compressed: send them as they are"));
    }
    Ok(usize::try_from(message.bodyLength()).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
    use arrow_flight::encode::FlightDataEncoderBuilder;
    use futures::stream;

    use super::*;

    fn rows(texts: &[&str]) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![7; texts.len()]));
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        RecordBatch::try_from_iter([("1", numbers), ("2", texts)]).unwrap()
    }

    fn compressing() -> IpcWriteOptions {
        IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD)).unwrap()
    }

    fn written(batch: &RecordBatch, options: IpcWriteOptions) -> Vec<u8> {
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), batch.schema_ref(), options).unwrap();
        writer.write(batch).unwrap();
        writer.into_inner().unwrap()
    }

    /// With another length of the body of its second message, the batch.
    fn with_body_length(mut stream: Vec<u8>, length: i64) -> Vec<u8> {
        let message = |at: usize| {
            let head = u32::from_le_bytes(stream[at + 4..at + 8].try_into().unwrap()) as usize;
            (at + 8, root_as_message(&stream[at + 8..at + 8 + head]).unwrap().bodyLength(), head)
        };
        let (at, body, head) = message(0);
        let (at, body, head) = message(at + head + body as usize);
        let places: Vec<usize> = (at..at + head - 7).filter(|at| stream[*at..at + 8] == body.to_le_bytes()).collect();
        for place in places {
            stream[place..place + 8].copy_from_slice(&length.to_le_bytes());
        }
        stream
    }

    #[test]
    fn a_stream_is_not_believed_how_long_it_is() {
        let good = written(&rows(&["x"]), IpcWriteOptions::default());
        assert_eq!(of_stream(&good).unwrap(), Some(rows(&["x"])));
        for length in [1 << 62, i64::MAX, -1, 1 << 33] {
            let refused = of_stream(&with_body_length(good.clone(), length)).unwrap_err();
            assert!(refused.message().contains("no stream of Arrow"), "{length}: {refused}");
        }
        for at in 0..good.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut changed = good.clone();
                changed[at] = byte;
                // Another value, or an error; it never ends the process.
                let _ = of_stream(&changed);
            }
        }
    }

    #[test]
    fn what_is_compressed_or_more_than_a_row_is_refused() {
        let packed = of_stream(&written(&rows(&["x".repeat(100).as_str()]), compressing())).unwrap_err();
        assert!(packed.message().contains("compressed"), "{packed}");
        let many = of_stream(&written(&rows(&["x", "y"]), IpcWriteOptions::default())).unwrap_err();
        assert!(many.message().contains("more than one row"), "{many}");
    }

    async fn sent(batch: RecordBatch, options: IpcWriteOptions) -> Result<Option<RecordBatch>, Status> {
        let messages = FlightDataEncoderBuilder::new().with_options(options).build(stream::iter([Ok(batch)]));
        of_messages(messages.map_err(Status::from)).await
    }

    #[tokio::test]
    async fn messages_are_read_and_refused_in_the_same_way() {
        let plain = IpcWriteOptions::default;
        assert_eq!(sent(rows(&["x"]), plain()).await.unwrap(), Some(rows(&["x"])));
        let packed = sent(rows(&["x".repeat(100).as_str()]), compressing()).await.unwrap_err();
        assert!(packed.message().contains("compressed"), "{packed}");
        let many = sent(rows(&["x", "y"]), plain()).await.unwrap_err();
        assert!(many.message().contains("more than one row"), "{many}");
        let long = sent(rows(&["x".repeat(2 << 20).as_str()]), plain()).await.unwrap_err();
        assert!(long.message().contains("flight.parameter_bytes"), "{long}");
    }
}
