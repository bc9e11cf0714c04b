//! Reading one file: only the columns, row groups and pages that are wanted.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use base::Timestamp;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, RowFilter,
};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;

use crate::filter::{KeySet, Share, TextTest};
use crate::layout::{self, Layout, layouts};
use crate::merge::Batches;
use crate::object::ObjectReader;
use crate::store::Inner;
use crate::write::LARGE;
use crate::{FileEntry, StoreError, footer, map, points, prune};

/// What is read of a table's files.
#[derive(Clone)]
pub(crate) struct FileScan {
    pub layout: &'static Layout,
    /// Columns by number, ascending.
    pub columns: Vec<usize>,
    /// Those of maps that are only looked into: their texts are left where they are read, as views.
    pub lean: Vec<usize>,
    /// Rows of other keys may be left out.
    pub keys: Option<KeySet>,
    /// Rows of other times may be left out.
    pub time: Option<(Timestamp, Timestamp)>,
    /// Rows that do not satisfy all of these may be left out.
    pub texts: Arc<[TextTest]>,
    pub share: Share,
    pub batch_rows: usize,
}

impl FileScan {
    /// The schema of the batches, but for [`Self::lean`] columns.
    pub fn schema(&self) -> Result<SchemaRef, StoreError> {
        Ok(Arc::new(self.layout.schema.project(&self.columns)?))
    }

    /// Rows of `file`, in its order. If the file turns out to be damaged, also when it is read once more, it is set aside
    /// with a warning and the stream ends.
    pub fn lenient(self, inner: Arc<Inner>, file: FileEntry) -> Batches {
        let (name, keeper, began) = (Arc::new(file.clone()), Arc::clone(&inner), inner.doubts.begin());
        let checked = self.strict(inner, file).scan((), move |(), result| {
            let (name, keeper) = (Arc::clone(&name), Arc::clone(&keeper));
            async move {
                match result {
                    Err(StoreError::Corrupt { problem, .. }) => {
                        keeper.set_aside(&name, &problem, began).await.err().map(Err)
                    }
                    other => Some(other),
                }
            }
        });
        checked.boxed()
    }

    /// Rows of `file`, in its order, or what is wrong with it.
    pub fn strict(self, inner: Arc<Inner>, file: FileEntry) -> Batches {
        let open = async move { self.open(&inner, file).await };
        stream::once(open).try_flatten().boxed()
    }

    async fn open(mut self, inner: &Arc<Inner>, file: FileEntry) -> Result<Batches, StoreError> {
        self.share = self.share.of_file(file.seq);
        let reader = reader(inner, &file);
        let metadata = match metadata(inner, &file, reader.clone()).await {
            Ok(metadata) => self.with_views(metadata),
            Err(error) => return Err(explain(inner, &file, error).await),
        };
        let found = self.columns_in(&metadata);
        let mut builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader.clone(), metadata.clone());
        let pruned = prune::prune(&mut builder, &reader, &metadata, &self).await;
        let (groups, selection) = match pruned {
            Ok(pruned) => pruned,
            Err(error) => return Err(explain(inner, &file, error).await),
        };
        if groups.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let more = self.columns_of_values(&metadata);
        let mask = ProjectionMask::roots(metadata.parquet_schema(), found.iter().flatten().copied().chain(more));
        builder = builder.with_projection(mask).with_row_groups(groups).with_batch_size(self.batch_rows.max(1));
        if let Some(selection) = selection {
            builder = builder.with_row_selection(selection);
        }
        if let Some(filter) = self.row_filter(&metadata) {
            builder = builder.with_row_filter(filter);
        }
        let batches = match builder.build() {
            Ok(batches) => batches,
            Err(error) => return Err(explain(inner, &file, error).await),
        };
        let schema = self.schema_as_read(&metadata)?;
        let keeper = Arc::clone(inner);
        let table = self.layout.def.name;
        let read = batches.then(move |result| {
            let (inner, file, schema, found) = (Arc::clone(&keeper), file.clone(), Arc::clone(&schema), found.clone());
            async move {
                match result {
                    Ok(batch) => adapt(table, &schema, &found, &points::scale::from_file(batch)?),
                    Err(error) => Err(explain(&inner, &file, error).await),
                }
            }
        });
        Ok(read.boxed())
    }

    /// Decodes what decides first and of the other columns only the rows wanted.
    fn row_filter(&self, metadata: &ArrowReaderMetadata) -> Option<RowFilter> {
        let mut steps: Vec<Box<dyn ArrowPredicate>> = Vec::new();
        let mask = |column: usize| {
            let column = metadata.schema().index_of(self.layout.schema.field(column).name()).ok()?;
            Some(ProjectionMask::roots(metadata.parquet_schema(), [column]))
        };
        // Samples are few columns, and those of a key lie together: looking at each row costs more than it saves.
        let keys = self.keys.clone().filter(|_| !self.layout.points);
        if let Some((keys, mask)) = keys.zip(self.layout.key.and_then(mask)) {
            let wanted = move |batch: RecordBatch| Ok(keys.mask(batch.column(0)));
            steps.push(Box::new(ArrowPredicateFn::new(mask, wanted)));
        }
        // A column that an older file lacks leaves nothing out.
        let worth = |test: &&TextTest| test.key.is_none() || self.reads_large();
        let texts = self.texts.iter().filter(worth);
        for (test, mask) in texts.filter_map(|test| Some((test.clone(), mask(test.column)?))) {
            let wanted = move |batch: RecordBatch| Ok(test.mask(batch.column(0)));
            steps.push(Box::new(ArrowPredicateFn::new(mask, wanted)));
        }
        (!steps.is_empty()).then(|| RowFilter::new(steps))
    }

    /// Whether columns are read that cost more than a map, which is decoded twice if it decides first: the reader keeps no
    /// nested column.
    fn reads_large(&self) -> bool {
        let is_large = |n: &usize| {
            let field = self.layout.schema.field(*n);
            LARGE.contains(&field.name().as_str()) || matches!(field.data_type(), DataType::Map(..))
        };
        self.columns.iter().filter(|n| !self.lean.contains(n)).any(is_large)
    }

    /// The same file, read with views in columns that are only looked into; as it is if it cannot be.
    fn with_views(&self, metadata: ArrowReaderMetadata) -> ArrowReaderMetadata {
        if self.lean.is_empty() {
            return metadata;
        }
        let is_lean = |name: &str| self.lean.iter().any(|&n| self.layout.schema.field(n).name() == name);
        let schema = metadata.schema();
        let view = |field: &FieldRef| if is_lean(field.name()) { map::with_views(field) } else { Arc::clone(field) };
        let fields: Vec<FieldRef> = schema.fields().iter().map(view).collect();
        let schema = Schema::new_with_metadata(fields, schema.metadata().clone());
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).unwrap_or(metadata)
    }

    /// The schema of the batches of a file.
    fn schema_as_read(&self, metadata: &ArrowReaderMetadata) -> Result<SchemaRef, StoreError> {
        if self.lean.is_empty() {
            return self.schema();
        }
        let schema = self.layout.schema.project(&self.columns)?;
        let as_read = |(field, n): (&FieldRef, &usize)| {
            let lean = self.lean.contains(n).then(|| metadata.schema().field_with_name(field.name()).ok()).flatten();
            lean.map_or_else(
                || Arc::clone(field),
                |lean| Arc::new(field.as_ref().clone().with_data_type(lean.data_type().clone())),
            )
        };
        let fields: Vec<FieldRef> = schema.fields().iter().zip(&self.columns).map(as_read).collect();
        Ok(Arc::new(Schema::new(fields)))
    }

    /// Columns in the file, behind those of the table, that say what the values of samples are.
    fn columns_of_values(&self, metadata: &ArrowReaderMetadata) -> Vec<usize> {
        let wanted = self.layout.points && self.columns.len() == self.layout.schema.fields().len();
        let names = [points::scale::SCALED, points::scale::EXPONENT];
        let found = names.into_iter().filter_map(|name| metadata.schema().index_of(name).ok());
        if wanted { found.collect() } else { Vec::new() }
    }

    /// For each column that is read its number in the file; an older file may lack some.
    fn columns_in(&self, metadata: &ArrowReaderMetadata) -> Vec<Option<usize>> {
        let name = |&n: &usize| metadata.schema().index_of(self.layout.schema.field(n).name()).ok();
        self.columns.iter().map(name).collect()
    }
}

