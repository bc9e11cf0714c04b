//! What is asked for: the parameters of both versions, as one.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Limit, Timestamp};

use super::error::Problem;
use crate::forms::Parameters;

/// Traces of one answer.
const TRACES: Limit = Limit::new("jaeger.traces", 1_500);
/// Traces of an answer if it is not said how many.
const USUAL: u64 = 100;
/// Tags that a search may name.
const TAGS: Limit = Limit::new("jaeger.tags", 32);

/// What is read from an address.
pub struct Ask(Parameters);

/// Traces with a span like this.
#[derive(Debug, Default, PartialEq)]
pub struct Search {
    pub service: Option<String>,
    pub operation: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub shortest: Option<Duration>,
    pub longest: Option<Duration>,
    pub limit: u64,
}

impl Ask {
    pub fn of(query: Option<&str>) -> Self {
        Self(Parameters::of(query.unwrap_or_default()))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)
    }

    fn parsed<T>(&self, name: &str, parse: impl Fn(&str) -> Option<T>, is: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| Problem::parameter(name, format!("`{text}` is not {is}")))
    }

    /// Microseconds since the epoch.
    pub fn micros(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let parse = |text: &str| text.parse::<i64>().ok()?.checked_mul(1_000).map(Timestamp::from_nanos);
        self.parsed(name, parse, "a time in microseconds")
    }

    /// Milliseconds.
    pub fn millis(&self, name: &str) -> Result<Option<i64>, Problem> {
        self.parsed(name, |text| text.parse().ok(), "a number of milliseconds")
    }

    fn rfc3339(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        // Grafana does not escape the sign of an offset, which is a space in an address then.
        self.parsed(name, |text| text.replace(' ', "+").parse().ok(), "a time as in RFC 3339")
    }

    fn duration(&self, name: &str) -> Result<Option<Duration>, Problem> {
        self.parsed(name, |text| base::duration::parse(text).ok(), "a duration such as 1.2s, 100ms or 500us")
    }

    fn limit(&self, name: &str) -> Result<u64, Problem> {
        let limit = self.parsed(name, |text| text.parse::<u64>().ok(), "a number")?;
        let limit = limit.filter(|limit| *limit > 0).unwrap_or(USUAL);
        TRACES.check(limit)?;
        Ok(limit)
    }

    /// `/api/traces`: times in microseconds; tags as one JSON object, or one by one as `key:value`.
    pub fn v1(&self) -> Result<Search, Problem> {
        let service = self.get("service").ok_or_else(|| Problem::parameter("service", "it is required"))?;
        let mut tags: BTreeMap<String, String> = self
            .parsed("tags", |text| serde_json::from_str(text).ok(), "a JSON object of strings")?
            .unwrap_or_default();
        for tag in self.0.all("tag") {
            let (key, value) =
                tag.split_once(':').ok_or_else(|| Problem::parameter("tag", format!("`{tag}` is not key:value")))?;
            tags.insert(key.to_owned(), value.to_owned());
        }
        TAGS.check(tags.len() as u64)?;
        Ok(Search {
            service: Some(service.to_owned()),
            operation: self.get("operation").filter(|name| *name != "all").map(str::to_owned),
            tags,
            start: self.micros("start")?,
            end: self.micros("end")?,
            shortest: self.duration("minDuration")?,
            longest: self.duration("maxDuration")?,
            limit: self.limit("limit")?,
        })
    }

    /// `/api/v3/traces`: everything begins with `query.`.
    pub fn v3(&self) -> Result<Search, Problem> {
        Ok(Search {
            service: self.get("query.service_name").map(str::to_owned),
            operation: self.get("query.operation_name").map(str::to_owned),
            tags: self
                .parsed("query.attributes", |text| serde_json::from_str(text).ok(), "a JSON object of strings")?
                .unwrap_or_default(),
            start: self.rfc3339("query.start_time_min")?,
            end: self.rfc3339("query.start_time_max")?,
            shortest: self.duration("query.duration_min")?,
            longest: self.duration("query.duration_max")?,
            limit: self.limit(if self.get("query.num_traces").is_some() {
                "query.num_traces"
            } else {
                "query.search_depth"
            })?,
        })
    }

    /// When the spans of one trace were, as the third version says it.
    pub fn span_of_time(&self) -> Result<(Option<Timestamp>, Option<Timestamp>), Problem> {
        Ok((self.rfc3339("start_time")?, self.rfc3339("end_time")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_of_the_first_version() {
        let text = "service=shop&operation=GET+%2Fcart&tags=%7B%22code%22%3A%225%22%7D&tag=error:true&start=1000000&end=2000000\
                    &minDuration=1.2s&maxDuration=500us&limit=20";
        let search = Ask::of(Some(text)).v1().unwrap();
        assert_eq!((search.service.as_deref(), search.operation.as_deref()), (Some("shop"), Some("GET /cart")));
        assert_eq!(search.tags, [("code", "5"), ("error", "true")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        assert_eq!((search.start, search.end), (Some(Timestamp::from_secs(1)), Some(Timestamp::from_secs(2))));
        let durations = (search.shortest.unwrap().as_micros(), search.longest.unwrap().as_micros());
        assert_eq!((durations, search.limit), ((1_200_000, 500), 20));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, name) in [
            ("", "service"),
            ("service=a&start=now", "start"),
            ("service=a&tags=error", "tags"),
            ("service=a&tag=error", "tag"),
            ("service=a&minDuration=soon", "minDuration"),
            ("service=a&limit=-1", "limit"),
            ("service=a&limit=1000000", "jaeger.traces"),
        ] {
            let problem = Ask::of(Some(text)).v1().unwrap_err();
            assert!(format!("{problem:?}").contains(name), "{text}: {problem:?}");
        }
        let search = Ask::of(Some("query.start_time_min=2026-11-25T10:00:00+01:00")).v3().unwrap();
        assert_eq!(search.start.unwrap().to_string(), "2026-11-25T09:00:00Z");
        let problem = Ask::of(Some("query.start_time_min=1")).v3().unwrap_err();
        assert!(format!("{problem:?}").contains("query.start_time_min"), "{problem:?}");
    }
}
