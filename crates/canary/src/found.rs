//! Rollouts of clusters: each that is to be judged is a canary of its own, from when it begins until a day after it is over.

use std::collections::BTreeSet;
use std::time::Duration;

use base::{Limit, Timestamp};
use judge::evidence::Verdict;
use kubernetes::rollouts::{Phase, Rollout};
use model::rows::{Live, SetChunk, SetMember, SetSide};
use model::{Key, ModelError, Row};

use crate::book::Book;
use crate::definition::Definition;
use crate::life::Canary;
use crate::outcome::Outcome;
use crate::run::Origin;
use crate::search::{Finder, Found, Known};
use crate::shares::Shares;
use crate::standing::Standing;

/// Rollouts of all clusters that are known at once.
const KNOWN: Limit = Limit::new("canary.rollouts", 5_000);
/// Canaries that are found, and what they have of metrics times intervals.
const FOUND: Limit = Limit::new("canary.found", 500);
const POINTS: Limit = Limit::new("canary.found_points", 200_000);
/// How long a canary is shown after its rollout is over.
const SHOWN: Duration = Duration::from_secs(86_400);

impl Book {
    /// Whether canaries are found.
    pub fn finds(&self) -> bool {
        !self.search.finders.is_empty()
    }

    /// Whether something rolls out in a cluster.
    pub fn knows_rollouts(&self) -> bool {
        !self.search.rollouts.is_empty()
    }

    /// The canaries that were found, by name.
    pub fn found(&self) -> impl Iterator<Item = &str> {
        self.canaries.values().filter(|canary| canary.found.is_some()).map(|canary| canary.definition.name.as_str())
    }

    /// There is a definition by which canaries are found. Of one that is another, all that was found by it ends.
    pub(crate) fn find_by(&mut self, finder: Finder, now: Timestamp, out: &mut Outcome) {
        let name = finder.definition.name.clone();
        if let Some(known) = self.search.finders.get_mut(&name).filter(|known| known.text == finder.text) {
            known.generation = finder.generation;
            return;
        }
        self.lose(&name, "its definition has changed", now, out);
        self.search.finders.insert(name.clone(), finder);
        let ids: Vec<String> = self.search.rollouts.keys().cloned().collect();
        ids.iter().for_each(|id| self.follow(&name, id, now, out));
    }

    /// Definitions that were not in the last list are gone, with what was found by them.
    pub(crate) fn close_finders(&mut self, generation: i64, now: Timestamp, out: &mut Outcome) {
        let old = self.search.finders.iter().filter(|(_, finder)| finder.generation < generation);
        let gone: Vec<String> = old.map(|(name, _)| name.clone()).collect();
        for name in gone {
            self.search.finders.remove(&name);
            self.lose(&name, "it is no longer configured", now, out);
        }
        if self.search.finders.is_empty() {
            self.search.origins.clear();
        }
    }

    /// Ends all that was found by a definition.
    fn lose(&mut self, finder: &str, why: &str, now: Timestamp, out: &mut Outcome) {
        self.canaries.retain(|_, canary| {
            let lost = canary.found.as_ref().is_some_and(|found| found.finder == finder);
            if lost {
                canary.end(why, now, out);
            }
            !lost
        });
    }

    /// What the objects of a cluster say of a rollout, or that it is over.
    pub fn rollout(&mut self, row: &Live, now: Timestamp, out: &mut Outcome) {
        let id = row.id.as_str();
        let Some(document) = row.document.as_deref().filter(|_| row.present) else {
            self.over(id, ("the rollout is over", true), now, out);
            return;
        };
        match Rollout::read(document) {
            Ok(rollout) if self.has_room(id) => {
                let (scope, source) = (row.scope.clone(), row.source.clone());
                self.search.rollouts.insert(id.to_owned(), Known { scope, source, rollout });
                let finders: Vec<String> = self.search.finders.keys().cloned().collect();
                finders.iter().for_each(|finder| self.follow(finder, id, now, out));
            }
            // Without room it is none that was known, so that no run is on: but what was said of the one before may wait.
            Ok(rollout) => self.has_no_room_for(&rollout, &row.scope, now, out),
            Err(error) => {
                tracing::warn!(id, %error, "what is said of a rollout cannot be read");
                self.over(id, ("what is said of its rollout cannot be read", false), now, out);
            }
        }
    }

    /// A full set of what a collector sees: rollouts that are not in it are over.
    ///
    /// # Errors
    /// Its columns are no set's.
    pub fn sweep(&mut self, chunk: &SetChunk, now: Timestamp, out: &mut Outcome) -> Result<(), ModelError> {
        let of = |known: &Known| known.scope == chunk.scope && known.source == chunk.source;
        if chunk.side != SetSide::Live || !self.search.rollouts.values().any(of) {
            return Ok(());
        }
        let members: BTreeSet<Key> = SetMember::decode(&chunk.members)?.into_iter().map(|member| member.key).collect();
        let gone = |(id, known): &(&String, &Known)| {
            let key = Key::of(id.as_bytes());
            of(known) && chunk.first <= key && key <= chunk.last && !members.contains(&key)
        };
        let gone: Vec<String> = self.search.rollouts.iter().filter(gone).map(|(id, _)| id.clone()).collect();
        gone.iter().for_each(|id| self.over(id, ("the rollout is over", true), now, out));
        Ok(())
    }

