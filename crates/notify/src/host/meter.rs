use model::rows::Receipt;

use super::attempt::Done;
use crate::outbox::{Ask, Now, Outbox};

/// Counts a receipt.
pub(super) fn receipt(receipt: &Receipt) {
    let labels = [("receiver", receipt.receiver.clone()), ("outcome", receipt.outcome.as_str().to_owned())];
    metrics::counter!("steadfast_notify_receipts_total", &labels).increment(1);
    if receipt.outcome == model::Outcome::Refused {
        let message = receipt.message.as_deref().unwrap_or_default();
        tracing::error!(
            receiver = receipt.receiver,
            message,
            "a receiver refuses us: its key, address or rights are wrong"
        );
    }
}

/// Measures a request, and how old an intent is once it is taken.
pub(super) fn sent(done: &Done, now: Now) {
    let receiver = &done.job.intent.receiver;
    if done.job.ask == Ask::Refresh {
        return refreshed(receiver, done);
    }
    metrics::histogram!("steadfast_notify_request_seconds", "receiver" => receiver.clone())
        .record(done.took.as_secs_f64());
    if done.result.is_ok() && done.job.ask == Ask::Send {
        let age = now.wall.since(done.job.intent.time).as_secs_f64();
        metrics::histogram!("steadfast_notify_delivery_seconds", "receiver" => receiver.clone()).record(age);
    }
}

/// Counts what was told again; there is no receipt of it.
fn refreshed(receiver: &str, done: &Done) {
    let outcome = if done.result.is_ok() { "delivered" } else { "failed" };
    let labels = [("receiver", receiver.to_owned()), ("outcome", outcome.to_owned())];
    metrics::counter!("steadfast_notify_refreshes_total", &labels).increment(1);
    if let Err(error) = &done.result {
        tracing::warn!(receiver, %error, "an open incident could not be told again");
    }
}

/// Shows how each receiver is.
pub(super) fn outbox(outbox: &Outbox, now: Now) {
    for (name, gauges) in outbox.gauges(now) {
        let receiver = || name.to_owned();
        metrics::gauge!("steadfast_notify_waiting", "receiver" => receiver()).set(gauges.waiting as f64);
        metrics::gauge!("steadfast_notify_open_incidents", "receiver" => receiver()).set(gauges.open as f64);
        metrics::gauge!("steadfast_notify_in_flight", "receiver" => receiver()).set(f64::from(gauges.in_flight));
        metrics::gauge!("steadfast_notify_held_bytes", "receiver" => receiver()).set(gauges.held as f64);
        let paused = if gauges.paused { 1.0 } else { 0.0 };
        metrics::gauge!("steadfast_notify_paused", "receiver" => receiver()).set(paused);
    }
}
