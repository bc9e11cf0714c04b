//! Federation: the newest sample of each series, as a scrape reads it.
//! <https://prometheus.io/docs/prometheus/latest/federation/>

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::extract::{FromRequest, Request, State as With};
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use promql::labels::METRIC_NAME;
use promql::parser::parse_selectors;
use promql::text::short_float;
use promql::{Histogram, Labels, StoredSeries, is_stale};
use query::Read;

use super::answer::Problem;
use super::ask::Ask;
use super::query::now;
use crate::state::State;

/// How old a sample may be, in milliseconds.
const LOOKBACK: i64 = 300_000;
/// The label that a scrape would otherwise set to where it found us.
const INSTANCE: &str = "instance";

/// `federate`: of each series that one of `match[]` selects.
pub async fn get(With(state): With<State>, request: Request) -> Result<Response, Problem> {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let names = if accept.contains("escaping=allow-utf-8") { Names::Quoted } else { Names::Replaced };
    let ask = Ask::from_request(request, &state).await?;
    let now = now(&state);
    let selectors = match parse_selectors(ask.all("match[]")) {
        Ok(selectors) => selectors,
        // Who scrapes reads texts, here too.
        Err(error) => return Ok((StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()),
    };
    let read = |matchers| Read { matchers, start: now.saturating_sub(LOOKBACK), end: now };
    let reads = selectors.into_iter().map(read).collect();
    let found = state.engine.read(reads).await?;
    let newest: BTreeMap<Labels, Newest> =
        found.iter().flatten().filter_map(|series| Some((series.labels.clone(), newest(series)?))).collect();
    Ok(([(CONTENT_TYPE, names.content_type())], text(&newest, names)).into_response())
}

/// How names are written that have other signs than letters, digits, `_` and `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    /// In quotes, for who asks for it.
    Quoted,
    /// With `_` in their place.
    Replaced,
}

impl Names {
    const fn content_type(self) -> &'static str {
        match self {
            Self::Quoted => "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
            Self::Replaced => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
        }
    }
}

/// The newest sample of a series.
enum Newest<'s> {
    Float(i64, f64),
    Histogram(i64, &'s Histogram),
}

/// Nothing if the series has ended.
fn newest(series: &StoredSeries) -> Option<Newest<'_>> {
    let float = series.floats.last().map(|sample| (sample.t, sample.value));
    let histogram = series.histograms.last().filter(|sample| float.is_none_or(|(t, _)| t < sample.t));
    match (float, histogram) {
        (_, Some(sample)) if !is_stale(sample.value.sum) => Some(Newest::Histogram(sample.t, &sample.value)),
        (Some((t, value)), None) if !is_stale(value) => Some(Newest::Float(t, value)),
        _ => None,
    }
}

