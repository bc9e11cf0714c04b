//! What the fold puts out: verdicts, findings and counts that are new.

use std::collections::{BTreeMap, HashMap};

use base::Timestamp;
use fold::{DocumentRef, Found, Outputs, Side};
use model::rows::{Finding, Live, Revision, Summary, Suspect, VerdictRow};
use model::{
    AlertState, FieldChange, FieldReason, Fingerprint, Key, Labels, ModelError, Record, ResourceId, Severity, Stream,
    Verdict,
};
use serde_json::json;

use super::confirm::Word;
use super::judge::{self, Judgement};
use super::scope::{CODES, Party, Scope};
use super::table::{Entry, Meta};
use super::{DriftFold, compare, kubernetes};
use crate::{AGAIN, RECORD};

/// A verdict other than `in_sync` was put out for the resource, so its end must be, too.
pub(super) const SAID: u8 = 8;

/// Bytes of the fields of one row, as JSON: longer values are shown by their beginning.
const FIELDS: usize = 256 << 10;
/// Bytes of a value that is shown by its beginning.
const BEGINNING: usize = 256;
/// Bytes of the rest of a row, about.
const ROW: usize = 1_000;

/// The documents at hand, with the id of each key.
pub(super) struct Documents<'a> {
    pub all: &'a HashMap<DocumentRef, Found>,
    ids: HashMap<Key, &'a str>,
}

impl<'a> Documents<'a> {
    pub(super) fn new(all: &'a HashMap<DocumentRef, Found>) -> Self {
        // Every version of a resource has the same id, so the order of the map does not matter.
        Self { all, ids: all.iter().map(|(reference, found)| (reference.key, found.id.as_str())).collect() }
    }

    pub(super) fn id(&self, key: Key) -> Option<ResourceId> {
        self.ids.get(&key).and_then(|id| id.parse().ok())
    }

    pub(super) fn live(&self, key: Key, fingerprint: Fingerprint) -> Option<&'a Found> {
        self.all.get(&DocumentRef { side: Side::Live, key, fingerprint })
    }

    pub(super) fn declared(&self, key: Key, fingerprint: Fingerprint) -> Option<&'a Found> {
        self.all.get(&DocumentRef { side: Side::Declared, key, fingerprint })
    }
}

/// A row of a `live` record as a document that was found.
pub(super) fn found(row: &Live) -> Found {
    Found {
        id: row.id.to_string(),
        document: row.document.clone(),
        text: row.text.clone(),
        actor: row.actor.clone(),
        ..Found::default()
    }
}

/// Why a revision could not be read, in one line.
pub(super) fn broken(row: &Revision) -> String {
    let place = match (&row.error_file, row.error_line) {
        (Some(file), Some(line)) => format!("{file}:{line}: "),
        (Some(file), None) => format!("{file}: "),
        _ => String::new(),
    };
    let error = row.error.as_deref().unwrap_or("unknown error");
    format!("{} cannot be read: {place}{error}", short(&row.revision))
}

fn short(revision: &str) -> &str {
    let hash = revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hash { &revision[..10] } else { revision }
}

/// The rows for one scope and record.
#[derive(Default)]
pub(super) struct Report {
    verdicts: Vec<VerdictRow>,
    findings: Vec<Finding>,
    suspects: Vec<Suspect>,
}

impl Report {
    /// Adds what is new of a resource; keeps its [`SAID`] flag.
    pub(super) fn resource(
        &mut self,
        record: &Record,
        scope: &Scope,
        id: Option<ResourceId>,
        documents: &Documents<'_>,
        change: Case<'_>,
    ) {
        let Case { key, entry, old, judgement, live, gitops, mut word } = change;
        self.suspects.extend(word.ask.take());
        let said = old.has(SAID);
        let fine = matches!(judgement.verdict, None | Some(Verdict::InSync));
        let calm = fine || judgement.quiet;
        let drift = judgement.verdict.is_some_and(|verdict| verdict != Verdict::InSync && verdict != Verdict::Unknown);
        // What is seen of it may have changed, or why it is not seen.
        let news = drift || !judgement.fields.is_empty();
        let same = judge::code(judgement.verdict) == old.verdict && !news;
        if (calm && !said) || (same && said) {
            return;
        }
        let Some(id) = id else {
            metrics::counter!("steadfast_drift_unnamed_total").increment(1);
            return;
        };
        entry.meta.set(SAID, !fine);
        let row = self.verdict(
            record,
            scope,
            id,
            documents,
            Case { key, entry, old, judgement, live, gitops, word: word.clone() },
        );
        if !word.held {
            self.finding(record, &row, &word);
        }
        self.verdicts.push(row);
    }