    fn has_room(&self, id: &str) -> bool {
        let rollouts = &self.search.rollouts;
        let room = rollouts.contains_key(id) || KNOWN.check(rollouts.len() as u64 + 1).is_ok();
        if !room {
            tracing::warn!(id, limit = KNOWN.name(), "a rollout is not judged: too many are under way");
        }
        room
    }

    /// A rollout that is not judged for want of room takes the place of those of its name.
    fn has_no_room_for(&mut self, rollout: &Rollout, scope: &str, now: Timestamp, out: &mut Outcome) {
        for finder in self.search.finders.values().filter(|finder| finder.definition.scope == scope) {
            if let Some(canary) = self.canaries.get_mut(&finder.definition.name_of(rollout)) {
                canary.passed_over(rollout, "too many rollouts are under way", now, out);
            }
        }
    }

    /// Nothing more is heard of a rollout: why, and whether there is a test at the end of its run.
    fn over(&mut self, id: &str, (why, test): (&str, bool), now: Timestamp, out: &mut Outcome) {
        let Some(known) = self.search.rollouts.remove(id) else { return };
        let of = |found: &Found| {
            (&found.rollout.namespace, &found.rollout.name) == (&known.rollout.namespace, &known.rollout.name)
        };
        for canary in self.canaries.values_mut().filter(|canary| canary.definition.scope == known.scope) {
            if canary.found.as_ref().is_some_and(of) {
                canary.rollout_over(why, test, now, out);
            }
        }
    }

    /// What a definition has to do with a rollout, as that is now.
    fn follow(&mut self, finder: &str, id: &str, now: Timestamp, out: &mut Outcome) {
        let (Some(finder), Some(known)) = (self.search.finders.get(finder), self.search.rollouts.get(id)) else {
            return;
        };
        if finder.definition.scope != known.scope {
            return;
        }
        let rollout = &known.rollout;
        let existing = self.canaries.get_mut(&finder.definition.name_of(rollout));
        if !finder.definition.discover.as_ref().is_some_and(|discover| discover.wants(rollout)) {
            existing.into_iter().for_each(|it| it.passed_over(rollout, "its rollout is no longer wanted", now, out));
            return;
        }
        let (definition, text) = match finder.definition.of_rollout(rollout) {
            Ok(filled) => filled,
            Err(why) => {
                tracing::warn!(canary = finder.definition.name, id, %why, "a rollout is not judged");
                existing.into_iter().for_each(|it| it.passed_over(rollout, &why.to_string(), now, out));
                return;
            }
        };
        let (finder, rollout) = (finder.definition.name.clone(), rollout.clone());
        let origin = self.origin(&definition, &rollout);
        if let Some(canary) = self.canaries.get_mut(&definition.name) {
            canary.follow(rollout, (definition, text), origin, now, out);
            return;
        }
        if rollout.phase != Phase::Rolling || !self.may_find(&definition, now, out) {
            return;
        }
        let found = Found { finder, rollout, shares: Shares::default(), over: None, unjudged: None, past: None };
        let mut canary = Canary { found: Some(found), ..Canary::new(definition, text, i64::MAX) };
        canary.begin(now, origin, now, out);
        self.canaries.insert(canary.definition.name.clone(), canary);
    }

    /// The cause of what goes wrong in a rollout: that of the revision that declares its resource, else its own.
    fn origin(&self, definition: &Definition, rollout: &Rollout) -> Origin {
        let declared = definition.resource.as_ref().and_then(|id| self.search.origins.get(id));
        declared.cloned().unwrap_or_else(|| Origin::of_rollout(&definition.scope, rollout))
    }

    /// Whether there is room for one more; those whose rollouts have been over for longest make it.
    fn may_find(&mut self, definition: &Definition, now: Timestamp, out: &mut Outcome) -> bool {
        loop {
            let found = self.canaries.values().filter(|canary| canary.found.is_some());
            let size = |definition: &Definition| definition.metrics.len() * definition.lifetime;
            let points: usize = found.clone().map(|canary| size(&canary.definition)).sum();
            let count = found.clone().count() as u64 + 1;
            let room = FOUND.check(count).and_then(|()| POINTS.check((points + size(definition)) as u64));
            let Err(exceeded) = room else { return true };
            let over =
                |canary: &&Canary| canary.open.is_none() && canary.found.as_ref().is_some_and(|it| it.over.is_some());
            let oldest = found.filter(over).min_by_key(|canary| canary.found.as_ref().and_then(|it| it.over));
            let Some(oldest) = oldest.map(|canary| canary.definition.name.clone()) else {
                tracing::warn!(canary = definition.name, %exceeded, "a rollout is not judged");
                return false;
            };
            if let Some(mut canary) = self.canaries.remove(&oldest) {
                canary.end("there is no room for it", now, out);
            }
        }
    }

