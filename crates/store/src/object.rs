//! A Parquet reader over an object of known size.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectStore;
use object_store::path::Path;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

/// Bytes that are read from the end at first: mostly they hold the footer and the indexes.
const TAIL: usize = 64 << 10;

/// Among the extensions of a read: it is of what the store has, and what was kept of the object is kept no more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Afresh;

/// Reads ranges of one object.
#[derive(Clone, Debug)]
pub(crate) struct ObjectReader {
    pub objects: Arc<dyn ObjectStore>,
    pub path: Path,
    pub size: u64,
}

impl AsyncFileReader for ObjectReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        // As one of several: that is the way past which nothing is fetched twice.
        async move {
            let got = self.objects.get_ranges(&self.path, &[range]).await.map_err(ParquetError::from);
            got.map(|got| got.into_iter().next().unwrap_or_default())
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move { self.objects.get_ranges(&self.path, &ranges).await.map_err(ParquetError::from) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        let policy = options.map_or(PageIndexPolicy::Skip, ArrowReaderOptions::column_index_policy);
        async move {
            let size = self.size;
            let reader = ParquetMetaDataReader::new().with_page_index_policy(policy).with_prefetch_hint(Some(TAIL));
            Ok(Arc::new(reader.load_and_finish(&mut *self, size).await?))
        }
        .boxed()
    }
}
