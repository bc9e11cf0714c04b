use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use query::value;

/// Writes lines of RFC 4180, ended by CR LF. Null is an empty field, an empty text is `""`.
pub struct Writer {
    head: Option<String>,
}

impl Writer {
    pub fn new(schema: &Schema) -> Self {
        let mut head = String::new();
        line(&mut head, schema.fields().iter().map(|field| Some(field.name().clone())));
        Self { head: Some(head) }
    }

    pub fn rows(&mut self, batch: &RecordBatch) -> Vec<u8> {
        let mut out = self.head.take().unwrap_or_default();
        for row in 0..batch.num_rows() {
            line(&mut out, batch.columns().iter().map(|column| value::plain(column.as_ref(), row)));
        }
        out.into_bytes()
    }

    pub fn end(&mut self) -> Vec<u8> {
        self.head.take().unwrap_or_default().into_bytes()
    }
}

fn line(out: &mut String, fields: impl Iterator<Item = Option<String>>) {
    for (n, field) in fields.enumerate() {
        if n > 0 {
            out.push(',');
        }
        match field {
            None => {}
            Some(field) if field.is_empty() || field.contains([',', '"', '\r', '\n']) => {
                out.push('"');
                out.push_str(&field.replace('"', "\"\""));
                out.push('"');
            }
            Some(field) => out.push_str(&field),
        }
    }
    out.push_str("\r\n");
}
