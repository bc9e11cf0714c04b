use std::convert::Infallible;

use base::Limit;

use super::frame::crc32c;
use super::*;
use crate::mutate;
use crate::pb::Writer;
use crate::remote_write::v1;

const LARGE: Limit = Limit::new("test", 1 << 20);

fn request(types: &[u64]) -> Vec<u8> {
    let mut out = Writer::default();
    out.message(1, |out| {
        out.varint(1, 1_000);
        out.varint(2, 2_000);
        out.message(3, |out| {
            out.varint(1, 2);
            out.bytes(2, b"job");
            out.bytes(3, b"a|b");
        });
    });
    for kind in types {
        out.varint(2, *kind);
    }
    out.finish()
}

#[test]
fn what_is_asked_is_read() {
    let body = request(&[1, 7, 0, 1]);
    let request = ReadRequest::read(&body).unwrap();
    assert_eq!(request.forms().unwrap(), [Form::Chunks, Form::Samples]);
    let query = request.queries.iter().next().unwrap().unwrap();
    assert_eq!((query.start_timestamp_ms, query.end_timestamp_ms), (1_000, 2_000));
    let matcher = query.matchers.iter().next().unwrap().unwrap();
    assert_eq!((matcher.kind, matcher.name, matcher.value), (2, "job", "a|b"));
}

#[test]
fn who_accepts_nothing_gets_samples_and_who_accepts_the_unknown_nothing() {
    assert_eq!(ReadRequest::read(&request(&[])).unwrap().forms().unwrap(), [Form::Samples]);
    assert_eq!(ReadRequest::read(&request(&[9])).unwrap().forms().unwrap(), []);
}

/// Reads what [`xor::encode`] writes, bit by bit.
struct Read<'a>(&'a [u8], usize);

