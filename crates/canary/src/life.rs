//! The life of a canary: its runs begin, take what was found, and end.

use std::time::Duration;

use base::Timestamp;
use judge::evidence::Verdict;
use kubernetes::rollouts::{Phase, RolloutKind};
use model::Verdict as Drift;
use model::rows::CanaryPoint;

use crate::config::Start;
use crate::definition::Definition;
use crate::finding::{Open, fire};
use crate::outcome::{Hook, Outcome};
use crate::points::Split;
use crate::run::{Origin, Run};
use crate::search::Found;
use crate::shares::Shares;
use crate::standing::{Standing, UNKNOWN};
use crate::version::Version;
use crate::{points, rows};

/// How long beyond the usual delay the last intervals of a rollout that is over are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A canary, and how it stands.
#[derive(Clone, Debug)]
pub struct Canary {
    pub(crate) definition: Definition,
    /// The definition as JSON.
    pub(crate) text: String,
    pub(crate) generation: i64,
    /// The last run.
    pub(crate) run: Option<Run>,
    pub(crate) open: Option<Open>,
    /// The receiver that was told to roll back, and of what.
    pub(crate) hook: Option<(String, String)>,
    /// What rolls out.
    pub(crate) rollout: Option<Origin>,
    /// Since when its resource agrees again with what is declared, after it rolled out.
    pub(crate) agreed: Option<Timestamp>,
    /// When it was last seen that its resource rolls out.
    pub(crate) rolled_at: Option<Timestamp>,
    /// The last verdict of its resource.
    pub(crate) drift: Option<Drift>,
    /// What is live of its resource; nothing if that is not known, or it has no pods.
    pub(crate) live: Option<Version>,
    /// Its resource has changed since its last run began, and no rollout was seen.
    pub(crate) unseen: bool,
    /// The resource is known not to be there.
    pub(crate) absent: bool,
    pub(crate) standing: Option<Standing>,
    /// What it is of, if it was found.
    pub(crate) found: Option<Found>,
}

impl Canary {
    pub(crate) fn new(definition: Definition, text: String, generation: i64) -> Self {
        Self {
            definition,
            text,
            generation,
            run: None,
            open: None,
            hook: None,
            rollout: None,
            agreed: None,
            rolled_at: None,
            drift: None,
            live: None,
            unseen: false,
            absent: false,
            standing: None,
            found: None,
        }
    }

    /// What it is.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// How its last run stands; nothing if it never ran.
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    /// The rollout that it is of, if it was found.
    pub(crate) fn of_rollout(&self) -> Option<&kubernetes::rollouts::Rollout> {
        self.found.as_ref().map(|found| &found.rollout)
    }

    /// Whether who asks by that name means it: Flagger's webhooks are called by the name of its `Canary`, which need not be that of
    /// the workload.
    pub fn is_called(&self, name: &str) -> bool {
        let Definition { name: own, target, .. } = &self.definition;
        let flagger = self.of_rollout().map(|rollout| rollout.flagger.as_str()).filter(|flagger| !flagger.is_empty());
        [own.as_str(), target.as_str()].into_iter().chain(flagger).any(|known| known == name)
    }

    /// Why its verdict is none of what rolls out now, for who has a rollout wait for it: nothing if it is, or may be. The tools
    /// that ask before they go on may ask for the next rollout before it was seen here.
    pub fn past(&self) -> Option<String> {
        let Some(found) = &self.found else {
            let unseen = self.unseen && self.definition.start == Start::Rollout;
            return unseen.then(|| "what it judged has changed, and no rollout was seen".to_owned());
        };
        let asks = matches!(found.rollout.kind, RolloutKind::Argo | RolloutKind::Flagger);
        match &found.unjudged {
            Some(why) => Some(format!("another version rolls out and is not judged ({why})")),
            None => (asks && found.over.is_some()).then(|| "its rollout is over".to_owned()),
        }
    }

