//! What the query of an alerting rule found, for the log: with what it takes to tell an alert that is
//! over from one whose data are gone.

use std::collections::{BTreeMap, BTreeSet};

use rules::book::MissingPolicy;
use rules::{Alerting, Query, Rule, wire};

use super::{RESULT_BYTES, RESULTS, Taken, Turn};
use crate::ask::Vector;
use crate::probe::probes;
use crate::templates;

pub(super) async fn take(
    turn: &mut Turn<'_>,
    place: usize,
    (rule, alerting): (&Rule, &Alerting),
    vector: &Vector,
) -> Result<Taken, String> {
    RESULTS.check(vector.len() as u64).map_err(|exceeded| exceeded.to_string())?;
    let text = wire::encode(vector).map_err(|error| error.to_string())?;
    RESULT_BYTES.check(text.len() as u64).map_err(|exceeded| exceeded.to_string())?;
    let inputs = inputs(turn, place, rule, vector).await?;
    let queries = if templates::ask(rule, alerting) {
        let (cx, definition) = (turn.cx, turn.definition());
        let of = (rule, alerting);
        let answers = templates::answers(&*cx.evaluate, definition, of, (vector, turn.t), &turn.after).await;
        let text = wire::encode_answers(&answers).map_err(|error| error.to_string())?;
        RESULT_BYTES.check(text.len() as u64).map_err(|exceeded| exceeded.to_string())?;
        Some(text)
    } else {
        None
    };
    if let Some(memory) = turn.memory.rule(place) {
        memory.found = Some(vector.iter().map(|(labels, _)| labels.clone()).collect());
    }
    Ok(Taken { found: vector.len(), vector: text, inputs, queries })
}

/// How many series each selector of the rule found when it last had an answer, and finds now. Asked
/// only where an alert may have ended, or it is not known whether one has.
async fn inputs(turn: &mut Turn<'_>, place: usize, rule: &Rule, vector: &Vector) -> Result<Option<String>, String> {
    let Query::Promql { expr, .. } = &rule.query else { return Ok(None) };
    let Some(known_at) = doubtful(turn, place, vector) else { return Ok(None) };
    let then = known_at.saturating_sub(turn.definition().offset());
    let mut counts = BTreeMap::new();
    for (selector, probe) in probes(expr) {
        let pair = (count(turn, &probe, then).await?, count(turn, &probe, turn.at).await?);
        counts.insert(selector, pair);
    }
    serde_json::to_string(&counts).map(Some).map_err(|error| error.to_string())
}

/// When the rule last had an answer, if something that it found then is not found now.
fn doubtful(turn: &mut Turn<'_>, place: usize, vector: &Vector) -> Option<i64> {
    let definition = turn.definition();
    if definition.settings.missing.policy == MissingPolicy::Resolve {
        return None;
    }
    let (file, group) = (&definition.file, &definition.group.name);
    let (fires, unknown, known_at) = {
        let book = turn.cx.book(turn.identity.shard)?.read();
        let rule = book.group(file, group)?.rule(place)?;
        (rule.state().firing().next().is_some(), rule.unknown().is_some(), rule.known_at()?)
    };
    let now: BTreeSet<_> = vector.iter().map(|(labels, _)| labels.clone()).collect();
    let found = turn.memory.rule(place).and_then(|memory| memory.found.as_ref());
    let fewer = found.is_none_or(|found| !found.is_subset(&now));
    (unknown || (fires && fewer)).then_some(known_at)
}

async fn count(turn: &Turn<'_>, probe: &str, at: i64) -> Result<u64, String> {
    let failed =
        |error: &dyn std::fmt::Display| format!("whether its series are still there is not known: {probe}: {error}");
    let query = Query::promql(probe.to_owned()).map_err(|error| failed(&error))?;
    let found = turn.asked(&query, at).await.map_err(|error| failed(&error))?;
    Ok(found.first().and_then(|(_, value)| value.as_float()).map_or(0, |count| count as u64))
}