impl Read<'_> {
    fn bits(&mut self, count: u32) -> u64 {
        (0..count).fold(0, |value, _| {
            let bit = self.0[self.1 / 8] >> (7 - self.1 % 8) & 1;
            self.1 += 1;
            value << 1 | u64::from(bit)
        })
    }

    fn varint(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.bits(8);
            value |= (byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    fn change(&mut self) -> i64 {
        let bits = match (0..4).take_while(|_| self.bits(1) == 1).count() {
            0 => return 0,
            1 => 14,
            2 => 17,
            3 => 20,
            _ => return self.bits(64) as i64,
        };
        let value = self.bits(bits) as i64;
        if value > 1 << (bits - 1) { value - (1 << bits) } else { value }
    }

    fn differing(&mut self, window: &mut (u64, u64)) -> u64 {
        if self.bits(1) == 0 {
            return 0;
        }
        if self.bits(1) == 1 {
            let leading = self.bits(5);
            let differing = match self.bits(6) {
                0 => 64,
                n => n,
            };
            *window = (leading, 64 - leading - differing);
        }
        self.bits((64 - window.0 - window.1) as u32) << window.1
    }
}

fn decoded(bytes: &[u8]) -> Vec<(i64, u64)> {
    let mut read = Read(bytes, 0);
    let (mut samples, mut distance, mut window): (Vec<(i64, u64)>, i64, _) = (Vec::new(), 0, (0, 0));
    for n in 0..read.bits(16) {
        let before = samples.last().copied().unwrap_or_default();
        let sample = match n {
            0 => {
                let time = read.varint();
                ((time >> 1) as i64 ^ -((time & 1) as i64), read.bits(64))
            }
            _ => {
                distance = if n == 1 { read.varint() as i64 } else { distance + read.change() };
                (before.0 + distance, before.1 ^ read.differing(&mut window))
            }
        };
        samples.push(sample);
    }
    samples
}

#[test]
fn chunks_hold_what_was_put_in() {
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let steps = [15_000, 15_000, 15_001, 8_191, 8_193, -8_000, 70_000, 600_000, 5_000_000, i64::from(i32::MAX), 0, 1];
    let values = [0.0, -0.0, 1.0, 1.5, 1e300, f64::INFINITY, stale, f64::MIN_POSITIVE, 42.0, 42.0, -7.25, f64::NAN];
    for start in [0, -5, 1_795_600_000_123] {
        let mut time = start;
        let mut samples = Vec::new();
        for (step, value) in steps.iter().zip(values) {
            samples.push((time, value));
            time += step;
        }
        for length in 0..=samples.len() {
            let expected: Vec<_> = samples[..length].iter().map(|(time, value)| (*time, value.to_bits())).collect();
            assert_eq!(decoded(&xor::encode(&samples[..length])), expected);
        }
    }
}

#[test]
fn a_chunk_looks_as_prometheus_writes_it() {
    // Two bytes of the count, the first time as a varint, 8 bytes of the first value, then bits.
    assert_eq!(xor::encode(&[(1, 1.0)]), [0, 1, 2, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(xor::encode(&[(0, 1.0), (15_000, 1.0), (30_000, 1.0)])[11..], [0x98, 0x75, 0]);
}

#[test]
fn the_checksum_is_that_of_castagnoli() {
    // RFC 3720, B.4
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
}

#[test]
fn a_frame_has_its_length_and_checksum_before_it() {
    let chunk = Chunk { min_time_ms: 1, max_time_ms: 1, data: xor::encode(&[(1, 1.0)]) };
    let bytes = frame(3, [("a", "b")].into_iter(), std::slice::from_ref(&chunk));
    let message = &bytes[5..];
    assert_eq!(usize::from(bytes[0]), message.len());
    assert_eq!(bytes[1..5], crc32c(message).to_be_bytes());
    assert!(message.ends_with(&[0x10, 3]), "the query's number comes last");
}

/// The series of an answer are those of a remote write: both are `prometheus.TimeSeries`.
#[test]
fn an_answer_is_read_as_it_was_written() {
    let histogram = FloatHistogram {
        time_ms: 9,
        count: 6.5,
        sum: 2.5,
        schema: -2,
        zero_threshold: 0.5,
        zero_count: 1.5,
        positive: vec![(-3, 1.0), (-2, 2.0), (4, 1.0)],
        negative: vec![(0, 1.0)],
        custom_values: &[],
        reset_hint: 3,
    };
    let mut answer = Answer::new(LARGE);
    answer
        .result(|answer| {
            answer.series([("job", "a")].into_iter(), [(5, 1.5), (-6, 2.5)].into_iter(), std::iter::once(histogram))
        })
        .unwrap();
    answer.result(|_| Ok::<(), Infallible>(())).unwrap();
    let bytes = snap::raw::Decoder::new().decompress_vec(&answer.finish().unwrap()).unwrap();
    // Of two results the second is empty.
    assert_eq!(bytes[bytes.len() - 2..], [0x0a, 0]);
    // A result is a message with series as its field 1, as a request to write is.
    let start = if bytes[1] < 0x80 { 2 } else { 3 };
    let request = v1::WriteRequest::read(&bytes[start..bytes.len() - 2]).unwrap();
    let series = request.timeseries.iter().next().unwrap().unwrap();
    let samples: Vec<_> =
        series.samples().map(|sample| sample.unwrap()).map(|s| (s.time_ms, f64::from_bits(s.value))).collect();
    assert_eq!(samples, [(5, 1.5), (-6, 2.5)]);
    assert_eq!(series.check_histograms().unwrap(), Ok(()));
    let read = series.histograms().next().unwrap().unwrap();
    assert_eq!((read.time_ms, read.schema, read.zero_threshold, f64::from_bits(read.sum)), (9, -2, 0.5, 2.5));
    let spans: Vec<_> = read.positive.spans.iter().map(|span| span.unwrap()).map(|s| (s.offset, s.length)).collect();
    assert_eq!(spans, [(-3, 2), (5, 1)]);
    let counts: Vec<f64> = read.positive.counts.iter().map(|count| count.unwrap()).collect();
    assert_eq!(counts, [1.0, 2.0, 1.0]);
}

#[test]
fn an_answer_has_a_limit() {
    let mut answer = Answer::new(Limit::new("small", 100));
    let floats = (0..100).map(|n| (n, 0.5));
    let refused = answer.result(|answer| answer.series(std::iter::empty(), floats, std::iter::empty())).unwrap_err();
    assert_eq!((refused.name, refused.max), ("small", 100));
}

#[test]
fn what_is_damaged_is_read_or_refused() {
    mutate::each(&request(&[1, 0]), 3_000, |bytes| {
        let Ok(request) = ReadRequest::read(bytes) else { return };
        let _ = request.forms();
        for query in request.queries.iter().take_while(|query| query.is_ok()).flatten() {
            let _ = query.matchers.iter().take_while(|matcher| matcher.is_ok()).count();
        }
    });
}
