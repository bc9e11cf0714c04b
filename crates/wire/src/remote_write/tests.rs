use super::v1::WriteRequest;
use super::v2::Request;
use super::*;
use crate::histogram::{Count, Histogram, ResetHint};
use crate::mutate;
use crate::pb::{Error, Writer};

const V1: &[u8] = include_bytes!("../../tests/bodies/remote_write_v1.bin");
const V2: &[u8] = include_bytes!("../../tests/bodies/remote_write_v2.bin");
const STALE: u64 = 0x7ff0_0000_0000_0002;

fn sample(time_ms: i64, value: u64, start_ms: i64) -> Sample {
    Sample { time_ms, value, start_ms }
}

fn numbers<T>(numbers: impl Iterator<Item = Result<T, Error>>) -> Vec<T> {
    numbers.map(Result::unwrap).collect()
}

#[test]
fn version_1_as_prometheus_writes_it() {
    let request = WriteRequest::read(V1).unwrap();
    let [up, lat] = <[_; 2]>::try_from(numbers(request.timeseries.iter())).unwrap();
    let labels = numbers(up.labels.iter());
    assert_eq!((labels[1].name, labels[1].value), ("job", "näme"));
    assert_eq!(up.labels.raw().unwrap(), &V1[2..2 + up.labels.raw().unwrap().len()]);
    assert_eq!(
        numbers(up.samples()),
        [sample(1_700_000_000_000, 1.5f64.to_bits(), 0), sample(1_700_000_015_000, STALE, 0), sample(-5, 0, 0)]
    );
    let exemplar = up.exemplars.iter().next().unwrap().unwrap();
    assert_eq!((exemplar.value, exemplar.timestamp), (0.25f64.to_bits(), 1_700_000_000_001));
    assert_eq!(numbers(exemplar.labels.iter())[0].value, "abc");
    assert_eq!(up.check_labels().unwrap().unwrap().count, 2);
    histograms(&numbers(lat.histograms()));
    assert_eq!(lat.check_histograms().unwrap(), Ok(()));
    let metadata = request.metadata.iter().next().unwrap().unwrap();
    assert_eq!((metadata.metric_type(), metadata.metric_family_name), (MetricType::Counter, "up"));
    assert_eq!((metadata.help, metadata.unit), ("Is it?", "seconds"));
}

#[test]
fn pairs_are_the_labels_however_they_lie() {
    let long = "é".repeat(100); // its length takes two bytes, so the labels as a whole are no text
    let cases: [&[(&str, &str)]; 4] =
        [&[("a", "1"), ("b", "é"), ("c", "")], &[("a", &long), ("", "x")], &[], &[("é", "é")]];
    for labels in cases {
        let mut w = Writer::default();
        w.message(1, |w| {
            for (name, value) in labels {
                w.message(1, |w| (w.bytes(1, name.as_bytes()), w.bytes(2, value.as_bytes())).1);
            }
        });
        let body = w.finish();
        let series = WriteRequest::read(&body).unwrap().timeseries.iter().next().unwrap().unwrap();
        assert_eq!(numbers(series.pairs()), labels);
        let each: Vec<_> = numbers(series.labels.iter()).iter().map(|label| (label.name, label.value)).collect();
        assert_eq!(each, labels);
    }
}

#[test]
fn half_a_character_in_a_label_is_an_error_whatever_follows_it() {
    let label = |w: &mut Writer, name: &[u8], more: u32| {
        w.message(1, |w| (w.bytes(1, name), w.varint(more, 1)).1);
    };
    for (more, tag) in [(2000, &b"\x80\x7d"[..]), (21, b"\xa8\x01")] {
        let mut w = Writer::default();
        w.message(1, |w| (label(w, b"a", 15), label(w, b"\xc3", more), label(w, b"b", 15)).2);
        let body = w.finish();
        assert!(body.windows(3).any(|part| part[0] == 0xc3 && part[1..] == *tag), "{body:x?}");
        let series = WriteRequest::read(&body).unwrap().timeseries.iter().next().unwrap().unwrap();
        let mut pairs = series.pairs();
        assert_eq!(pairs.next().unwrap().unwrap(), ("a", ""));
        assert_eq!(pairs.next().unwrap().unwrap_err().path(), "WriteRequest.timeseries[0].labels[1].name");
        assert!(pairs.next().is_none());
    }
}

