//! `io.prometheus.write.v2.Request`, beside prost's reading of it.

use prost::Message as _;
use wire::pb::{Error, View};
use wire::remote_write::RequestError;
use wire::remote_write::v2::{RawRequest, RawSeries, Request};

use super::remote_write_v1::{agree, by_prost::Histogram, histogram};
use crate::seeds;

mod by_prost {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Request {
        #[prost(string, repeated, tag = "4")]
        pub symbols: Vec<String>,
        #[prost(message, repeated, tag = "5")]
        pub timeseries: Vec<Series>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Series {
        #[prost(uint32, repeated, tag = "1")]
        pub labels_refs: Vec<u32>,
        #[prost(message, repeated, tag = "2")]
        pub samples: Vec<Sample>,
        #[prost(message, repeated, tag = "3")]
        pub histograms: Vec<super::Histogram>,
        #[prost(message, repeated, tag = "4")]
        pub exemplars: Vec<Exemplar>,
        #[prost(message, optional, tag = "5")]
        pub metadata: Option<Metadata>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Sample {
        #[prost(double, tag = "1")]
        pub value: f64,
        #[prost(int64, tag = "2")]
        pub timestamp: i64,
        #[prost(int64, tag = "3")]
        pub start_timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Exemplar {
        #[prost(uint32, repeated, tag = "1")]
        pub labels_refs: Vec<u32>,
        #[prost(double, tag = "2")]
        pub value: f64,
        #[prost(int64, tag = "3")]
        pub timestamp: i64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Metadata {
        #[prost(int32, tag = "1")]
        pub kind: i32,
        #[prost(uint32, tag = "3")]
        pub help_ref: u32,
        #[prost(uint32, tag = "4")]
        pub unit_ref: u32,
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    vec![seeds::file("wire/tests/bodies/remote_write_v2.bin")]
}

pub fn run(data: &[u8]) {
    // Of metadata that are there twice prost makes one, and here the last counts.
    let theirs = by_prost::Request::decode(data).map(|mut request| {
        request.timeseries.iter_mut().for_each(|series| series.metadata = None);
        request
    });
    agree(read(data), theirs);
    let _ = walk(data);
}

fn read(body: &[u8]) -> Result<by_prost::Request, Error> {
    let request = RawRequest::decode(body)?;
    Ok(by_prost::Request {
        symbols: request.symbols.iter().map(|symbol| symbol.map(str::to_owned)).collect::<Result<_, _>>()?,
        timeseries: request.timeseries.iter().map(|series| series_of(series?)).collect::<Result<_, _>>()?,
    })
}

fn series_of(series: RawSeries<'_>) -> Result<by_prost::Series, Error> {
    let samples = series.samples.iter().map(|sample| {
        let sample = sample?;
        Ok(by_prost::Sample {
            value: f64::from_bits(sample.value),
            timestamp: sample.timestamp,
            start_timestamp: sample.start_timestamp,
        })
    });
    let exemplars = series.exemplars.iter().map(|exemplar| {
        let exemplar = exemplar?;
        Ok(by_prost::Exemplar {
            labels_refs: exemplar.labels_refs.iter().collect::<Result<_, _>>()?,
            value: f64::from_bits(exemplar.value),
            timestamp: exemplar.timestamp,
        })
    });
    Ok(by_prost::Series {
        labels_refs: series.labels_refs.iter().collect::<Result<_, _>>()?,
        samples: samples.collect::<Result<_, Error>>()?,
        histograms: series.histograms.iter().map(histogram).collect::<Result<_, _>>()?,
        exemplars: exemplars.collect::<Result<_, Error>>()?,
        metadata: None,
    })
}

fn walk(body: &[u8]) -> Result<(), RequestError> {
    let request = Request::read(body)?;
    let symbols = request.symbols();
    for series in request.series() {
        let series = series?;
        let refs = series.raw.labels_refs.count()?;
        let pairs = series.labels().iter().count();
        assert!(pairs <= refs.div_ceil(2));
        if series.check()?.is_ok() {
            assert_eq!((pairs * 2, refs % 2), (refs, 0), "of {symbols} symbols");
        }
        let _ = (series.check_labels()?, series.check_histograms()?, series.metadata());
        assert!(series.samples().count() <= body.len());
    }
    Ok(())
}
