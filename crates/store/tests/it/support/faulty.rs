use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::channel::oneshot;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What happens at a change of the object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written.
    Refused,
    /// It is written, and the answer is lost.
    AnswerLost,
    /// Half of it is written.
    Torn,
}

/// An object store in which the change of a given number goes wrong and nothing works after it, as
/// if the process had been ended there; or whose disk is full.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn ObjectStore>,
    changes: AtomicU64,
    planned: Mutex<Option<(u64, Fault)>>,
    dead: AtomicBool,
    full: AtomicBool,
    /// Below this nothing finds room.
    full_below: Mutex<Option<String>>,
    read: AtomicU64,
    /// The next list in which this object would be leaves it out.
    hidden: Mutex<Option<String>>,
    /// The next read of this object gives other bytes.
    misread: Mutex<Option<String>>,
    /// So many reads of parts of this object give other bytes.
    misread_parts: Mutex<Option<(String, u32)>>,
    /// Lists say that this object is older by so much.
    older: Mutex<Option<(String, Duration)>>,
    /// Who puts the next object below this waits once it is there.
    held: Mutex<Option<Held>>,
}

/// Tells that somebody waits, and until when.
#[derive(Debug)]
struct Held {
    below: String,
    waits: oneshot::Sender<()>,
    until: oneshot::Receiver<()>,
}

impl Faulty {
    pub fn in_memory() -> Self {
        Self::over(Arc::new(InMemory::new()))
    }

    pub fn over(inner: Arc<dyn ObjectStore>) -> Self {
        let (changes, planned) = (AtomicU64::new(0), Mutex::new(None));
        let (dead, full) = (AtomicBool::new(false), AtomicBool::new(false));
        let (full_below, read, held) = (Mutex::default(), AtomicU64::new(0), Mutex::default());
        let (hidden, misread, misread_parts, older) =
            (Mutex::default(), Mutex::default(), Mutex::default(), Mutex::default());
        Self { inner, changes, planned, dead, full, full_below, read, hidden, misread, misread_parts, older, held }
    }

    /// Plans a fault at the change after `after` more.
    pub fn plan(&self, after: u64, fault: Fault) {
        *self.planned.lock().unwrap() = Some((self.changes.load(Ordering::SeqCst) + after, fault));
    }

    /// Works again. Gives whether a fault had struck.
    pub fn heal(&self) -> bool {
        *self.planned.lock().unwrap() = None;
        self.full.store(false, Ordering::SeqCst);
        *self.full_below.lock().unwrap() = None;
        self.dead.swap(false, Ordering::SeqCst)
    }

    pub fn fill_up(&self) {
        self.full.store(true, Ordering::SeqCst);
    }

    /// There is room for what is small, and none for what is put below `prefix`.
    pub fn fill_up_below(&self, prefix: &str) {
        *self.full_below.lock().unwrap() = Some(prefix.to_owned());
    }

    /// Who puts the next object below `prefix` goes on, once it is there, only when the sender is used; the receiver tells when.
    pub fn hold(&self, prefix: &str) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let ((waits, waiting), (go, until)) = (oneshot::channel(), oneshot::channel());
        *self.held.lock().unwrap() = Some(Held { below: prefix.to_owned(), waits, until });
        (waiting, go)
    }

    /// The next list in which an object would be leaves it out.
    pub fn hide(&self, path: &str) {
        *self.hidden.lock().unwrap() = Some(path.to_owned());
    }

    /// The next read of an object gives other bytes than it has.
    pub fn misread(&self, path: &str) {
        *self.misread.lock().unwrap() = Some(path.to_owned());
    }

    /// The next `reads` of parts of an object give other bytes than it has, each after all that wait have begun theirs.
    pub fn misread_parts(&self, path: &str, reads: u32) {
        *self.misread_parts.lock().unwrap() = Some((path.to_owned(), reads));
    }

    fn misreads_part(&self, location: &Path) -> bool {
        let mut parts = self.misread_parts.lock().unwrap();
        match parts.as_mut().filter(|(path, reads)| location.as_ref() == path.as_str() && *reads > 0) {
            Some((_, reads)) => {
                *reads -= 1;
                true
            }
            None => false,
        }
    }

    /// An object was put so much earlier than it was.
    pub fn is_older(&self, path: &str, by: Duration) {
        *self.older.lock().unwrap() = Some((path.to_owned(), by));
    }

    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// How many bytes of objects were read.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::SeqCst)
    }

    /// The paths below `prefix`, sorted.
    pub async fn paths(&self, prefix: &str) -> Vec<String> {
        let listed: Vec<_> = self.inner.list(Some(&Path::from(prefix))).collect().await;
        let mut paths: Vec<String> = listed.into_iter().map(|meta| meta.unwrap().location.to_string()).collect();
        paths.sort();
        paths
    }

    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        self.inner.get(&Path::from(path)).await.unwrap().bytes().await.unwrap().to_vec()
    }

    pub async fn overwrite(&self, path: &str, bytes: Vec<u8>) {
        self.inner.put(&Path::from(path), bytes.into()).await.unwrap();
    }

    pub async fn remove(&self, path: &str) {
        self.inner.delete(&Path::from(path)).await.unwrap();
    }

    fn alive(&self) -> Result<()> {
        if self.dead.load(Ordering::SeqCst) { Err(error("the process has ended")) } else { Ok(()) }
    }

    fn change(&self) -> Result<Option<Fault>> {
        self.alive()?;
        if self.full.load(Ordering::SeqCst) {
            return Err(error("no space left on device"));
        }
        let number = self.changes.fetch_add(1, Ordering::SeqCst);
        let fault = self.planned.lock().unwrap().filter(|(at, _)| *at == number).map(|(_, fault)| fault);
        if fault.is_some() {
            self.dead.store(true, Ordering::SeqCst);
        }
        Ok(fault)
    }
}