    /// Its verdict (1 for a pass, -1 for a fail, else 0) and its score, for who has a rollout wait for it; nothing before its
    /// first run.
    pub fn numbers(&self) -> Option<[f64; 2]> {
        let standing = self.standing()?;
        Some(if self.past().is_some() { [0.0, UNKNOWN] } else { [standing.number(), standing.score] })
    }

    pub(crate) fn is_on(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.end.is_none())
    }

    /// When its next run begins by itself; nothing if it waits for a rollout, or for the end of a run.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match &self.run {
            _ if self.definition.start != Start::Always => None,
            None => Some(Timestamp::MIN),
            Some(run) if run.end.is_some() => Some(run.started.plus(self.definition.duration())),
            Some(_) => None,
        }
    }

    /// Time has passed.
    pub(crate) fn pass(&mut self, window: Duration, now: Timestamp, out: &mut Outcome) {
        if self.over(window).is_some_and(|over| over <= now) {
            self.rolled_out(now, out);
        }
        self.end_closing(now, out);
        let Some(due) = self.due().filter(|due| *due <= now) else { return };
        // One run after the other, without a gap, unless nobody has looked for long.
        let started = if now.since(due) < self.definition.interval() { due } else { now };
        let origin = self.rollout.clone().unwrap_or_else(|| self.own());
        self.begin(started, origin, now, out);
    }

    /// What is not of a rollout.
    fn own(&self) -> Origin {
        Origin { cause: format!("canary/{}", self.definition.name), ..Origin::default() }
    }

    pub(crate) fn begin(&mut self, started: Timestamp, origin: Origin, now: Timestamp, out: &mut Outcome) {
        self.stop("another run begins", false, now, out);
        if self.definition.start == Start::Rollout {
            self.forget_hook("another run begins", out);
            self.resolve("another rollout has begun", now, out);
        }
        let started = Timestamp::from_secs(started.millis().div_euclid(1000));
        if let Some(found) = &mut self.found {
            found.shares = Shares::since(started, found.rollout.share);
        }
        self.unseen = false;
        let mut run = Run::new(&self.definition, started, origin);
        run.of.clone_from(&self.live);
        self.run = Some(run);
        self.tell(now, out);
    }

    /// Ends a run that is on.
    pub(crate) fn stop(&mut self, why: &str, test: bool, now: Timestamp, out: &mut Outcome) {
        if let Some(run) = self.run.as_mut().filter(|run| run.end.is_none()) {
            // What it waits for the last intervals of was over before.
            match run.closing.take() {
                Some((_, over)) => run.finish(&self.definition, now, &over, true),
                None => run.finish(&self.definition, now, why, test),
            }
            self.tell(now, out);
            self.settle(now, out);
        }
    }

    /// What it is of is over: its run ends once the intervals that were over before have come, or have not for a while.
    pub(crate) fn close(&mut self, why: &str, now: Timestamp, out: &mut Outcome) {
        if let Some(run) = self.run.as_mut().filter(|run| run.end.is_none()) {
            run.closing = Some((now, why.to_owned()));
            self.end_closing(now, out);
        }
    }

    /// When its run ends at the latest, if it only waits for intervals that were over.
    pub(crate) fn closes(&self) -> Option<Timestamp> {
        let (over, _) = self.run.as_ref().filter(|run| run.end.is_none())?.closing.as_ref()?;
        let delay = Duration::from_millis(u64::try_from(self.definition.delay).unwrap_or(0));
        Some(over.plus(delay).plus(PATIENCE))
    }

    /// Ends a run that waits for intervals, if none is to come.
    fn end_closing(&mut self, now: Timestamp, out: &mut Outcome) {
        let (Some(run), Some(latest)) = (&self.run, self.closes()) else { return };
        let Some((over, why)) = run.closing.clone() else { return };
        let whole = run.next < self.definition.lifetime && self.definition.end(run.started, run.next) < over;
        if !whole || latest <= now {
            self.stop(&why, true, now, out);
        }
    }

    /// What queries found in an interval.
    pub(crate) fn points(&mut self, interval: usize, points: &[CanaryPoint], now: Timestamp, out: &mut Outcome) {
        let split = self.split(interval);
        let said = self.of_rollout().is_some_and(kubernetes::rollouts::Rollout::is_meant);
        let meant = if let (Split::Share(share), true) = (&split, said) { Some(*share) } else { None };
        let found = points::read(&self.definition, points, &split);
        let Some(run) = &mut self.run else { return };
        if run.take(&self.definition, interval, (found, meant), now) {
            if let Some(found) = &mut self.found {
                found.shares.forget(self.definition.end(run.started, interval));
            }
            self.tell(now, out);
            self.settle(now, out);
            self.end_closing(now, out);
        }
    }

    /// What is behind the numbers of both arms in an interval, where no query says it: of a canary that was found, the
    /// split of the traffic; else as much behind one as behind the other.
    fn split(&self, interval: usize) -> Split {
        let (Some(found), Some(run)) = (&self.found, &self.run) else { return Split::Even };
        let end = self.definition.end(run.started, interval);
        found.split(end.minus(self.definition.interval()), end)
    }

    /// How it stands now, as rows.
    pub(crate) fn tell(&mut self, now: Timestamp, out: &mut Outcome) {
        let Some(run) = &self.run else { return };
        let standing = Standing::of(&self.definition, run);
        let share = self.of_rollout().and_then(|rollout| rollout.share);
        out.runs.push(rows::run(&self.definition, run, &standing, share, now));
        if run.next > self.definition.warmup {
            out.evidence.extend(rows::evidence(&self.definition, run, &standing, now));
        }
        self.standing = Some(standing);
    }

    /// A run that has ended may open a finding, or resolve that of the one before.
    fn settle(&mut self, now: Timestamp, out: &mut Outcome) {
        let (Some(run), Some(standing)) = (&self.run, &self.standing) else { return };
        if run.end.is_none() {
            return;
        }
        let verdict = standing.verdict;
        metrics::counter!("steadfast_canary_runs_total", "verdict" => verdict.as_str()).increment(1);
        // Of one that always runs the next run begins with the end of the last: who rolls back has its length to be told.
        self.forget_hook("a later run is over", out);
        let (Some(run), Some(standing)) = (&self.run, &self.standing) else { return };
        match verdict {
            // Who rolls out has given it up already: to roll back would undo what runs now.
            Verdict::Fail if self.of_rollout().is_some_and(|rollout| rollout.phase == Phase::Aborted) => {}
            Verdict::Fail => {
                let since = self.open.as_ref().map_or(now, |open| open.since);
                let open = Open::new(&self.definition, run, standing, since);
                out.findings.push(open.row(&self.definition, None, now));
                self.open = Some(open);
                if let Some(receiver) = &self.definition.rollback {
                    let fire = fire(&self.definition, receiver, run, standing, now);
                    self.hook = Some((receiver.clone(), fire.incident.clone()));
                    out.hooks.push(Hook::Fire(Box::new(fire)));
                }
            }
            Verdict::Pass => self.resolve("a later run passes", now, out),
            _ => {}
        }
    }

    pub(crate) fn resolve(&mut self, why: &str, now: Timestamp, out: &mut Outcome) {
        if let Some(open) = self.open.take() {
            out.findings.push(open.row(&self.definition, Some(why), now));
        }
    }

    /// Who rolls back has nothing more to do. What was decided in the same breath is not told at all: it would be sent before it
    /// is taken back.
    pub(crate) fn forget_hook(&mut self, why: &str, out: &mut Outcome) {
        let Some((receiver, incident)) = self.hook.take() else { return };
        let decided = out.hooks.len();
        out.hooks.retain(|hook| !matches!(hook, Hook::Fire(fire) if fire.incident == incident));
        if out.hooks.len() == decided {
            let (scope, reason) = (self.definition.scope.clone(), why.to_owned());
            out.hooks.push(Hook::Forget { scope, receiver, incident, reason });
        }
    }
}
