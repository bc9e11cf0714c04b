//! Parts of files that were fetched or written lately, in memory.
//!
//! Only objects under `data/` are kept: their names are random and their content never changes. A
//! file is cut into blocks of one size; a read fetches the blocks that are missing, neighbours
//! together. A read or a file that would take an eighth of the room goes past the cache: a
//! compaction reads everything once and would push out what queries need again and again.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use parking_lot::Mutex;

use crate::object::Afresh;

/// Bytes of a block: about what a request costs in time anyway.
const BLOCK: u64 = 512 << 10;
/// Requests of one read that are on their way at once.
const AT_ONCE: usize = 8;
/// What is larger than this part of the cache goes past it.
const SHARE: usize = 8;

/// See the module.
#[derive(Debug)]
pub(crate) struct Cached {
    inner: Arc<dyn ObjectStore>,
    blocks: Mutex<Blocks>,
    max: usize,
}

type Place = (Path, u64);

/// Those not used for longest go first.
#[derive(Debug, Default)]
struct Blocks {
    bytes: usize,
    clock: u64,
    by_place: HashMap<Place, (u64, Bytes)>,
    by_use: BTreeMap<u64, Place>,
}

impl Blocks {
    fn get(&mut self, place: &Place) -> Option<Bytes> {
        self.clock += 1;
        let (used, bytes) = self.by_place.get_mut(place)?;
        self.by_use.remove(used);
        *used = self.clock;
        self.by_use.insert(self.clock, place.clone());
        Some(bytes.clone())
    }

    fn put(&mut self, place: Place, bytes: Bytes, max: usize) {
        self.clock += 1;
        self.bytes += bytes.len();
        self.by_use.insert(self.clock, place.clone());
        if let Some((used, old)) = self.by_place.insert(place, (self.clock, bytes)) {
            self.by_use.remove(&used);
            self.bytes -= old.len();
        }
        while self.bytes > max {
            let Some((_, place)) = self.by_use.pop_first() else { break };
            let gone = self.by_place.remove(&place).map_or(0, |(_, bytes)| bytes.len());
            self.bytes -= gone;
        }
        metrics::gauge!("steadfast_store_cache_bytes").set(self.bytes as f64);
    }

    fn forget(&mut self, location: &Path) {
        self.by_use.retain(|_, (path, _)| path != location);
        let gone = self.by_place.extract_if(|(path, _), _| path == location);
        let bytes: usize = gone.map(|(_, (_, bytes))| bytes.len()).sum();
        self.bytes -= bytes;
    }
}

impl Cached {
    pub fn new(inner: Arc<dyn ObjectStore>, max: usize) -> Self {
        Self { inner, blocks: Mutex::default(), max }
    }

    fn keeps(&self, location: &Path, bytes: u64) -> bool {
        location.as_ref().starts_with("data/") && bytes <= (self.max / SHARE) as u64
    }

    /// Whether a read is one of blocks; what a damaged footer asks for may make no sense.
    fn in_blocks(&self, location: &Path, ranges: &[Range<u64>]) -> bool {
        let sane = ranges.iter().all(|range| range.start <= range.end && range.end < u64::MAX / 2);
        sane && self
            .keeps(location, ranges.iter().fold(0, |sum: u64, range| sum.saturating_add(range.end - range.start)))
    }

    /// The blocks of those numbers, ascending.
    async fn blocks(&self, location: &Path, numbers: &[u64]) -> Result<BTreeMap<u64, Bytes>> {
        let mut found = BTreeMap::new();
        {
            let mut blocks = self.blocks.lock();
            found.extend(numbers.iter().filter_map(|&n| Some((n, blocks.get(&(location.clone(), n))?))));
        }
        let missing: Vec<u64> = numbers.iter().copied().filter(|n| !found.contains_key(n)).collect();
        metrics::counter!("steadfast_store_cache_blocks_total", "found" => "yes").increment(found.len() as u64);
        metrics::counter!("steadfast_store_cache_blocks_total", "found" => "no").increment(missing.len() as u64);
        let fetched = missing.chunk_by(|a, b| a + 1 == *b).map(|run| self.fetch(location, run));
        let fetched: Vec<Vec<(u64, Bytes)>> =
            stream::iter(fetched.collect::<Vec<_>>()).buffered(AT_ONCE).try_collect().await?;
        found.extend(fetched.into_iter().flatten());
        Ok(found)
    }