/// Samples by metric. Histograms of custom buckets are written as classic ones; the text has no place
/// for others, which a comment counts.
fn text(newest: &BTreeMap<Labels, Newest<'_>>, names: Names) -> String {
    let mut metrics: BTreeMap<(&str, bool), Vec<(&Labels, &Newest<'_>)>> = BTreeMap::new();
    let mut left_out = 0_u64;
    for (labels, sample) in newest {
        let kind = match sample {
            Newest::Float(..) => false,
            Newest::Histogram(_, histogram) if histogram.is_custom() => true,
            Newest::Histogram(..) => {
                left_out += 1;
                continue;
            }
        };
        if !labels.metric_name().is_empty() {
            metrics.entry((labels.metric_name(), kind)).or_default().push((labels, sample));
        }
    }
    let mut out = String::new();
    for ((name, is_histogram), samples) in metrics {
        let kind = if is_histogram { "histogram" } else { "untyped" };
        let _ = writeln!(out, "# TYPE {} {kind}", written(name, names));
        for (labels, sample) in samples {
            match sample {
                Newest::Float(t, value) => line(&mut out, name, labels, None, *value, *t, names),
                Newest::Histogram(t, histogram) => classic(&mut out, name, labels, histogram, *t, names),
            }
        }
    }
    if left_out > 0 {
        let _ =
            writeln!(out, "# {left_out} series of native histograms are left out: this format has no place for them");
    }
    out
}

/// The sum, the count, and how many observations are at or below each bound.
fn classic(out: &mut String, name: &str, labels: &Labels, histogram: &Histogram, t: i64, names: Names) {
    let mut below = 0.0;
    let bucket = format!("{name}_bucket");
    for (index, bound) in (0..).zip(histogram.custom_values.iter()) {
        below += histogram.positive.count_of(index);
        line(out, &bucket, labels, Some(*bound), below, t, names);
    }
    line(out, &bucket, labels, Some(f64::INFINITY), histogram.count, t, names);
    line(out, &format!("{name}_sum"), labels, None, histogram.sum, t, names);
    line(out, &format!("{name}_count"), labels, None, histogram.count, t, names);
}

fn line(out: &mut String, name: &str, labels: &Labels, le: Option<f64>, value: f64, t: i64, names: Names) {
    let in_braces = names == Names::Quoted && !is_plain(name, true);
    if !in_braces {
        out.push_str(&written(name, names));
    }
    out.push('{');
    let mut comma = "";
    if in_braces {
        out.push_str(&written(name, names));
        comma = ",";
    }
    let own = labels.iter().filter(|label| *label.name != *METRIC_NAME).map(|label| (&*label.name, &*label.value));
    let instance = labels.get(INSTANCE).is_empty().then_some((INSTANCE, ""));
    for (name, value) in own.chain(instance) {
        let name = if is_plain(name, false) { name.to_owned() } else { written(name, names) };
        let _ = write!(out, "{comma}{name}=\"{}\"", escaped(value));
        comma = ",";
    }
    if let Some(le) = le {
        let _ = write!(out, "{comma}le=\"{}\"", short_float(le));
    }
    let _ = writeln!(out, "}} {} {t}", short_float(value));
}

/// A name, in quotes if it needs them.
fn written(name: &str, names: Names) -> String {
    match names {
        _ if is_plain(name, true) => name.to_owned(),
        Names::Quoted => format!("\"{}\"", escaped(name)),
        Names::Replaced => {
            let first = name.chars().next().filter(char::is_ascii_digit).map(|_| '_');
            let plain = |sign: char| if sign.is_ascii_alphanumeric() || sign == ':' { sign } else { '_' };
            first.into_iter().chain(name.chars().map(plain)).collect()
        }
    }
}

/// Whether a name of a metric (or a label, which has no colon) needs no quotes.
fn is_plain(name: &str, is_metric: bool) -> bool {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || sign == '_' || (is_metric && sign == ':');
    !name.starts_with(|sign: char| sign.is_ascii_digit()) && !name.is_empty() && name.chars().all(fits)
}

/// A text between quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(labels: &[(&str, &str)]) -> Labels {
        Labels::new(labels.iter().copied())
    }

    #[test]
    fn samples_look_as_in_a_scrape() {
        let custom = Histogram {
            schema: promql::histogram::CUSTOM_SCHEMA,
            count: 6.0,
            sum: 2.5,
            positive: [(0, 1.0), (1, 2.0), (2, 3.0)].into_iter().collect(),
            custom_values: [0.1, 1.0].into(),
            ..Histogram::default()
        };
        let exponential = Histogram::default();
        let newest = BTreeMap::from([
            (series(&[("__name__", "up"), ("job", "a\"b\\c\nd"), ("instance", "i")]), Newest::Float(5, 1.0)),
            (series(&[("__name__", "http.size"), ("the.path", "/")]), Newest::Float(6, 1e21)),
            (series(&[("__name__", "took")]), Newest::Histogram(7, &custom)),
            (series(&[("__name__", "native")]), Newest::Histogram(7, &exponential)),
            (series(&[("job", "nameless")]), Newest::Float(5, 1.0)),
        ]);
        let rest = "# TYPE took histogram\ntook_bucket{instance=\"\",le=\"0.1\"} 1 7\ntook_bucket{instance=\"\",le=\"1\"} 3 7\n\
                    took_bucket{instance=\"\",le=\"+Inf\"} 6 7\ntook_sum{instance=\"\"} 2.5 7\ntook_count{instance=\"\"} 6 7\n\
                    # TYPE up untyped\nup{instance=\"i\",job=\"a\\\"b\\\\c\\nd\"} 1 5\n\
                    # 1 series of native histograms are left out: this format has no place for them\n";
        let quoted = "# TYPE \"http.size\" untyped\n{\"http.size\",\"the.path\"=\"/\",instance=\"\"} 1e+21 6\n";
        assert_eq!(text(&newest, Names::Quoted), format!("{quoted}{rest}"));
        let replaced = "# TYPE http_size untyped\nhttp_size{the_path=\"/\",instance=\"\"} 1e+21 6\n";
        assert_eq!(text(&newest, Names::Replaced), format!("{replaced}{rest}"));
    }
}
