//! The handle of a statement, which is the statement.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use prost::Message;
use query::SqlOptions;
use tonic::Status;

use crate::status;
use crate::values::{self, PARAMETERS};

/// A statement and what is bound to it.
#[derive(Clone, PartialEq, Message)]
pub struct Handle {
    /// The text.
    #[prost(string, tag = "1")]
    pub sql: String,
    /// One row of values as a stream of Arrow IPC; nothing if none are bound.
    #[prost(bytes = "bytes", tag = "2")]
    pub parameters: Bytes,
}

impl Handle {
    /// Of a text with nothing bound to it.
    pub fn of(sql: String) -> Self {
        Self { sql, parameters: Bytes::new() }
    }

    /// Reads what a client was given, or made up.
    pub fn read(bytes: &[u8]) -> Result<Self, Status> {
        let handle = Self::decode(bytes).map_err(|error| status::invalid(format!("this is no handle: {error}")))?;
        PARAMETERS.check(handle.parameters.len() as u64).map_err(|limit| status::exceeded(&limit))?;
        Ok(handle)
    }

    /// As clients get it.
    pub fn bytes(&self) -> Bytes {
        self.encode_to_vec().into()
    }

    /// The same statement with these values.
    pub fn bind(self, row: &RecordBatch) -> Result<Self, Status> {
        let parameters = written(row).map_err(status::internal)?;
        PARAMETERS.check(parameters.len() as u64).map_err(|limit| status::exceeded(&limit))?;
        Ok(Self { parameters: parameters.into(), ..self })
    }

    /// The values that are bound.
    pub fn row(&self) -> Result<Option<RecordBatch>, Status> {
        if self.parameters.is_empty() {
            return Ok(None);
        }
        values::of_stream(&self.parameters)
    }

    /// How it is asked.
    pub fn options(&self) -> Result<SqlOptions, Status> {
        Ok(SqlOptions { parameters: self.row()?, ..SqlOptions::default() })
    }
}

fn written(row: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), row.schema_ref())?;
    writer.write(row)?;
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use tonic::Code;

    use super::*;

    fn row(text: &str) -> RecordBatch {
        let columns: [(&str, ArrayRef); 2] =
            [("1", Arc::new(Int64Array::from(vec![7]))), ("2", Arc::new(StringArray::from(vec![text])))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn a_handle_is_read_as_it_was_given() {
        let handle = Handle::of("SELECT $1".to_owned());
        assert_eq!(handle.row().unwrap(), None);
        let bound = handle.bind(&row("x")).unwrap();
        let read = Handle::read(&bound.bytes()).unwrap();
        assert_eq!((read.sql.as_str(), read.row().unwrap()), ("SELECT $1", Some(row("x"))));
    }

    #[test]
    fn what_is_no_handle_is_refused() {
        assert_eq!(Handle::read(b"\xff\xff\xff").unwrap_err().code(), Code::InvalidArgument);
        let broken = Handle { sql: "SELECT 1".to_owned(), parameters: Bytes::from_static(b"no arrow") };
        assert_eq!(broken.row().unwrap_err().code(), Code::InvalidArgument);
        let cut = Handle::of(String::new()).bind(&row("x")).unwrap().parameters;
        for end in 1..cut.len() {
            // A part of a stream may still hold the row; it never ends the process.
            let _ = Handle { sql: String::new(), parameters: cut.slice(..end) }.row();
        }
    }

    #[test]
    fn values_have_a_limit() {
        let refused = Handle::of(String::new()).bind(&row(&"x".repeat(2 << 20))).unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.message().contains("flight.parameter_bytes"), "{refused}");
    }
}