    /// Forgets canaries whose rollout has been over for long.
    pub(crate) fn expire(&mut self, now: Timestamp, out: &mut Outcome) {
        self.canaries.retain(|_, canary| {
            let expired = canary.expires().is_some_and(|at| at <= now);
            if expired {
                canary.end("its rollout has been over for a day", now, out);
            }
            !expired
        });
    }
}

impl Canary {
    /// When it is no longer shown; nothing if it was not found, or its rollout is under way.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        Some(self.found.as_ref()?.over?.plus(SHOWN))
    }

    /// Its rollout, as it is now.
    fn follow(
        &mut self,
        rollout: Rollout,
        (definition, text): (Definition, String),
        origin: Origin,
        now: Timestamp,
        out: &mut Outcome,
    ) {
        let Some(found) = &mut self.found else { return };
        let aborted = rollout.phase == Phase::Aborted;
        if found.rollout.goes_on(&rollout) && (found.over.is_none() || aborted) {
            let moved = found.rollout.share != rollout.share;
            (found.rollout, found.past) = (rollout, None);
            if aborted {
                self.aborted(now, out);
                return;
            }
            if self.is_on() {
                // The same versions may have other pods by now: they are asked for from here on.
                (self.definition, self.text) = (definition, text);
            }
            if moved {
                self.moved(now, out);
            }
            return;
        }
        if aborted {
            found.rollout.phase = Phase::Aborted;
            self.aborted(now, out);
            return;
        }
        if found.over.is_none() && found.rollout.has_canary_of(&rollout) {
            self.compare_with_another(rollout, (definition, text), origin, now, out);
            return;
        }
        self.stop("another rollout begins", false, now, out);
        if let Some(found) = &mut self.found {
            (found.rollout, found.over, found.unjudged, found.past) = (rollout, None, None, None);
        }
        (self.definition, self.text) = (definition, text);
        self.begin(now, origin, now, out);
    }

    /// Its baseline is another one, and what is new is the same. What is decided stands, and so does the word to who rolls back,
    /// sent or not; what is open is tested as far as it came, and begins anew unless that decides it.
    fn compare_with_another(
        &mut self,
        rollout: Rollout,
        (definition, text): (Definition, String),
        origin: Origin,
        now: Timestamp,
        out: &mut Outcome,
    ) {
        self.stop("its baseline is another one now", true, now, out);
        if let Some(found) = &mut self.found {
            (found.rollout, found.past) = (rollout, None);
        }
        let decided = |standing: &Standing| matches!(standing.verdict, Verdict::Fail | Verdict::Pass);
        if !self.standing.as_ref().is_some_and(decided) {
            (self.definition, self.text) = (definition, text);
            self.begin(now, origin, now, out);
        }
    }

    /// The canary has another part of the traffic from now on.
    fn moved(&mut self, now: Timestamp, out: &mut Outcome) {
        let Some(found) = &mut self.found else { return };
        found.shares.put(now, found.rollout.share);
        if self.is_on() {
            self.tell(now, out);
        }
    }

    /// Another rollout has taken the place of its own, or its arms have other pods, and these are not judged.
    fn passed_over(&mut self, rollout: &Rollout, why: &str, now: Timestamp, out: &mut Outcome) {
        let Some(found) = self.found.as_mut().filter(|found| !found.rollout.has_pods_of(rollout)) else { return };
        // Its object is told of anew with each pod that becomes ready.
        if found.past.as_ref().is_some_and(|past| past.has_pods_of(rollout)) {
            return;
        }
        found.past = Some(Box::new(rollout.clone()));
        found.over.get_or_insert(now);
        let another = !found.rollout.has_canary_of(rollout);
        found.unjudged = another.then(|| why.to_owned());
        let before = self.open.as_ref().map(|open| open.run.clone());
        self.stop(why, false, now, out);
        // What a run that was over before fails by only now goes on in other pods, as the rollback does that is told of it.
        let stands = !another && self.open.as_ref().is_some_and(|open| before.as_ref() != Some(&open.run));
        if !stands {
            self.resolve(why, now, out);
        }
        if another {
            self.forget_hook(why, out);
        }
    }

    /// Who rolls out has given it up.
    fn aborted(&mut self, now: Timestamp, out: &mut Outcome) {
        let why = "the rollout was aborted";
        self.rollout_over(why, true, now, out);
        self.forget_hook(why, out);
    }

    /// Its rollout is over.
    fn rollout_over(&mut self, why: &str, test: bool, now: Timestamp, out: &mut Outcome) {
        let Some(found) = self.found.as_mut().filter(|found| found.over.is_none()) else { return };
        found.over = Some(now);
        match (self.is_on(), test) {
            (true, true) => self.close(why, now, out),
            (true, false) => self.stop(why, false, now, out),
            (false, _) => self.resolve(why, now, out),
        }
    }

    /// It is judged no longer.
    pub(crate) fn end(&mut self, why: &str, now: Timestamp, out: &mut Outcome) {
        self.stop(why, false, now, out);
        self.resolve(why, now, out);
        self.forget_hook(why, out);
    }
}
