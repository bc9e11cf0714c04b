use std::fmt::Write;

use super::protobuf::{Families, Timestamp};
use super::*;
use crate::histogram::{Count, ResetHint};
use crate::metric::MetricType;
use crate::mutate;

fn labels(labels: Labels<'_>) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>().join(" ")
}

/// One line for each entry.
fn show(text: &[u8], format: Format) -> Result<String, TextError> {
    let mut out = String::new();
    for entry in Text::new(text, format)? {
        match entry? {
            Entry::Help(name, text) => writeln!(out, "help {} {text:?}", name.get()),
            Entry::Type(name, kind) => writeln!(out, "type {} {}", name.get(), kind.name()),
            Entry::Unit(name, unit) => writeln!(out, "unit {} {unit}", name.get()),
            Entry::Comment(text) => writeln!(out, "comment {text:?}"),
            Entry::Sample(sample) => {
                let value = f64::from_bits(sample.value);
                write!(out, "{} {} = {value} at {:?}", sample.name.get(), labels(sample.labels), sample.time_ms)
                    .unwrap();
                if let Some(exemplar) = sample.exemplar {
                    let value = f64::from_bits(exemplar.value);
                    write!(out, " exemplar {} = {value} at {:?}", labels(exemplar.labels), exemplar.time_ms).unwrap();
                }
                writeln!(out, "{}", if sample.created { " created" } else { "" })
            }
        }
        .unwrap();
    }
    Ok(out)
}

/// Cases: a text, `----`, what is read of it; `====` between them.
fn cases(file: &str, format: Format) {
    for case in file.split("====\n") {
        let (text, expected) = case.split_once("----\n").unwrap();
        let found = show(text.as_bytes(), format).unwrap_or_else(|error| format!("error {error}\n"));
        assert_eq!(found, expected, "of\n{text}");
    }
}

#[test]
fn prometheus_text_is_read() {
    cases(include_str!("../../tests/bodies/exposition_prometheus.txt"), Format::Prometheus);
}

#[test]
fn openmetrics_text_is_read() {
    cases(include_str!("../../tests/bodies/exposition_openmetrics.txt"), Format::OpenMetrics);
}

#[test]
fn a_series_is_told_by_its_text() {
    let series = |text: &str| match Text::new(text.as_bytes(), Format::Prometheus).unwrap().next() {
        Some(Ok(Entry::Sample(sample))) => sample.series.to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(series(" a{b=\"c\"} 1 5\n"), "a{b=\"c\"}");
    assert_eq!(series("a 1"), "a");
    assert_eq!(series("a  {} 1"), "a  {}");
}

#[test]
fn every_nan_is_the_same() {
    for text in ["a NaN\n", "a -nan\n", "a +NaN"] {
        let Some(Ok(Entry::Sample(sample))) = Text::new(text.as_bytes(), Format::Prometheus).unwrap().next() else {
            panic!("{text}")
        };
        assert_eq!(sample.value, NORMAL_NAN);
    }
}

#[test]
fn what_is_not_utf_8_is_refused_with_its_line() {
    let error = Text::new(b"a 1\nb{c=\"\xff\"} 1\n", Format::Prometheus).unwrap_err();
    assert_eq!(error.to_string(), "line 2: not UTF-8");
}

const BODY: &[u8] = include_bytes!("../../tests/bodies/exposition.bin");

#[test]
fn protobuf_as_the_go_client_writes_it() {
    let families: Vec<_> = Families::new(BODY).map(Result::unwrap).collect();
    let kinds: Vec<_> = families.iter().map(|family| (family.name, family.metric_type().name())).collect();
    assert_eq!(kinds, [("hits_total", "counter"), ("temp.celsius", "gauge"), ("lat", "histogram"), ("s", "summary")]);
    let series: Vec<_> = families.iter().map(|family| family.metric.iter().next().unwrap().unwrap()).collect();
    let counter = series[0].counter.unwrap();
    assert_eq!((counter.value, series[0].timestamp_ms), (3.0f64.to_bits(), Some(1_700_000_000_123)));
    let label = series[0].label.iter().next().unwrap().unwrap();
    assert_eq!((label.name, label.value, families[0].help), ("a", "b", "Hits."));
    assert_eq!(counter.created_timestamp.map(|at: Timestamp| at.millis()), Some(1_700_000_000_005));
    let exemplar = counter.exemplar.unwrap();
    assert_eq!(exemplar.timestamp.unwrap().millis(), 1_700_000_000_005);
    assert_eq!((series[1].gauge.unwrap().value, families[1].unit), ((-1.5f64).to_bits(), "celsius"));
    let summary = series[3].summary.unwrap();
    assert_eq!((summary.sample_count, summary.quantile.iter().next().unwrap().unwrap().quantile), (2, 0.5));
}

#[test]
fn native_histograms_of_protobuf_are_those_of_remote_write() {
    let family = Families::new(BODY).nth(2).unwrap().unwrap();
    let raw = family.metric.iter().next().unwrap().unwrap().histogram.unwrap();
    let buckets: Vec<_> = raw.bucket.iter().map(|bucket| bucket.map(|b| (b.upper_bound, b.count())).unwrap()).collect();
    assert_eq!(buckets, [(0.5, 2.0), (f64::INFINITY, 5.0)]);
    let native = raw.native(MetricType::GaugeHistogram, 7).unwrap();
    assert_eq!((native.count, native.zero_count, native.schema, native.time_ms), (Count::Int(5), Count::Int(1), 3, 7));
    assert_eq!((native.start_ms, native.reset_hint), (1_700_000_000_005, ResetHint::Gauge));
    assert_eq!(native.check().unwrap(), Ok(()));
    assert_eq!(raw.exemplars.len(), 1);
}

#[test]
fn damaged_protobuf_names_the_family() {
    let cut = Families::new(&BODY[..BODY.len() - 1]).last().unwrap().unwrap_err();
    assert!(cut.to_string().starts_with("family 3 at byte "), "{cut}");
    let error = Families::new(b"\x00\x02\x0a\x05").nth(1).unwrap().unwrap_err();
    assert_eq!(error.to_string(), "family 1, which begins at byte 2: Family.name at byte 1: cut short");
}

#[test]
fn formats_are_told_by_their_media_type() {
    let protobuf = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    assert_eq!(Format::of(protobuf), Some(Format::Protobuf));
    assert_eq!(Format::of("application/vnd.google.protobuf; proto=x; encoding=text"), None);
    assert_eq!(Format::of("Text/Plain; version=0.0.4; charset=utf-8"), Some(Format::Prometheus));
    assert_eq!(
        Format::of("application/openmetrics-text;version=1.0.0;escaping=underscores"),
        Some(Format::OpenMetrics)
    );
    assert_eq!(Format::of("text/html"), None);
}

#[test]
fn damage_never_panics() {
    for (file, format) in [
        (include_str!("../../tests/bodies/exposition_prometheus.txt"), Format::Prometheus),
        (include_str!("../../tests/bodies/exposition_openmetrics.txt"), Format::OpenMetrics),
    ] {
        let good = file.split("====\n").next().unwrap().split("----\n").next().unwrap();
        mutate::each(good.as_bytes(), 3000, |bytes| {
            if let Ok(shown) = show(bytes, format) {
                assert!(shown.lines().count() <= bytes.len());
            }
        });
    }
    mutate::each(BODY, 3000, |bytes| {
        for family in Families::new(bytes).flatten() {
            for metric in family.metric.iter().flatten() {
                let native = metric.histogram.and_then(|raw| raw.native(family.metric_type(), 0));
                let _ = native.map(|native| native.check());
            }
        }
    });
}
