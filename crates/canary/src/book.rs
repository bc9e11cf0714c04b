use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use model::rows::{CanaryPoint, Live, Rollout, VerdictRow};
use model::{Key, ResourceId, Verdict};
use parking_lot::RwLock;

use crate::definition::Definition;
use crate::life::Canary;
use crate::outcome::Outcome;
use crate::run::Origin;
use crate::search::{Finder, Search};

/// A book that the fold of a shard writes and others read.
pub type Shared = Arc<RwLock<Book>>;

/// The canaries of a shard.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Those that are configured, and those that were found.
    pub(crate) canaries: BTreeMap<String, Canary>,
    pub(crate) search: Search,
    window: Window,
}

/// How long after a resource has come to agree its rollout is over.
#[derive(Clone, Copy, Debug)]
struct Window(Duration);

impl Default for Window {
    fn default() -> Self {
        Self(Duration::from_secs(600))
    }
}

/// The interval that a run wants to be told of next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The run.
    pub run: String,
    /// When it began.
    pub started: Timestamp,
    /// The interval, from 0.
    pub interval: usize,
    /// When the run ends without it; nothing as long as what it is of goes on.
    pub until: Option<Timestamp>,
}

impl Book {
    pub(crate) fn of(canaries: BTreeMap<String, Canary>, search: Search) -> Self {
        Self { canaries, search, window: Window::default() }
    }

    /// How long after its resource has come to agree a rollout is over; ten minutes before this was said.
    pub fn set_window(&mut self, window: Duration) {
        self.window = Window(window);
    }

    /// The canaries, by name.
    pub fn canaries(&self) -> impl Iterator<Item = &Canary> {
        self.canaries.values()
    }

    /// The canary of that name.
    pub fn get(&self, name: &str) -> Option<&Canary> {
        self.canaries.get(name)
    }

    /// What a canary's run wants to be told of next; nothing if none is on.
    pub fn wanted(&self, name: &str) -> Option<Wanted> {
        let canary = self.canaries.get(name)?;
        let run = canary.run.as_ref().filter(|run| run.end.is_none())?;
        Some(Wanted { run: run.id.clone(), started: run.started, interval: run.next, until: canary.closes() })
    }

    /// The resources whose rollouts are judged, by key; without those of canaries that were found.
    pub fn resources(&self) -> impl Iterator<Item = Key> {
        let configured = self.canaries.values().filter(|canary| canary.found.is_none());
        let ids = configured.filter_map(|canary| canary.definition.resource.as_ref());
        ids.filter_map(|id| id.parse::<ResourceId>().ok()).map(|id| id.key())
    }

    /// There is a canary, as it is from now on. One that is as before goes on; of another, the run ends.
    ///
    /// # Errors
    /// The text is no definition: nothing has changed.
    pub fn define(&mut self, generation: i64, text: &str, now: Timestamp) -> Result<Outcome, serde_json::Error> {
        let mut out = Outcome::default();
        let definition: Definition = serde_json::from_str(text)?;
        if definition.discover.is_some() {
            self.find_by(Finder { definition, text: text.to_owned(), generation }, now, &mut out);
            return Ok(out);
        }
        let name = definition.name.clone();
        match self.canaries.get_mut(&name) {
            Some(canary) if canary.text == text => canary.generation = generation,
            Some(canary) => {
                canary.stop("its definition has changed", false, now, &mut out);
                canary.forget_hook("its definition has changed", &mut out);
                if canary.definition.scope != definition.scope {
                    canary.resolve("its definition has changed", now, &mut out);
                }
                let (open, rollout) = (canary.open.take(), canary.rollout.take());
                let (agreed, rolled_at, drift, absent) = (canary.agreed, canary.rolled_at, canary.drift, canary.absent);
                // Another resource is another matter.
                let same = canary.definition.resource == definition.resource;
                let live = canary.live.take().filter(|_| same);
                let new = Canary::new(definition, text.to_owned(), generation);
                *canary = Canary { open, rollout, agreed, rolled_at, drift, live, absent, ..new };
            }
            None => _ = self.canaries.insert(name, Canary::new(definition, text.to_owned(), generation)),
        }
        self.pass(now, &mut out);
        Ok(out)
    }

    /// The list of canaries ends: those that were not in it are gone.
    pub fn close(&mut self, generation: i64, now: Timestamp) -> Outcome {
        let mut out = Outcome::default();
        for canary in self.canaries.values_mut().filter(|canary| canary.generation < generation) {
            canary.end("it is no longer configured", now, &mut out);
        }
        self.canaries.retain(|_, canary| canary.generation >= generation);
        self.close_finders(generation, now, &mut out);
        out
    }

    /// What queries found in an interval of a run. What is of another run is passed over.
    pub fn points(&mut self, points: &[CanaryPoint], now: Timestamp) -> Outcome {
        let mut out = Outcome::default();
        let Some(first) = points.first() else { return out };
        let (Some(canary), Ok(interval)) = (self.canaries.get_mut(&first.name), usize::try_from(first.interval)) else {
            return out;
        };
        if canary.run.as_ref().is_some_and(|run| run.id == first.run) {
            canary.points(interval, points, now, &mut out);
        }
        out
    }

    /// A verdict of a resource.
    pub fn verdict(&mut self, row: &VerdictRow, now: Timestamp, out: &mut Outcome) {
        if self.search.finders.values().any(|finder| finder.definition.scope == row.scope) {
            // A rollout of it may be found later.
            match row.verdict {
                Verdict::RollingOut => _ = self.search.origins.insert(row.id.as_str().to_owned(), Origin::of(row)),
                _ => _ = self.search.origins.remove(row.id.as_str()),
            }
        }
        self.of_resource(row.id.as_str()).for_each(|canary| canary.verdict(row, now, out));
    }

    /// What is live of a resource.
    pub fn live(&mut self, row: &Live, now: Timestamp, out: &mut Outcome) {
        self.of_resource(row.id.as_str()).for_each(|canary| canary.live(row, now, out));
    }

    /// What rolls out in a scope.
    pub fn rolled(&mut self, row: &Rollout, now: Timestamp, out: &mut Outcome) {
        let of_scope =
            |canary: &&mut Canary| canary.definition.resource.is_some() && canary.definition.scope == row.scope;
        self.canaries.values_mut().filter(of_scope).for_each(|canary| canary.rolled(row, now, out));
    }

    fn of_resource(&mut self, id: &str) -> impl Iterator<Item = &mut Canary> {
        self.canaries.values_mut().filter(move |canary| canary.definition.resource.as_deref() == Some(id))
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Timestamp, out: &mut Outcome) {
        let Window(window) = self.window;
        self.canaries.values_mut().for_each(|canary| canary.pass(window, now, out));
        self.expire(now, out);
    }

    /// When something begins or ends by itself.
    pub fn next(&self) -> Option<Timestamp> {
        let Window(window) = self.window;
        let times = |canary: &Canary| [canary.due(), canary.expires(), canary.over(window), canary.closes()];
        self.canaries.values().flat_map(times).flatten().min()
    }
}
