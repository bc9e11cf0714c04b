//! Values and series as JSON.

use std::fmt::Write as _;

use promql::text::{float, plain_float, push_plain_float};
use promql::{Data, Histogram, Labels, Point, Series, Value};

/// A result of a query; of vectors and matrices at most `limit` series. Says whether that cut it.
pub fn result(data: &Data, at: i64, limit: Option<usize>) -> (String, bool) {
    let mut out = String::new();
    let cut = match data {
        Data::Scalar(value) => {
            out.push_str(r#"{"resultType":"scalar","result":["#);
            time(&mut out, at);
            // Numbers alone have no exponent in Prometheus, however large.
            let _ = write!(out, r#","{}"]}}"#, plain_float(*value));
            false
        }
        Data::String(value) => {
            out.push_str(r#"{"resultType":"string","result":["#);
            time(&mut out, at);
            out.push(',');
            text(&mut out, value);
            out.push_str("]}");
            false
        }
        Data::Vector(found) => {
            out.push_str(r#"{"resultType":"vector","result":["#);
            let cut = list(&mut out, found, limit, |out, series| {
                if let Some(point) = series.points.first() {
                    let name = if matches!(point.value, Value::Float(_)) { "value" } else { "histogram" };
                    let _ = write!(out, r#","{name}":"#);
                    value(out, point);
                }
            });
            out.push_str("]}");
            cut
        }
        Data::Matrix(found) => {
            out.push_str(r#"{"resultType":"matrix","result":["#);
            let cut = list(&mut out, found, limit, |out, series| {
                values(out, "values", series, |value| matches!(value, Value::Float(_)));
                values(out, "histograms", series, |value| matches!(value, Value::Histogram(_)));
            });
            out.push_str("]}");
            cut
        }
    };
    (out, cut)
}

fn list(out: &mut String, found: &[Series], limit: Option<usize>, mut body: impl FnMut(&mut String, &Series)) -> bool {
    let shown = found.len().min(limit.unwrap_or(usize::MAX));
    for (n, series) in found.iter().take(shown).enumerate() {
        out.push_str(if n == 0 { r#"{"metric":"# } else { r#",{"metric":"# });
        labels(out, &series.labels);
        body(out, series);
        out.push('}');
    }
    shown < found.len()
}

fn values(out: &mut String, name: &str, series: &Series, wanted: impl Fn(&Value) -> bool) {
    let mut first = true;
    for point in series.points.iter().filter(|point| wanted(&point.value)) {
        if first {
            let _ = write!(out, r#","{name}":["#);
        } else {
            out.push(',');
        }
        first = false;
        value(out, point);
    }
    if !first {
        out.push(']');
    }
}

fn value(out: &mut String, point: &Point) {
    out.push('[');
    time(out, point.t);
    out.push(',');
    match &point.value {
        Value::Float(value) => {
            out.push('"');
            push_number(out, *value);
            out.push('"');
        }
        Value::Histogram(value) => histogram(out, value),
    }
    out.push(']');
}

/// Buckets that hold something, with which of their bounds they include: 0 the upper one, 1 the
/// lower one, 2 neither, 3 both.
fn histogram(out: &mut String, histogram: &Histogram) {
    let _ = write!(out, r#"{{"count":"{}","sum":"{}""#, number(histogram.count), number(histogram.sum));
    let mut first = true;
    for bucket in histogram.ranges().into_iter().filter(|bucket| bucket.count != 0.0) {
        out.push_str(if first { r#","buckets":[["# } else { ",[" });
        first = false;
        let rule = match (bucket.lower_inclusive, bucket.upper_inclusive) {
            (false, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (true, true) => 3,
        };
        let (lower, upper) = (number(bucket.lower), number(bucket.upper));
        let _ = write!(out, r#"{rule},"{lower}","{upper}","{}"]"#, number(bucket.count));
    }
    if !first {
        out.push(']');
    }
    out.push('}');
}

/// Labels as an object.
pub fn labels(out: &mut String, labels: &Labels) {
    out.push('{');
    for (n, label) in labels.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        text(out, &label.name);
        out.push(':');
        text(out, &label.value);
    }
    out.push('}');
}

/// Seconds with up to three decimals, and none if they are whole.
pub fn time(out: &mut String, ms: i64) {
    if ms < 0 {
        out.push('-');
    }
    let ms = ms.unsigned_abs();
    let _ = write!(out, "{}", ms / 1_000);
    match ms % 1_000 {
        0 => {}
        rest => {
            let digits = format!("{rest:03}");
            let _ = write!(out, ".{}", digits.trim_end_matches('0'));
        }
    }
}

/// The shortest text of a number, with an exponent only below 1e-6 and from 1e21 on.
pub fn number(value: f64) -> String {
    let mut out = String::new();
    push_number(&mut out, value);
    out
}

/// A number of JSON, which has no part if it is whole, as Go writes it.
pub fn json_number(value: f64) -> serde_json::Value {
    // Below this each whole number is exact, and a zero has its sign as a float only.
    let is_whole = value.fract() == 0.0 && value.abs() < 1e15 && (value != 0.0 || value.is_sign_positive());
    if is_whole { (value as i64).into() } else { value.into() }
}

fn push_number(out: &mut String, value: f64) {
    let size = value.abs();
    let plain = size == 0.0 || (1e-6..1e21).contains(&size) || !size.is_finite();
    if plain { push_plain_float(out, value) } else { out.push_str(&float(value)) }
}

fn text(out: &mut String, value: &str) {
    // It fails only for maps with keys that are no texts.
    out.push_str(&serde_json::to_string(value).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn series(points: Vec<Point>) -> Series {
        Series::new(Labels::new([("__name__", "up"), ("job", "a\"b")]), points)
    }

    fn point(t: i64, value: f64) -> Point {
        Point { t, value: Value::Float(value) }
    }

    #[test]
    fn results_look_as_those_of_prometheus() {
        let cases = [
            (Data::Scalar(1.0), r#"{"resultType":"scalar","result":[1.5,"1"]}"#),
            (Data::Scalar(1e21), r#"{"resultType":"scalar","result":[1.5,"1000000000000000000000"]}"#),
            (Data::String(Arc::from("a\n")), r#"{"resultType":"string","result":[1.5,"a\n"]}"#),
            (Data::Vector(Vec::new()), r#"{"resultType":"vector","result":[]}"#),
            (
                Data::Vector(vec![series(vec![point(1_500, f64::INFINITY)])]),
                r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\"b"},"value":[1.5,"+Inf"]}]}"#,
            ),
            (
                Data::Matrix(vec![series(vec![point(0, 1e-7), point(-1_050, 1e21)])]),
                r#"{"resultType":"matrix","result":[{"metric":{"__name__":"up","job":"a\"b"},"values":[[0,"1e-07"],[-1.05,"1e+21"]]}]}"#,
            ),
        ];
        for (data, expected) in cases {
            assert_eq!(result(&data, 1_500, None).0, expected);
        }
    }

    #[test]
    fn whole_numbers_of_json_have_no_part() {
        for (value, text) in [(2.0, "2"), (-3.0, "-3"), (0.5, "0.5"), (0.0, "0"), (-0.0, "-0.0")] {
            assert_eq!(json_number(value).to_string(), text);
        }
    }

    #[test]
    fn a_limit_cuts_and_says_so() {
        let data = Data::Vector(vec![series(vec![point(0, 1.0)]), series(vec![point(0, 1.0)])]);
        assert!(result(&data, 0, Some(1)).1);
        assert!(!result(&data, 0, Some(2)).1);
    }
}
