//! Parameters: in the address, in a form, or both.

use std::num::IntErrorKind;

use axum::extract::{FromRequest, Request};
use base::Timestamp;
use promql::text::{parse_duration, quote};

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

    /// The expression; one that is missing is what the parser says of none.
    pub fn query(&self) -> &str {
        self.get("query").unwrap_or_default()
    }

    /// A time in milliseconds since the epoch, if there is one.
    pub fn time(&self, name: &str) -> Result<Option<i64>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let wrong = |wrong| Problem::parameter(name, format!("invalid time value for '{name}': {wrong}"));
        time(text).map(Some).map_err(wrong)
    }

    /// The times `start` and `end`; without them everything is between them.
    pub fn times(&self) -> Result<(i64, i64), Problem> {
        let (start, end) = (self.time("start")?, self.time("end")?);
        Ok((start.unwrap_or(i64::MIN / 2), end.unwrap_or(i64::MAX / 2)))
    }

    /// A time that there must be.
    pub fn need_time(&self, name: &str) -> Result<i64, Problem> {
        time(self.get(name).unwrap_or_default()).map_err(|wrong| Problem::parameter(name, wrong))
    }

    /// A duration in milliseconds that there must be.
    pub fn need_duration(&self, name: &str) -> Result<i64, Problem> {
        duration(self.get(name).unwrap_or_default()).map_err(|wrong| Problem::parameter(name, wrong))
    }

    /// A duration in milliseconds, if there is one.
    ///
    /// # Errors
    /// What is no duration, in words for a [`Problem`].
    pub fn duration(&self, name: &str) -> Result<Option<i64>, String> {
        self.get(name).map(duration).transpose()
    }

    /// How many things an answer may have; any number if it is 0 or missing.
    pub fn limit(&self) -> Result<Option<usize>, Problem> {
        let Some(text) = self.get("limit") else { return Ok(None) };
        let limit = text.parse::<i64>().map_err(|error| {
            let out_of_range = matches!(error.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow);
            let what = if out_of_range { "value out of range" } else { "invalid syntax" };
            Problem::parameter("limit", format!("strconv.Atoi: parsing {}: {what}", quote(text)))
        })?;
        let limit = usize::try_from(limit).map_err(|_| Problem::parameter("limit", "limit must be non-negative"))?;
        Ok((limit > 0).then_some(limit))
    }
}

/// Seconds as a number, or a time as in RFC 3339.
fn time(text: &str) -> Result<i64, String> {
    let found = match text.parse::<f64>() {
        Ok(seconds) => milliseconds(seconds),
        Err(_) => text.parse::<Timestamp>().ok().map(Timestamp::millis),
    };
    found.ok_or_else(|| format!("cannot parse {} to a valid timestamp", quote(text)))
}

/// Seconds as a number, or a duration as PromQL has it.
fn duration(text: &str) -> Result<i64, String> {
    let cannot = || format!("cannot parse {} to a valid duration", quote(text));
    match text.parse::<f64>() {
        // Nanoseconds in 63 bits, as durations are in Prometheus.
        Ok(seconds) if !(seconds * 1e9).is_finite() || (seconds * 1e9).abs() >= i64::MAX as f64 => {
            Err(cannot() + ". It overflows int64")
        }
        Ok(seconds) => milliseconds(seconds).ok_or_else(cannot),
        Err(_) => parse_duration(text).map_err(|_| cannot()),
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
        assert_eq!(time("1435781430.781"), Ok(1_435_781_430_781));
        assert_eq!(time("2015-07-01T20:10:30.781Z"), Ok(1_435_781_430_781));
        assert_eq!(time("-1"), Ok(-1_000));
        for wrong in ["", "NaN", "1e300", "yesterday"] {
            assert_eq!(time(wrong), Err(format!("cannot parse \"{wrong}\" to a valid timestamp")));
        }
    }

    #[test]
    fn durations_are_seconds_or_as_in_promql() {
        assert_eq!(duration("15"), Ok(15_000));
        assert_eq!(duration("1h30m"), Ok(5_400_000));
        assert_eq!(duration("0.5"), Ok(500));
        assert_eq!(duration("soon"), Err("cannot parse \"soon\" to a valid duration".to_owned()));
        let too_long = "cannot parse \"1e300\" to a valid duration. It overflows int64";
        assert_eq!(duration("1e300"), Err(too_long.to_owned()));
    }
}
