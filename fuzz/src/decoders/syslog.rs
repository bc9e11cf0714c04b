//! Syslog: a stream gives the same messages in pieces of any size, none longer than the limit; messages of
//! RFC 5424 that are written again read the same.

use base::Limit;
use wire::syslog::{Frame, Framer, Message, Time};

use crate::{input, seeds};

/// Bytes of a message.
const LIMIT: Limit = Limit::new("fuzz_syslog_bytes", 200);

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = seeds::lines("wire/tests/bodies/syslog.txt");
    let framed = |line: &Vec<u8>| [format!("\x03{} ", line.len()).as_bytes(), line, b"<13>next\n"].concat();
    let streams: Vec<_> = seeds.iter().map(framed).collect();
    seeds.extend(streams);
    seeds.push(seeds::growing("<1>1 - - - - - ", "[a b=\"c\"]", " x"));
    seeds
}

pub fn run(data: &[u8]) {
    let data = &*input::grown(data);
    let (step, stream) = input::choice(data);
    let whole = frames(stream, stream.len().max(1));
    assert_eq!(frames(stream, usize::from(step) + 1), whole);
    for bytes in whole.iter().map(|(bytes, _)| bytes.as_slice()).chain([data]) {
        message(bytes);
    }
}

/// The messages of a stream that comes in pieces, and whether each was cut. The last is what no frame begins with.
fn frames(stream: &[u8], step: usize) -> Vec<(Vec<u8>, bool)> {
    let (mut framer, mut buffer, mut found) = (Framer::new(LIMIT), Vec::new(), Vec::new());
    let room = LIMIT.max() as usize + Framer::HEAD;
    for piece in stream.chunks(step).flat_map(|piece| piece.chunks(room)) {
        buffer.extend_from_slice(piece);
        loop {
            let consumed = match framer.next(&buffer) {
                Ok(Frame::Message { bytes, consumed, cut }) => {
                    assert!(bytes.len() as u64 <= LIMIT.max(), "{} bytes", bytes.len());
                    found.push((bytes.to_vec(), cut));
                    consumed
                }
                Ok(Frame::Rest { consumed }) => consumed,
                Ok(Frame::More) => break,
                Err(_) => return found,
            };
            assert!(consumed <= buffer.len());
            buffer.drain(..consumed);
        }
        assert!(buffer.len() <= room, "{} bytes wait", buffer.len());
    }
    found
}

fn message(bytes: &[u8]) {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(error) => return assert!(error.at <= bytes.len(), "{error}"),
    };
    assert!(message.facility < 24 && message.severity < 8);
    let _ = (message.text(), Message::unread(bytes));
    let now = base::Timestamp::from_secs(1_700_000_000);
    let _ = message.sent(now, &base::Zone::default());
    if message.rfc5424 {
        let written = write(&message);
        let again = Message::parse(&written).unwrap_or_else(|error| panic!("{error}: {written:?}"));
        assert_eq!(Message { structured: message.structured, ..again }, message);
        assert_eq!(params(&again), params(&message));
    }
}

fn params(message: &Message<'_>) -> Vec<(String, Vec<(String, String)>)> {
    let of = |element: wire::syslog::Element<'_>| {
        let params = element.params().map(|(name, value)| (name.to_owned(), value.into_owned()));
        (element.id.to_owned(), params.collect())
    };
    message.structured.iter().map(of).collect()
}

fn write(message: &Message<'_>) -> Vec<u8> {
    let field = |field: Option<&str>| field.unwrap_or("-").to_owned();
    let time = match message.time {
        Some(Time::At(at)) => at.to_string(),
        _ => "-".to_owned(),
    };
    let mut structured = String::new();
    for (id, params) in params(message) {
        structured += &format!("[{id}");
        for (name, value) in params {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
            structured += &format!(" {name}=\"{value}\"");
        }
        structured += "]";
    }
    let structured = if structured.is_empty() { "-" } else { &structured };
    let head = format!(
        "<{}>1 {time} {} {} {} {} {structured}",
        u32::from(message.facility) * 8 + u32::from(message.severity),
        field(message.hostname),
        field(message.app_name),
        field(message.proc_id),
        field(message.msg_id),
    );
    // The mark of UTF-8 keeps one that the text begins with itself.
    [head.as_bytes(), b" \xef\xbb\xbf", message.message].concat()
}