    fn verdict(
        &self,
        record: &Record,
        scope: &Scope,
        id: ResourceId,
        documents: &Documents<'_>,
        case: Case<'_>,
    ) -> VerdictRow {
        let Case { key, entry, old, judgement, live, gitops, word } = case;
        let past = scope.history.get(&key).and_then(|past| past.first());
        let version = if entry.declared == Fingerprint::ABSENT {
            past.map(|past| past.fingerprint)
        } else {
            Some(entry.declared)
        };
        let declared = version.and_then(|version| documents.declared(key, version));
        let party = scope.parties.get(usize::from(entry.meta.declarer));
        let current = party.and_then(|party| party.current.as_ref());
        let actor = live.and_then(|live| live.actor.clone());
        let since = Timestamp::from_nanos(entry.since).to_string();
        let mut fields = judgement.fields;
        for field in &mut fields {
            field.actor = field.actor.take().or_else(|| field.owner.clone()).or_else(|| actor.clone());
            field.since = field.since.take().or_else(|| Some(since.clone()));
        }
        kubernetes::lines(&mut fields, declared);
        let mut evidence = json!({"shard": record.shard, "offset": record.offset.0});
        let more = shorten(&mut fields);
        if more > 0 {
            evidence["more_fields"] = more.into();
        }
        word.tell(&mut evidence);
        if judgement.again {
            evidence[AGAIN] = true.into();
        }
        VerdictRow {
            time: record.time,
            scope: id.scope().to_owned(),
            kind: id.kind().to_owned(),
            id,
            key,
            verdict: judgement.verdict.unwrap_or(Verdict::InSync),
            previous: judge::verdict(old.verdict).unwrap_or(Verdict::InSync),
            since: Timestamp::from_nanos(entry.since),
            source: party.map(|party| party.name.clone()),
            revision: judgement.commit.or_else(|| current.map(|current| current.revision.clone())),
            author: current.and_then(|current| current.author.clone()),
            message: current.and_then(|current| current.message.clone()),
            file: declared.and_then(|found| found.file.clone()),
            line: declared.and_then(|found| found.line),
            actor,
            fields: serde_json::to_string(&fields).unwrap_or_default(),
            gitops,
            evidence: evidence.to_string(),
        }
    }

    fn finding(&mut self, record: &Record, row: &VerdictRow, word: &Word) {
        // Of what was held back people know nothing.
        let told = judge::verdict(word.told).unwrap_or(Verdict::InSync);
        if !row.verdict.is_drift() && !told.is_drift() && told != Verdict::Unknown {
            return;
        }
        let state = match row.verdict {
            Verdict::Unknown => AlertState::Unknown,
            verdict if verdict.is_drift() => AlertState::Firing,
            _ => AlertState::Resolved,
        };
        let fields: Vec<FieldChange> = serde_json::from_str(&row.fields).unwrap_or_default();
        let diff = fields.first().map(compare::headline);
        let cause = match (row.verdict, &row.revision) {
            (Verdict::Behind, Some(revision)) => format!("revision/{}/{revision}", row.scope),
            _ => row.scope.clone(),
        };
        let name = format!("drift/{}", row.id);
        let labels =
            Labels::from([("kind".to_owned(), row.kind.clone()), ("verdict".to_owned(), row.verdict.to_string())]);
        let mut evidence = json!({
            "diff": diff, "file": row.file, "line": row.line, "revision": row.revision, "author": row.author,
            "message": row.message, "actor": row.actor, "verdict": row.verdict, "offset": record.offset.0,
            "gitops": row.gitops,
        });
        word.tell(&mut evidence);
        self.findings.push(Finding {
            time: row.time,
            key: Key::of(name.as_bytes()),
            finding: name,
            kind: "drift".to_owned(),
            scope: row.scope.clone(),
            resource: Some(row.id.to_string()),
            cause,
            severity: severity(row.verdict),
            state,
            summary: summary(row, &fields),
            since: row.since,
            labels,
            evidence: evidence.to_string(),
        });
    }

