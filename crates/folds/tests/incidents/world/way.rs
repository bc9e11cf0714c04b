//! A real integration, between which and its provider things go wrong.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base::{Clock, Rng};
use notify::{Integration, Limits, Notification, Proof, SendError, Sent};

use super::outside::{Outside, What};
use super::wire::Wire;

/// The longest way to a provider, and back, when nothing is wrong; in milliseconds.
const FAR: u64 = 150;

/// See the module.
pub struct Way {
    pub receiver: String,
    pub kind: &'static str,
    pub outside: Arc<Outside>,
    pub clock: Clock,
    pub rng: Rng,
    pub life: u32,
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Way").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

impl Way {
    async fn ask(&self, notification: &Notification, safe: bool) -> Result<Sent, SendError> {
        let what = self.outside.draw(&self.receiver);
        let exchange = self.outside.begin(&self.receiver, notification, safe, self.life);
        let slow = if let What::Slow(more) = what { more } else { 0 };
        self.clock.sleep(Duration::from_millis(1 + self.rng.below(FAR) + slow / 2)).await;
        if what == What::Hang {
            return std::future::pending().await;
        }
        let result = exchange.arrive(self.kind, what, notification, safe);
        if what == What::TakenThenHang {
            return std::future::pending().await;
        }
        self.clock.sleep(Duration::from_millis(1 + self.rng.below(FAR) + slow / 2)).await;
        exchange.answered(&result);
        result
    }
}

#[async_trait]
impl Integration for Way {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn limits(&self) -> Limits {
        Wire::get().limits(self.kind)
    }

    async fn send(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.ask(notification, false).await
    }

    async fn prove(&self, reference: &str) -> Result<Proof, SendError> {
        self.clock.sleep(Duration::from_millis(1 + self.rng.below(FAR))).await;
        Wire::get().prove(self.kind, reference)
    }

    async fn send_safe(&self, notification: &Notification) -> Result<Sent, SendError> {
        self.ask(notification, true).await
    }
}
