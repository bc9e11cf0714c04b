//! Rows as JSON, CSV or an Arrow IPC stream.

mod csv;
mod json;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use serde_json::Value;

use crate::api::ApiError;

pub use query::value::{plain, time};

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `{"columns": [{"name", "type"}], "rows": [[..]], "warnings": [..], "truncated": false}`; an
    /// error after the first rows is a member `error`.
    Json,
    /// A header and a line per row (RFC 4180); nested values as JSON text.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
}

impl Format {
    /// By name, else by what the client accepts, else JSON.
    pub fn choose(name: Option<&str>, accept: Option<&str>) -> Result<Self, ApiError> {
        let accept = accept.unwrap_or_default();
        match name {
            Some("json") => Ok(Self::Json),
            Some("csv") => Ok(Self::Csv),
            Some("arrow") => Ok(Self::Arrow),
            Some(_) => Err(ApiError::parameter("`format` is json, csv or arrow")),
            None if accept.contains("text/csv") => Ok(Self::Csv),
            None if accept.contains("application/vnd.apache.arrow.stream") => Ok(Self::Arrow),
            None => Ok(Self::Json),
        }
    }

    /// The answer's media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

/// Writes an answer piece by piece.
pub enum Encoder {
    /// See [`Format::Json`]. `None` once the answer is complete.
    Json(Option<json::Writer>),
    /// See [`Format::Csv`].
    Csv(csv::Writer),
    /// See [`Format::Arrow`]; made with the first piece.
    Arrow(Option<Box<StreamWriter<Vec<u8>>>>, SchemaRef),
}

impl Encoder {
    /// A writer for rows of `schema`.
    pub fn new(format: Format, schema: &SchemaRef) -> Self {
        match format {
            Format::Json => Self::Json(Some(json::Writer::new(schema))),
            Format::Csv => Self::Csv(csv::Writer::new(schema)),
            Format::Arrow => Self::Arrow(None, SchemaRef::clone(schema)),
        }
    }

    /// The next rows.
    pub fn rows(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        match self {
            Self::Json(Some(writer)) => Ok(writer.rows(batch)),
            Self::Json(None) => Ok(Vec::new()),
            Self::Csv(writer) => Ok(writer.rows(batch)),
            Self::Arrow(writer, schema) => {
                let writer = open(writer, schema)?;
                writer.write(batch)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }

    /// The end of an answer that failed, if the format can say so.
    pub fn error(&mut self, error: &Value) -> Option<Vec<u8>> {
        match self {
            Self::Json(writer) => writer.take().map(|writer| writer.end(&[], false, Some(error))),
            Self::Csv(_) | Self::Arrow(..) => None,
        }
    }

    /// The end of the answer.
    pub fn end(&mut self, warnings: &[String], truncated: bool) -> Result<Vec<u8>, ArrowError> {
        match self {
            Self::Json(writer) => {
                Ok(writer.take().map(|writer| writer.end(warnings, truncated, None)).unwrap_or_default())
            }
            Self::Csv(writer) => Ok(writer.end()),
            Self::Arrow(writer, schema) => {
                let writer = open(writer, schema)?;
                writer.finish()?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }
}

fn open<'a>(
    writer: &'a mut Option<Box<StreamWriter<Vec<u8>>>>,
    schema: &Schema,
) -> Result<&'a mut StreamWriter<Vec<u8>>, ArrowError> {
    match writer {
        Some(writer) => Ok(writer),
        None => Ok(writer.insert(Box::new(StreamWriter::try_new(Vec::new(), schema)?))),
    }
}
