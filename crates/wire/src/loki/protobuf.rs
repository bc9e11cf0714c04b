use std::borrow::Cow;
use std::ops::ControlFlow;

use super::{Entry, Label, PushError, Sink, parse_labels};
use crate::pb::{Int32, Int64, Many, Msg, Str, View, views};

views! {
    pub(super) struct PushRequest<'a> {
        streams: Many<Stream<'a>> = 1,
    }

    pub(super) struct Stream<'a> {
        labels: Str = 1,
        entries: Many<RawEntry<'a>> = 2,
    }

    pub(super) struct RawEntry<'a> {
        timestamp: Msg<Timestamp> = 1,
        line: Str = 2,
        structured_metadata: Many<Pair<'a>> = 3,
    }

    pub(super) struct Pair<'a> {
        name: Str = 1,
        value: Str = 2,
    }

    pub(super) struct Timestamp {
        seconds: Int64 = 1,
        nanos: Int32 = 2,
    }
}

/// Reads a decompressed body of `application/x-protobuf`.
///
/// # Errors
/// Bytes that are no push, or labels that are none.
pub fn read_protobuf(body: &[u8], sink: &mut impl Sink) -> Result<(), PushError> {
    let (mut labels, mut metadata): (Vec<Label<'_>>, Vec<Label<'_>>) = (Vec::new(), Vec::new());
    for (index, stream) in PushRequest::decode(body)?.streams.iter().enumerate() {
        let stream = stream?;
        labels.clear();
        parse_labels(stream.labels, &mut labels).map_err(|error| PushError::Labels { stream: index, error })?;
        if sink.stream(&labels).is_break() {
            return Ok(());
        }
        for entry in stream.entries.iter() {
            if push(entry?, &mut metadata, sink)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn push<'a>(
    entry: RawEntry<'a>,
    metadata: &mut Vec<Label<'a>>,
    sink: &mut impl Sink,
) -> Result<ControlFlow<()>, PushError> {
    metadata.clear();
    for pair in entry.structured_metadata.iter() {
        let Pair { name, value } = pair?;
        metadata.push((Cow::Borrowed(name), Cow::Borrowed(value)));
    }
    let time_ns =
        entry.timestamp.map_or(0, |at| at.seconds.saturating_mul(1_000_000_000).saturating_add(at.nanos.into()));
    Ok(sink.entry(Entry { time_ns, line: entry.line, metadata }))
}
