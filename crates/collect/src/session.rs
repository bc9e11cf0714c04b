use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use base::{Clock, DigestKey, Limit, Rng, Shutdown};
use bus::BusError;
use model::rows::{Live, LogLine, Sample, Series, SetChunk, SetSide};
use model::{Batch, Document, Fingerprint, Key, ResourceId, Row};

use crate::append::Appender;
use crate::report::Reporter;
use crate::series::Announced;
use crate::table::Table;
use crate::{CollectError, Cover, Cx, Seen};

/// Rows of one batch at most.
const BATCH_ROWS: usize = 512;

/// Bytes of one batch, about: logs take 4 MiB and more.
const BATCH_BYTES: usize = 1 << 20;

/// Bytes of the text of one resource; a longer text is left out.
const TEXT: Limit = Limit::new("collect_text_bytes", 1 << 20);

/// Bytes of one document as JSON; of a longer one only the fingerprint is kept.
const DOCUMENT: Limit = Limit::new("collect_document_bytes", 3 << 20);

/// What a collector talks to: keeps what is on the log and appends what is new.
pub(crate) struct Session {
    pub(crate) source: &'static str,
    pub(crate) scope: String,
    pub(crate) table: Table,
    pub(crate) announced: Announced,
    pub(crate) state: Appender,
    pub(crate) telemetry: Appender,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) digest_key: DigestKey,
    /// Whether this run has seen everything once.
    pub(crate) completed: bool,
}

/// Rows that are not appended yet.
#[derive(Default)]
struct Pending {
    rows: Vec<Live>,
    bytes: usize,
    newest: HashMap<Key, Fingerprint>,
}

impl Session {
    /// The collector starts (again): what it does not see from here on is gone.
    pub(crate) fn restart(&mut self) {
        self.table.begin();
        self.completed = false;
    }

    fn check(&self) -> Result<(), CollectError> {
        if self.state.shutdown.started() { Err(CollectError::Shutdown) } else { Ok(()) }
    }

    fn source_error(&self, problem: impl ToString) -> CollectError {
        CollectError::Source { what: self.source.to_owned(), problem: problem.to_string() }
    }

    /// Takes `seen` into `pending` if the log does not have it.
    fn take(&mut self, seen: Seen, pending: &mut Pending) -> Result<(), CollectError> {
        if seen.id.scope() != self.scope {
            return Err(self.source_error(format!("{} is not in the scope {}", seen.id, self.scope)));
        }
        let key = seen.id.key();
        let fingerprint = seen.document.as_ref().map_or(Fingerprint::ABSENT, Document::fingerprint);
        let known = pending.newest.get(&key).copied().or_else(|| self.table.fingerprint(&key));
        if known == Some(fingerprint) {
            self.table.touch(&key, &seen.id);
        } else if known.is_some_and(|known| known != Fingerprint::ABSENT) || seen.document.is_some() {
            self.table.check(pending.rows.len() + 1).map_err(|error| self.source_error(error))?;
            pending.push(self.row(seen, key, fingerprint));
        }
        Ok(())
    }

    fn row(&self, seen: Seen, key: Key, fingerprint: Fingerprint) -> Live {
        let present = seen.document.is_some();
        let document = seen.document.map(|document| document.to_json());
        Live {
            time: self.state.clock.now(),
            scope: self.scope.clone(),
            source: self.source.to_owned(),
            key,
            kind: seen.id.kind().to_owned(),
            present,
            fingerprint,
            document: document.filter(|json| self.fits(DOCUMENT, json.len(), &seen.id)),
            text: seen.text.filter(|text| present && self.fits(TEXT, text.len(), &seen.id)),
            actor: seen.actor,
            id: seen.id,
        }
    }

    fn fits(&self, limit: Limit, bytes: usize, id: &ResourceId) -> bool {
        let checked = limit.check(bytes as u64);
        if let Err(error) = &checked {
            tracing::warn!(collector = self.source, resource = %id, %error, "left out");
        }
        checked.is_ok()
    }

    /// Appends the rows; only then the table has them.
    async fn flush(&mut self, pending: &mut Pending) -> Result<(), CollectError> {
        let Pending { rows, .. } = std::mem::take(pending);
        if rows.is_empty() {
            return Ok(());
        }
        self.append(&self.state, &rows, smaller).await?;
        metrics::counter!("steadfast_collector_appended_total", "collector" => self.source)
            .increment(rows.len() as u64);
        for row in rows {
            if row.present {
                self.table.put(row.key, &row.id, row.fingerprint);
            } else {
                self.table.remove(&row.key);
            }
        }
        Ok(())
    }

    /// Appends rows in their order. How much a log takes is its own affair: a batch that is too large for it is
    /// halved, and a single row goes as `smaller` makes it, as long as it can.
    async fn append<R: Row + Clone + Send + Sync>(
        &self,
        to: &Appender,
        rows: &[R],
        smaller: impl Fn(&R) -> Option<R> + Send + Sync,
    ) -> Result<(), CollectError> {
        let mut waiting: Vec<Cow<'_, [R]>> = rows.chunks(BATCH_ROWS).rev().map(Cow::Borrowed).collect();
        while let Some(rows) = waiting.pop() {
            let appended = to.append(|| Ok(vec![Batch::of(self.scope.as_str(), &rows)?])).await;
            let Err(CollectError::Bus(BusError::TooLarge { .. })) = &appended else {
                appended?;
                continue;
            };
            match rows {
                Cow::Borrowed(many) if many.len() > 1 => {
                    let (first, rest) = many.split_at(many.len() / 2);
                    waiting.extend([Cow::Borrowed(rest), Cow::Borrowed(first)]);
                }
                one => match one.first().and_then(&smaller) {
                    Some(row) => waiting.push(Cow::Owned(vec![row])),
                    None => return appended,
                },
            }
        }
        Ok(())
    }

