//! What happens to the resource of a canary: verdicts, other versions of it, its end.

use std::time::Duration;

use base::Timestamp;
use model::Verdict as Drift;
use model::rows::{Live, Rollout, VerdictRow};

use crate::config::Start;
use crate::life::Canary;
use crate::outcome::Outcome;
use crate::run::{Origin, Run};
use crate::version::Version;

impl Canary {
    /// When the rollout of its resource is over, so long after it has come to agree; nothing while it rolls out.
    pub(crate) fn over(&self, window: Duration) -> Option<Timestamp> {
        Some(self.agreed?.plus(window))
    }

    /// A verdict of its resource.
    pub(crate) fn verdict(&mut self, row: &VerdictRow, now: Timestamp, out: &mut Outcome) {
        let rolls = row.verdict == Drift::RollingOut;
        if self.found.is_some() {
            if rolls && row.previous != Drift::RollingOut {
                self.name(Origin::of(row), now, out);
            }
            return;
        }
        let came_to_rest = self.rollout.is_none() || self.agreed.is_some();
        self.drift = Some(row.verdict);
        match row.verdict {
            Drift::RollingOut => self.rolling_out(row, came_to_rest, now, out),
            Drift::InSync if self.rollout.is_some() => _ = self.agreed.get_or_insert(now),
            Drift::InSync | Drift::Unknown => {}
            _ => {
                if row.verdict == Drift::Behind {
                    self.agreed = None;
                }
                // Of what has pods it is known whether they are others.
                self.unseen |= self.live.is_none() && came_to_rest && self.run.is_some();
            }
        }
    }

    /// It rolls out: another rollout than that of the last run, unless what runs is what that run is of, or that one has not come
    /// to rest. A source that falls silent for a while, or a field that somebody changes meanwhile, ends no rollout.
    fn rolling_out(&mut self, row: &VerdictRow, came_to_rest: bool, now: Timestamp, out: &mut Outcome) {
        (self.agreed, self.rolled_at) = (None, Some(now));
        let settled = came_to_rest || row.previous == Drift::InSync;
        let begins = settled && row.previous != Drift::RollingOut && !self.runs_what_was_judged();
        let origin = Origin::of(row);
        if begins {
            self.rollout = Some(origin.clone());
            self.rolls_out(origin, now, out);
        } else if self.rollout.as_ref().is_none_or(|it| it.revision.is_none() && origin.revision.is_some()) {
            self.name(origin, now, out);
        }
    }

    /// Whether what is live is the version that its last run is of.
    fn runs_what_was_judged(&self) -> bool {
        let of = self.run.as_ref().filter(|_| self.definition.start == Start::Rollout).and_then(|run| run.of.as_ref());
        of.is_some() && of == self.live.as_ref()
    }

    /// What rolls out has that origin, and so has its run.
    fn name(&mut self, origin: Origin, now: Timestamp, out: &mut Outcome) {
        self.rollout = Some(origin.clone());
        if let Some(run) = self.run.as_mut().filter(|run| run.end.is_none()) {
            run.origin = origin;
            self.tell(now, out);
        }
    }

    fn rolls_out(&mut self, origin: Origin, now: Timestamp, out: &mut Outcome) {
        if self.definition.start == Start::Always {
            self.forget_hook("another rollout begins", out);
        }
        let fresh = self.run.as_ref().is_some_and(|run| run.next == 0);
        let joins = self.definition.start == Start::Always || fresh;
        match self.run.as_mut().filter(|run| joins && run.end.is_none()) {
            Some(run) => {
                (run.origin, run.of) = (origin, self.live.clone());
                self.tell(now, out);
            }
            None if self.definition.start == Start::Rollout => self.begin(now, origin, now, out),
            None => {}
        }
    }

    /// What rolls out in its scope.
    pub(crate) fn rolled(&mut self, row: &Rollout, now: Timestamp, out: &mut Outcome) {
        if row.state != "over" {
            // The first revision of a rollout names it, whichever was seen here first; a verdict names the one that live agrees with.
            // What no verdict names is another rollout than that of the scope.
            let own = self.of_rollout().map(|rollout| Origin::of_rollout(&row.scope, rollout).cause);
            let open = |run: &&mut Run| {
                let cause = &run.origin.cause;
                run.end.is_none() && cause.starts_with("rollout/") && own.as_ref() != Some(cause)
            };
            let run = self.run.as_mut().filter(open).map(|run| &mut run.origin);
            for origin in self.rollout.as_mut().into_iter().chain(run) {
                origin.cause.clone_from(&row.cause);
                origin.revision.clone_from(&row.revision);
                origin.author.clone_from(&row.author);
            }
            return;
        }
        // It was decided before it came here: what has begun to roll out since is not over, nor is what has not come to agree.
        let later = self.rolled_at.is_some_and(|at| at >= row.time);
        if !later && matches!(self.drift, None | Some(Drift::InSync | Drift::RollingOut)) {
            self.rolled_out(now, out);
        }
    }

    /// What rolled out in its scope, or its resource alone, does so no longer.
    pub(crate) fn rolled_out(&mut self, now: Timestamp, out: &mut Outcome) {
        (self.rollout, self.agreed) = (None, None);
        // The objects of its cluster say when one that was found is over.
        if self.definition.start != Start::Rollout || self.found.is_some() {
            return;
        }
        if self.is_on() {
            self.stop("the rollout is over", true, now, out);
        } else {
            self.resolve("the rollout is over", now, out);
        }
    }

    /// Its resource was seen, or is gone.
    pub(crate) fn live(&mut self, row: &Live, now: Timestamp, out: &mut Outcome) {
        if self.found.is_some() {
            return;
        }
        let came = row.present && self.absent;
        self.absent = !row.present;
        if !row.present {
            self.live = None;
            self.end("what was judged is gone", now, out);
            return;
        }
        let another = self.sees(Version::of(row));
        let unknown = Origin { cause: format!("rollout/{}/", row.scope), ..Origin::default() };
        if another {
            (self.rollout, self.agreed, self.rolled_at) = (Some(unknown.clone()), None, Some(now));
        }
        if came || another {
            self.rolls_out(self.rollout.clone().unwrap_or(unknown), now, out);
        }
    }

    /// What is live is of that version now: whether it is another than before.
    fn sees(&mut self, version: Option<Version>) -> bool {
        let before = std::mem::replace(&mut self.live, version);
        let known = before.as_ref().or_else(|| self.run.as_ref()?.of.as_ref());
        let another = known.zip(self.live.as_ref()).is_some_and(|(a, b)| a.is_followed_by(b));
        if let Some(run) = self.run.as_mut().filter(|_| !another) {
            // The same, in the form of another schema; or a run that began before anything was known of it.
            if (run.of.is_some() && run.of == before) || (run.of.is_none() && run.end.is_none()) {
                run.of.clone_from(&self.live);
            }
        }
        another
    }
}