    /// Adds a finding about more than a verdict.
    pub(super) fn add(&mut self, finding: Option<Finding>) {
        self.findings.extend(finding);
    }

    pub(super) fn push(&self, scope: &str, outputs: &mut Outputs) -> Result<(), ModelError> {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        // One record may be about all of a scope, and what is too large for the log would never be told.
        outputs.push_parts(scope, &self.verdicts, RECORD, |row| {
            row.fields.len() + row.evidence.len() + text(&row.message) + ROW
        })?;
        outputs.push_parts(scope, &self.suspects, RECORD, |row| row.document.len() + row.fields.len() + ROW)?;
        outputs.push_parts(scope, &self.findings, RECORD, |row| row.evidence.len() + row.summary.len() + ROW)
    }
}

/// Makes fields fit into a row: values and differences for which there is no room are shown by their beginning, and
/// fields of which not even that fits are left out. Gives how many these are.
fn shorten(fields: &mut Vec<FieldChange>) -> usize {
    let mut room = FIELDS;
    let mut fits = 0;
    for field in fields.iter_mut() {
        let rest = [&field.owner, &field.actor, &field.commit].into_iter().flatten().map(String::len).sum::<usize>();
        let Some(left) = room.checked_sub(field.path.len() + rest + 4 * BEGINNING) else { break };
        room = left;
        for value in [&mut field.declared, &mut field.live] {
            let json = value.to_string();
            match room.checked_sub(json.len()) {
                Some(left) => room = left,
                None => *value = beginning(&json).into(),
            }
        }
        if let Some(diff) = &mut field.diff {
            match room.checked_sub(diff.len()) {
                Some(left) => room = left,
                None => *diff = beginning(diff),
            }
        }
        fits += 1;
    }
    let more = fields.len() - fits;
    fields.truncate(fits);
    more
}

fn beginning(text: &str) -> String {
    format!("{} ... ({} bytes)", compare::cut(text, BEGINNING), text.len())
}

/// A resource that was judged.
pub(super) struct Case<'a> {
    pub key: Key,
    pub entry: &'a mut Entry,
    pub old: Meta,
    pub judgement: Judgement,
    pub live: Option<&'a Found>,
    /// What the GitOps tool that applies it says.
    pub gitops: Option<String>,
    /// Whether people are told now.
    pub word: Word,
}

fn severity(verdict: Verdict) -> Severity {
    match verdict {
        Verdict::Modified | Verdict::Missing | Verdict::MutatedInPlace => Severity::Error,
        Verdict::Behind | Verdict::Undeclared | Verdict::Unmanaged => Severity::Warning,
        Verdict::InSync | Verdict::RollingOut | Verdict::Unknown => Severity::Info,
    }
}

fn summary(row: &VerdictRow, fields: &[FieldChange]) -> String {
    let slash = if matches!(row.kind.as_str(), "file" | "package_file") { "/" } else { "" };
    let what = match row.verdict {
        Verdict::InSync => "agrees with what is declared again",
        Verdict::RollingOut => "is being rolled out",
        Verdict::Behind => "is behind: it still agrees with an earlier revision",
        Verdict::Modified => "was modified",
        Verdict::Undeclared => "is no longer declared and still there",
        Verdict::Missing => "is missing",
        Verdict::Unmanaged => "is there and declared nowhere",
        Verdict::MutatedInPlace => "was changed in place, where only replacement is allowed",
        Verdict::Unknown => "cannot be seen",
    };
    let kind = row.kind.replace('_', " ");
    let unseen = fields.first().filter(|field| field.reason == FieldReason::Unseen);
    let why = unseen.and_then(|field| field.live.as_str()).map(|why| format!(": {why}")).unwrap_or_default();
    format!("{kind} {slash}{} on {} {what}{why}", row.id.name(), row.id.scope_name())
}

/// How the parties of all scopes were: (scope, name) to whether it is down, and why it cannot be read.
pub(super) type Parties = BTreeMap<(String, String), (bool, Option<String>)>;

impl DriftFold {
    pub(super) fn parties(&self) -> Parties {
        let all = self.scopes.iter().flat_map(|(name, scope)| scope.parties.iter().map(move |party| (name, party)));
        all.map(|(scope, party)| ((scope.clone(), party.name.clone()), (party.down, party.broken.clone()))).collect()
    }

