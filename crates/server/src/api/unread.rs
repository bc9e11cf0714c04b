//! What is declared or live and cannot be read now.

use serde::Serialize;

use crate::access::Access;
use crate::api::ApiError;
use crate::rows::{Line, each};
use crate::state::State;

/// Of so many at most is told.
const LIMIT: u64 = 100;

/// A source or collector that cannot read what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Its name, such as `git.infra`.
    pub source: String,
    /// What it speaks of: one scope, and how many more.
    pub scope: String,
    /// How many scopes have the same problem.
    pub scopes: i64,
    /// Since when, and why.
    pub problem: String,
}

/// Who cannot read now, and whose newest revision is refused, of the scopes that fit a condition.
pub async fn unread(state: &State, access: &Access, scopes: &str) -> Result<Vec<Unread>, ApiError> {
    let mut found = Vec::new();
    if access.rights.reads("scopes") {
        let failed = format!(
            "SELECT source, message AS problem, min(scope) AS scope, count(*) AS scopes FROM scopes \
             WHERE state = 'failed' AND {scopes} GROUP BY source, message ORDER BY source, scope LIMIT {LIMIT}"
        );
        found.extend(each(&state.query_for(&access.rights, &failed).await?).filter_map(|line| of(&line)));
    }
    if access.rights.reads("findings") {
        let refused = format!(
            "SELECT labels['source'] AS source, summary AS problem, min(scope) AS scope, count(*) AS scopes, \
             min(since) AS since FROM findings WHERE kind = 'revision' AND state = 'firing' AND {scopes} \
             GROUP BY labels['source'], summary ORDER BY source, scope LIMIT {LIMIT}"
        );
        let rows = state.query_for(&access.rights, &refused).await?;
        found.extend(each(&rows).filter_map(|line| {
            let (unread, since) = (of(&line)?, line.time("since")?);
            // It begins with the name of its source.
            let problem = unread.problem.strip_prefix(&format!("{}: ", unread.source)).unwrap_or(&unread.problem);
            Some(Unread { problem: format!("since {since}: {problem}"), ..unread })
        }));
    }
    Ok(found)
}

fn of(line: &Line<'_>) -> Option<Unread> {
    let problem = line.text("problem").unwrap_or_else(|| "it does not say why".to_owned());
    Some(Unread { source: line.text("source")?, scope: line.text("scope")?, scopes: line.number("scopes"), problem })
}
