//! Objects in a bucket: the client, what is asked of the server before it is trusted, and errors
//! that hold no secret.

mod cache;
mod client;
mod config;
mod metered;
mod probe;
mod told;

use std::sync::Arc;

use base::{Clock, Rng};
use object_store::ObjectStore;

pub use config::S3Config;

use crate::StoreError;
use cache::Cached;

/// The objects of a bucket, once the server has shown that two writers cannot both create one name.
///
/// # Errors
/// [`StoreError::Config`] if a setting or secret is wrong; [`StoreError::Bucket`] if the bucket
/// cannot be used: it is not there, the server cannot be reached, it may not be written, or it
/// ignores conditions of a put.
pub async fn s3(config: &S3Config, clock: &Clock) -> Result<Arc<dyn ObjectStore>, StoreError> {
    config.check()?;
    let objects: Arc<dyn ObjectStore> = Arc::new(client::connect(config, clock)?);
    probe::probe(&objects, config, &Rng::system()).await?;
    Ok(Arc::new(Cached::new(objects, config.cache_bytes)))
}
