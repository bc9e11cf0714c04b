//! Series of numbers as rows.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    Array, ArrayRef, Float64Builder, MapBuilder, RecordBatch, StringBuilder, TimestampNanosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use promql::labels::METRIC_NAME;
use promql::{Labels, Point, Series, Value};

/// Bytes of a point.
const POINT: usize = size_of::<Point>();

/// The columns, as the view `metrics` has them: a metric that has no name any more is null.
pub static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let labels = Columns::new().labels.finish().data_type().clone();
    Arc::new(Schema::new(vec![
        Field::new("ts", DataType::Timestamp(TimeUnit::Nanosecond, None), false),
        Field::new("metric", DataType::Utf8, true),
        Field::new("labels", labels, false),
        Field::new("value", DataType::Float64, false),
    ]))
});

/// The one value of a scalar.
pub fn scalar(at: i64, value: f64) -> Series {
    Series::new(Labels::empty(), vec![Point { t: at, value: Value::Float(value) }])
}

/// Bytes that series hold, without those of their labels, which the index of series has.
pub fn size(series: &[Series]) -> usize {
    series.iter().map(|series| size_of::<Series>() + series.points.capacity() * POINT).sum()
}

struct Columns {
    ts: TimestampNanosecondBuilder,
    metric: StringBuilder,
    labels: LabelsBuilder,
    value: Float64Builder,
}

type LabelsBuilder = MapBuilder<StringBuilder, StringBuilder>;

/// Batches of rows, made one by one.
pub struct Rows {
    series: std::vec::IntoIter<Series>,
    labels: Labels,
    points: std::vec::IntoIter<Point>,
    batch_rows: usize,
}

impl Rows {
    /// In batches of so many rows.
    pub fn new(series: Vec<Series>, batch_rows: usize) -> Self {
        let (labels, points) = (Labels::empty(), Vec::new().into_iter());
        Self { series: series.into_iter(), labels, points, batch_rows: batch_rows.max(1) }
    }

    /// The next point, of `labels`.
    fn point(&mut self) -> Option<Point> {
        loop {
            if let Some(point) = self.points.next() {
                return Some(point);
            }
            let series = self.series.next()?;
            (self.labels, self.points) = (series.labels, series.points.into_iter());
        }
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (mut columns, mut rows) = (Columns::new(), 0);
        while rows < self.batch_rows
            && let Some(point) = self.point()
        {
            rows += 1;
            if let Err(error) = columns.push(&self.labels, &point) {
                return Some(Err(error));
            }
        }
        (rows > 0).then(|| columns.batch())
    }
}

impl Columns {
    fn new() -> Self {
        let (ts, metric, value) = <(TimestampNanosecondBuilder, StringBuilder, Float64Builder)>::default();
        Self { ts, metric, labels: LabelsBuilder::new(None, StringBuilder::new(), StringBuilder::new()), value }
    }

    fn push(&mut self, labels: &Labels, point: &Point) -> Result<(), ArrowError> {
        self.ts.append_value(point.t.saturating_mul(1_000_000));
        self.metric.append_option(Some(labels.metric_name()).filter(|name| !name.is_empty()));
        for label in labels.iter().filter(|label| *label.name != *METRIC_NAME) {
            self.labels.keys().append_value(&label.name);
            self.labels.values().append_value(&label.value);
        }
        self.labels.append(true)?;
        self.value.append_value(point.value.as_float().unwrap_or(f64::NAN));
        Ok(())
    }

    fn batch(mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.ts.finish()),
            Arc::new(self.metric.finish()),
            Arc::new(self.labels.finish()),
            Arc::new(self.value.finish()),
        ];
        RecordBatch::try_new(Arc::clone(&SCHEMA), columns)
    }
}
