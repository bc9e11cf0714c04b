//! How the footer of a file is read.
//!
//! Arrow's own schema, which its writer puts there as `ARROW:schema`, is not looked at: where it is damaged, Arrow's reader may end
//! with a panic. The types of columns are those of the table, or follow from Parquet's schema if the table has no such column.

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::PageIndexPolicy;

use crate::layout::Layout;

/// What a footer is read with, before [`typed`].
pub(crate) fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_page_index_policy(PageIndexPolicy::Optional)
}

/// A footer with the types of the table's columns; as Parquet has them if the file has others.
pub(crate) fn typed(layout: &Layout, metadata: ArrowReaderMetadata) -> ArrowReaderMetadata {
    let found = metadata.schema().fields();
    let of_table = |field: &FieldRef| match layout.file_schema.field_with_name(field.name()) {
        Ok(own) if own.data_type() != field.data_type() => {
            Arc::new(field.as_ref().clone().with_data_type(own.data_type().clone()))
        }
        _ => Arc::clone(field),
    };
    let fields: Vec<FieldRef> = found.iter().map(of_table).collect();
    if found.iter().eq(&fields) {
        return metadata;
    }
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).unwrap_or(metadata)
}

#[cfg(test)]
mod tests {
    use arrow::array::RecordBatch;
    use base::Rng;
    use bytes::Bytes;
    use parquet::arrow::ArrowWriter;

    use super::*;
    use crate::layout::layouts;

    /// A file of a table without rows.
    fn file(layout: &Layout) -> Bytes {
        let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&layout.file_schema), None).unwrap();
        writer.write(&RecordBatch::new_empty(Arc::clone(&layout.file_schema))).unwrap();
        writer.into_inner().unwrap().into()
    }

    #[test]
    fn columns_of_every_table_are_of_the_types_that_were_written() {
        for layout in layouts() {
            let bytes = file(layout);
            let by_arrow = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new()).unwrap();
            let ours = typed(layout, ArrowReaderMetadata::load(&bytes, options()).unwrap());
            assert_eq!(ours.schema().fields(), by_arrow.schema().fields(), "{}", layout.def.name);
            assert_eq!(ours.schema().fields(), layout.file_schema.fields(), "{}", layout.def.name);
        }
    }

    #[test]
    fn a_damaged_footer_is_an_error_or_read_and_no_panic() {
        let rng = Rng::seeded(3);
        let (mut read, mut refused) = (0, 0);
        for layout in layouts() {
            let whole = file(layout);
            for _ in 0..200 {
                let mut bytes = whole.to_vec();
                for _ in 0..1 + rng.below(3) {
                    bytes[rng.below(whole.len() as u64) as usize] ^= 1 << rng.below(8);
                }
                match ArrowReaderMetadata::load(&Bytes::from(bytes), options()) {
                    Ok(metadata) => {
                        read += 1;
                        typed(layout, metadata);
                    }
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
    }
}
