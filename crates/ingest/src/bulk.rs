//! Elasticsearch's `_bulk`: documents as log records.

use wire::body::Encoding;
use wire::bulk::{Action, Bulk, Item, Results};

use crate::logs::Line;
use crate::members::Members;
use crate::request::Request;
use crate::rows::Rows;
use crate::scratch::with_scratch;
use crate::{Ingest, IngestError, Taken};

/// Members that say when, the first that is there.
const TIME: [&str; 4] = ["@timestamp", "timestamp", "time", "ts"];
/// Members that are the message.
const MESSAGE: [&str; 4] = ["message", "msg", "log", "body"];
/// Members, or members of members, that name the service.
const SERVICE: [&str; 7] =
    ["service.name", "service", "app", "kubernetes.container.name", "programname", "syslogtag", "host.name"];
/// Members that name the level.
const LEVEL: [&str; 5] = ["log.level", "level", "severity", "loglevel", "syslogseverity-text"];

impl Ingest {
    /// Takes a bulk request; `index` is that of its path. Gives what was taken and the answer: JSON
    /// with a result for each document, of which each that failed says why.
    ///
    /// # Errors
    /// See [`IngestError`].
    pub async fn bulk(&self, body: &[u8], encoding: Encoding, index: &str) -> Result<(Taken, String), IngestError> {
        let started = self.0.clock.monotonic();
        let (rows, taken, results) =
            with_scratch(|[buffer, _]| self.read_bulk(encoding.decode(body, self.decoded(), buffer)?, index))?;
        let taken = self.commit(rows, taken, "bulk").await?;
        let took = self.0.clock.monotonic().saturating_sub(started).as_millis();
        Ok((taken, results.finish(u64::try_from(took).unwrap_or(u64::MAX))))
    }
}

impl Ingest {
    fn read_bulk(&self, body: &[u8], index: &str) -> Result<(Rows, Taken, Results), IngestError> {
        let mut request = Request::new(self);
        let mut results = Results::default();
        for item in Bulk::new(body) {
            request.item(&item?, index, &mut results)?;
        }
        Ok((request.rows, request.taken, results))
    }
}

impl Request<'_> {
    fn item(&mut self, item: &Item<'_>, index: &str, results: &mut Results) -> Result<(), IngestError> {
        let index = item.index.as_deref().unwrap_or(index);
        let mut refuse = |status: u16, kind: &str, reason: &str| {
            results.failed(item, index, status, kind, reason);
            self.taken.refused.push(|| format!("line {}: {reason}", item.line));
        };
        if !matches!(item.action, Action::Index | Action::Create) {
            refuse(400, "illegal_argument_exception", "only index and create are taken: log records do not change");
            return Ok(());
        }
        let members = match Members::read(item.document) {
            Ok(members) => members,
            Err(error) => {
                refuse(400, "document_parsing_exception", &format!("the document is no JSON object: {error}"));
                return Ok(());
            }
        };
        self.document(members, "index", index)?;
        results.done(item.action, index, item.id.as_deref().unwrap_or_default());
        Ok(())
    }

    /// A document as a log record, which came by `place`: an index, or a topic, of that name.
    pub(crate) fn document(&mut self, mut members: Members<'_>, place: &str, name: &str) -> Result<(), IngestError> {
        let time = members.take(&TIME);
        let message = members.take(&MESSAGE).unwrap_or_default();
        let service = members.take(&SERVICE);
        // A level that says nothing to us stays what it is: an attribute.
        let known = |level: &str| Some(severity(level)).filter(|severity| !severity.is_empty());
        let severity = members.take_if(&LEVEL, known).unwrap_or_default();
        for (name, value) in members.iter() {
            self.rows.logs.attribute(name, value);
        }
        self.rows.logs.of_resource(place, name);
        let line = Line {
            ts: time.as_deref().and_then(nanos).unwrap_or(self.now.nanos()),
            service: service.as_deref().unwrap_or(name),
            severity,
            body: &message,
            observed: self.now.nanos(),
            ..Line::default()
        };
        self.rows.logs.push(&line).map_err(|error| IngestError::Internal(error.to_string()))?;
        self.taken.logs += 1;
        Ok(())
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

/// A time as in RFC 3339, or milliseconds since the epoch; seconds if they are few.
fn nanos(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<base::Timestamp>() {
        return Some(time.nanos());
    }
    let number: f64 = text.parse().ok()?;
    // Seconds until the year 5138; as milliseconds that was in 1973.
    let seconds = if number.abs() < 1e11 { number } else { number / 1e3 };
    let nanos = seconds * 1e9;
    (nanos.abs() < 9.2e18).then_some(nanos as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_sent() {
        for text in ["2026-11-25T10:00:00Z", "1795600800", "1795600800000"] {
            assert_eq!(nanos(text), Some(1_795_600_800_000_000_000), "{text}");
        }
        assert_eq!(nanos("yesterday"), None);
        assert_eq!(nanos("1e300"), None);
    }

    #[test]
    fn levels_are_words_or_the_numbers_of_loggers() {
        for (level, expected) in [("warning", "WARN"), ("40", "WARN"), ("60", "FATAL"), ("4", ""), ("verbose", "")] {
            assert_eq!(severity(level), expected, "{level}");
        }
    }
}
