use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use serde_json::{Value, json};

use query::value;

/// Writes `{"columns": .., "rows": .., "warnings": .., "truncated": ..}`.
pub struct Writer {
    head: Option<String>,
    rows: u64,
}

impl Writer {
    pub fn new(schema: &Schema) -> Self {
        let column = |name: &str, data_type: &DataType| json!({ "name": name, "type": value::type_name(data_type) });
        let columns: Vec<Value> = schema.fields().iter().map(|field| column(field.name(), field.data_type())).collect();
        Self { head: Some(format!("{{\"columns\":{},\"rows\":[", Value::from(columns))), rows: 0 }
    }

    pub fn rows(&mut self, batch: &RecordBatch) -> Vec<u8> {
        let mut out = self.head.take().unwrap_or_default().into_bytes();
        for row in 0..batch.num_rows() {
            if self.rows > 0 {
                out.push(b',');
            }
            self.rows += 1;
            let values = batch.columns().iter().map(|column| value::json(column.as_ref(), row)).collect();
            out.extend(Value::Array(values).to_string().into_bytes());
        }
        out
    }

    pub fn end(mut self, warnings: &[String], truncated: bool, error: Option<&Value>) -> Vec<u8> {
        let mut out = self.head.take().unwrap_or_default();
        out.push_str(&format!("],\"warnings\":{},\"truncated\":{truncated}", json!(warnings)));
        if let Some(error) = error {
            out.push_str(&format!(",\"error\":{error}"));
        }
        out.push_str("}\n");
        out.into_bytes()
    }
}
