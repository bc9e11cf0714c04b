//! Rows on their way to a client.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use base::queue;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use query::Answer;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Response, Status};

use crate::{Parts, form, status};

/// Messages that wait for a slow client.
const AHEAD: usize = 4;
/// What a client may take to read the last of an answer, after the query's own time.
const GRACE: Duration = Duration::from_secs(5);
/// What the tables' reader should know, each as a header.
const WARNING: &str = "steadfast-warning";

/// Messages of one answer.
pub type Messages = Pin<Box<dyn Stream<Item = Result<FlightData, Status>> + Send>>;

/// The answer to a query, encoded in the background as fast as the client reads. The query ends when
/// the client goes; one that does not read keeps the query's place no longer than it may take.
pub fn rows(parts: &Parts, answer: Answer) -> Response<Messages> {
    let (sender, receiver) = queue::bounded("flight_answer", AHEAD);
    let (clock, limit) = (parts.clock.clone(), parts.engine.config().timeout + GRACE);
    let warnings: Vec<_> = answer.warnings.iter().filter_map(|text| header(text)).collect();
    parts.tasks.spawn("flight answer", async move {
        tokio::select! {
            () = sender.closed() => {}
            _ = clock.timeout(limit, pump(answer, &sender)) => {}
        }
    });
    let mut response = Response::new(messages(receiver));
    for warning in warnings {
        response.metadata_mut().append(WARNING, warning);
    }
    response
}

/// One batch as an answer.
pub fn batch(batch: RecordBatch) -> Response<Messages> {
    let encoder = FlightDataEncoderBuilder::new().with_schema(batch.schema());
    let messages = encoder.build(stream::once(std::future::ready(Ok(batch))));
    Response::new(messages.map_err(Status::from).boxed())
}

/// A piece of an answer.
enum Piece {
    Data(FlightData),
    Failed(Status),
    End,
}

async fn pump(answer: Answer, sender: &queue::Sender<Piece>) {
    let columns = form::columns(&answer.schema);
    let given = Arc::clone(&columns);
    let rows = answer.stream.map(move |rows| -> Result<RecordBatch, FlightError> {
        let rows = rows.map_err(|error| FlightError::Tonic(Box::new(status::of(&error))))?;
        Ok(form::batch(&rows, &given)?)
    });
    let mut encoder = FlightDataEncoderBuilder::new().with_schema(columns).build(rows);
    while let Some(data) = encoder.next().await {
        let piece = data.map_or_else(|error| Piece::Failed(error.into()), Piece::Data);
        let ended = matches!(piece, Piece::Failed(_));
        if sender.send(piece).await.is_err() || ended {
            return;
        }
    }
    let _ = sender.send(Piece::End).await;
}

/// What arrives; without its end it is a part, and nobody may take it for the whole.
fn messages(receiver: queue::Receiver<Piece>) -> Messages {
    let pieces = stream::unfold(Some(receiver), async |receiver| {
        let mut receiver = receiver?;
        match receiver.recv().await {
            Some(Piece::Data(data)) => Some((Ok(data), Some(receiver))),
            Some(Piece::Failed(status)) => Some((Err(status), None)),
            Some(Piece::End) => None,
            None => Some((Err(Status::deadline_exceeded("the client read too slowly")), None)),
        }
    });
    pieces.boxed()
}

/// A text as a header has it.
fn header(text: &str) -> Option<AsciiMetadataValue> {
    text.chars().map(|sign| if matches!(sign, ' '..='~') { sign } else { '?' }).collect::<String>().parse().ok()
}
