//! Lines become records: parts of lines that a runtime has split are put together, then lines of one record. No I/O
//! and no clock.

use std::borrow::Cow;
use std::time::Duration;

use base::Timestamp;
use regex::bytes::Regex;

use crate::logs::config::MultilineConfig;

/// Where lines of a file come from: lines of different streams are parts of different records.
pub(super) const STREAMS: [&str; 3] = ["", "stdout", "stderr"];

/// A line, or a record of one or more lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// The byte of the file at which it begins.
    pub start: u64,
    /// The number of its stream in [`STREAMS`].
    pub stream: usize,
    pub time: Option<Timestamp>,
    pub text: Cow<'a, [u8]>,
    /// A limit left out its end.
    pub cut: bool,
    /// A limit ended it, and what follows belongs to it.
    pub split: bool,
}

/// How lines become records.
#[derive(Clone, Debug)]
pub(super) struct Multiline {
    expression: Regex,
    /// Whether the expression is for the first line; else it is for the others.
    first: bool,
    timeout: Duration,
    max_lines: usize,
    max_bytes: usize,
}

impl Multiline {
    /// # Errors
    /// What is wrong with the settings.
    pub(super) fn new(config: &MultilineConfig) -> Result<Self, String> {
        let (expression, first) = config.pattern()?;
        let MultilineConfig { timeout, max_lines, max_bytes, .. } = *config;
        Ok(Self { expression, first, timeout, max_lines, max_bytes })
    }

    fn begins(&self, line: &[u8]) -> bool {
        self.expression.is_match(line) == self.first
    }
}

/// A record that is not whole.
#[derive(Clone, Debug)]
struct Open {
    record: Record<'static>,
    lines: usize,
    /// When its last line came, on the monotonic clock.
    last: Duration,
}

/// What a file's lines have begun, by stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Join {
    /// Lines of which parts are missing.
    parts: [Option<Record<'static>>; 3],
    /// Records whose next line may come.
    open: [Option<Open>; 3],
}

/// By what rules lines are put together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub multiline: Option<&'a Multiline>,
    /// Bytes of a line whose parts are put together.
    pub max_line: usize,
}

impl Join {
    /// Adds a line, or a part of one; gives each record that is whole to `whole`.
    pub(super) fn add(
        &mut self,
        line: Record<'_>,
        partial: bool,
        now: Duration,
        rules: Rules<'_>,
        whole: &mut dyn FnMut(Record<'_>),
    ) {
        let Some(parts) = self.parts.get_mut(line.stream) else { return };
        let line = match (parts.take(), partial) {
            (None, false) => line,
            (None, true) => return *parts = Some(owned(line)),
            (Some(mut before), _) => {
                append(&mut before, &line, b"", rules.max_line);
                if partial {
                    return *parts = Some(before);
                }
                before
            }
        };
        match rules.multiline {
            None => whole(line),
            Some(multiline) => self.group(line, now, multiline, whole),
        }
    }

    fn group(&mut self, line: Record<'_>, now: Duration, rules: &Multiline, whole: &mut dyn FnMut(Record<'_>)) {
        let Some(slot) = self.open.get_mut(line.stream) else { return };
        if let Some(mut open) = slot.take() {
            let begins = rules.begins(&line.text);
            let fits = open.lines < rules.max_lines && open.record.text.len() + 1 + line.text.len() <= rules.max_bytes;
            if !begins && fits {
                append(&mut open.record, &line, b"\n", usize::MAX);
                (open.lines, open.last) = (open.lines + 1, now);
                return *slot = Some(open);
            }
            open.record.split = !begins;
            whole(open.record);
        }
        *slot = Some(Open { record: owned(line), lines: 1, last: now });
    }

    /// Gives the records whose next line has not come in time.
    pub(super) fn late(&mut self, now: Duration, rules: Rules<'_>, whole: &mut dyn FnMut(Record<'_>)) {
        let Some(multiline) = rules.multiline else { return };
        for slot in &mut self.open {
            if slot.as_ref().is_some_and(|open| now >= open.last + multiline.timeout) {
                slot.take().into_iter().for_each(|open| whole(open.record));
            }
        }
    }

    /// Gives all that was begun: nothing more comes.
    pub(super) fn end(&mut self, rules: Rules<'_>, whole: &mut dyn FnMut(Record<'_>)) {
        for stream in 0..STREAMS.len() {
            if let Some(mut part) = self.parts.get_mut(stream).and_then(Option::take) {
                part.cut = true;
                match rules.multiline {
                    None => whole(part),
                    Some(multiline) => self.group(part, Duration::ZERO, multiline, whole),
                }
            }
            self.open.get_mut(stream).and_then(Option::take).into_iter().for_each(|open| whole(open.record));
        }
    }

    /// When the first record that is open is late.
    pub(super) fn deadline(&self, rules: Rules<'_>) -> Option<Duration> {
        let timeout = rules.multiline?.timeout;
        self.open.iter().flatten().map(|open| open.last + timeout).min()
    }

    /// Whether parts of a line are waited for.
    #[cfg(test)]
    pub(super) fn has_parts(&self) -> bool {
        self.parts.iter().any(Option::is_some)
    }

    /// The byte from which a file must be read again if what was begun is forgotten: `read`, or before it.
    pub(super) fn safe(&self, read: u64) -> u64 {
        let parts = self.parts.iter().flatten().map(|part| part.start);
        let open = self.open.iter().flatten().map(|open| open.record.start);
        parts.chain(open).min().unwrap_or(read)
    }
}

fn owned(record: Record<'_>) -> Record<'static> {
    let Record { start, stream, time, text, cut, split } = record;
    Record { start, stream, time, text: text.into_owned().into(), cut, split }
}

/// Adds a line to a record, as far as `most` bytes allow.
fn append(record: &mut Record<'static>, line: &Record<'_>, between: &[u8], most: usize) {
    let text = record.text.to_mut();
    text.extend_from_slice(between);
    text.extend_from_slice(&line.text);
    record.cut |= line.cut || text.len() > most;
    text.truncate(most);
}
