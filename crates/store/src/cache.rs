use std::collections::HashMap;

use parking_lot::Mutex;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;

/// Footers and indexes of files, decoded; those not used for longest go first.
#[derive(Default)]
pub(crate) struct MetadataCache {
    max: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    bytes: usize,
    clock: u64,
    by_path: HashMap<String, (u64, usize, ArrowReaderMetadata)>,
}

impl MetadataCache {
    pub fn new(max: usize) -> Self {
        Self { max, entries: Mutex::default() }
    }

    pub fn get(&self, path: &str) -> Option<ArrowReaderMetadata> {
        let mut entries = self.entries.lock();
        entries.clock += 1;
        let now = entries.clock;
        entries.by_path.get_mut(path).map(|(used, _, metadata)| {
            *used = now;
            metadata.clone()
        })
    }

    pub fn put(&self, path: &str, metadata: ArrowReaderMetadata) {
        let bytes = metadata.metadata().memory_size() + path.len();
        let mut entries = self.entries.lock();
        entries.clock += 1;
        let now = entries.clock;
        if let Some((_, old, _)) = entries.by_path.insert(path.to_owned(), (now, bytes, metadata)) {
            entries.bytes -= old;
        }
        entries.bytes += bytes;
        while entries.bytes > self.max {
            let oldest = entries.by_path.iter().min_by_key(|(_, (used, ..))| *used).map(|(path, _)| path.clone());
            let Some((_, bytes, _)) = oldest.and_then(|path| entries.by_path.remove(&path)) else { break };
            entries.bytes -= bytes;
        }
        metrics::gauge!("steadfast_store_metadata_cache_bytes").set(entries.bytes as f64);
    }

    pub fn forget(&self, path: &str) {
        let mut entries = self.entries.lock();
        if let Some((_, bytes, _)) = entries.by_path.remove(path) {
            entries.bytes -= bytes;
        }
    }
}
