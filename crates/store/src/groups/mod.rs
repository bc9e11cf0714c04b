//! Row groups of a file, as Parquet's writer for Arrow makes them, but for the columns that are encoded here.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, RowGroupMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use zstd::bulk::Compressor;

use crate::is_map_of_texts;
use crate::map_pages::{Limits, MapColumn};

/// A file that is being written in memory, row group by row group.
pub(crate) struct GroupWriter {
    schema: SchemaRef,
    file: SerializedFileWriter<Vec<u8>>,
    columns: ArrowRowGroupWriterFactory,
    /// Rows and bytes at which a row group ends.
    most: (usize, usize),
    group: Option<Group>,
    compression: Compression,
    zstd: Compressor<'static>,
}

struct Group {
    rows: usize,
    /// In the order of the schema's fields.
    columns: Vec<Column>,
}

enum Column {
    Maps(Box<MapColumn>),
    Other(Vec<ArrowColumnWriter>),
}

impl Group {
    /// Its size, about.
    fn size(&self) -> usize {
        let size = |column: &Column| match column {
            Column::Maps(maps) => maps.size(),
            Column::Other(leaves) => leaves.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum(),
        };
        self.columns.iter().map(size).sum()
    }
}

impl GroupWriter {
    /// A file with these columns, all of which are compressed alike.
    pub fn new(schema: &SchemaRef, properties: WriterProperties) -> Result<Self, ParquetError> {
        let rows = properties.max_row_group_row_count().unwrap_or(usize::MAX);
        let bytes = properties.max_row_group_bytes().unwrap_or(usize::MAX);
        let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?;
        let (file, columns) = writer.into_serialized_writer()?;
        let leaf = file.schema_descr().columns().first().map(|leaf| leaf.path().clone()).unwrap_or_else(|| "".into());
        let compression = file.properties().compression(&leaf);
        let level = if let Compression::ZSTD(level) = compression { level.compression_level() } else { 1 };
        let (zstd, schema) = (Compressor::new(level)?, schema.clone());
        Ok(Self { schema, file, columns, most: (rows, bytes), group: None, compression, zstd })
    }

    /// Adds rows.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        let mut at = 0;
        while at < rows.num_rows() {
            let part = self.room().min(rows.num_rows() - at);
            if part == 0 {
                self.flush()?;
                continue;
            }
            self.put(&rows.slice(at, part))?;
            at += part;
            let is_full = |group: &Group| group.rows >= self.most.0 || group.size() >= self.most.1;
            if self.group.as_ref().is_some_and(is_full) {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Rows for which the row group has room, if they are like those before.
    fn room(&self) -> usize {
        let Some(group) = &self.group else { return self.most.0 };
        let size = group.size();
        let of_bytes = size.checked_div(group.rows).and_then(|row| self.most.1.saturating_sub(size).checked_div(row));
        of_bytes.unwrap_or(usize::MAX).min(self.most.0.saturating_sub(group.rows))
    }

    fn put(&mut self, rows: &RecordBatch) -> Result<(), ParquetError> {
        let mut group = match self.group.take() {
            Some(group) => group,
            None => self.begin()?,
        };
        group.rows += rows.num_rows();
        for ((column, field), array) in group.columns.iter_mut().zip(self.schema.fields()).zip(rows.columns()) {
            match column {
                Column::Maps(maps) => maps.write(array, &mut self.zstd)?,
                Column::Other(writers) => {
                    for (writer, leaf) in writers.iter_mut().zip(compute_leaves(field, array)?) {
                        writer.write(&leaf)?;
                    }
                }
            }
        }
        self.group = Some(group);
        Ok(())
    }

    fn begin(&self) -> Result<Group, ParquetError> {
        let (schema, properties) = (self.file.schema_descr(), self.file.properties());
        let mut writers = self.columns.create_column_writers(self.file.flushed_row_groups().len())?.into_iter();
        let mut columns = Vec::new();
        for (n, field) in self.schema.fields().iter().enumerate() {
            let leaves: Vec<usize> =
                (0..schema.num_columns()).filter(|&l| schema.get_column_root_idx(l) == n).collect();
            let others: Vec<ArrowColumnWriter> = writers.by_ref().take(leaves.len()).collect();
            let is_packed = matches!(self.compression, Compression::ZSTD(_));
            columns.push(match leaves.as_slice() {
                &[keys, values] if is_packed && is_map_of_texts(field.data_type()) => {
                    let (keys, values) = (schema.column(keys), schema.column(values));
                    let limits = Limits {
                        page_rows: properties.data_page_row_count_limit(),
                        page_bytes: properties.data_page_size_limit(),
                        dictionary_bytes: properties.dictionary_page_size_limit(),
                    };
                    Column::Maps(Box::new(MapColumn::new(keys, values, field.is_nullable(), limits)))
                }
                _ => Column::Other(others),
            });
        }
        Ok(Group { rows: 0, columns })
    }

    /// Ends the row group, if one was begun.
    pub fn flush(&mut self) -> Result<(), ParquetError> {
        let Some(group) = self.group.take() else { return Ok(()) };
        let mut file = self.file.next_row_group()?;
        for column in group.columns {
            match column {
                Column::Maps(maps) => {
                    for chunk in maps.finish(self.compression, &mut self.zstd)? {
                        file.append_column(&chunk.bytes, chunk.close)?;
                    }
                }
                Column::Other(writers) => {
                    for writer in writers {
                        writer.close()?.append_to_row_group(&mut file)?;
                    }
                }
            }
        }
        file.close()?;
        Ok(())
    }

    /// The row groups that were ended.
    pub fn ended(&self) -> &[RowGroupMetaData] {
        self.file.flushed_row_groups()
    }

    /// Rows of the row group that was not.
    pub fn open_rows(&self) -> usize {
        self.group.as_ref().map_or(0, |group| group.rows)
    }

    /// Bytes of the row groups that were ended, and of what was appended.
    pub fn bytes_written(&self) -> usize {
        self.file.bytes_written()
    }

    /// Its size so far, about.
    pub fn size(&self) -> usize {
        self.bytes_written() + self.group.as_ref().map_or(0, Group::size)
    }

    /// Appends bytes that are in no row group.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), ParquetError> {
        Ok(self.file.write_all(bytes)?)
    }

    /// Adds an entry to the file's footer.
    pub fn annotate(&mut self, entry: KeyValue) {
        self.file.append_key_value_metadata(entry);
    }

    /// Ends the file, and gives its bytes.
    pub fn finish(mut self) -> Result<Vec<u8>, ParquetError> {
        self.flush()?;
        self.file.into_inner()
    }
}

#[cfg(test)]
mod tests;
