use std::sync::Arc;

use base::Timestamp;
use model::rows::{Declared, Revision, SetChunk, SetSide};
use model::{Batch, ModelError, ResourceId};

use crate::known::{About, Entry, Known};
use crate::{BadRevision, DesiredError, Fetched, HostConfig, Manifest, check};

/// Rows in one batch of declared documents.
const BATCH_ROWS: usize = 4096;
/// Bytes of documents and texts after which a batch is closed, and of batches in one append.
const BATCH_BYTES: usize = 2 << 20;

/// What one revision of one scope appends, in this order.
pub(crate) struct Plan {
    /// Documents, then the set; each inner list is one append.
    pub(crate) content: Vec<Vec<Batch>>,
    /// The revision row that closes them; only once all of `content` is durable.
    pub(crate) revision: Batch,
    /// What is known once it is.
    pub(crate) known: Known,
    /// How many documents are sent.
    pub(crate) declared: usize,
}

/// What was said of a scope before.
#[derive(Clone, Default)]
pub(crate) struct Said {
    /// The last set that was sent.
    pub(crate) known: Option<Arc<Known>>,
    /// What could not be read, if that was the last word.
    pub(crate) refused: Option<BadRevision>,
}

/// What `fetched` changes against what was `said`; nothing if it says the same.
///
/// # Errors
/// [`DesiredError::Revision`] if the set is refused.
pub(crate) fn plan(
    source: &str,
    mut fetched: Fetched,
    said: &Said,
    now: Timestamp,
    config: &HostConfig,
) -> Result<Option<Plan>, DesiredError> {
    let entries = check::check(&mut fetched, config).map_err(DesiredError::Revision)?;
    let (about, before) = (About::of(&fetched), said.known.as_deref());
    let rows = Rows { source, now, fetched: &fetched };
    let mut content = Content::default();
    for (manifest, entry) in fetched.manifests.iter().zip(&entries) {
        if !before.is_some_and(|known| known.has(entry)) {
            content.push(rows.present(manifest, entry), &fetched.scope)?;
        }
    }
    for (name, entry) in before.into_iter().flat_map(|known| known.gone(&entries)) {
        content.push(rows.gone(name, &entry)?, &fetched.scope)?;
    }
    content.close(&fetched.scope)?;
    if content.rows == 0 && before.is_some_and(|known| known.about == about) && said.refused == fetched.refused {
        return Ok(None);
    }
    let known = Known::new(about, &fetched.manifests, entries);
    for chunk in SetChunk::full(&fetched.scope, source, SetSide::Declared, &fetched.revision, known.members())? {
        let bytes = chunk.data.get_array_memory_size();
        content.add(chunk, bytes);
    }
    // In one batch: a reader never sees the one without the other.
    let beside = fetched.refused.as_ref().map(|bad| refused(source, &fetched.scope, bad, now));
    let last: Vec<Revision> = [rows.revision()?].into_iter().chain(beside).collect();
    let revision = Batch::of(fetched.scope.as_str(), &last)?;
    Ok(Some(Plan { content: content.appends, revision, known, declared: content.rows }))
}

/// The row that says that a revision of `scope` cannot be read.
pub(crate) fn refused(source: &str, scope: &str, bad: &BadRevision, now: Timestamp) -> Revision {
    let file = bad.file.display().to_string();
    Revision {
        time: now,
        scope: scope.to_owned(),
        source: source.to_owned(),
        revision: bad.revision.clone(),
        author: bad.author.clone(),
        committed: bad.committed,
        message: bad.message.clone(),
        manifests: 0,
        complete: false,
        error: Some(bad.problem.clone()),
        error_file: (!file.is_empty()).then_some(file),
        error_line: bad.line.and_then(|line| i64::try_from(line).ok()),
        backfill: false,
        managed: None,
    }
}

struct Rows<'a> {
    source: &'a str,
    now: Timestamp,
    fetched: &'a Fetched,
}

impl Rows<'_> {
    fn present(&self, manifest: &Manifest, entry: &Entry) -> Declared {
        Declared {
            document: Some(manifest.document.to_json()),
            text: manifest.text.clone(),
            file: manifest.file.clone(),
            line: manifest.line.and_then(|line| i64::try_from(line).ok()),
            ..self.row(manifest.id.clone(), entry, true)
        }
    }

    fn gone(&self, name: &str, entry: &Entry) -> Result<Declared, ModelError> {
        let id: ResourceId = format!("{}/{name}", self.fetched.scope).parse()?;
        Ok(self.row(id, entry, false))
    }

    fn row(&self, id: ResourceId, entry: &Entry, present: bool) -> Declared {
        Declared {
            time: self.now,
            scope: self.fetched.scope.clone(),
            source: self.source.to_owned(),
            revision: self.fetched.revision.clone(),
            key: entry.key,
            kind: id.kind().to_owned(),
            id,
            present,
            fingerprint: if present { entry.fingerprint } else { model::Fingerprint::ABSENT },
            document: None,
            text: None,
            file: None,
            line: None,
        }
    }

    fn revision(&self) -> Result<Revision, ModelError> {
        let fetched = self.fetched;
        let managed = if fetched.managed.is_empty() { None } else { Some(serde_json::to_string(&fetched.managed)?) };
        Ok(Revision {
            time: self.now,
            scope: fetched.scope.clone(),
            source: self.source.to_owned(),
            revision: fetched.revision.clone(),
            author: fetched.author.clone(),
            committed: fetched.committed,
            message: fetched.message.clone(),
            manifests: i64::try_from(fetched.manifests.len()).unwrap_or(i64::MAX),
            complete: true,
            error: None,
            error_file: None,
            error_line: None,
            backfill: fetched.backfill,
            managed,
        })
    }
}

/// Collects rows into batches, and batches into appends, of a bounded size.
#[derive(Default)]
struct Content {
    appends: Vec<Vec<Batch>>,
    bytes: usize,
    open: Vec<Declared>,
    open_bytes: usize,
    rows: usize,
}

impl Content {
    fn push(&mut self, row: Declared, scope: &str) -> Result<(), ModelError> {
        self.rows += 1;
        self.open_bytes += row.document.as_ref().map_or(0, String::len) + row.text.as_ref().map_or(0, String::len);
        self.open.push(row);
        if self.open.len() >= BATCH_ROWS || self.open_bytes >= BATCH_BYTES { self.close(scope) } else { Ok(()) }
    }

    fn close(&mut self, scope: &str) -> Result<(), ModelError> {
        let (rows, bytes) = (std::mem::take(&mut self.open), std::mem::take(&mut self.open_bytes));
        if !rows.is_empty() {
            self.add(Batch::of(scope, &rows)?, bytes);
        }
        Ok(())
    }

    fn add(&mut self, batch: Batch, bytes: usize) {
        match self.appends.last_mut() {
            Some(last) if self.bytes + bytes <= BATCH_BYTES => last.push(batch),
            _ => {
                self.appends.push(vec![batch]);
                self.bytes = 0;
            }
        }
        self.bytes += bytes;
    }
}
