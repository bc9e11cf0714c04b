//! Canaries that are found: each is watched from when the book of a shard has it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use canary::{Canary, Definition, Shared};
use parking_lot::Mutex;

use super::watch::Watch;
use crate::context::Context;

/// Between two looks at the book.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks for canaries in the book of a shard.
pub(super) struct Search {
    pub cx: Arc<Context>,
    pub book: Shared,
    pub shard: u32,
}

impl Search {
    pub(super) async fn run(self) {
        let shutdown = self.cx.shutdown.clone();
        let watched: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        while !shutdown.started() {
            let new = self.unwatched(&watched.lock());
            for definition in new {
                let (name, watched) = (definition.name.clone(), Arc::clone(&watched));
                watched.lock().insert(name.clone());
                let watch = Watch::of_found(Arc::clone(&self.cx), Arc::clone(&self.book), definition, self.shard);
                self.cx.tasks.spawn("canary", async move {
                    watch.run().await;
                    watched.lock().remove(&name);
                });
            }
            if shutdown.or(self.cx.clock.sleep(LOOK_EVERY)).await.is_none() {
                return;
            }
        }
    }

    fn unwatched(&self, watched: &BTreeSet<String>) -> Vec<Definition> {
        let book = self.book.read();
        let new = book.found().filter(|name| !watched.contains(*name));
        new.filter_map(|name| book.get(name).map(Canary::definition).cloned()).collect()
    }
}
