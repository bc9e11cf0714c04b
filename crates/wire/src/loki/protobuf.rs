use std::borrow::Cow;
use std::ops::ControlFlow;

use super::{Entry, Label, LabelsError, PushError, Sink, parse_labels};
use crate::pb::{Int32, Int64, Many, Msg, RawStr, View, views};
use crate::utf8;

views! {
    pub(super) struct PushRequest<'a> {
        streams: Many<Stream<'a>> = 1,
    }

    pub(super) struct Stream<'a> {
        labels: RawStr = 1,
        entries: Many<RawEntry<'a>> = 2,
    }

    pub(super) struct RawEntry<'a> {
        timestamp: Msg<Timestamp> = 1,
        line: RawStr = 2,
        structured_metadata: Many<Pair<'a>> = 3,
    }

    pub(super) struct Pair<'a> {
        name: RawStr = 1,
        value: RawStr = 2,
    }

    pub(super) struct Timestamp {
        seconds: Int64 = 1,
        nanos: Int32 = 2,
    }
}

/// Reads a decompressed body of `application/x-protobuf`. What of its texts is not UTF-8 is U+FFFD: agents send lines as they are.
/// A stream whose labels cannot be read is left out by name.
///
/// # Errors
/// Bytes that are no push.
pub fn read_protobuf(body: &[u8], sink: &mut impl Sink) -> Result<(), PushError> {
    let (mut labels, mut metadata) = (Vec::new(), Vec::new());
    for (index, stream) in PushRequest::decode(body)?.streams.iter().enumerate() {
        let stream = stream?;
        let begun = match utf8::lossy(stream.labels) {
            Cow::Borrowed(text) => begin(text, &mut labels, sink),
            Cow::Owned(text) => begin(&text, &mut Vec::new(), sink).map(|(flow, _)| (flow, true)),
        };
        let (flow, lossy) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                sink.refused(index, &error);
                continue;
            }
        };
        if flow.is_break() {
            return Ok(());
        }
        for entry in stream.entries.iter() {
            if push(entry?, lossy, &mut metadata, sink)?.is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Tells of a stream; says whether bytes that Go quoted in its labels were no Unicode.
fn begin<'t>(
    text: &'t str,
    labels: &mut Vec<Label<'t>>,
    sink: &mut impl Sink,
) -> Result<(ControlFlow<()>, bool), LabelsError> {
    labels.clear();
    parse_labels(text, labels)?;
    let replaced =
        |value: &Cow<'_, str>| matches!(value, Cow::Owned(text) if text.contains(char::REPLACEMENT_CHARACTER));
    let lossy = labels.iter().any(|(_, value)| replaced(value));
    Ok((sink.stream(labels), lossy))
}

/// Takes an entry of a stream whose labels were no Unicode, or were.
fn push<'a>(
    entry: RawEntry<'a>,
    mut lossy: bool,
    metadata: &mut Vec<Label<'a>>,
    sink: &mut impl Sink,
) -> Result<ControlFlow<()>, PushError> {
    let mut text = |bytes: &'a [u8]| {
        let text = utf8::lossy(bytes);
        lossy |= matches!(text, Cow::Owned(_));
        text
    };
    metadata.clear();
    for pair in entry.structured_metadata.iter() {
        let Pair { name, value } = pair?;
        metadata.push((text(name), text(value)));
    }
    let line = text(entry.line);
    let time_ns =
        entry.timestamp.map_or(0, |at| at.seconds.saturating_mul(1_000_000_000).saturating_add(at.nanos.into()));
    Ok(sink.entry(Entry { time_ns, line: &line, metadata, lossy }))
}
