use std::borrow::Cow;
use std::ops::ControlFlow;

use base::Limit;

use super::{Entry, Label, PushError, Sink};
use crate::json::{JsonError, Parser, Shape};
use crate::utf8;

/// Reads a body of `application/json`: `{"streams":[{"stream":{..},"values":[["ns","line",{..}]]}]}`. What of it is no Unicode is
/// U+FFFD, so many bytes with these at most.
///
/// # Errors
/// More than `limit`, or a text that is no push, with the JSON path, and the byte of the text in which U+FFFD is.
pub fn read_json(body: &[u8], limit: Limit, sink: &mut impl Sink) -> Result<(), PushError> {
    let text = utf8::lossy_within(body, limit)?;
    let (labels, metadata, lossy) = (Vec::new(), Vec::new(), matches!(text, Cow::Owned(_)));
    let flow = ControlFlow::Continue(());
    let mut reader = Reader { sink, labels, metadata, lossy, labels_lossy: false, flow };
    let mut parser = Parser::of(&text);
    let done = parser.object(|parser, key| match &**key {
        "streams" => unless_null(parser, |parser| parser.array(|parser, _| reader.stream(parser))),
        _ => parser.skip(),
    });
    match done.and_then(|()| parser.end()) {
        // The sink wanted no more: what ended reading is not an error of the text.
        Err(_) if reader.flow.is_break() => Ok(()),
        done => Ok(done?),
    }
}

struct Reader<'a, 's, S> {
    sink: &'s mut S,
    labels: Vec<Label<'a>>,
    metadata: Vec<Label<'a>>,
    /// Whether the text was not UTF-8, somewhere.
    lossy: bool,
    /// Whether the labels of the stream were no Unicode.
    labels_lossy: bool,
    flow: ControlFlow<()>,
}

impl<'a, S: Sink> Reader<'a, '_, S> {
    /// The labels may come behind the values: then these are read when the labels are known.
    fn stream(&mut self, parser: &mut Parser<'a>) -> Result<(), JsonError> {
        let (mut known, mut waiting) = (false, None);
        parser.object(|parser, key| match &**key {
            "stream" => {
                pairs(parser, &mut self.labels)?;
                self.labels_lossy = self.is_replaced(parser, &self.labels, "");
                known = true;
                let flow = self.sink.stream(&self.labels);
                self.go_on(parser, flow)
            }
            "values" if known => self.values(parser),
            "values" => {
                waiting = Some(parser.clone());
                parser.skip()
            }
            _ => parser.skip(),
        })?;
        match waiting {
            Some(_) if !known => Err(parser.error(parser.at(), "a stream without labels")),
            Some(mut values) => self.values(&mut values).map_err(|error| error.within(format_args!(".values"))),
            None => Ok(()),
        }
    }

    /// Ends reading, by an error that is taken back, when the sink wants no more.
    fn go_on(&mut self, parser: &Parser<'a>, flow: ControlFlow<()>) -> Result<(), JsonError> {
        self.flow = flow;
        if flow.is_break() { Err(parser.error(parser.at(), "stopped")) } else { Ok(()) }
    }

    fn values(&mut self, parser: &mut Parser<'a>) -> Result<(), JsonError> {
        unless_null(parser, |parser| parser.array(|parser, _| self.entry(parser)))
    }

    /// Whether something of these pairs or of the line was no Unicode.
    fn is_replaced(&self, parser: &Parser<'_>, pairs: &[Label<'_>], line: &str) -> bool {
        let mut texts = pairs.iter().flat_map(|(name, value)| [&**name, &**value]).chain([line]);
        (self.lossy || parser.replaced()) && texts.any(|text| text.contains(char::REPLACEMENT_CHARACTER))
    }

    fn entry(&mut self, parser: &mut Parser<'a>) -> Result<(), JsonError> {
        let (start, mut time, mut line) = (parser.at(), None, None);
        self.metadata.clear();
        parser.array(|parser, index| match index {
            0 => {
                time = Some(nanos(parser)?);
                Ok(())
            }
            1 => {
                line = Some(parser.string()?);
                Ok(())
            }
            2 => unless_null(parser, |parser| pairs(parser, &mut self.metadata)),
            _ => Err(parser.error(parser.at(), "more than time, line and metadata")),
        })?;
        let (Some(time_ns), Some(line)) = (time, line) else {
            return Err(parser.error(start, "time or line is missing"));
        };
        let lossy = self.labels_lossy || self.is_replaced(parser, &self.metadata, &line);
        let flow = self.sink.entry(Entry { time_ns, line: &line, metadata: &self.metadata, lossy });
        self.go_on(parser, flow)
    }
}

/// What is null has nothing in it: so encoders write what is empty.
fn unless_null<'a>(
    parser: &mut Parser<'a>,
    read: impl FnOnce(&mut Parser<'a>) -> Result<(), JsonError>,
) -> Result<(), JsonError> {
    if parser.shape()? == Shape::Null { parser.null() } else { read(parser) }
}

fn nanos(parser: &mut Parser<'_>) -> Result<i64, JsonError> {
    let string = parser.shape()? == Shape::String;
    let at = parser.at();
    let text = if string { parser.string()? } else { Cow::Borrowed(parser.number()?) };
    text.parse().map_err(|_| parser.error(at, "a time in nanoseconds is missing"))
}

/// An object whose members are strings.
fn pairs<'a>(parser: &mut Parser<'a>, to: &mut Vec<Label<'a>>) -> Result<(), JsonError> {
    to.clear();
    parser.object(|parser, key| {
        let value = parser.string()?;
        to.push((key.clone(), value));
        Ok(())
    })
}