    /// Findings about collectors and sources themselves.
    pub(super) fn report_parties(
        &self,
        before: &Parties,
        record: &Record,
        outputs: &mut Outputs,
    ) -> Result<(), ModelError> {
        for (name, scope) in &self.scopes {
            let mut findings = Vec::new();
            for party in &scope.parties {
                let (was_down, was_broken) =
                    before.get(&(name.clone(), party.name.clone())).cloned().unwrap_or_default();
                if party.down != was_down {
                    findings.push(down(name, party, record.time));
                }
                if party.broken != was_broken {
                    findings.push(unreadable(name, party, record.time));
                }
            }
            outputs.push(name, &findings)?;
        }
        Ok(())
    }

    /// How many resources have each verdict, where that has changed.
    pub(super) fn summarise(&mut self, record: &Record, outputs: &mut Outputs) -> Result<(), ModelError> {
        // A first scan changes counts with each record; people are told at its steps.
        let quiet = record.batch.stream == Stream::Live && outputs.is_empty();
        if quiet {
            return Ok(());
        }
        for (name, scope) in &mut self.scopes {
            let counts = scope.effective();
            let changed = (1..CODES).filter(|&code| counts[code] != scope.said[code]);
            let rows: Vec<Summary> = changed
                .filter_map(|code| {
                    let verdict = judge::verdict(code as u8)?;
                    Some(Summary { time: record.time, scope: name.clone(), verdict, count: counts[code] })
                })
                .collect();
            scope.said = counts;
            outputs.push(name, &rows)?;
        }
        Ok(())
    }
}

impl Scope {
    /// Moves `by` resources of that kind into the counts.
    pub(super) fn count(&mut self, meta: Meta, by: i64) {
        if let Some(count) =
            self.counts.entry((meta.watcher, meta.declarer)).or_default().get_mut(usize::from(meta.verdict))
        {
            *count += by;
        }
    }

    /// Counts by verdict, in which all that a silent party speaks of is unknown.
    fn effective(&self) -> [i64; CODES] {
        let mut sum = [0; CODES];
        let unknown = usize::from(judge::code(Some(Verdict::Unknown)));
        for ((watcher, declarer), counts) in &self.counts {
            let down = self.down(*watcher) || self.down(*declarer);
            for code in 1..CODES {
                sum[if down { unknown } else { code }] += counts[code];
            }
        }
        sum
    }
}

fn down(scope: &str, party: &Party, time: Timestamp) -> Finding {
    let why = party.message.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    let summary = if party.down && party.is_slow(time) {
        format!(
            "{} of {scope} was started anew, and has not looked at everything since: what it speaks of is unknown{why}",
            party.name
        )
    } else if party.down && party.is_early(time) {
        format!("{} of {scope} has told of earlier revisions only: what it declares now is unknown{why}", party.name)
    } else if party.down {
        format!("{} of {scope} says nothing: what it speaks of is unknown{why}", party.name)
    } else if party.is_retired() {
        format!("{} of {scope} is expected to say nothing any more{why}", party.name)
    } else {
        format!("{} of {scope} speaks again", party.name)
    };
    about(scope, party, "scope", party.down, summary, time)
}

fn unreadable(scope: &str, party: &Party, time: Timestamp) -> Finding {
    let summary = match &party.broken {
        Some(problem) => format!("{}: revision {problem}; the last good revision stays", party.name),
        None if party.is_retired() => format!("{} of {scope} is no longer configured", party.name),
        None => format!("{} can be read again", party.name),
    };
    about(scope, party, "revision", party.broken.is_some(), summary, time)
}

fn about(scope: &str, party: &Party, kind: &str, firing: bool, summary: String, time: Timestamp) -> Finding {
    let name = format!("{kind}/{scope}/{}", party.name);
    Finding {
        time,
        key: Key::of(name.as_bytes()),
        // That nobody of a scope speaks has one reason, and is told once.
        cause: if kind == "scope" { format!("{kind}/{scope}") } else { name.clone() },
        finding: name,
        kind: kind.to_owned(),
        scope: scope.to_owned(),
        resource: None,
        severity: Severity::Error,
        state: if firing { AlertState::Firing } else { AlertState::Resolved },
        summary,
        since: time,
        labels: Labels::from([("kind".to_owned(), kind.to_owned()), ("source".to_owned(), party.name.clone())]),
        evidence: json!({"revision": party.current.as_ref().map(|current| &current.revision)}).to_string(),
    }
}
