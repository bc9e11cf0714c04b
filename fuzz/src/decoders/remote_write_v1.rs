//! `prometheus.WriteRequest`, beside prost's reading of it.

use prost::Message;
use wire::pb::{Error, Fault, View};
use wire::remote_write::v1::{Label, Metadata, RawHistogram, RawSample, WriteRequest};

use crate::seeds;

/// The messages as prost reads them.
pub mod by_prost {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct WriteRequest {
        #[prost(message, repeated, tag = "1")]
        pub timeseries: Vec<Series>,
        #[prost(message, repeated, tag = "3")]
        pub metadata: Vec<Metadata>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Series {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub exemplars: Vec<Exemplar>,
        #[prost(message, repeated, tag = "4")]
        pub histograms: Vec<Histogram>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Label {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "2")]
        pub value: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Sample {
        #[prost(double, tag = "1")]
        pub value: f64,
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Exemplar {
        #[prost(message, repeated, tag = "1")]
        pub labels: Vec<Label>,
        #[prost(double, tag = "2")]
        pub value: f64,
        #[prost(int64, tag = "3")]
        pub timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Metadata {
        #[prost(int32, tag = "1")]
        pub kind: i32,
        #[prost(string, tag = "2")]
        pub metric_family_name: String,
        #[prost(string, tag = "4")]
        pub help: String,
        #[prost(string, tag = "5")]
        pub unit: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Span {
        #[prost(sint32, tag = "1")]
        pub offset: i32,
        #[prost(uint32, tag = "2")]
        pub length: u32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Histogram {
        #[prost(uint64, optional, tag = "1")]
        pub count_int: Option<u64>,
        #[prost(double, optional, tag = "2")]
        pub count_float: Option<f64>,
        #[prost(double, tag = "3")]
        pub sum: f64,
        #[prost(sint32, tag = "4")]
        pub schema: i32,
        #[prost(double, tag = "5")]
        pub zero_threshold: f64,
        #[prost(uint64, optional, tag = "6")]
        pub zero_count_int: Option<u64>,
        #[prost(double, optional, tag = "7")]
        pub zero_count_float: Option<f64>,
        #[prost(message, repeated, tag = "8")]
        pub negative_spans: Vec<Span>,
        #[prost(sint64, repeated, tag = "9")]
        pub negative_deltas: Vec<i64>,
        #[prost(double, repeated, tag = "10")]
        pub negative_counts: Vec<f64>,
        #[prost(message, repeated, tag = "11")]
        pub positive_spans: Vec<Span>,
        #[prost(sint64, repeated, tag = "12")]
        pub positive_deltas: Vec<i64>,
        #[prost(double, repeated, tag = "13")]
        pub positive_counts: Vec<f64>,
        #[prost(int32, tag = "14")]
        pub reset_hint: i32,
        #[prost(int64, tag = "15")]
        pub timestamp: i64,
        #[prost(double, repeated, tag = "16")]
        pub custom_values: Vec<f64>,
        #[prost(int64, tag = "17")]
        pub start_timestamp: i64,
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    vec![seeds::file("wire/tests/bodies/remote_write_v1.bin")]
}

pub fn run(data: &[u8]) {
    agree(read(data), by_prost::WriteRequest::decode(data));
    let _ = walk(data);
}

/// Both read the same bytes, and the same from them. prost skips groups, which are refused here.
pub fn agree<M: Message + std::fmt::Debug>(ours: Result<M, Error>, theirs: Result<M, prost::DecodeError>) {
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours.encode_to_vec(), theirs.encode_to_vec(), "{ours:?}\n{theirs:?}"),
        (Err(error), Ok(_)) => {
            assert_eq!(error.fault(), &Fault::Group, "{error}");
        }
        (Ok(ours), Err(error)) => panic!("prost: {error}: {ours:?}"),
        (Err(error), Err(_)) => assert!(!error.path().is_empty(), "{error}"),
    }
}

fn read(body: &[u8]) -> Result<by_prost::WriteRequest, Error> {
    let request = WriteRequest::decode(body)?;
    let series = |series: Result<wire::remote_write::v1::Series<'_>, Error>| {
        let series = series?;
        Ok(by_prost::Series {
            labels: series.labels.iter().map(label).collect::<Result<_, _>>()?,
            samples: series.samples.iter().map(sample).collect::<Result<_, _>>()?,
            exemplars: series
                .exemplars
                .iter()
                .map(|exemplar| {
                    let exemplar = exemplar?;
                    Ok(by_prost::Exemplar {
                        labels: exemplar.labels.iter().map(label).collect::<Result<_, _>>()?,
                        value: f64::from_bits(exemplar.value),
                        timestamp: exemplar.timestamp,
                    })
                })
                .collect::<Result<_, Error>>()?,
            histograms: series.histograms.iter().map(histogram).collect::<Result<_, _>>()?,
        })
    };
    Ok(by_prost::WriteRequest {
        timeseries: request.timeseries.iter().map(series).collect::<Result<_, _>>()?,
        metadata: request.metadata.iter().map(metadata).collect::<Result<_, _>>()?,
    })
}

fn label(label: Result<Label<'_>, Error>) -> Result<by_prost::Label, Error> {
    label.map(|label| by_prost::Label { name: label.name.to_owned(), value: label.value.to_owned() })
}

fn sample(sample: Result<RawSample, Error>) -> Result<by_prost::Sample, Error> {
    sample.map(|sample| by_prost::Sample { value: f64::from_bits(sample.value), timestamp: sample.timestamp })
}

fn metadata(metadata: Result<Metadata<'_>, Error>) -> Result<by_prost::Metadata, Error> {
    metadata.map(|metadata| by_prost::Metadata {
        kind: metadata.kind,
        metric_family_name: metadata.metric_family_name.to_owned(),
        help: metadata.help.to_owned(),
        unit: metadata.unit.to_owned(),
    })
}

/// A histogram, which both versions have.
pub fn histogram(raw: Result<RawHistogram<'_>, Error>) -> Result<by_prost::Histogram, Error> {
    let raw = raw?;
    let span = |span: Result<wire::histogram::BucketSpan, Error>| {
        span.map(|span| by_prost::Span { offset: span.offset, length: span.length })
    };
    Ok(by_prost::Histogram {
        count_int: raw.count_int,
        count_float: raw.count_float,
        sum: f64::from_bits(raw.sum),
        schema: raw.schema,
        zero_threshold: raw.zero_threshold,
        zero_count_int: raw.zero_count_int,
        zero_count_float: raw.zero_count_float,
        negative_spans: raw.negative_spans.iter().map(span).collect::<Result<_, _>>()?,
        negative_deltas: raw.negative_deltas.iter().collect::<Result<_, _>>()?,
        negative_counts: raw.negative_counts.iter().collect::<Result<_, _>>()?,
        positive_spans: raw.positive_spans.iter().map(span).collect::<Result<_, _>>()?,
        positive_deltas: raw.positive_deltas.iter().collect::<Result<_, _>>()?,
        positive_counts: raw.positive_counts.iter().collect::<Result<_, _>>()?,
        reset_hint: raw.reset_hint,
        timestamp: raw.timestamp,
        custom_values: raw.custom_values.iter().collect::<Result<_, _>>()?,
        start_timestamp: raw.start_timestamp,
    })
}

/// The faster ways to the same labels agree, and the rules are looked at.
fn walk(body: &[u8]) -> Result<(), Error> {
    let request = WriteRequest::read(body)?;
    for series in request.timeseries.iter() {
        let series = series?;
        let pairs: Vec<_> = series.pairs().map_while(Result::ok).collect();
        let labels: Vec<_> = series.labels.iter().map_while(|l| l.ok().map(|l| (l.name, l.value))).collect();
        assert_eq!(pairs, labels);
        if let Ok(Ok(facts)) = series.check_labels() {
            assert_eq!(facts.count, labels.len());
            assert!(labels.is_sorted_by(|a, b| a.0 < b.0) && labels.iter().all(|(name, _)| !name.is_empty()));
            assert_eq!(facts.bytes, labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>());
        }
        let _ = series.check_histograms()?;
        assert!(series.samples().count() <= body.len() && series.histograms().count() <= body.len());
    }
    Ok(())
}
