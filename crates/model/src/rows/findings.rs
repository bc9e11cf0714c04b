use base::Timestamp;

use crate::row::row;
use crate::{AlertState, Key, Labels, ResourceId, Severity, Verdict};

row! {
    /// A resource's verdict has changed.
    VerdictRow in Verdicts {
        /// When.
        time: Timestamp,
        /// `provider/scope`.
        scope: String,
        /// The resource.
        id: ResourceId,
        /// The id's key.
        key: Key,
        /// The id's kind.
        kind: String,
        /// What is said of it now.
        verdict: Verdict,
        /// What was said before.
        previous: Verdict,
        /// Since when it has been so.
        since: Timestamp,
        /// The source that declares it.
        source: Option<String>,
        /// The current revision.
        revision: Option<String>,
        /// Who made that revision.
        author: Option<String>,
        /// Its message.
        message: Option<String>,
        /// The file that declares it.
        file: Option<String>,
        /// The line there.
        line: Option<i64>,
        /// Who changed the resource, as far as the collector knows.
        actor: Option<String>,
        /// The fields that differ, as a JSON list of [`crate::FieldChange`].
        fields: String,
        /// How this was found: offsets on the state log, as a JSON object.
        evidence: String,
        /// What the GitOps tool that applies it says: `argocd argocd/cart Synced/Healthy @ 1a2b3c4d5e`.
        gitops: Option<String>,
    }
}

row! {
    /// How many resources of a scope have a verdict.
    Summary in Summaries {
        /// When.
        time: Timestamp,
        /// `provider/scope`.
        scope: String,
        /// The verdict.
        verdict: Verdict,
        /// How many.
        count: i64,
    }
}

row! {
    /// Something is wrong, or no longer.
    Finding in Findings {
        /// When it changed.
        time: Timestamp,
        /// Stable for one thing that is wrong: `drift/<resource id>`, `scope/<scope>/<source>`.
        finding: String,
        /// The finding's key.
        key: Key,
        /// What found it: `drift`, `scope`, `canary`, `alert`, `notify`.
        kind: String,
        /// `provider/scope`.
        scope: String,
        /// The resource, if it is about one.
        resource: Option<String>,
        /// What people should be told of once: `revision/<scope>/<commit>`, `host/<scope>`.
        cause: String,
        /// How bad.
        severity: Severity,
        /// Firing or resolved.
        state: AlertState,
        /// One line for people.
        summary: String,
        /// Since when it has been so.
        since: Timestamp,
        /// What can be matched on: verdict, kind, scope, revision.
        labels: Labels,
        /// What a page shows: root line of the diff, commit, author, actor, file, line, offsets. JSON.
        evidence: String,
    }
}

row! {
    /// A rollout has begun, reaches more, or is over.
    Rollout in Rollouts {
        /// When.
        time: Timestamp,
        /// `provider/scope`.
        scope: String,
        /// The cause of its incident, if something goes wrong: `rollout/<scope>/<revision>`, the revision being the first one.
        cause: String,
        /// The revision that rolls out.
        revision: Option<String>,
        /// Who made it.
        author: Option<String>,
        /// `rolling`; `converged`: nothing rolls out any more, and what goes wrong may still come of it; `over`.
        state: String,
        /// When it began.
        since: Timestamp,
        /// How many resources roll out now.
        resources: i64,
        /// Names of what has rolled out, by namespace, as a JSON object of lists.
        places: String,
    }
}

row! {
    /// An incident has changed.
    Alert in Alerts {
        /// When.
        time: Timestamp,
        /// The incident's stable key; depends on the cause only and on its opening.
        incident: String,
        /// The key of that text.
        key: Key,
        /// The cause.
        cause: String,
        /// `provider/scope`.
        scope: String,
        /// Firing or resolved.
        state: AlertState,
        /// The worst of its findings while it was open.
        severity: Severity,
        /// One line for people.
        summary: String,
        /// When it opened.
        since: Timestamp,
        /// How many findings are open under it.
        findings: i64,
        /// Labels that all its findings share.
        labels: Labels,
        /// A JSON object: `symptoms` (its findings with their evidence, the root first), how many are
        /// `omitted` there or `unknown`, the commit (`revision`, `author`, `message`) of the newest,
        /// and the record that made this alert (`shard`, `offset`).
        evidence: String,
        /// Why this record was made: opened, widened, updated, resolved.
        reason: String,
    }
}