async fn other_bytes(found: GetResult) -> Result<GetResult> {
    let (meta, range, attributes) = (found.meta.clone(), found.range.clone(), found.attributes.clone());
    let bytes: Vec<u8> = found.bytes().await?.iter().map(|byte| byte ^ 0x55).collect();
    let payload = GetResultPayload::Stream(futures::stream::iter([Ok(bytes.into())]).boxed());
    Ok(GetResult { payload, meta, range, attributes })
}

fn error(problem: &str) -> Error {
    Error::Generic { store: "Faulty", source: problem.into() }
}

impl std::fmt::Display for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Faulty")
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        if self.full_below.lock().unwrap().as_ref().is_some_and(|prefix| location.as_ref().starts_with(prefix.as_str()))
        {
            return Err(error("no space left on device"));
        }
        match self.change()? {
            None => {
                let put = self.inner.put_opts(location, payload, options).await?;
                let held = self.held.lock().unwrap().take_if(|held| location.as_ref().starts_with(held.below.as_str()));
                if let Some(Held { waits, until, .. }) = held {
                    let _ = waits.send(());
                    let _ = until.await;
                }
                Ok(put)
            }
            Some(Fault::Refused) => Err(error("refused")),
            Some(Fault::AnswerLost) => {
                self.inner.put_opts(location, payload, options).await?;
                Err(error("the answer was lost"))
            }
            Some(Fault::Torn) => {
                let bytes: Vec<u8> = payload.iter().flat_map(|part| part.to_vec()).collect();
                let half = bytes[..bytes.len() / 2].to_vec();
                self.inner.put_opts(location, half.into(), options).await?;
                Err(error("the power went"))
            }
        }
    }

    async fn put_multipart_opts(&self, to: &Path, options: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.alive()?;
        let wrong_part = options.range.is_some() && self.misreads_part(location);
        if wrong_part {
            tokio::task::yield_now().await;
        }
        let found = self.inner.get_opts(location, options).await?;
        self.read.fetch_add(found.range.end - found.range.start, Ordering::SeqCst);
        let wrong = self.misread.lock().unwrap().take_if(|path| location.as_ref() == path.as_str()).is_some();
        if wrong || wrong_part { other_bytes(found).await } else { Ok(found) }
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.change() {
            Ok(None) => self.inner.delete_stream(locations),
            Ok(Some(Fault::AnswerLost)) => {
                let done = self.inner.delete_stream(locations);
                done.map(|_| Err(error("the answer was lost"))).boxed()
            }
            Ok(Some(_)) => futures::stream::iter([Err(error("refused"))]).boxed(),
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.alive() {
            Ok(()) => {
                let below = |path: &mut String| prefix.is_none_or(|prefix| path.starts_with(prefix.as_ref()));
                let hidden = self.hidden.lock().unwrap().take_if(below);
                let there = move |meta: &Result<ObjectMeta>| {
                    let is_hidden = |meta: &ObjectMeta| hidden.as_deref() == Some(meta.location.as_ref());
                    std::future::ready(!meta.as_ref().is_ok_and(is_hidden))
                };
                let older = self.older.lock().unwrap().clone();
                let aged = move |mut meta: ObjectMeta| {
                    let by = older.as_ref().filter(|(path, _)| meta.location.as_ref() == path.as_str());
                    meta.last_modified -= by.map(|(_, by)| *by).unwrap_or_default();
                    meta
                };
                self.inner.list(prefix).filter(there).map(move |meta| meta.map(&aged)).boxed()
            }
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        match self.change()? {
            None => self.inner.copy_opts(from, to, options).await,
            Some(_) => Err(error("refused")),
        }
    }
}
