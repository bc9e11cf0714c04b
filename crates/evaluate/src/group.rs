use std::sync::Arc;
use std::time::Duration;

use base::Shutdown;
use rules::book::Definition;
use tokio::sync::Mutex;

use crate::ask::Position;
use crate::context::{Context, Identity};
use crate::memory::Memory;
use crate::samples::Samples;
use crate::schedule::Schedule;
use crate::turn::Turn;

/// Longest time without a look at the clock, which may jump while a group rests.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Until logs that are away are asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// A group that is evaluated until `shutdown`.
pub(crate) struct Running {
    pub cx: Arc<Context>,
    pub identity: Identity,
    /// Held during an evaluation: there is one at a time, also while a definition takes the place of
    /// another.
    pub memory: Arc<Mutex<Memory>>,
    pub shutdown: Shutdown,
}

impl Running {
    pub(crate) async fn run(self) {
        let shutdown = self.shutdown.clone();
        // An evaluation that is cut off is one that did not take place.
        let _ = shutdown.or(self.evaluate_all()).await;
    }

    async fn evaluate_all(&self) {
        let Identity { definition, key, .. } = &self.identity;
        let gone = self.memory.lock().await.adopt(definition);
        end_series(&self.cx, key, gone).await;
        // So that the first one that is missed is an increase.
        count_missed(definition, 0);
        let mut schedule = Schedule::new(definition, self.cx.clock.now());
        let mut first = true;
        loop {
            self.rest(&mut schedule).await;
            let (due, began) = (schedule.due(), self.cx.clock.monotonic());
            let mut memory = self.memory.lock().await;
            let mut turn = Turn::new(&self.cx, &self.identity, &mut memory, due.millis());
            if first {
                // What is asked after a start is to know what was known before it: that nothing is found
                // would be taken for an end.
                let Some(ends) = self.ends().await else { continue };
                turn.after = ends;
                first = false;
            }
            turn.run().await;
            drop(memory);
            let took = self.cx.clock.monotonic().saturating_sub(began);
            metrics::histogram!("steadfast_rule_group_seconds").record(took.as_secs_f64());
            let missed = schedule.advance(self.cx.clock.now());
            if missed > 0 {
                count_missed(definition, missed);
                let group = &definition.group.name;
                tracing::warn!(file = definition.file, group, missed, "evaluations of a group of rules were missed");
            }
        }
    }

    /// Where the logs end; nothing, after a while, if they do not say.
    async fn ends(&self) -> Option<Vec<Position>> {
        let ends = self.cx.ends().await;
        if let Err(error) = &ends {
            tracing::warn!(key = self.identity.key, %error, "rules are not evaluated before the logs say where they end");
            self.cx.clock.sleep(AGAIN).await;
        }
        ends.ok()
    }

    /// Waits until the group is due.
    async fn rest(&self, schedule: &mut Schedule) {
        loop {
            let now = self.cx.clock.now();
            if schedule.is_far(now) {
                *schedule = Schedule::new(&self.identity.definition, now);
            }
            let left = schedule.due().since(now);
            if left.is_zero() {
                return;
            }
            self.cx.clock.sleep(left.min(LOOK_EVERY)).await;
        }
    }
}

/// Counts evaluations that did not take place, by group as Prometheus names it.
fn count_missed(definition: &Definition, missed: u64) {
    let group = format!("{};{}", definition.file, definition.group.name);
    metrics::counter!("steadfast_rule_group_missed_total", "rule_group" => group).increment(missed);
}

/// Ends series that nobody writes any more.
pub(crate) async fn end_series(cx: &Context, key: &str, series: impl IntoIterator<Item = model::SeriesId>) {
    let mut samples = Samples::default();
    samples.end(series, cx.clock.now().millis());
    let Ok(batches) = samples.batches(key) else { return };
    if let Err(error) = cx.append_telemetry(batches).await {
        tracing::warn!(key, %error, "series of rules that are gone could not be ended");
    }
}