    /// Blocks that follow each other, in one request.
    async fn fetch(&self, location: &Path, run: &[u64]) -> Result<Vec<(u64, Bytes)>> {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(Vec::new()) };
        let bytes = self.inner.get_range(location, first * BLOCK..(last + 1) * BLOCK).await?;
        Ok(self.keep(location, *first, &bytes))
    }

    /// Cuts `bytes`, of which the first is that of block `first`, and keeps the blocks.
    fn keep(&self, location: &Path, first: u64, bytes: &Bytes) -> Vec<(u64, Bytes)> {
        // Copies: a slice would hold all of what came with it.
        let cut = bytes.chunks(BLOCK as usize).map(Bytes::copy_from_slice);
        let cut: Vec<(u64, Bytes)> = (first..).zip(cut).collect();
        let mut blocks = self.blocks.lock();
        for (number, block) in &cut {
            blocks.put((location.clone(), *number), block.clone(), self.max);
        }
        cut
    }
}

/// The numbers of the blocks that `ranges` touch, ascending.
fn touched(ranges: &[Range<u64>]) -> Vec<u64> {
    let of = |range: &Range<u64>| range.start / BLOCK..range.end.div_ceil(BLOCK);
    let mut numbers: Vec<u64> = ranges.iter().flat_map(of).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The bytes of `range`; fewer if the object ends before.
fn assemble(blocks: &BTreeMap<u64, Bytes>, range: &Range<u64>) -> Bytes {
    let mut parts = blocks.range(range.start / BLOCK..range.end.div_ceil(BLOCK)).map(|(number, block)| {
        let from = |at: u64| usize::try_from(at.saturating_sub(number * BLOCK)).unwrap_or(usize::MAX).min(block.len());
        block.slice(from(range.start)..from(range.end))
    });
    let first = parts.next().unwrap_or_default();
    let mut rest = parts.peekable();
    if rest.peek().is_none() {
        return first;
    }
    let mut whole = BytesMut::from(first.as_ref());
    rest.for_each(|part| whole.extend_from_slice(&part));
    whole.freeze()
}

impl std::fmt::Display for Cached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Cached {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let kept = self.keeps(location, payload.content_length() as u64).then(|| payload.clone());
        let put = self.inner.put_opts(location, payload, options).await?;
        if let Some(payload) = kept {
            self.keep(location, 0, &payload.into());
        }
        Ok(put)
    }

    async fn put_multipart_opts(&self, to: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if options.extensions.get::<Afresh>().is_some() {
            self.blocks.lock().forget(location);
        }
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if !self.in_blocks(location, ranges) {
            return self.inner.get_ranges(location, ranges).await;
        }
        let blocks = self.blocks(location, &touched(ranges)).await?;
        Ok(ranges.iter().map(|range| assemble(&blocks, range)).collect())
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    /// Ten blocks and a bit, each byte told by its place.
    fn content() -> Vec<u8> {
        (0..10 * BLOCK + 77).map(|n| (n % 251) as u8 ^ (n / BLOCK) as u8).collect()
    }

    async fn over(max: usize, path: &Path) -> (Cached, Arc<InMemory>) {
        let inner = Arc::new(InMemory::new());
        inner.put(path, content().into()).await.unwrap();
        (Cached::new(inner.clone(), max), inner)
    }

    async fn one(cached: &Cached, path: &Path, range: Range<u64>) -> Result<Bytes> {
        Ok(cached.get_ranges(path, std::slice::from_ref(&range)).await?.remove(0))
    }

    #[tokio::test]
    async fn what_was_read_is_read_again_without_the_server() {
        let path = Path::from("data/a/1.parquet");
        let (cached, inner) = over(64 << 20, &path).await;
        let end = content().len() as u64;
        let ranges = [
            0..3,
            BLOCK - 1..BLOCK + 1,
            4 * BLOCK..4 * BLOCK + 9,
            end - 5..end,
            end - 100..end + 100,
            3 * BLOCK..3 * BLOCK,
        ];
        let expected: Vec<Vec<u8>> = ranges
            .iter()
            .map(|range| content()[range.start as usize..(range.end as usize).min(content().len())].to_vec())
            .collect();
        assert_eq!(cached.get_ranges(&path, &ranges).await.unwrap(), expected);
        inner.delete(&path).await.unwrap();
        assert_eq!(cached.get_ranges(&path, &ranges).await.unwrap(), expected);
        let error = one(&cached, &path, 2 * BLOCK..2 * BLOCK + 1).await.unwrap_err();
        assert!(matches!(error, object_store::Error::NotFound { .. }), "a block that was never read: {error}");
    }

    #[tokio::test]
    async fn what_was_written_is_read_without_the_server_and_manifests_never_are() {
        let (data, manifest) = (Path::from("data/a/2.parquet"), Path::from("manifest/1.json"));
        let (cached, inner) = over(64 << 20, &manifest).await;
        cached.put(&data, vec![7; 900_000].into()).await.unwrap();
        one(&cached, &manifest, 0..5).await.unwrap();
        for path in [&data, &manifest] {
            inner.delete(path).await.unwrap();
        }
        assert_eq!(one(&cached, &data, 899_998..900_000).await.unwrap(), vec![7, 7]);
        one(&cached, &manifest, 0..5).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_block_that_came_wrong_goes_when_the_object_is_read_afresh() {
        let (path, other) = (Path::from("data/a/4.parquet"), Path::from("data/a/5.parquet"));
        let (cached, inner) = over(64 << 20, &path).await;
        for (path, bytes) in [(&path, vec![0; 900_000]), (&other, vec![7; 900_000])] {
            inner.put(path, bytes.into()).await.unwrap();
            one(&cached, path, 0..9).await.unwrap();
        }
        inner.put(&path, content().into()).await.unwrap();
        assert_eq!(one(&cached, &path, 0..9).await.unwrap(), vec![0; 9]);
        let mut afresh = GetOptions::default();
        afresh.extensions.insert(Afresh);
        assert_eq!(cached.get_opts(&path, afresh).await.unwrap().bytes().await.unwrap(), content());
        assert_eq!(one(&cached, &path, 0..9).await.unwrap(), content()[..9]);
        inner.delete(&other).await.unwrap();
        assert_eq!(one(&cached, &other, 0..9).await.unwrap(), vec![7; 9], "others stay");
        let blocks = cached.blocks.lock();
        assert_eq!(blocks.by_place.len(), blocks.by_use.len());
        assert_eq!(blocks.by_place.values().map(|(_, bytes)| bytes.len()).sum::<usize>(), blocks.bytes);
    }

    #[tokio::test]
    async fn it_never_holds_more_than_its_room_and_large_reads_go_past_it() {
        let path = Path::from("data/a/3.parquet");
        let max = 8 * BLOCK as usize;
        let (cached, _) = over(max, &path).await;
        for at in (0..10 * BLOCK).step_by(1 << 18) {
            one(&cached, &path, at..at + 100).await.unwrap();
            assert!(cached.blocks.lock().bytes <= max);
        }
        let before = cached.blocks.lock().clock;
        let all = one(&cached, &path, 0..5 * BLOCK).await.unwrap();
        assert_eq!(all, content()[..5 * BLOCK as usize]);
        assert_eq!(cached.blocks.lock().clock, before);
        let blocks = cached.blocks.lock();
        assert_eq!(blocks.by_place.len(), blocks.by_use.len());
        assert_eq!(blocks.by_place.values().map(|(_, bytes)| bytes.len()).sum::<usize>(), blocks.bytes);
    }
}