/// What reads a file.
pub(crate) fn reader(inner: &Inner, file: &FileEntry) -> ObjectReader {
    ObjectReader { objects: Arc::clone(&inner.objects), path: Path::from(file.path.as_str()), size: file.bytes }
}

/// The footer and indexes of a file, from the cache if they are there.
pub(crate) async fn metadata(
    inner: &Inner,
    file: &FileEntry,
    mut reader: ObjectReader,
) -> Result<ArrowReaderMetadata, ParquetError> {
    if let Some(metadata) = inner.metadata.get(&file.path) {
        return Ok(metadata);
    }
    let metadata = ArrowReaderMetadata::load_async(&mut reader, footer::options()).await?;
    let metadata = match layout::number(&file.table) {
        Some(table) => footer::typed(&layouts()[table], metadata),
        None => metadata,
    };
    inner.metadata.put(&file.path, metadata.clone());
    Ok(metadata)
}

/// Brings the columns that a file has into the order and number of the table's.
fn adapt(
    table: &'static str,
    schema: &SchemaRef,
    found: &[Option<usize>],
    batch: &RecordBatch,
) -> Result<RecordBatch, StoreError> {
    let mut in_file: Vec<usize> = found.iter().flatten().copied().collect();
    in_file.sort_unstable();
    let column = |(n, at): (usize, &Option<usize>)| -> ArrayRef {
        match at.and_then(|at| in_file.binary_search(&at).ok()) {
            Some(at) => Arc::clone(batch.column(at)),
            None => new_null_array(schema.field(n).data_type(), batch.num_rows()),
        }
    };
    let columns = found.iter().enumerate().map(column).collect();
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| StoreError::Columns { table, problem: format!("a file: {error}") })
}

/// Whether a failed read means that the file is damaged, or that the object store cannot be read.
async fn explain(inner: &Inner, file: &FileEntry, error: ParquetError) -> StoreError {
    let source = match error {
        ParquetError::External(source) => match source.downcast::<object_store::Error>() {
            Ok(source) => *source,
            Err(source) => return StoreError::corrupt(&file.path, source),
        },
        other => return StoreError::corrupt(&file.path, other),
    };
    inner.metadata.forget(&file.path);
    match inner.objects.head(&Path::from(file.path.as_str())).await {
        Ok(meta) if meta.size != file.bytes => {
            StoreError::corrupt(&file.path, format!("it has {} bytes, not {}", meta.size, file.bytes))
        }
        Err(object_store::Error::NotFound { .. }) => StoreError::corrupt(&file.path, "it is not there"),
        Ok(_) | Err(_) => StoreError::Objects { path: file.path.clone(), source },
    }
}
