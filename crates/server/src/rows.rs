//! Rows of our own queries.

use axum::http::StatusCode;
use base::Timestamp;
use model::Row;
use query::Rows;

use crate::api::ApiError;
use crate::format;

/// `text` as a literal of SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Rows of a table that has all columns of `R`.
pub fn decode<R: Row>(rows: &Rows) -> Result<Vec<R>, ApiError> {
    let mut out = Vec::new();
    for batch in &rows.batches {
        let decoded = R::decode(batch);
        out.extend(decoded.map_err(|error| {
            tracing::error!(%error, "a row of the store cannot be read");
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string())
        })?);
    }
    Ok(out)
}

/// The rows of an answer, one by one, with values by name.
pub fn each(rows: &Rows) -> impl Iterator<Item = Line<'_>> {
    rows.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |n| Line { batch, n }))
}

/// One row.
pub struct Line<'a> {
    batch: &'a arrow::array::RecordBatch,
    n: usize,
}

impl Line<'_> {
    /// A value as text; nothing if it is null or there is no such column.
    pub fn text(&self, column: &str) -> Option<String> {
        format::plain(self.batch.column_by_name(column)?.as_ref(), self.n)
    }

    /// A value as a number, else 0.
    pub fn number(&self, column: &str) -> i64 {
        self.text(column).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// A time.
    pub fn time(&self, column: &str) -> Option<Timestamp> {
        format::time(self.batch.column_by_name(column)?.as_ref(), self.n)
    }
}
