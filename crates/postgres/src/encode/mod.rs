//! Rows of an answer in PostgreSQL's formats, text and binary.

mod binary;
mod cells;
mod numeric;
mod text;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::error::ArrowError;
use query::PgType;

use crate::column::{Column, Format};
use crate::reply::Reply;
use cells::Cells;

pub use binary::{DAYS_TO_2000, MICROS_TO_2000};

/// The columns of `schema`; `format` gives each its format.
pub fn columns(schema: &Schema, format: impl Fn(usize) -> Format) -> Vec<Column> {
    let column = |(n, field): (usize, &std::sync::Arc<arrow::datatypes::Field>)| Column {
        name: field.name().clone(),
        of: PgType::of(field),
        format: format(n),
    };
    schema.fields().iter().enumerate().map(column).collect()
}

/// Rows that are ready to be written one after the other.
pub struct Rows {
    cells: Vec<(Cells, Format)>,
    next: usize,
    count: usize,
}

impl Rows {
    /// The rows of `batch`, whose columns are `columns`.
    ///
    /// # Errors
    /// If a column holds what it does not say.
    pub fn new(batch: &RecordBatch, columns: &[Column]) -> Result<Self, ArrowError> {
        let cells = batch.columns().iter().zip(columns);
        let cells = cells.map(|(array, column)| Ok((Cells::new(array, column.of)?, column.format)));
        Ok(Self { cells: cells.collect::<Result<_, ArrowError>>()?, next: 0, count: batch.num_rows() })
    }

    /// Writes the next row; says whether there was one.
    pub fn write(&mut self, reply: &mut Reply) -> bool {
        if self.next >= self.count {
            return false;
        }
        let row = self.next;
        self.next += 1;
        reply.message(b'D', |out| {
            out.put_i16(self.cells.len() as i16);
            for (cells, format) in &self.cells {
                if cells.is_null(row) {
                    out.put_i32(-1);
                    continue;
                }
                out.sized(|out| match format {
                    Format::Text => text::write(cells, row, out),
                    Format::Binary => binary::write(cells, row, out),
                });
            }
        });
        true
    }
}
