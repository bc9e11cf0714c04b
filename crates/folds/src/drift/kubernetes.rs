//! Objects of Kubernetes: what the comparison of two says, as a verdict in time.

use std::collections::BTreeMap;

use base::Timestamp;
use fold::Found;
use kubernetes::{Body, Side, attribute, is_past};
use model::{Document, FieldChange, FieldReason, Fingerprint, Verdict};

use super::judge::{self, Case, Judgement};
use super::scope::Past;
use super::table::{AGREED, BASELINE};
use super::{compare, confirm};

/// The body of a document, if it is one of an object of Kubernetes.
pub(super) fn body(found: &Found) -> Option<Body> {
    found.document.as_deref().and_then(read)
}

/// The same of a document's text.
pub(super) fn read(document: &str) -> Option<Body> {
    // Cheaper than to read every document of a host twice.
    let json = Some(document).filter(|json| json.contains("\"$origins\""))?;
    serde_json::from_str(json).ok().and_then(Body::from_document)
}

/// The fingerprint of an object's tree, whoever wrote it.
pub(super) fn print(found: &Found) -> Option<Fingerprint> {
    body(found).map(|body| Document::new(body.tree).fingerprint())
}

/// Live against what is declared and was declared before; nothing if a document is lost.
pub(super) fn compared(case: &Case<'_>, live: &Body) -> Option<Judgement> {
    let declared = case.declared(case.entry.declared).and_then(body)?;
    if !is_of_one_form(&declared.schema, &live.schema) {
        return Some(other_schema(&declared, live));
    }
    let mut fields = kubernetes::compare(declared.side(), live.side());
    case.ignore(&live.tree, &mut fields);
    let refuted = |field: &FieldChange| confirm::is_doubtful(field) && case.refuted.contains(&field.path);
    fields.retain(|field| !refuted(field));
    let past = past(case, live);
    let sides: Vec<Side<'_>> = past.iter().map(|(_, body)| body.side()).collect();
    let commit = |n: usize| past.get(n).map(|(past, _)| past.revision.clone());
    let baseline = baseline(case, live);
    // Admission put it in when the object came to agree, and nobody has touched it since.
    let stays = |field: &FieldChange| {
        let then = baseline.as_ref().and_then(|baseline| baseline.tree.pointer(&field.path));
        field.reason == FieldReason::Undeclared && then == Some(&field.live)
    };
    let excused = |field: &FieldChange| stays(field) || refuted(field);
    let whole = if fields.is_empty() {
        None
    } else {
        attribute(&mut fields, live.side(), &sides, &excused, |field, n| field.commit = commit(n))
    };
    fields.retain(|field| !stays(field));
    let settled = is_settled(case, live, baseline.as_ref());
    // What pods are made from has changed where nothing is declared: later steps are measured by that.
    let changed = case.entry.meta.has(AGREED) && live.waiting.is_none() && fields.is_empty() && !settled;
    let converged = changed || converges(case, live, &fields);
    if converged || fields.is_empty() {
        let waiting = live.waiting.as_deref().filter(|_| !settled);
        let judgement = waiting.map_or(Judgement::of(Verdict::InSync), |why| rolling(case, why));
        return Some(Judgement { converged, ..judgement });
    }
    let all_past = fields.iter().all(|field| is_past(field.reason));
    let verdict = match kubernetes::verdict(&fields, whole.is_some()) {
        _ if all_past && case.young() => Verdict::RollingOut,
        verdict => verdict,
    };
    Some(Judgement { fields, commit: whole.and_then(commit), ..Judgement::of(verdict) })
}

/// What earlier revisions declared, in the form that live has.
fn past<'a>(case: &Case<'a>, live: &Body) -> Vec<(&'a Past, Body)> {
    let declared = case.past.iter().filter(|past| past.fingerprint != Fingerprint::ABSENT);
    let read = declared.filter_map(|past| Some((past, case.declared(past.fingerprint).and_then(body)?)));
    read.filter(|(_, body)| is_of_one_form(&body.schema, &live.schema)).collect()
}

/// Whether two documents have one form: they are of one version of a schema, or of two versions of a kind that have
/// the same members, as most of a CustomResourceDefinition have.
fn is_of_one_form(one: &str, other: &str) -> bool {
    let members = |schema: &str| schema.split_once(' ').map(|(_, hash)| hash.to_owned()).filter(|hash| hash != "none");
    one == other || members(one).is_some_and(|hash| members(other) == Some(hash))
}

