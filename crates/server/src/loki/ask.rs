//! Parameters: in the address, in a form, or both.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use base::{Limit, Timestamp};
use logql::Direction;
use query::LogRange;

use super::error::Problem;
use crate::forms::{self, Parameters};
use crate::state::State;

/// Lines of one answer.
const LINES: Limit = Limit::new("loki.lines", 10_000);
/// Lines, or series, of an answer if it is not said how many.
const USUAL: usize = 100;
const SECOND: i64 = 1_000_000_000;

/// The parameters of a request, some more than once.
#[derive(Debug)]
pub struct Ask(Parameters);

impl FromRequest<State> for Ask {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        forms::read(request, state).await.map(Self).map_err(Problem::bad)
    }
}

impl Ask {
    #[cfg(test)]
    fn of(text: &str) -> Self {
        Self(Parameters::of(text))
    }

    /// The first parameter of that name that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// Every parameter of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.all(name)
    }

    /// The query; none is an empty one.
    pub fn query(&self) -> &str {
        self.get("query").unwrap_or_default()
    }

    /// A time, nanoseconds since the epoch.
    pub fn time(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        time(text)
            .map(Some)
            .ok_or_else(|| Problem::bad(format!("could not parse '{name}' parameter: {text:?} is no time")))
    }

    /// A duration in nanoseconds.
    pub fn duration(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        duration(text)
            .map(Some)
            .ok_or_else(|| Problem::bad(format!("cannot parse {text:?} to a valid duration (parameter '{name}')")))
    }

    /// From `start`, or so long before the end, to `end`, or now.
    pub fn range(&self, now: i64, before: Duration) -> Result<LogRange, Problem> {
        let end = self.time("end")?.unwrap_or(now);
        let before = self.duration("since")?.unwrap_or_else(|| i64::try_from(before.as_nanos()).unwrap_or(i64::MAX));
        let start = self.time("start")?.unwrap_or_else(|| end.min(now).saturating_sub(before));
        if end < start {
            return Err(Problem::bad("end timestamp must not be before or equal to start time"));
        }
        Ok(LogRange { start, end })
    }

    /// A positive step; else what gives 250 points, a second at least.
    pub fn step(&self, range: LogRange) -> Result<i64, Problem> {
        let usual = (range.end.saturating_sub(range.start) / (250 * SECOND)).max(1) * SECOND;
        let step = self.duration("step")?.unwrap_or(usual);
        if step <= 0 {
            let message = "zero or negative query resolution step widths are not accepted. Try a positive integer";
            return Err(Problem::bad(message));
        }
        Ok(step)
    }

    /// How many lines, or series.
    pub fn limit(&self) -> Result<usize, Problem> {
        self.limit_or(USUAL)
    }

    /// How many, or so many if it is not said.
    pub fn limit_or(&self, usual: usize) -> Result<usize, Problem> {
        let Some(text) = self.get("limit") else { return Ok(usual) };
        let limit = text.parse().ok().filter(|limit| *limit > 0);
        limit.ok_or_else(|| Problem::bad("limit must be a positive value"))
    }

    /// How many lines.
    pub fn lines(&self) -> Result<usize, Problem> {
        let limit = self.limit()?;
        LINES.check(limit as u64)?;
        Ok(limit)
    }

    /// Which lines come first.
    pub fn direction(&self) -> Result<Direction, Problem> {
        match self.get("direction").map(str::to_ascii_lowercase).as_deref() {
            None | Some("backward") => Ok(Direction::Backward),
            Some("forward") => Ok(Direction::Forward),
            Some(other) => Err(Problem::bad(format!("invalid direction '{other}'"))),
        }
    }
}

/// Up to ten digits are seconds, more are nanoseconds; seconds with a point; a time as in RFC 3339.
fn time(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return if text.len() <= 10 { number.checked_mul(SECOND) } else { Some(number) };
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return nanos(seconds);
    }
    text.parse::<Timestamp>().ok().map(Timestamp::nanos)
}

/// Seconds as a number, or a duration as Prometheus has it, such as `1d12h`, or Go, such as `1.5s`.
fn duration(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return nanos(seconds);
    }
    match promql::text::parse_duration(text) {
        Ok(millis) => millis.checked_mul(SECOND / 1_000),
        Err(_) => i64::try_from(base::duration::parse(text).ok()?.as_nanos()).ok(),
    }
}

fn nanos(seconds: f64) -> Option<i64> {
    let nanos = (seconds * 1e9).round();
    // Beyond this no time is meant.
    (nanos.is_finite() && nanos.abs() < 9.2e18).then_some(nanos as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_nanoseconds_or_dates() {
        for (text, nanos) in [
            ("4000000000", 4_000_000_000 * SECOND),
            ("1700000000123456789", 1_700_000_000_123_456_789),
            ("1700000000.5", 1_700_000_000_500_000_000),
            ("1970-01-01T00:00:01Z", SECOND),
        ] {
            assert_eq!(time(text), Some(nanos), "{text}");
        }
        assert_eq!((time("soon"), time("NaN")), (None, None));
        assert_eq!((duration("15000ms"), duration("0.5"), duration("x")), (Some(15 * SECOND), Some(SECOND / 2), None));
        let day = 24 * 3_600 * SECOND;
        assert_eq!(
            (duration("1w"), duration("1d12h"), duration("1h0m0s")),
            (Some(7 * day), Some(day * 3 / 2), Some(day / 24))
        );
        assert_eq!(duration("1.5s"), Some(SECOND * 3 / 2));
    }

    #[test]
    fn ranges_and_steps_have_defaults() {
        let hour = Duration::from_secs(3_600);
        let range = Ask::of("end=7200").range(9_000 * SECOND, hour).unwrap();
        assert_eq!(range, LogRange { start: 3_600 * SECOND, end: 7_200 * SECOND });
        assert_eq!(Ask::of("").step(range).unwrap(), 14 * SECOND);
        assert!(Ask::of("step=-1").step(range).is_err());
        assert!(Ask::of("start=2&end=1").range(0, hour).is_err());
        assert!(Ask::of("limit=1000000").lines().is_err() && Ask::of("limit=0").limit().is_err());
        assert_eq!((Ask::of("limit=20000").limit().unwrap(), Ask::of("").lines().unwrap()), (20_000, 100));
        assert!(Ask::of("direction=up").direction().is_err());
    }
}
