//! Lines of containers' logs, as their runtimes write them: CRI (containerd, CRI-O) and Docker's `json-file`.

use std::borrow::Cow;

use base::Timestamp;

use crate::json::{JsonError, Parser};

/// A line that a container wrote, or a part of one: runtimes split lines longer than 16 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// When it was written; none if the line does not say so in RFC 3339.
    pub time: Option<Timestamp>,
    /// `stdout` or `stderr`.
    pub stream: Cow<'a, str>,
    /// Whether the line goes on in the next one of this stream.
    pub partial: bool,
    /// What was written, without the end of the line.
    pub text: Cow<'a, [u8]>,
}

/// Why a line is not of a runtime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A part of `TIME STREAM TAGS TEXT` is not there.
    #[error("CRI: {0}")]
    Cri(&'static str),
    /// It is not the JSON that Docker writes.
    #[error("json-file: {0}")]
    Docker(#[from] JsonError),
}

/// Reads `TIME STREAM TAGS TEXT`: the format of Kubernetes' Container Runtime Interface. Of the tags, which are
/// parted by colons, the first says whether the line is whole (`F`) or not (`P`).
///
/// # Errors
/// A part that is not there, or is not what it should be.
pub fn cri(line: &[u8]) -> Result<Line<'_>, LineError> {
    let (time, rest) = word(line).ok_or(LineError::Cri("no time"))?;
    let time = std::str::from_utf8(time)
        .ok()
        .and_then(|time| time.parse().ok())
        .ok_or(LineError::Cri("no time of RFC 3339"))?;
    let (stream, rest) = word(rest).ok_or(LineError::Cri("no stream"))?;
    let stream = match stream {
        b"stdout" => "stdout",
        b"stderr" => "stderr",
        _ => return Err(LineError::Cri("a stream that is neither stdout nor stderr")),
    };
    // An empty line may have no space behind its tag.
    let (tags, text) = word(rest).unwrap_or((rest, b""));
    let partial = match tags.split(|byte| *byte == b':').next() {
        Some(b"F") => false,
        Some(b"P") => true,
        _ => return Err(LineError::Cri("a tag that is neither F nor P")),
    };
    Ok(Line { time: Some(time), stream: stream.into(), partial, text: text.into() })
}

/// What is before the first space, and what is behind it.
fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (word, rest) = bytes.split_at_checked(memchr::memchr(b' ', bytes)?)?;
    Some((word, rest.get(1..)?))
}

/// Reads `{"log": "text\n", "stream": "stdout", "time": "..."}`: what Docker's `json-file` driver writes. A text
/// that does not end with a newline goes on.
///
/// # Errors
/// Anything but an object with a text `log`.
pub fn docker(line: &[u8]) -> Result<Line<'_>, LineError> {
    let mut parser = Parser::new(line)?;
    let (mut log, mut stream, mut time) = (None, Cow::Borrowed(""), None);
    parser.object(|parser, key| {
        match &**key {
            "log" => log = Some(parser.string()?),
            "stream" => stream = parser.string()?,
            "time" => time = parser.string()?.parse().ok(),
            _ => parser.skip()?,
        }
        Ok(())
    })?;
    parser.end()?;
    let missing = || JsonError { at: 0, path: "$.log".to_owned(), message: "it is missing".into() };
    let text = log.ok_or_else(missing)?;
    let whole = text.ends_with('\n');
    let text = match text {
        Cow::Borrowed(text) => Cow::Borrowed(ended(text.as_bytes())),
        Cow::Owned(text) => Cow::Owned(ended(text.as_bytes()).to_vec()),
    };
    Ok(Line { time, stream, partial: !whole, text })
}

/// Without the end of the line.
fn ended(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutate;

    fn show(line: &[u8]) -> String {
        let read = if line.starts_with(b"{") { docker(line) } else { cri(line) };
        match read {
            Err(error) => error.to_string(),
            Ok(Line { time, stream, partial, text }) => {
                let time = time.map_or("-".to_owned(), |time| time.to_string());
                let part = if partial { "part" } else { "whole" };
                format!("{time} {stream} {part} {:?}", String::from_utf8_lossy(&text))
            }
        }
    }

    /// Cases: a line, then what is read of it.
    #[test]
    fn lines_are_read() {
        let file = include_str!("../tests/bodies/container.txt");
        let mut lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
        let mut cases = 0;
        while let Some(line) = lines.next() {
            assert_eq!(show(line.as_bytes()), lines.next().unwrap(), "of {line}");
            cases += 1;
        }
        assert!(cases > 12, "{cases}");
    }

    #[test]
    fn damage_never_panics() {
        let file = include_bytes!("../tests/bodies/container.txt");
        for line in file.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"2") || line.starts_with(b"{")) {
            mutate::each(line, 200, |bytes| drop(show(bytes)));
        }
    }
}
