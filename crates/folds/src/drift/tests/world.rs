//! A host, a repository and time, as records; and what the fold says of them.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef};
use base::Timestamp;
use fold::suite::Input;
use fold::{DocumentRef, Fold, Found, Outputs, Side};
use model::rows::{
    Declared, Finding, Live, Revision, Scope, SetChunk, SetMember, SetSide, Summary, Suspect, Tick, VerdictRow,
};
use model::{
    AlertState, Batch, Document, FieldChange, Fingerprint, Key, Offset, Record, ResourceId, ScopeState, Stream, Verdict,
};
use serde_json::Value;

use crate::drift::DriftFold;

pub(super) const SCOPE: &str = "host/web-1";

pub(super) struct World {
    pub fold: DriftFold,
    /// The scope that is spoken of.
    pub scope: &'static str,
    /// Every record.
    pub history: Vec<Input>,
    pub now: Timestamp,
    next: u64,
    versions: HashMap<DocumentRef, Found>,
    declared: BTreeMap<Key, Fingerprint>,
    live: BTreeMap<Key, Fingerprint>,
    pub verdicts: Vec<VerdictRow>,
    pub findings: Vec<Finding>,
    pub suspects: Vec<Suspect>,
    pub counts: BTreeMap<(String, Verdict), i64>,
    /// Bytes of the largest batch that was put out.
    pub largest: usize,
}

