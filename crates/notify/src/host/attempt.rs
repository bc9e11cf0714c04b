use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Elapsed};
use futures::FutureExt;

use crate::outbox::{Ask, Job};
use crate::{Integration, Notification, Proof, SendError, Sent};

/// A job and what became of it.
pub(super) struct Done {
    pub job: Job,
    pub result: Result<Sent, SendError>,
    pub took: Duration,
}

/// Sends once, within the job's time. An integration that panics has not taken this payload; the
/// safe one is tried next.
#[tracing::instrument(name = "send", skip_all, fields(receiver = job.intent.receiver, incident = job.intent.incident))]
pub(super) async fn attempt(integration: Arc<dyn Integration>, job: Job, clock: Clock) -> Done {
    let (mut notification, readable) = Notification::of(&job.intent, job.action);
    // What came since the intent was decided is newer than what it knew.
    notification.reference = job.reference.clone().or(notification.reference);
    if !readable {
        metrics::counter!("steadfast_notify_unreadable_total", "receiver" => job.intent.receiver.clone()).increment(1);
        tracing::error!(
            intent = job.intent.intent,
            "the payload of an intent cannot be read; it is sent without details"
        );
    }
    let send = async {
        match &job.ask {
            Ask::Proof(reference) => proven(integration.prove(reference).await, reference),
            Ask::Send | Ask::Refresh if job.safe || !readable => integration.send_safe(&notification).await,
            Ask::Send | Ask::Refresh => integration.send(&notification).await,
        }
    };
    let started = clock.monotonic();
    let result = match clock.timeout(job.timeout, AssertUnwindSafe(send).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(SendError::Poison {
            problem: "the integration failed on this payload: this is a bug, please report it".to_owned(),
            status: None,
        }),
        Err(Elapsed) => Err(SendError::Retry {
            problem: format!("no answer within {} s", job.timeout.as_secs_f64()),
            status: None,
            after: None,
        }),
    };
    let took = clock.monotonic().saturating_sub(started);
    Done { job, result, took }
}

/// What a provider says of an intent that it took, as if it had said so at once.
fn proven(proof: Result<Proof, SendError>, reference: &str) -> Result<Sent, SendError> {
    let sent = |proven| Sent { proven, status: None, reference: Some(reference.to_owned()), owed: !proven };
    match proof? {
        Proof::Pending => Ok(sent(false)),
        Proof::Delivered => Ok(sent(true)),
        Proof::Rejected { problem } => Err(SendError::Poison { problem, status: None }),
    }
}
