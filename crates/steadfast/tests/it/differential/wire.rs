//! A request of remote write 1: labels with floats, native histograms and exemplars.
//! <https://github.com/prometheus/prometheus/blob/main/prompb/types.proto>

use super::data::{Exemplar, Sample, Series};
use super::native::Native;

/// The points of series at some times, compressed. Series without any are left out.
pub fn request(series: &[Series], times: &std::ops::Range<i64>) -> Vec<u8> {
    let mut body = Vec::new();
    for of in series {
        let mut message = Vec::new();
        for (name, value) in &of.labels {
            bytes(&mut message, 1, &label(name, value));
        }
        let inside: Vec<_> = of.points.iter().filter(|point| times.contains(&point.0)).collect();
        for (at, sample) in &inside {
            match sample {
                Sample::Float(value) => bytes(&mut message, 2, &float(*value, *at)),
                Sample::Histogram(native) => bytes(&mut message, 4, &histogram(native, *at)),
            }
        }
        for exemplar in of.exemplars.iter().filter(|exemplar| times.contains(&exemplar.at)) {
            bytes(&mut message, 3, &self::exemplar(exemplar));
        }
        if !inside.is_empty() {
            bytes(&mut body, 1, &message);
        }
    }
    snap::raw::Encoder::new().compress_vec(&body).unwrap()
}

fn label(name: &str, value: &str) -> Vec<u8> {
    let mut message = Vec::new();
    bytes(&mut message, 1, name.as_bytes());
    bytes(&mut message, 2, value.as_bytes());
    message
}

fn float(value: f64, at: i64) -> Vec<u8> {
    let mut message = Vec::new();
    double(&mut message, 1, value);
    integer(&mut message, 2, at as u64);
    message
}

fn exemplar(exemplar: &Exemplar) -> Vec<u8> {
    let mut message = Vec::new();
    for (name, value) in &exemplar.labels {
        bytes(&mut message, 1, &label(name, value));
    }
    double(&mut message, 2, exemplar.value);
    integer(&mut message, 3, exemplar.at as u64);
    message
}

fn histogram(of: &Native, at: i64) -> Vec<u8> {
    let mut message = Vec::new();
    if of.is_float {
        double(&mut message, 2, of.count);
    } else {
        integer(&mut message, 1, of.count as u64);
    }
    double(&mut message, 3, of.sum);
    integer(&mut message, 4, zigzag(i64::from(of.schema)));
    double(&mut message, 5, of.zero_threshold);
    if of.is_float {
        double(&mut message, 7, of.zero);
    } else {
        integer(&mut message, 6, of.zero as u64);
    }
    for (buckets, spans, deltas, counts) in [(&of.negative, 8, 9, 10), (&of.positive, 11, 12, 13)] {
        let mut next = 0;
        for (offset, length) in runs(buckets) {
            let mut span = Vec::new();
            integer(&mut span, 1, zigzag(i64::from(offset - next)));
            integer(&mut span, 2, length as u64);
            bytes(&mut message, spans, &span);
            next = offset + length as i32;
        }
        let mut packed = Vec::new();
        let mut before = 0.0;
        for count in buckets.values() {
            if of.is_float {
                packed.extend(count.to_le_bytes());
            } else {
                varint(&mut packed, zigzag((count - before) as i64));
                before = *count;
            }
        }
        if !packed.is_empty() {
            bytes(&mut message, if of.is_float { counts } else { deltas }, &packed);
        }
    }
    integer(&mut message, 14, of.hint);
    integer(&mut message, 15, at as u64);
    let bounds: Vec<u8> = of.bounds.iter().flat_map(|bound| bound.to_le_bytes()).collect();
    if !bounds.is_empty() {
        bytes(&mut message, 16, &bounds);
    }
    message
}

/// Where buckets that follow each other begin, and how many they are.
fn runs(buckets: &std::collections::BTreeMap<i32, f64>) -> Vec<(i32, usize)> {
    let mut runs: Vec<(i32, usize)> = Vec::new();
    for at in buckets.keys() {
        match runs.last_mut() {
            Some((first, length)) if *first + *length as i32 == *at => *length += 1,
            _ => runs.push((*at, 1)),
        }
    }
    runs
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn double(to: &mut Vec<u8>, field: u8, value: f64) {
    to.push(field << 3 | 1);
    to.extend(value.to_le_bytes());
}

fn integer(to: &mut Vec<u8>, field: u8, value: u64) {
    to.push(field << 3);
    varint(to, value);
}

fn bytes(to: &mut Vec<u8>, field: u8, value: &[u8]) {
    varint(to, u64::from(field) << 3 | 2);
    varint(to, value.len() as u64);
    to.extend(value);
}

fn varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}
