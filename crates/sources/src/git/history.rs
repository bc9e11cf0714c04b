//! Which commits are new.

use gix::{ObjectId, Repository};

/// Commits of one fetch that become revisions; of more only the newest do.
pub(crate) const MAX_COMMITS: usize = 50;
/// How far the last commit that was seen is looked for before the history counts as rewritten.
const MAX_WALK: usize = 100_000;

/// A commit that is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) commit: ObjectId,
    pub(crate) backfill: bool,
    /// Whether it was read before, and is read again for what was learned of kinds since: it is no new head.
    pub(crate) again: bool,
}

/// The commits since `seen` on the first-parent path, oldest first; at the start the newest and
/// `history` earlier ones, which are backfill.
///
/// # Errors
/// If an object cannot be read.
pub(crate) fn since(
    repository: &Repository,
    head: ObjectId,
    seen: Option<ObjectId>,
    history: usize,
) -> Result<Vec<Pending>, String> {
    if seen == Some(head) {
        return Ok(Vec::new());
    }
    let (mut newest, mut next, mut walked) = (Vec::new(), Some(head), 0);
    let keep = if seen.is_some() { MAX_COMMITS } else { history.min(MAX_COMMITS) + 1 };
    while let Some(commit) = next.filter(|commit| Some(*commit) != seen) {
        if newest.len() < keep {
            newest.push(commit);
        } else if seen.is_none() || walked >= MAX_WALK {
            break;
        }
        walked += 1;
        next = parent(repository, commit)?;
    }
    let rewritten = seen.is_some() && next != seen;
    if rewritten {
        tracing::warn!(%head, last = ?seen, "the history was rewritten: the new head is the next revision");
        metrics::counter!("steadfast_git_rewrites_total").increment(1);
        newest.truncate(1);
    } else if walked > keep && seen.is_some() {
        tracing::warn!(commits = walked, kept = keep, "more commits came at once than are read; the newest are");
    }
    let pending = |(n, commit)| Pending { commit, backfill: seen.is_none() && n > 0, again: false };
    let mut pending: Vec<Pending> = newest.into_iter().enumerate().map(pending).collect();
    pending.reverse();
    Ok(pending)
}

fn parent(repository: &Repository, commit: ObjectId) -> Result<Option<ObjectId>, String> {
    let commit = repository.find_commit(commit).map_err(|error| error.to_string())?;
    Ok(commit.parent_ids().next().map(|id| id.detach()))
}