/// Two forms cannot be compared: one is read anew with the schema of the other, or never will be.
fn other_schema(declared: &Body, live: &Body) -> Judgement {
    let version = |body: &Body| body.schema.split(' ').next().unwrap_or_default().to_owned();
    let (of_declared, of_live) = (version(declared), version(live));
    if of_declared == of_live {
        return Judgement { quiet: true, keeps: true, ..Judgement::of(Verdict::Unknown) };
    }
    let why = format!(
        "it is declared as {of_declared} and watched as {of_live}, which has other members: declare it as {of_live}"
    );
    judge::unseen(declared.tree.clone(), why)
}

/// What was live when the object last came to agree with what was declared.
fn baseline(case: &Case<'_>, live: &Body) -> Option<Body> {
    if !case.entry.meta.has(BASELINE) {
        return None;
    }
    if case.entry.baseline == case.entry.live {
        return Some(live.clone());
    }
    case.documents.live(case.key, case.entry.baseline).and_then(body)
}

/// Whether the object has agreed with the version that is declared, and its pods are made as they were then. What
/// waits now is a step of an autoscaler or a new node, and no rollout.
fn is_settled(case: &Case<'_>, live: &Body, baseline: Option<&Body>) -> bool {
    const TEMPLATE: &str = "/spec/template";
    let same = |then: &Body| then.tree.pointer(TEMPLATE) == live.tree.pointer(TEMPLATE);
    case.entry.meta.has(AGREED) && baseline.is_some_and(same)
}

/// Whether live agrees now with the version that is declared, for the first time, but for what
/// admission put in.
fn converges(case: &Case<'_>, live: &Body, fields: &[FieldChange]) -> bool {
    // What was there before we looked, or came by hand, may be anything.
    let before = judge::verdict(case.entry.meta.verdict);
    let witnessed = matches!(before, Some(Verdict::RollingOut | Verdict::Missing | Verdict::Behind));
    let by_hand = |field: &FieldChange| field.owner.as_deref().is_none_or(kubernetes::by_hand);
    let admitted = |field: &FieldChange| field.reason == FieldReason::Undeclared && witnessed && !by_hand(field);
    !case.entry.meta.has(AGREED) && live.waiting.is_none() && fields.iter().all(admitted)
}

/// What is declared is there, and pods of an earlier version still run.
fn rolling(case: &Case<'_>, why: &str) -> Judgement {
    let before = judge::verdict(case.entry.meta.verdict);
    let since = match before {
        Some(Verdict::RollingOut | Verdict::Behind) => Timestamp::from_nanos(case.entry.since),
        _ => case.now,
    };
    let late = before == Some(Verdict::Behind) || case.now >= since.plus(case.rollout_deadline);
    let again = case.entry.meta.has(AGREED);
    if !late || case.young() {
        return Judgement { again, ..Judgement::of(Verdict::RollingOut) };
    }
    let field = compare::change("/status".to_owned(), FieldReason::Behind, "every pod runs it".into(), why.into());
    Judgement { fields: vec![field], ..Judgement::of(Verdict::Behind) }
}

/// Whether a tag stands for more than one content at once.
pub(super) fn is_ambiguous(image: &Body) -> bool {
    image.tree.get("digests").and_then(serde_json::Value::as_object).is_some_and(|digests| digests.len() > 1)
}

/// Gives each field the line that declares it: `declared` has the lines of a manifest in its text.
pub(super) fn lines(fields: &mut [FieldChange], declared: Option<&Found>) {
    let Some(text) = declared.filter(|found| body(found).is_some()).and_then(|found| found.text.as_deref()) else {
        return;
    };
    let line =
        |line: &str| line.split_once(' ').and_then(|(number, path)| Some((path.to_owned(), number.parse().ok()?)));
    let lines: BTreeMap<String, i64> = text.lines().filter_map(line).collect();
    for field in fields {
        let mut path = field.path.as_str();
        field.line = loop {
            if let Some(line) = lines.get(path) {
                break Some(*line);
            }
            match path.rfind('/') {
                Some(end) => path = &path[..end],
                None => break None,
            }
        };
    }
}
