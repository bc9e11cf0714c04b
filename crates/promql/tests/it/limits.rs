//! What a query may not use.

use std::cell::Cell;

use promql::{
    Data, Histogram, Labels, Limits, Matcher, Memory, Options, QueryError, Sample, SelectHints, SeriesSet, Steps,
    Storage, StorageError, Value, instant, parse, range,
};

fn memory(series: usize, samples: i64) -> Memory {
    let mut memory = Memory::default();
    for at in 0..series {
        let labels = Labels::new([("__name__", "x".to_owned()), ("at", at.to_string())]);
        memory.append(&labels, (0..samples).map(|t| Sample { t: t * 1000, start: 0, value: Value::Float(1.0) }));
    }
    memory
}

fn error(limits: Limits, query: &str, steps: Steps) -> QueryError {
    let options = Options { limits, ..Options::default() };
    range(&memory(10, 100), &options, query, &parse(query).unwrap(), steps).unwrap_err()
}

#[test]
fn samples_steps_and_series_have_limits_that_are_named() {
    let steps = Steps::range(0, 99_000, 1000);
    let samples = error(Limits { samples: 999, ..Limits::default() }, "x", steps);
    assert!(matches!(samples, QueryError::Samples { limit: 999 }));
    assert!(samples.to_string().contains("limit samples: 999"));
    let window =
        error(Limits { samples: 50, ..Limits::default() }, "sum_over_time(x[90s])", Steps::range(95_000, 95_000, 1));
    assert!(matches!(window, QueryError::Samples { .. }));
    let steps_limit = error(Limits { steps: 99, ..Limits::default() }, "1", steps);
    assert!(matches!(steps_limit, QueryError::Steps { steps: 100, limit: 99 }));
    let subquery = error(Limits { steps: 99, ..Limits::default() }, "sum_over_time(x[1y:1ms])", Steps::range(0, 1, 1));
    assert!(matches!(subquery, QueryError::Steps { .. }));
    let series = error(Limits { series: 9, ..Limits::default() }, "x", steps);
    assert!(matches!(series, QueryError::Series { series: 10, limit: 9 }));
}

