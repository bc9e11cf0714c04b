//! Parameters: in the address, in a form, or both.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use base::Timestamp;
use promql::text::parse_duration;

use super::answer::Problem;
use crate::forms::{self, Parameters};
use crate::state::State;

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
    /// The first parameter of that name that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    /// Every parameter of that name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.all(name)
    }

    /// The parameter, which there must be.
    pub fn need(&self, name: &str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| Problem::parameter(name, "it is missing"))
    }

    /// A time in milliseconds since the epoch, if there is one.
    pub fn time(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        time(text)
            .map(Some)
            .ok_or_else(|| Problem::parameter(name, format!("cannot parse {text:?} to a valid timestamp")))
    }

    /// A time that there must be.
    pub fn need_time(&self, name: &str) -> Result<i64, Problem> {
        let found = self.time(name)?;
        found.ok_or_else(|| Problem::parameter(name, "cannot parse \"\" to a valid timestamp"))
    }

    /// A duration in milliseconds, if there is one.
    pub fn duration(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let found = duration(text).map(Some);
        found.ok_or_else(|| Problem::parameter(name, format!("cannot parse {text:?} to a valid duration")))
    }

    /// A duration above zero, if there is one.
    pub fn patience(&self, name: &str) -> Result<Option<Duration>, Problem> {
        let found = self.duration(name)?.and_then(|ms| u64::try_from(ms).ok());
        Ok(found.filter(|ms| *ms > 0).map(Duration::from_millis))
    }

    /// How many things an answer may have; any number if it is 0 or missing.
    pub fn limit(&self) -> Result<Option<usize>, Problem> {
        let Some(text) = self.get("limit") else { return Ok(None) };
        let limit = text.parse::<usize>().map_err(|_| Problem::parameter("limit", "limit must be non-negative"))?;
        Ok((limit > 0).then_some(limit))
    }
}

/// Seconds as a number, or a time as in RFC 3339.
fn time(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => milliseconds(seconds),
        Err(_) => text.parse::<Timestamp>().ok().map(|time| time.nanos().div_euclid(1_000_000)),
    }
}

/// Seconds as a number, or a duration as PromQL has it.
fn duration(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => milliseconds(seconds),
        Err(_) => parse_duration(text).ok(),
    }
}

fn milliseconds(seconds: f64) -> Option<i64> {
    let ms = (seconds * 1_000.0).round();
    // Beyond this a float is no longer exact.
    (ms.is_finite() && ms.abs() < 9.0e15).then_some(ms as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_dates() {
        assert_eq!(time("1435781430.781"), Some(1_435_781_430_781));
        assert_eq!(time("2015-07-01T20:10:30.781Z"), Some(1_435_781_430_781));
        assert_eq!(time("-1"), Some(-1_000));
        for wrong in ["", "NaN", "1e300", "yesterday"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_seconds_or_as_in_promql() {
        assert_eq!(duration("15"), Some(15_000));
        assert_eq!(duration("1h30m"), Some(5_400_000));
        assert_eq!(duration("0.5"), Some(500));
        assert_eq!(duration("soon"), None);
    }
}