    /// Appends that what this pass has not seen is gone. Resources of which only the key is known
    /// (an earlier process saw them) are left to the full set, which does not have them.
    async fn bury(&mut self) -> Result<(), CollectError> {
        let mut pending = Pending::default();
        for key in self.table.unseen() {
            match self.table.id(&key) {
                Some(id) => {
                    let gone = Seen { id, document: None, text: None, actor: None };
                    pending.push(self.row(gone, key, Fingerprint::ABSENT));
                }
                None => self.table.remove(&key),
            }
            if pending.full() {
                self.flush(&mut pending).await?;
            }
        }
        self.flush(&mut pending).await
    }
}

/// The row without its text, then without its document: the fingerprint says that it is there, and which it is.
fn smaller(row: &Live) -> Option<Live> {
    let document = row.document.clone().filter(|_| row.text.is_some());
    let has_more = row.text.is_some() || row.document.is_some();
    has_more.then(|| {
        tracing::warn!(resource = %row.id, "too large for the log: left out");
        Live { text: None, document, ..row.clone() }
    })
}

impl Pending {
    fn push(&mut self, row: Live) {
        let long = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        self.bytes += row.id.as_str().len() + long(&row.document) + long(&row.text) + 256;
        self.newest.insert(row.key, row.fingerprint);
        self.rows.push(row);
    }

    fn full(&self) -> bool {
        self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }
}

#[async_trait]
impl Cx for Session {
    fn clock(&self) -> &Clock {
        &self.state.clock
    }

    fn rng(&self) -> &Rng {
        &self.state.rng
    }

    fn shutdown(&self) -> &Shutdown {
        &self.state.shutdown
    }

    fn digest_key(&self) -> &DigestKey {
        &self.digest_key
    }

    fn known(&self, id: &ResourceId) -> Option<Fingerprint> {
        self.table.fingerprint(&id.key())
    }

    fn begin(&mut self) {
        self.table.begin();
    }

    async fn seen(&mut self, resources: Vec<Seen>) -> Result<(), CollectError> {
        self.check()?;
        metrics::counter!("steadfast_collector_seen_total", "collector" => self.source)
            .increment(resources.len() as u64);
        let mut pending = Pending::default();
        for seen in resources {
            self.take(seen, &mut pending)?;
            if pending.full() {
                self.flush(&mut pending).await?;
            }
        }
        self.flush(&mut pending).await
    }

    async fn cannot_see(&mut self, names: Vec<String>) -> Result<(), CollectError> {
        self.check()?;
        self.reporter.cannot_see(names).await
    }

    async fn cover(&mut self, covers: Vec<Cover>) -> Result<(), CollectError> {
        self.check()?;
        self.reporter.cover(covers).await
    }

    fn keep(&mut self, places: &[Cover]) {
        let holds = |cover: &Cover, id: &ResourceId| {
            let there = cover.namespace.as_deref().is_none_or(|namespace| namespace == id.namespace());
            there && cover.kind == id.kind() && id.name().starts_with(&cover.prefix)
        };
        for key in if places.is_empty() { Vec::new() } else { self.table.unseen() } {
            match self.table.id(&key) {
                Some(id) if places.iter().any(|cover| holds(cover, &id)) => self.table.touch(&key, &id),
                Some(_) => {}
                // Of what an earlier process saw nobody knows the kind.
                None => self.table.stay(&key),
            }
        }
    }

    fn still(&mut self, id: &ResourceId) -> bool {
        let key = id.key();
        let known = self.table.fingerprint(&key).is_some();
        if known {
            self.table.touch(&key, id);
        }
        known
    }

    async fn complete(&mut self) -> Result<(), CollectError> {
        self.check()?;
        self.bury().await?;
        for chunk in SetChunk::full(&self.scope, self.source, SetSide::Live, "", self.table.members())? {
            self.state.append(|| Ok(vec![chunk.clone()])).await?;
        }
        self.table.begin();
        self.completed = true;
        metrics::gauge!("steadfast_collector_resources", "collector" => self.source).set(self.table.len() as f64);
        self.reporter.complete(self.table.len()).await
    }

    async fn progress(&mut self, message: String) -> Result<(), CollectError> {
        self.check()?;
        self.reporter.progress(message, self.table.len()).await
    }

    async fn metrics(&mut self, series: Vec<Series>, samples: Vec<Sample>) -> Result<(), CollectError> {
        self.check()?;
        let due = self.announced.due(series, self.state.clock.monotonic());
        if let Err(error) = self.append(&self.telemetry, &due, |_| None).await {
            self.announced.forget(&due);
            return Err(error);
        }
        self.append(&self.telemetry, &self.announced.admitted(samples), |_| None).await
    }

    async fn logs(&mut self, lines: Vec<LogLine>) -> Result<(), CollectError> {
        self.check()?;
        self.append(&self.telemetry, &lines, |_| None).await
    }
}