#[test]
fn labels_that_are_made_have_limits_that_are_named() {
    let at = Steps::range(0, 0, 1);
    let told = |limits: Limits, query: &str| error(limits, query, at).to_string();
    let one = Limits { one_label_bytes: 10_000, ..Limits::default() };
    let joined = |times: usize, inner: &str| format!(r#"label_join({inner}, "a", ""{})"#, r#", "a""#.repeat(times));
    let twenty = r#"label_replace(vector(1), "a", "xxxxxxxxxxxxxxxxxxxx", "", "")"#;
    let thousands = joined(10, &joined(10, &joined(10, twenty)));
    assert!(told(one, &thousands).contains("20001 bytes, which is more than the limit one_label_bytes: 10000"));
    // Nobody has so much memory: it is refused before it is made.
    let terabytes = (0..4).fold(twenty.to_owned(), |inner, _| joined(900, &inner));
    assert!(told(Limits::default(), &terabytes).contains("limit one_label_bytes: 65536"));
    let replaced = format!(r#"label_replace(x, "a", "{}", "__name__", "(.*)")"#, "$1".repeat(80_000));
    assert!(told(Limits::default(), &replaced).contains("limit one_label_bytes: 65536"));
    let name = "n".repeat(100_000);
    assert!(told(Limits::default(), &format!(r#"count_values("{name}", x)"#)).contains("limit one_label_bytes"));
}

#[test]
fn labels_of_all_series_are_counted_together() {
    let long = "y".repeat(99);
    let made = format!(r#"label_replace(x, "b", "{long}", "", "")"#);
    let copied = format!(r#"x * on() group_left(b) label_replace(vector(1), "b", "{long}", "", "")"#);
    let quantiles = format!(r#"histogram_quantiles(label_replace(x, "le", "+Inf", "", ""), "{long}", 0.5)"#);
    let counted = format!(r#"count by (at) (x) * 0 + ignoring({long}) group_right count_values by (at) ("{long}", x)"#);
    for query in [made, copied, quantiles, counted] {
        let asked = |label_bytes| {
            let options = Options { limits: Limits { label_bytes, ..Limits::default() }, ..Options::default() };
            instant(&memory(10, 1), &options, &query, &parse(&query).unwrap(), 0)
        };
        let refused = asked(900).unwrap_err().to_string();
        assert!(refused.contains("more than the limit label_bytes: 900"), "{query}: {refused}");
        let Data::Vector(found) = asked(2_000).unwrap().data else { panic!("no vector") };
        assert_eq!(found.len(), 10, "{query}");
    }
}

#[test]
fn what_is_aggregated_is_not_there_for_all_series_at_once() {
    let limits = Limits { samples: 250, ..Limits::default() };
    let steps = Steps::range(0, 99_000, 1000);
    let options = Options { limits, ..Options::default() };
    for query in [
        "sum(x)",
        "sum(rate(x[30s]) * 2)",
        "sum(100 - rate(x[30s]) / 7)",
        "max(-x)",
        "sum(abs(rate(x[30s])))",
        "avg(clamp_max(round(x, 0.5), time()))",
        "count(x > 0)",
        "max(timestamp(x))",
        "histogram_quantile(0.9, sum by (le) (rate(x[30s])))",
    ] {
        let answer = range(&memory(10, 100), &options, query, &parse(query).unwrap(), steps);
        assert!(answer.is_ok(), "{query}: {answer:?}");
    }
    assert!(matches!(error(limits, "sum(x + x)", steps), QueryError::Samples { limit: 250 }));
}

#[test]
fn a_query_ends_when_it_is_told_to() {
    let asked = Cell::new(0);
    let may_continue = || {
        asked.set(asked.get() + 1);
        asked.get() < 3
    };
    let options = Options { may_continue: &may_continue, ..Options::default() };
    let query = "sum(rate(x[5m])) + sum(x)";
    let error = instant(&memory(10, 10), &options, query, &parse(query).unwrap(), 0).unwrap_err();
    assert!(matches!(error, QueryError::Stopped));
}

#[test]
fn a_long_chain_of_operators_needs_no_deep_stack() {
    let query = format!("x{}", " or x".repeat(255));
    let answer = instant(&memory(1, 1), &Options::default(), &query, &parse(&query).unwrap(), 0).unwrap();
    assert!(matches!(answer.data, Data::Vector(series) if series.len() == 1));
}

/// A storage that cannot be read.
struct Broken;

impl Storage for Broken {
    fn select(&self, _: &[Matcher], _: &SelectHints) -> Result<SeriesSet<'_>, StorageError> {
        Err(StorageError("the disk is gone".into()))
    }
}

#[test]
fn what_the_storage_says_reaches_who_asked() {
    let error = instant(&Broken, &Options::default(), "x", &parse("x").unwrap(), 0).unwrap_err();
    assert_eq!(error.to_string(), "expanding series: the disk is gone");
}

fn histograms(buckets: i32) -> Memory {
    let mut memory = Memory::default();
    for at in 0..2 {
        let labels = Labels::new([("__name__", "h".to_owned()), ("at", at.to_string())]);
        let sample = |t: i64| {
            let value = Histogram {
                count: t as f64 + 1.0,
                positive: (0..buckets).map(|index| (index, t as f64 + 1.0)).collect(),
                ..Histogram::default()
            };
            Sample { t: t * 1000, start: 0, value: value.into() }
        };
        memory.append(&labels, (0..100).map(sample));
    }
    memory
}

#[test]
fn a_histogram_is_as_many_samples_as_it_has_room_for() {
    let steps = Steps::range(0, 99_000, 1000);
    let ask = |samples: usize, query: &str| {
        let limits = Limits { samples, ..Limits::default() };
        range(&histograms(20), &Options { limits, ..Options::default() }, query, &parse(query).unwrap(), steps)
    };
    // Each has 11 samples of 16 bytes, and one more for two buckets.
    let of_all = 2 * 100 * 21;
    assert!(ask(of_all, "h").is_ok());
    for query in ["h", "h * 2", "rate(h[30s])", "h @ 50", "h and h", "sum by (at) (h)", "avg by (at) (rate(h[30s]))"] {
        let refused = ask(1_000, query);
        assert!(matches!(refused, Err(QueryError::Samples { limit: 1_000 })), "{query}: {refused:?}");
    }
    // What comes of them are numbers.
    assert!(ask(of_all + 200, "histogram_quantile(0.9, h)").is_ok());
    assert!(ask(1_000, "max(histogram_count(h))").is_ok());
}

#[test]
fn a_function_over_long_ranges_is_ended_within_a_series() {
    let memory = memory(1, 1_000);
    let query = "mad_over_time(x[1h])";
    let expr = parse(query).unwrap();
    let asked = Cell::new(0);
    let counted = || {
        asked.set(asked.get() + 1);
        true
    };
    let steps = Steps::range(0, 999_000, 1000);
    let options = Options { may_continue: &counted, ..Options::default() };
    range(&memory, &options, query, &expr, steps).unwrap();
    // Half a million samples are looked at.
    assert!(asked.get() > 4, "asked {} times", asked.get());
    let (most, asked) = (asked.get(), Cell::new(0));
    let ending = || {
        asked.set(asked.get() + 1);
        asked.get() < most
    };
    let options = Options { may_continue: &ending, ..Options::default() };
    assert!(matches!(range(&memory, &options, query, &expr, steps), Err(QueryError::Stopped)));
}
