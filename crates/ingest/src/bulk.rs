//! Elasticsearch's `_bulk`: documents as log records.

use std::borrow::Cow;

use wire::body::{BodyError, Encoding};
use wire::bulk::{Action, Bulk, Item, Results};
use wire::utf8;

use crate::gate::RowsRoom;
use crate::logs::{Line, LogColumns};
use crate::members::{Members, MembersError};
use crate::parts::Sent;
use crate::request::Request;
use crate::rows::Rows;
use crate::scratch::with_scratch;
use crate::{Ingest, IngestError, Permit, Taken};

/// Members that say when, the first that is there.
const TIME: [&str; 4] = ["@timestamp", "timestamp", "time", "ts"];
/// Members that are the message.
const MESSAGE: [&str; 4] = ["message", "msg", "log", "body"];
/// Members, or members of members, that name the service.
const SERVICE: [&str; 7] =
    ["service.name", "service", "app", "kubernetes.container.name", "programname", "syslogtag", "host.name"];
/// Those of them that say something else as well: they stay attributes, whether or not they were needed.
const KEPT: [&str; 2] = ["kubernetes.container.name", "host.name"];
/// Members that name the level.
const LEVEL: [&str; 5] = ["log.level", "level", "severity", "loglevel", "syslogseverity-text"];

/// Characters of a date of ISO 8601, and of a time without a zone, to nanoseconds, with some to spare.
const DATE: usize = 10;
const UNZONED: usize = 40;

impl Ingest {
    /// Takes a bulk request; `index` is that of its path. Gives what was taken and the answer: JSON
    /// with a result for each document, of which each that failed says why.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn bulk(
        &self,
        body: &[u8],
        encoding: Encoding,
        index: &str,
        room: &Permit,
    ) -> Result<(Taken, String), IngestError> {
        let started = self.0.clock.monotonic();
        let (rows, taken, results) = with_scratch(|[buffer, _]| {
            let body = encoding.decode(body, self.decoded(), buffer)?;
            self.read_bulk(body, index, room.rows())
        })?;
        let taken = self.commit(rows, taken, Sent { protocol: "bulk", place: index, body }).await?;
        let took = self.0.clock.monotonic().saturating_sub(started).as_millis();
        Ok((taken, results.finish(u64::try_from(took).unwrap_or(u64::MAX))))
    }
}

impl Ingest {
    fn read_bulk(&self, body: &[u8], index: &str, room: RowsRoom) -> Result<(Rows, Taken, Results), IngestError> {
        let mut request = Request::new(self, room);
        let mut results = Results::default();
        request.rows.logs = LogColumns::with_room(body.len(), &self.0.shapes.bulk);
        for item in Bulk::new(body) {
            request.item(&item?, index, &mut results)?;
        }
        request.rows.logs.remember(body.len(), &self.0.shapes.bulk);
        Ok((request.rows, request.taken, results))
    }
}

impl Request<'_> {
    fn item(&mut self, item: &Item<'_>, index: &str, results: &mut Results) -> Result<(), IngestError> {
        let index = item.index.as_deref().unwrap_or(index);
        let mut refuse = |taken: &mut Taken, kind: &str, reason: &str| {
            results.failed(item, index, 400, kind, reason);
            taken.refused.push(|| format!("line {}: {reason}", item.line));
        };
        if !matches!(item.action, Action::Index | Action::Create) {
            let reason = "only index and create are taken: log records do not change";
            refuse(&mut self.taken, "illegal_argument_exception", reason);
            return Ok(());
        }
        let text = utf8::lossy_within(item.document, self.ingest.decoded()).map_err(BodyError::TooLarge)?;
        let members = match Members::read(&text, matches!(text, Cow::Owned(_)), |bytes| self.fits(bytes)) {
            Ok(members) => members,
            Err(MembersError::Paths(error)) => return Err(error),
            Err(MembersError::Json(error)) => {
                let reason = format!("the document is no JSON object: {error}");
                refuse(&mut self.taken, "document_parsing_exception", &reason);
                return Ok(());
            }
        };
        self.document(members, "index", index)?;
        results.done(item.action, index, item.id.as_deref().unwrap_or_default());
        Ok(())
    }

    /// A document as a log record, which came by `place`: an index, or a topic, of that name.
    pub(crate) fn document(&mut self, mut members: Members<'_>, place: &str, name: &str) -> Result<(), IngestError> {
        // A time that cannot be read stays what it is: an attribute.
        let time = members.take_if(&TIME, nanos);
        let message = members.take(&MESSAGE).unwrap_or_default();
        let service = members.take_unless(&SERVICE, &KEPT);
        // A level that says nothing to us stays what it is: an attribute.
        let known = |level: &str| Some(severity(level)).filter(|severity| !severity.is_empty());
        let severity = members.take_if(&LEVEL, known).unwrap_or_default();
        for (name, value) in members.iter() {
            self.rows.logs.attribute(name, value);
        }
        if members.is_lossy() {
            self.rows.logs.lossy();
        }
        self.rows.logs.of_resource(place, name);
        let line = Line {
            ts: time.unwrap_or(self.now.nanos()),
            service: service.as_deref().unwrap_or(name),
            severity,
            body: &message,
            observed: self.now.nanos(),
            ..Line::default()
        };
        self.rows.logs.push(&line).map_err(|error| IngestError::Internal(error.to_string()))?;
        self.taken.logs += 1;
        self.fits(0)
    }
}

