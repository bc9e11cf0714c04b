//! Columns of log records.

use arrow::array::{Array, ArrayRef, AsArray, MapArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use logql::Metadata;
use store::StoreError;

use super::LOGS;

/// The columns that say who sent a record.
pub(super) const OF_SENDERS: [&str; 2] = ["service", "resource"];

/// The columns that say how much was sent.
pub(super) const OF_SIZES: [&str; 4] = ["ts", "service", "resource", "body"];

/// The columns that are read, as they are numbered in [`Columns::of`].
pub(super) const NAMES: [&str; 10] =
    ["ts", "service", "severity", "severity_number", "body", "attributes", "trace_id", "span_id", "resource", "scope"];

/// Who sent the records of a batch.
pub(super) struct Senders {
    service: StringArray,
    resource: MapArray,
}

impl Senders {
    /// Of a batch with [`OF_SENDERS`].
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, StoreError> {
        Ok(Self { service: text(batch, "service")?, resource: map(batch, "resource")? })
    }

    pub(super) fn rows(&self) -> usize {
        self.service.len()
    }

    pub(super) fn service(&self, row: usize) -> &str {
        self.service.value(row)
    }

    /// The attributes of what sends.
    pub(super) fn resource(&self, row: usize) -> impl Iterator<Item = (&str, &str)> {
        pairs(&self.resource, row)
    }
}

/// How much was sent, when and by whom.
pub(super) struct Sizes {
    pub(super) senders: Senders,
    times: ArrayRef,
    body: StringArray,
}

impl Sizes {
    /// Of a batch with [`OF_SIZES`].
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, StoreError> {
        let times = cast(column(batch, "ts")?, &DataType::Int64)?;
        Ok(Self { senders: Senders::of(batch)?, times, body: text(batch, "body")? })
    }

    /// Nanoseconds since the epoch.
    pub(super) fn time(&self, row: usize) -> i64 {
        time(&self.times, row)
    }

    /// Bytes of the line.
    pub(super) fn bytes(&self, row: usize) -> u64 {
        u64::from(self.body.value_length(row).unsigned_abs())
    }
}

/// A batch of the table.
pub(super) struct Columns {
    pub(super) senders: Senders,
    times: ArrayRef,
    severity: StringArray,
    /// OpenTelemetry's numbers, where they are known.
    number: ArrayRef,
    body: StringArray,
    attributes: MapArray,
    trace_id: StringArray,
    span_id: StringArray,
    scope: StringArray,
}

impl Columns {
    /// Of a batch with [`NAMES`].
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, StoreError> {
        Ok(Self {
            senders: Senders::of(batch)?,
            times: cast(column(batch, "ts")?, &DataType::Int64)?,
            severity: text(batch, "severity")?,
            number: column(batch, "severity_number")?.clone(),
            body: text(batch, "body")?,
            attributes: map(batch, "attributes")?,
            trace_id: text(batch, "trace_id")?,
            span_id: text(batch, "span_id")?,
            scope: text(batch, "scope")?,
        })
    }

    pub(super) fn rows(&self) -> usize {
        self.body.len()
    }

    /// Nanoseconds since the epoch.
    pub(super) fn time(&self, row: usize) -> i64 {
        time(&self.times, row)
    }

    pub(super) fn line(&self, row: usize) -> &str {
        self.body.value(row)
    }

    /// The structured metadata of a row.
    pub(super) fn visit(&self, row: usize, visit: &mut dyn FnMut(&str, &str)) {
        pairs(&self.attributes, row).for_each(|(name, value)| visit(name, value));
        let known = |name: &str| pairs(&self.attributes, row).any(|(other, _)| other == name);
        for (name, texts) in [("trace_id", &self.trace_id), ("span_id", &self.span_id), ("scope_name", &self.scope)] {
            if texts.is_valid(row) && !texts.value(row).is_empty() && !known(name) {
                visit(name, texts.value(row));
            }
        }
        if !known("detected_level") {
            visit("detected_level", self.level(row));
        }
    }

    /// What was said when it was sent, else what the line says.
    fn level(&self, row: usize) -> &str {
        let numbers = self.number.as_primitive_opt::<Int64Type>().filter(|numbers| numbers.is_valid(row));
        let said = Said { number: numbers.map_or(0, |numbers| numbers.value(row)), name: self.severity.value(row) };
        if said.number == 0 && said.name.is_empty() {
            return logql::detect_level(&logql::Labels::empty(), &(), self.line(row));
        }
        logql::detect_level(&logql::Labels::empty(), &said, "")
    }
}

/// A severity by its number, if there is one, and by its name.
struct Said<'a> {
    number: i64,
    name: &'a str,
}

impl Metadata for Said<'_> {
    fn each(&self, visit: &mut dyn FnMut(&str, &str)) {
        if self.number > 0 {
            visit("severity_number", &self.number.to_string());
        }
        visit("level", self.name);
    }
}

fn time(times: &ArrayRef, row: usize) -> i64 {
    times.as_primitive_opt::<Int64Type>().map_or(0, |times| times.value(row))
}

fn missing(name: &str) -> StoreError {
    StoreError::Columns { table: LOGS, problem: format!("no column `{name}`") }
}

fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef, StoreError> {
    batch.column_by_name(name).ok_or_else(|| missing(name))
}

fn text(batch: &RecordBatch, name: &str) -> Result<StringArray, StoreError> {
    column(batch, name)?.as_string_opt::<i32>().cloned().ok_or_else(|| missing(name))
}

fn map(batch: &RecordBatch, name: &str) -> Result<MapArray, StoreError> {
    column(batch, name)?.as_map_opt().cloned().ok_or_else(|| missing(name))
}

fn pairs(map: &MapArray, row: usize) -> impl Iterator<Item = (&str, &str)> {
    let offsets = map.value_offsets();
    let bounds = offsets.get(row).zip(offsets.get(row + 1)).filter(|_| map.is_valid(row));
    let range = bounds.map_or(0..0, |(start, end)| *start as usize..*end as usize);
    let texts = map.keys().as_string_opt::<i32>().zip(map.values().as_string_opt::<i32>());
    texts.into_iter().flat_map(move |(keys, values)| {
        range.clone().filter(|n| values.is_valid(*n)).map(|n| (keys.value(n), values.value(n)))
    })
}
