//! What is asked of a server before a store is entrusted to it.

use std::sync::Arc;

use base::Rng;
use futures::StreamExt;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use super::S3Config;
use crate::StoreError;

/// Creates a name twice: the second time must be refused. All commits stand on that. Then reads,
/// lists and removes it, so that a right that is missing is known at the start.
pub(super) async fn probe(objects: &Arc<dyn ObjectStore>, config: &S3Config, rng: &Rng) -> Result<(), StoreError> {
    let path = Path::from(format!("probe/{:032x}", u128::from_le_bytes(rng.bytes())));
    let bucket = |problem: String| StoreError::Bucket {
        bucket: config.bucket.clone(),
        server: config.endpoint.clone().unwrap_or_else(|| "AWS".to_owned()),
        problem,
    };
    let failed = |what: &'static str| move |error: Error| bucket(format!("{what}: {error}"));
    let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    objects.put_opts(&path, "one".into(), create()).await.map_err(failed("an object cannot be written"))?;
    let again = objects.put_opts(&path, "two".into(), create()).await;
    let found = async { objects.get(&path).await?.bytes().await }.await;
    let listed = objects.list(Some(&Path::from("probe"))).next().await;
    let removed = objects.delete(&path).await;
    let ignores = "it ignores the condition of a put (`If-None-Match: *`), so that two processes could overwrite \
                   each other's commits: use a server that honours it";
    match again {
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
        Ok(_) => return Err(bucket(ignores.to_owned())),
        Err(error) => return Err(failed("a put under a condition cannot be made")(error)),
    }
    if found.map_err(failed("an object cannot be read"))? != "one" {
        return Err(bucket(ignores.to_owned()));
    }
    match listed {
        Some(Ok(_)) => {}
        Some(Err(error)) => return Err(failed("objects cannot be listed")(error)),
        None => return Err(bucket("an object that was just written is not listed".to_owned())),
    }
    removed.map_err(failed("an object cannot be removed"))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use futures::stream::BoxStream;
    use object_store::memory::InMemory;
    use object_store::{
        CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, PutMultipartOptions, PutPayload,
        PutResult, Result,
    };

    use super::*;

    /// Some servers overwrite whatever the condition says.
    #[derive(Debug)]
    struct Careless(InMemory);

    impl std::fmt::Display for Careless {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("Careless")
        }
    }

    #[async_trait]
    impl ObjectStore for Careless {
        async fn put_opts(&self, location: &Path, payload: PutPayload, _: PutOptions) -> Result<PutResult> {
            self.0.put(location, payload).await
        }
        async fn put_multipart_opts(&self, at: &Path, with: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
            self.0.put_multipart_opts(at, with).await
        }
        async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
            self.0.get_opts(location, options).await
        }
        fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
            self.0.delete_stream(locations)
        }
        fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
            self.0.list(prefix)
        }
        async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
            self.0.list_with_delimiter(prefix).await
        }
        async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
            self.0.copy_opts(from, to, options).await
        }
    }

    #[tokio::test]
    async fn a_server_that_ignores_conditions_is_refused_and_nothing_is_left() {
        let config = S3Config { bucket: "telemetry".to_owned(), ..S3Config::default() };
        let careless: Arc<dyn ObjectStore> = Arc::new(Careless(InMemory::new()));
        let error = probe(&careless, &config, &Rng::seeded(1)).await.unwrap_err().to_string();
        assert!(error.contains("bucket `telemetry` at AWS") && error.contains("If-None-Match"), "{error}");
        assert!(careless.list(None).next().await.is_none());
        let careful: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        probe(&careful, &config, &Rng::seeded(1)).await.unwrap();
    }
}
