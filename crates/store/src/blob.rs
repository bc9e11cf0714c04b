//! Small named blobs beside the manifest: checkpoints of folds.
//!
//! The object `blobs/<name>` is `SFBLOB1\n`, the CRC-32 of the content (4 bytes, little endian),
//! the content.

use base::Limit;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::{Store, StoreError};

const MAGIC: &[u8; 8] = b"SFBLOB1\n";
const HEAD: usize = MAGIC.len() + 4;
const MAX: Limit = Limit::new("store_blob_bytes", 1 << 30);

impl Store {
    /// Keeps `bytes` under `name`, in place of what was there: a reader sees the old or the new.
    ///
    /// # Errors
    /// [`StoreError::Name`], [`StoreError::TooLarge`], or [`StoreError::Objects`] if it cannot be
    /// written; then the old content is still there.
    pub async fn save(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let path = path(name)?;
        MAX.check(bytes.len() as u64)?;
        let mut object = Vec::with_capacity(HEAD + bytes.len());
        object.extend_from_slice(MAGIC);
        object.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        object.extend_from_slice(&bytes);
        self.0.objects.put(&path, object.into()).await.map_err(StoreError::objects(path))?;
        Ok(())
    }

    /// Drops what is kept under `name`, if anything is.
    ///
    /// # Errors
    /// [`StoreError::Name`], or [`StoreError::Objects`] if it cannot be removed now.
    pub async fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = path(name)?;
        match self.0.objects.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(StoreError::objects(path)(error)),
        }
    }

    /// What was kept under `name`. A damaged blob is moved to `quarantine/`, named in
    /// [`Store::warnings`], and as good as none.
    ///
    /// # Errors
    /// [`StoreError::Name`], or [`StoreError::Objects`] if it cannot be read now.
    pub async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let path = path(name)?;
        let objects = &self.0.objects;
        let object = match async { objects.get(&path).await?.bytes().await }.await {
            Ok(object) => object,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(StoreError::objects(path)(error)),
        };
        let content = object.strip_prefix(MAGIC).and_then(|rest| rest.split_first_chunk::<4>());
        match content {
            Some((crc, content)) if crc32fast::hash(content) == u32::from_le_bytes(*crc) => Ok(Some(content.to_vec())),
            _ => {
                let aside = Path::from(format!("quarantine/{path}"));
                let moved = objects.rename(&path, &aside).await;
                let to = moved.map_or_else(
                    |error| format!("cannot be moved aside: {error}"),
                    |()| format!("was moved to {aside}"),
                );
                self.0.warnings.add(format!("{path} is damaged and {to}"));
                Ok(None)
            }
        }
    }
}

fn path(name: &str) -> Result<Path, StoreError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed);
    if name.len() > 200 || !name.split('/').all(part) {
        return Err(StoreError::Name(name.to_owned()));
    }
    Ok(Path::from(format!("blobs/{name}")))
}
