//! Rows of an answer in PostgreSQL's formats, text and binary.

mod binary;
mod cells;
mod copy;
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
pub use copy::Copier;

/// What is made of rows.
pub enum Output<'a> {
    /// Messages, with values in the formats of these columns.
    Rows(&'a [Column]),
    /// Parts of a text.
    Copy(&'a Copier),
    /// Nothing: they are passed over.
    Nothing,
}

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
    cells: Vec<Cells>,
    next: usize,
    count: usize,
}

impl Rows {
    /// The rows of `batch`, whose columns are `columns`.
    ///
    /// # Errors
    /// If a column holds what it does not say.
    pub fn new(batch: &RecordBatch, columns: &[Column]) -> Result<Self, ArrowError> {
        let cells = batch.columns().iter().zip(columns).map(|(array, column)| Cells::new(array, column.of));
        Ok(Self { cells: cells.collect::<Result<_, ArrowError>>()?, next: 0, count: batch.num_rows() })
    }

    /// Writes the next row; says whether there was one.
    pub fn write(&mut self, output: &Output<'_>, reply: &mut Reply) -> bool {
        if self.next >= self.count {
            return false;
        }
        let row = self.next;
        self.next += 1;
        match output {
            Output::Rows(columns) => self.message(row, columns, reply),
            Output::Copy(copier) => copier.row(&self.cells, row, reply),
            Output::Nothing => {}
        }
        true
    }

    fn message(&self, row: usize, columns: &[Column], reply: &mut Reply) {
        reply.message(b'D', |out| {
            out.put_i16(self.cells.len() as i16);
            for (cells, column) in self.cells.iter().zip(columns) {
                if cells.is_null(row) {
                    out.put_i32(-1);
                    continue;
                }
                out.sized(|out| match column.format {
                    Format::Text => text::write(cells, row, out),
                    Format::Binary => binary::write(cells, row, out),
                });
            }
        });
    }
}
