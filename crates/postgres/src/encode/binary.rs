use std::fmt::Write;

use arrow::datatypes::IntervalMonthDayNanoType;
use query::value;

use super::cells::Cells;
use super::numeric;
use crate::reply::Out;

/// PostgreSQL's times count from 2000, in days and in microseconds.
pub const DAYS_TO_2000: i32 = 10_957;
pub const MICROS_TO_2000: i64 = 946_684_800_000_000;

/// Writes the value in `row`, which is not null, as PostgreSQL's `send` functions do.
pub fn write(cells: &Cells, row: usize, out: &mut Out<'_>) {
    match cells {
        Cells::Bool(array) => out.put(&[u8::from(array.value(row))]),
        Cells::Int2(array) => out.put(&array.value(row).to_be_bytes()),
        Cells::Int4(array) => out.put(&array.value(row).to_be_bytes()),
        Cells::Int8(array) => out.put(&array.value(row).to_be_bytes()),
        Cells::Float4(array) => out.put(&array.value(row).to_be_bytes()),
        Cells::Float8(array) => out.put(&array.value(row).to_be_bytes()),
        Cells::Numeric(array) => numeric::write(array.value(row), out),
        Cells::Text(array) => out.put(array.value(row).as_bytes()),
        Cells::Bytes(array) => out.put(array.value(row)),
        Cells::Date(array) => out.put_i32(array.value(row).saturating_sub(DAYS_TO_2000)),
        Cells::Time(array) => out.put(&array.value(row).to_be_bytes()),
        Cells::Instant(array) => out.put(&array.value(row).saturating_sub(MICROS_TO_2000).to_be_bytes()),
        Cells::Interval(array) => {
            let (months, days, nanos) = IntervalMonthDayNanoType::to_parts(array.value(row));
            out.put(&(nanos / 1_000).to_be_bytes());
            out.put_i32(days);
            out.put_i32(months);
        }
        Cells::Json(array) => {
            // The version of the format.
            out.put(&[1]);
            let _ = write!(out, "{}", value::json(array.as_ref(), row));
        }
        Cells::List(array, of, values) => {
            let offsets = array.value_offsets();
            let (from, to) = (offsets.get(row).copied().unwrap_or(0), offsets.get(row + 1).copied().unwrap_or(0));
            list(out, values, *of, from as usize..to as usize);
        }
    }
}

/// One dimension that begins at 1; none if the list is empty.
fn list(out: &mut Out<'_>, values: &Cells, of: u32, items: std::ops::Range<usize>) {
    let has_nulls = items.clone().any(|item| values.is_null(item));
    out.put_i32(i32::from(!items.is_empty()));
    out.put_i32(i32::from(has_nulls));
    out.put(&of.to_be_bytes());
    if items.is_empty() {
        return;
    }
    out.put_i32(items.len() as i32);
    out.put_i32(1);
    for item in items {
        match values.is_null(item) {
            true => out.put_i32(-1),
            false => out.sized(|out| write(values, item, out)),
        }
    }
}
