//! An object store whose requests are counted and whose errors hold no secret.

use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use base::Clock;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use super::told::Teller;

/// How often a put under a condition is made again that met another one on its way.
const CONFLICTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// See the module.
#[derive(Debug)]
pub(crate) struct Metered<T> {
    inner: T,
    teller: Teller,
    clock: Clock,
}

impl<T: ObjectStore> Metered<T> {
    pub fn new(inner: T, teller: Teller, clock: Clock) -> Self {
        Self { inner, teller, clock }
    }

    async fn request<R>(&self, operation: &'static str, work: impl Future<Output = Result<R>>) -> Result<R> {
        let started = self.clock.monotonic();
        let done = work.await;
        let took = self.clock.monotonic().saturating_sub(started);
        let outcome = match &done {
            Ok(_) => "ok",
            // Answers to questions, not failures.
            Err(Error::NotFound { .. } | Error::AlreadyExists { .. } | Error::Precondition { .. }) => "refused",
            Err(_) => "failed",
        };
        metrics::counter!("steadfast_store_requests_total", "operation" => operation, "outcome" => outcome)
            .increment(1);
        metrics::histogram!("steadfast_store_request_seconds", "operation" => operation).record(took.as_secs_f64());
        done.map_err(|error| self.teller.clean(error))
    }
}

impl<T: ObjectStore> std::fmt::Display for Metered<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.inner)
    }
}

/// Whether the server says that another put was on its way to the same name; it may have failed,
/// so that the name may be free.
fn in_flight(error: &Error) -> bool {
    matches!(error, Error::AlreadyExists { source, .. } if source.to_string().contains("409 Conflict"))
}

#[async_trait]
impl<T: ObjectStore> ObjectStore for Metered<T> {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        metrics::counter!("steadfast_store_sent_bytes_total").increment(payload.content_length() as u64);
        let mut pause = PAUSE;
        for _ in 0..CONFLICTS {
            let (payload, options) = (payload.clone(), options.clone());
            let conditional = matches!(options.mode, PutMode::Create);
            match self.request("put", self.inner.put_opts(location, payload, options)).await {
                Err(error) if conditional && in_flight(&error) => {
                    self.clock.sleep(pause).await;
                    pause *= 2;
                }
                done => return done,
            }
        }
        self.request("put", self.inner.put_opts(location, payload, options)).await
    }

    async fn put_multipart_opts(&self, to: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.request("put", self.inner.put_multipart_opts(to, options)).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut got = self.request("get", self.inner.get_opts(location, options)).await?;
        if let GetResultPayload::Stream(parts) = got.payload {
            let teller = self.teller.clone();
            let parts = parts.map(move |part| {
                let part = part.map_err(|error| teller.clean(error))?;
                metrics::counter!("steadfast_store_received_bytes_total").increment(part.len() as u64);
                Ok::<_, Error>(part)
            });
            got.payload = GetResultPayload::Stream(parts.boxed());
        }
        Ok(got)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let got = self.request("get", self.inner.get_ranges(location, ranges)).await?;
        let bytes: usize = got.iter().map(Bytes::len).sum();
        metrics::counter!("steadfast_store_received_bytes_total").increment(bytes as u64);
        Ok(got)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let teller = self.teller.clone();
        self.inner.delete_stream(locations).map(move |done| done.map_err(|error| teller.clean(error))).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let teller = self.teller.clone();
        self.inner.list(prefix).map(move |meta| meta.map_err(|error| teller.clean(error))).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.request("list", self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.request("copy", self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.request("copy", self.inner.rename_opts(from, to, options)).await
    }
}