/// The severity that a level names, in OpenTelemetry's words; empty if it names none. Loggers of Node.js (pino, bunyan) send numbers.
fn severity(level: &str) -> &'static str {
    match level {
        "10" => "TRACE",
        "20" => "DEBUG",
        "30" => "INFO",
        "40" => "WARN",
        "50" => "ERROR",
        "60" => "FATAL",
        _ => crate::logs::detected(level),
    }
}

/// A time as in RFC 3339, or of ISO 8601 without a zone, which is UTC as in Elasticsearch; or a number since the epoch, whose size
/// says of what: seconds until the year 5138, which as milliseconds was in 1973, and so on to nanoseconds.
fn nanos(text: &str) -> Option<i64> {
    let zoned = |text: &str| text.parse::<base::Timestamp>().ok().map(base::Timestamp::nanos);
    zoned(text).or_else(|| number(text)).or_else(|| {
        // A space or a comma is that of loggers which write local time.
        let rest = match text.as_bytes().get(DATE) {
            None if text.len() == DATE => "T00:00:00Z",
            Some(b'T') if text.len() <= UNZONED && !text.contains(',') => "Z",
            _ => return None,
        };
        zoned(&format!("{text}{rest}"))
    })
}

fn number(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        let unit = match number.unsigned_abs() {
            0..100_000_000_000 => 1_000_000_000,
            100_000_000_000..100_000_000_000_000 => 1_000_000,
            100_000_000_000_000..100_000_000_000_000_000 => 1_000,
            _ => 1,
        };
        return number.checked_mul(unit);
    }
    let number: f64 = text.parse().ok()?;
    let seconds = if number.abs() < 1e11 { number } else { number / 1e3 };
    // A double of today's seconds tells microseconds apart, and nothing less.
    let micros = (seconds * 1e6).round();
    (micros.abs() < 9.2e15).then(|| micros as i64 * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_sent() {
        for text in ["2026-11-25T10:00:00Z", "1795600800", "1795600800000"] {
            assert_eq!(nanos(text), Some(1_795_600_800_000_000_000), "{text}");
        }
        for text in ["1795600800.123456", "1795600800123.456", "1795600800123456", "1795600800123456000"] {
            assert_eq!(nanos(text), Some(1_795_600_800_123_456_000), "{text}");
        }
        assert_eq!(nanos("1795600800123"), Some(1_795_600_800_123_000_000), "every digit counts");
        assert_eq!(nanos("-1"), Some(-1_000_000_000));
        for text in ["2026-11-25T10:00:00", "2026-11-25T10:00:00.000", "2026-11-25T10:00"] {
            assert_eq!(nanos(text), Some(1_795_600_800_000_000_000), "{text}");
        }
        assert_eq!(nanos("2026-11-25T10:00:00.123"), Some(1_795_600_800_123_000_000));
        for text in ["2026-11-25 10:00:00", "2026-11-25 10:00:00,123", "2026-11-25T10:00:00,123"] {
            assert_eq!(nanos(text), None, "{text} may be local");
        }
        assert_eq!(nanos("2026-11-25"), Some(1_795_564_800_000_000_000));
        assert_eq!(nanos("20261125"), Some(20_261_125_000_000_000), "digits are seconds");
        for text in
            ["yesterday", "1e300", "NaN", "inf", "9223372036854775808123", "10:00:00", "2026-13-25", "2026-11-25 CET"]
        {
            assert_eq!(nanos(text), None, "{text}");
        }
    }

    #[test]
    fn levels_are_words_or_the_numbers_of_loggers() {
        for (level, expected) in [("warning", "WARN"), ("40", "WARN"), ("60", "FATAL"), ("4", ""), ("verbose", "")] {
            assert_eq!(severity(level), expected, "{level}");
        }
    }
}