fn histograms(found: &[Histogram<'_>]) {
    let [int, float] = found else { panic!("{found:?}") };
    assert_eq!((int.count, int.zero_count, int.sum), (Count::Int(11), Count::Int(2), 18.4f64.to_bits()));
    assert_eq!((int.schema, int.zero_threshold, int.reset_hint), (1, 0.001, ResetHint::No));
    let spans: Vec<_> = numbers(int.positive.spans.iter()).iter().map(|span| (span.offset, span.length)).collect();
    assert_eq!(spans, [(-2, 2), (1, 2)]);
    assert_eq!(numbers(int.positive.deltas.iter()), [1, 1, -1, 3]);
    assert_eq!((float.count, float.schema, float.reset_hint), (Count::Float(4.5), -53, ResetHint::Gauge));
    assert_eq!(float.zero_count, Count::Float(0.0));
    assert_eq!(numbers(float.custom_values.iter()), [0.5, 1.0, 2.5]);
    assert_eq!(numbers(float.positive.counts.iter()), [1.0, 1.5, 2.0]);
    assert_eq!((float.time_ms, float.start_ms), (1_700_000_000_004, 0));
}

#[test]
fn version_2_as_prometheus_writes_it() {
    let request = Request::read(V2).unwrap();
    let [up, lat] = <[_; 2]>::try_from(numbers(request.series())).unwrap();
    assert_eq!(numbers(up.labels().iter()), [("__name__", "up"), ("job", "näme")]);
    assert_eq!(
        numbers(up.samples()),
        [sample(1_700_000_000_000, 1.5f64.to_bits(), 1_600_000_000_000), sample(1_700_000_015_000, STALE, 0)]
    );
    let metadata = up.metadata().unwrap();
    assert_eq!((metadata.metric_type, metadata.help, metadata.unit), (MetricType::Counter, "Is it?", "seconds"));
    let exemplar = up.exemplars().next().unwrap().unwrap();
    assert_eq!(numbers(exemplar.labels.iter()), [("trace_id", "abc")]);
    let histogram = lat.histograms().next().unwrap().unwrap();
    assert_eq!((histogram.schema, histogram.start_ms), (-4, 1_600_000_000_001));
    for series in [up, lat] {
        assert_eq!(series.check().unwrap(), Ok(()));
        assert!(series.check_labels().unwrap().unwrap().has_metric_name);
        assert_eq!(series.check_histograms().unwrap(), Ok(()));
    }
}

/// Writes a request of version 2 with one series after a good one.
fn v2(symbols: &[&str], fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut w = Writer::default();
    symbols.iter().for_each(|symbol| w.bytes(4, symbol.as_bytes()));
    w.message(5, |w| (w.message(1, |w| [1, 2].into_iter().for_each(|n| w.bare_varint(n))), w.message(2, |_| ())).1);
    w.message(5, fill);
    w.finish()
}

fn refs(w: &mut Writer, number: u32, refs: &[u64]) {
    w.message(number, |w| refs.iter().for_each(|n| w.bare_varint(*n)));
}

type Fill = fn(&mut Writer);

#[test]
fn a_broken_rule_of_version_2_names_series_and_rule() {
    let cases: [(Fill, &str); 8] = [
        (|w| refs(w, 1, &[1, 2]), "series 1: neither samples nor histograms nor exemplars"),
        (|w| (w.message(2, |_| ()), w.message(3, |_| ())).1, "series 1: samples and histograms in one series"),
        (
            |w| (refs(w, 1, &[1, 2, 1]), w.message(2, |_| ())).1,
            "series 1: labels: 3 references to symbols, which is not even",
        ),
        (|w| (refs(w, 1, &[1, 3]), w.message(2, |_| ())).1, "series 1: labels: symbol 3 of 3"),
        (|w| (w.message(2, |_| ()), w.message(5, |w| w.varint(3, 7))).1, "series 1: help: symbol 7 of 3"),
        (|w| (w.message(2, |_| ()), w.message(5, |w| w.varint(4, 8))).1, "series 1: unit: symbol 8 of 3"),
        (
            |w| (w.message(2, |_| ()), w.message(4, |w| refs(w, 1, &[1]))).1,
            "series 1: labels of an exemplar: 1 references to symbols, which is not even",
        ),
        (
            |w| (w.message(2, |_| ()), w.message(4, |w| refs(w, 1, &[9, 1]))).1,
            "series 1: labels of an exemplar: symbol 9 of 3",
        ),
    ];
    for (fill, expected) in cases {
        let body = v2(&["", "__name__", "up"], fill);
        let request = Request::read(&body).unwrap();
        let found: Vec<_> = request.series().map(|series| series.unwrap().check().unwrap()).collect();
        assert_eq!(found[0], Ok(()));
        assert_eq!(found[1].clone().unwrap_err().to_string(), expected);
    }
}

#[test]
fn an_exemplar_may_come_without_a_sample() {
    let body = v2(&["", "__name__", "up"], |w| {
        refs(w, 1, &[1, 2]);
        w.message(4, |w| (refs(w, 1, &[1, 2]), w.varint(3, 7)).1);
    });
    let request = Request::read(&body).unwrap();
    let series = request.series().nth(1).unwrap().unwrap();
    assert_eq!(series.check().unwrap(), Ok(()));
    assert_eq!((series.samples().count(), series.exemplars().next().unwrap().unwrap().time_ms), (0, 7));
}

#[test]
fn the_first_symbol_must_be_empty_and_there() {
    for symbols in [&["a"][..], &[]] {
        assert_eq!(Request::read(&v2(symbols, |_| ())).unwrap_err(), RequestError::Symbols);
    }
    assert!(Request::read(&[]).unwrap().is_empty());
}

fn histogram_rule(fill: Fill) -> String {
    let mut w = Writer::default();
    w.message(1, |w| w.message(4, fill));
    let body = w.finish();
    let series = WriteRequest::read(&body).unwrap().timeseries.iter().next().unwrap().unwrap();
    series.check_histograms().unwrap().unwrap_err().to_string()
}

fn span(w: &mut Writer, number: u32, offset: u64, length: u64) {
    w.message(number, |w| (w.varint(1, offset), w.varint(2, length)).1);
}

const CUSTOM: u64 = 105; // -53 in zigzag

#[test]
fn a_histogram_that_is_none_names_the_rule() {
    let cases: [(Fill, &str); 12] = [
        (|w| w.varint(4, 18), "schema 9 is neither -4 to 8 nor -53"),
        (|w| (w.double(2, 1.0), span(w, 11, 0, 1), w.varint(12, 2)).2, "integer and float counts are mixed"),
        (|w| (span(w, 11, 0, 1), span(w, 11, 1, 1)).1, "positive span 1 leads to no bucket"),
        (|w| span(w, 11, 0xffff_fffe, 2), "positive span 0 leads to no bucket"),
        (|w| span(w, 8, 0, 2), "the negative spans need 2 buckets, there are 0"),
        (|w| (span(w, 11, 0, 1), w.varint(12, 1)).1, "the count of a positive bucket is below zero"),
        (|w| (w.varint(1, 3), w.varint(6, 2)).1, "2 observations in the buckets, 3 in all"),
        (|w| w.double(2, -1.0), "the count of all is below zero"),
        (
            |w| (w.varint(4, CUSTOM), w.double(16, 1.0), w.double(16, 1.0)).2,
            "custom bound 1 does not rise or is not finite",
        ),
        (
            |w| (w.varint(4, CUSTOM), span(w, 11, 0, 2), w.varint(12, 0), w.varint(12, 0)).3,
            "0 custom bounds are too few for buckets up to 2",
        ),
        (|w| (w.varint(4, CUSTOM), w.double(5, 1.0)).1, "schema -53 does not go with a zero bucket"),
        (|w| w.double(16, 1.0), "schema 0 does not go with custom bounds"),
    ];
    for (fill, expected) in cases {
        assert_eq!(histogram_rule(fill), format!("histogram 0: {expected}"));
    }
}

#[test]
fn labels_that_are_not_together_have_no_raw_bytes() {
    let label = |w: &mut Writer, name: &str| w.message(1, |w| w.bytes(1, name.as_bytes()));
    let mut w = Writer::default();
    w.message(1, |w| (label(w, "b"), w.message(2, |_| ()), label(w, "a")).2);
    let body = w.finish();
    let series = WriteRequest::read(&body).unwrap().timeseries.iter().next().unwrap().unwrap();
    assert_eq!(series.labels.raw(), None);
    assert_eq!(series.check_labels().unwrap().unwrap_err().to_string(), "label `a` is not in order");
    assert_eq!(series.samples().count(), 1);
}

#[test]
fn the_header_says_which_message() {
    assert_eq!(content_type(""), Ok(Version::V1));
    assert_eq!(content_type("application/x-protobuf;proto=prometheus.WriteRequest"), Ok(Version::V1));
    assert_eq!(content_type("Application/X-Protobuf; proto=io.prometheus.write.v2.Request"), Ok(Version::V2));
    for header in ["application/json", "application/x-protobuf;proto=x.Y"] {
        assert!(content_type(header).unwrap_err().to_string().contains(header));
    }
    let [samples, ..] = Written { samples: 3, ..Written::default() }.headers();
    assert_eq!(samples, ("X-Prometheus-Remote-Write-Samples-Written", "3".to_owned()));
}

fn walk_v1(body: &[u8]) -> Result<(), Error> {
    let request = WriteRequest::read(body)?;
    request.metadata.iter().try_for_each(|metadata| metadata.map(drop))?;
    for series in request.timeseries.iter() {
        let series = series?;
        let _ = series.check_labels()?;
        let _ = series.check_histograms()?;
        assert!(series.samples().count() <= body.len());
        let pairs: Vec<_> = series.pairs().map_while(Result::ok).collect();
        let labels: Vec<_> = series.labels.iter().map_while(|l| l.ok().map(|l| (l.name, l.value))).collect();
        assert_eq!(pairs, labels);
        series.exemplars.iter().try_for_each(|exemplar| exemplar.map(drop))?;
    }
    Ok(())
}

fn walk_v2(body: &[u8]) -> Result<(), RequestError> {
    for series in Request::read(body)?.series() {
        let series = series?;
        let _ = (series.check()?, series.check_labels()?, series.check_histograms()?, series.metadata());
        assert!(series.samples().count() <= body.len());
    }
    Ok(())
}

#[test]
fn damage_never_panics() {
    mutate::each(V1, 3000, |bytes| drop(walk_v1(bytes)));
    mutate::each(V2, 3000, |bytes| drop(walk_v2(bytes)));
}