pub(super) fn file(path: &str) -> ResourceId {
    ResourceId::new("host", "web-1", "file", "", path).unwrap()
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            fold: DriftFold::default(),
            scope: SCOPE,
            history: Vec::new(),
            now: Timestamp::from_secs(1_000_000),
            next: 0,
            versions: HashMap::new(),
            declared: BTreeMap::new(),
            live: BTreeMap::new(),
            verdicts: Vec::new(),
            findings: Vec::new(),
            suspects: Vec::new(),
            counts: BTreeMap::new(),
            largest: 0,
        }
    }

    /// A host whose collector has seen everything, and a revision that declares `manifests`.
    pub(super) fn settled(manifests: &[(&ResourceId, Value)]) -> Self {
        let mut world = Self::new();
        for (id, document) in manifests {
            world.see(id, Some(document.clone()));
        }
        world.collector(ScopeState::Ok);
        world.commit("r1", manifests);
        world
    }

    pub(super) fn record(&mut self, batch: Batch) -> Record {
        let record = Record { shard: 0, offset: Offset(self.next), time: self.now, batch };
        self.next += 1;
        record
    }

    pub(super) fn apply(&mut self, batch: Batch) {
        self.history.push(Input { time: self.now, batch: batch.clone() });
        let record = self.record(batch);
        let refs = self.fold.needs(&record).unwrap();
        let newest = |side, key| self.versions.get(&DocumentRef { side, key, fingerprint: Fingerprint::ABSENT });
        let found = refs
            .iter()
            .filter_map(|r| self.versions.get(r).or_else(|| newest(r.side, r.key)).map(|found| (*r, found.clone())))
            .collect();
        let mut outputs = Outputs::default();
        self.fold.apply(&record, &found, &mut outputs).unwrap();
        for batch in outputs.take() {
            let bytes = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap();
            self.largest = self.largest.max(batch.data.columns().iter().map(bytes).sum());
            let record = Record { shard: 0, offset: Offset(0), time: self.now, batch };
            match record.batch.stream {
                Stream::Verdicts => self.verdicts.extend(record.rows::<VerdictRow>().unwrap()),
                Stream::Findings => self.findings.extend(record.rows::<Finding>().unwrap()),
                Stream::Suspects => self.suspects.extend(record.rows::<Suspect>().unwrap()),
                _ => {
                    let rows = record.rows::<Summary>().unwrap();
                    self.counts.extend(rows.into_iter().map(|row| ((row.scope, row.verdict), row.count)));
                }
            }
        }
    }

    fn keep(&mut self, side: Side, key: Key, fingerprint: Fingerprint, found: &Found) {
        self.versions.insert(DocumentRef { side, key, fingerprint }, found.clone());
        self.versions.insert(DocumentRef { side, key, fingerprint: Fingerprint::ABSENT }, found.clone());
    }

    pub(super) fn row(&mut self, id: &ResourceId, document: Option<Value>) -> Live {
        let document = document.map(Document::new);
        let fingerprint = document.as_ref().map_or(Fingerprint::ABSENT, Document::fingerprint);
        let row = Live {
            time: self.now,
            scope: self.scope.to_owned(),
            source: "host.files".to_owned(),
            id: id.clone(),
            key: id.key(),
            kind: id.kind().to_owned(),
            present: document.is_some(),
            fingerprint,
            document: document.as_ref().map(Document::to_json),
            text: None,
            actor: Some("owner alice".to_owned()),
        };
        self.keep(Side::Live, id.key(), fingerprint, &super::super::report::found(&row));
        self.live.insert(id.key(), fingerprint);
        row
    }

    /// When the fold asks for a tick.
    pub(super) fn fold_tick(&self) -> Timestamp {
        self.fold.next_tick().unwrap_or(Timestamp::MAX)
    }

    pub(super) fn see(&mut self, id: &ResourceId, document: Option<Value>) {
        let row = self.row(id, document);
        self.apply(Batch::of(self.scope, &[row]).unwrap());
    }

    pub(super) fn collector(&mut self, state: ScopeState) {
        self.party("host.files", state, Some(r#"[{"kind":"file","prefix":"etc/"},{"kind":"package","prefix":""}]"#));
    }

    pub(super) fn party(&mut self, source: &str, state: ScopeState, covers: Option<&str>) {
        let row = Scope {
            time: self.now,
            scope: self.scope.to_owned(),
            source: source.to_owned(),
            state,
            message: None,
            resources: 0,
            stale_after: self.now.plus(std::time::Duration::from_secs(90)),
            covers: covers.map(str::to_owned),
        };
        self.apply(Batch::of(self.scope, &[row]).unwrap());
    }

    pub(super) fn sweep(&mut self, ids: &[&ResourceId]) {
        let keys: Vec<Key> = ids.iter().map(|id| id.key()).collect();
        let members = self.live.iter().filter(|(key, _)| keys.contains(key));
        let members = members.map(|(key, fingerprint)| SetMember { key: *key, fingerprint: *fingerprint }).collect();
        for batch in SetChunk::full(self.scope, "host.files", SetSide::Live, "", members).unwrap() {
            self.apply(batch);
        }
    }

    pub(super) fn commit(&mut self, revision: &str, manifests: &[(&ResourceId, Value)]) {
        self.revision("git.infra", revision, manifests, "[]", false);
    }

    pub(super) fn revision(
        &mut self,
        source: &str,
        revision: &str,
        manifests: &[(&ResourceId, Value)],
        managed: &str,
        backfill: bool,
    ) {
        self.declare(source, revision, manifests);
        self.declared_set(source, revision);
        let row = Revision { managed: Some(managed.to_owned()), backfill, ..self.revision_row(source, revision) };
        self.apply(Batch::of(self.scope, &[row]).unwrap());
    }

    /// The manifests of a revision, without its set.
    fn declare(&mut self, source: &str, revision: &str, manifests: &[(&ResourceId, Value)]) {
        self.declared.clear();
        let mut rows = Vec::new();
        for (n, (id, document)) in manifests.iter().enumerate() {
            let document = Document::new(document.clone());
            let found = Found {
                id: id.to_string(),
                document: Some(document.to_json()),
                revision: Some(revision.to_owned()),
                file: Some("web-1.yaml".to_owned()),
                line: Some(n as i64 + 1),
                ..Found::default()
            };
            self.keep(Side::Declared, id.key(), document.fingerprint(), &found);
            self.declared.insert(id.key(), document.fingerprint());
            rows.push(Declared {
                time: self.now,
                scope: self.scope.to_owned(),
                source: source.to_owned(),
                revision: revision.to_owned(),
                id: (*id).clone(),
                key: id.key(),
                kind: id.kind().to_owned(),
                present: true,
                fingerprint: document.fingerprint(),
                document: found.document,
                text: None,
                file: found.file,
                line: found.line,
            });
        }
        self.apply(Batch::of(self.scope, &rows).unwrap());
    }

    /// The set of what was declared last, without its revision.
    pub(super) fn declared_set(&mut self, source: &str, revision: &str) {
        let members = self.declared.iter().map(|(key, fingerprint)| SetMember { key: *key, fingerprint: *fingerprint });
        for batch in SetChunk::full(self.scope, source, SetSide::Declared, revision, members.collect()).unwrap() {
            self.apply(batch);
        }
    }

    pub(super) fn revision_row(&self, source: &str, revision: &str) -> Revision {
        Revision {
            time: self.now,
            scope: self.scope.to_owned(),
            source: source.to_owned(),
            revision: revision.to_owned(),
            author: Some("Ann <ann@example.org>".to_owned()),
            committed: None,
            message: Some("A change".to_owned()),
            manifests: self.declared.len() as i64,
            complete: true,
            error: None,
            error_file: None,
            error_line: None,
            backfill: false,
            managed: None,
        }
    }

    pub(super) fn broken(&mut self, revision: &str) {
        let row = Revision {
            complete: false,
            error: Some("unknown key `mod`".to_owned()),
            error_file: Some("web-1.yaml".to_owned()),
            error_line: Some(12),
            ..self.revision_row("git.infra", revision)
        };
        self.apply(Batch::of(self.scope, &[row]).unwrap());
    }

    /// The process stops for so long, and its host begins.
    pub(super) fn start_after(&mut self, seconds: u64) {
        self.now = self.now.plus(std::time::Duration::from_secs(seconds));
        self.apply(Batch::of(fold::START, &[Tick { time: self.now }]).unwrap());
    }

    /// Lets time pass in ticks, as the host appends them.
    pub(super) fn pass(&mut self, seconds: u64) {
        let end = self.now.plus(std::time::Duration::from_secs(seconds));
        while let Some(at) = self.fold.next_tick().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.apply(Batch::of("", &[Tick { time: self.now }]).unwrap());
        }
        self.now = end;
    }

    pub(super) fn fields(&self) -> Vec<FieldChange> {
        serde_json::from_str(&self.verdicts.last().unwrap().fields).unwrap()
    }

    pub(super) fn verdict(&self, id: &ResourceId) -> Option<Verdict> {
        self.verdicts.iter().rev().find(|row| row.id == *id).map(|row| row.verdict)
    }

    pub(super) fn finding(&self, name: &str) -> Option<AlertState> {
        self.findings.iter().rev().find(|row| row.finding == name).map(|row| row.state)
    }

    pub(super) fn count(&self, verdict: Verdict) -> i64 {
        self.counts.get(&(self.scope.to_owned(), verdict)).copied().unwrap_or_default()
    }
}
