use base::{Exceeded, Limit};

use crate::pb::Writer;

/// An answer of one message: `prometheus.ReadResponse`.
#[derive(Debug)]
pub struct Answer {
    out: Writer,
    limit: Limit,
}

/// A native histogram whose counts are floats.
#[derive(Clone, Debug)]
pub struct FloatHistogram<'a> {
    /// Milliseconds since the epoch.
    pub time_ms: i64,
    /// All observations.
    pub count: f64,
    /// Their sum; a stale marker ends the series.
    pub sum: f64,
    /// The schema.
    pub schema: i32,
    /// The zero bucket's reach.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// Buckets above zero, by rising index.
    pub positive: Vec<(i32, f64)>,
    /// Buckets below zero, by rising index.
    pub negative: Vec<(i32, f64)>,
    /// Bounds of custom buckets.
    pub custom_values: &'a [f64],
    /// 0 nothing, 1 it was reset, 2 it was not, 3 it is a gauge.
    pub reset_hint: i32,
}

impl Answer {
    /// An answer of at most so many bytes.
    pub fn new(limit: Limit) -> Self {
        Self { out: Writer::default(), limit }
    }

    /// The next result, whose series `fill` writes.
    ///
    /// # Errors
    /// What `fill` gives.
    pub fn result<E>(&mut self, fill: impl FnOnce(&mut Self) -> Result<(), E>) -> Result<(), E> {
        let start = self.out.begin(1);
        fill(self)?;
        self.out.end(start);
        Ok(())
    }

    /// A series of the result: labels by name, values by milliseconds since the epoch.
    ///
    /// # Errors
    /// [`Exceeded`] once the answer is larger than its limit.
    pub fn series<'a>(
        &mut self,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
        floats: impl Iterator<Item = (i64, f64)>,
        histograms: impl Iterator<Item = FloatHistogram<'a>>,
    ) -> Result<(), Exceeded> {
        let start = self.out.begin(1);
        write_labels(&mut self.out, labels);
        for (time, value) in floats {
            self.out.message(2, |out| {
                out.double(1, value);
                out.varint(2, time.cast_unsigned());
            });
            self.limit.check(self.out.len() as u64)?;
        }
        for histogram in histograms {
            self.out.message(4, |out| histogram.write(out));
            self.limit.check(self.out.len() as u64)?;
        }
        self.out.end(start);
        Ok(())
    }

    /// The message, compressed by Snappy.
    ///
    /// # Errors
    /// [`Exceeded`] if it is larger than Snappy's blocks may be.
    pub fn finish(self) -> Result<Vec<u8>, Exceeded> {
        let bytes = self.out.finish();
        let block = Limit::new("snappy_block_bytes", u64::from(u32::MAX));
        block.check(bytes.len() as u64)?;
        let mut encoder = snap::raw::Encoder::new();
        encoder.compress_vec(&bytes).map_err(|_| Exceeded {
            name: block.name(),
            max: block.max(),
            got: bytes.len() as u64,
        })
    }
}

pub(super) fn write_labels<'a>(out: &mut Writer, labels: impl Iterator<Item = (&'a str, &'a str)>) {
    for (name, value) in labels {
        out.message(1, |out| {
            out.bytes(1, name.as_bytes());
            out.bytes(2, value.as_bytes());
        });
    }
}

impl FloatHistogram<'_> {
    fn write(&self, out: &mut Writer) {
        out.double(2, self.count);
        out.double(3, self.sum);
        out.varint(4, u64::from(zigzag(self.schema)));
        out.double(5, self.zero_threshold);
        out.double(7, self.zero_count);
        write_side(out, 8, 10, &self.negative);
        write_side(out, 11, 13, &self.positive);
        out.varint(14, u64::from(self.reset_hint.cast_unsigned()));
        out.varint(15, self.time_ms.cast_unsigned());
        write_doubles(out, 16, self.custom_values.iter().copied());
    }
}

/// Runs of buckets without a gap, each with the distance to the run before, and the counts of all.
fn write_side(out: &mut Writer, spans: u32, counts: u32, buckets: &[(i32, f64)]) {
    let mut next = 0;
    for run in buckets.chunk_by(|(a, _), (b, _)| a.checked_add(1) == Some(*b)) {
        let Some((first, _)) = run.first() else { continue };
        let length = u32::try_from(run.len()).unwrap_or(u32::MAX);
        out.message(spans, |out| {
            out.varint(1, u64::from(zigzag(first.wrapping_sub(next))));
            out.varint(2, u64::from(length));
        });
        next = first.wrapping_add(length.cast_signed());
    }
    write_doubles(out, counts, buckets.iter().map(|(_, count)| *count));
}

fn write_doubles(out: &mut Writer, number: u32, values: impl ExactSizeIterator<Item = f64>) {
    if values.len() > 0 {
        out.message(number, |out| values.for_each(|value| out.bare_bytes(&value.to_bits().to_le_bytes())));
    }
}

/// As `sint32` has it: small numbers of either sign are short.
const fn zigzag(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)).cast_unsigned()
}
