//! One run: a scenario, played in simulated time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Rng, Simulation, Timestamp};
use model::rows::Reaction;
use model::{Batch, Severity, shard_of};

use crate::oracle::{Fact, History, Told};
use crate::scenario::{End, Event, Scenario};
use crate::world::disk::Disk;
use crate::world::facts;
use crate::world::idle::Idle;
use crate::world::input::{self, About, Input};
use crate::world::outside::Outside;
use crate::world::process::{Ground, Process};
use crate::world::setup::Setup;

/// How long after the last fault everything is as if there had been none: the longest back-off of a provider,
/// twice, and what a provider may ask to wait.
const RECOVERS: Duration = Duration::from_secs(15 * 60);
/// Between two inputs.
const APART: Duration = Duration::from_millis(2);
/// What is not taken is put again after this.
const AGAIN: Duration = Duration::from_millis(500);
/// The longest that a request may take, and an orderly end.
const LONGEST: Duration = Duration::from_secs(30);
/// What a read or a save that fails may hold up.
const HOLDS_UP: Duration = Duration::from_secs(60);

/// Plays a scenario; the same one gives the same history.
pub fn play(scenario: Scenario, seed: u64) -> History {
    let (runtime, idle) = Idle::runtime();
    let history = runtime.block_on(Run::new(scenario, seed, idle).play());
    runtime.shutdown_background();
    history
}

struct Run {
    idle: Idle,
    simulation: Simulation,
    ground: Ground,
    setup: Setup,
    process: Option<Process>,
    lives: Vec<Duration>,
    events: BTreeMap<(Duration, u64), Event>,
    next: u64,
    /// When the process that is not there ended.
    down: Option<Duration>,
    faults: Vec<(Option<String>, Duration, Duration)>,
    routes: Vec<Told>,
    /// The last reaction, and how many there were.
    reaction: Option<Reaction>,
    reactions: u64,
    is_clean: bool,
    /// When the last thing happened.
    last: Duration,
}

impl Run {
    fn new(scenario: Scenario, seed: u64, idle: Idle) -> Self {
        let (clock, simulation) = Clock::simulated(Timestamp::from_secs(1_764_065_800));
        let rng = Rng::seeded(seed ^ 0x5eed);
        let outside = Arc::new(Outside::new(clock.clone(), rng.clone(), scenario.weather.clone()));
        let disk = Arc::new(Disk::new(clock.clone(), scenario.setup.shards));
        let ground = Ground { clock, rng, disk, store: Arc::default(), outside, broken: Arc::default() };
        let faults = scenario.weather.iter().map(|it| (it.receiver.clone(), it.from, it.to + LONGEST)).collect();
        let last = scenario.weather.iter().map(|it| it.to + LONGEST).max().unwrap_or_default();
        let events = scenario.events.into_iter().enumerate();
        let events: BTreeMap<_, _> = events.map(|(n, (at, event))| ((at, n as u64), event)).collect();
        Self {
            idle,
            simulation,
            ground,
            setup: scenario.setup,
            process: None,
            lives: Vec::new(),
            next: events.len() as u64,
            events,
            down: Some(Duration::ZERO),
            faults,
            routes: Vec::new(),
            reaction: None,
            reactions: 0,
            is_clean: scenario.is_clean,
            last,
        }
    }

    async fn play(mut self) -> History {
        self.start();
        self.reload();
        loop {
            self.idle.wait().await;
            if self.ground.disk.died() {
                let down = self.ground.rng.jitter(Duration::from_secs(5));
                self.kill(End { down, loses: None, damages: None, tears: false }).await;
                continue;
            }
            let now = self.now();
            let Some(event) = self.events.first_entry().filter(|event| event.key().0 <= now) else {
                if self.events.is_empty() && now >= self.last + RECOVERS {
                    return self.history();
                }
                self.pass(now);
                continue;
            };
            let event = event.remove();
            self.last = self.last.max(now);
            self.happen(event).await;
        }
    }

    fn now(&self) -> Duration {
        self.ground.clock.monotonic()
    }

    /// Lets time pass until something is due.
    fn pass(&self, now: Duration) {
        let event = self.events.first_key_value().map(|((at, _), _)| at.saturating_sub(now));
        let step = [event, self.simulation.next_in()].into_iter().flatten().min();
        self.simulation.advance(step.unwrap_or(LONGEST).clamp(Duration::from_nanos(1), LONGEST));
    }

    fn later(&mut self, at: Duration, event: Event) {
        self.next += 1;
        self.events.insert((at, self.next), event);
    }

    fn fault(&mut self, from: Duration, to: Duration) {
        self.faults.push((None, from, to));
        self.last = self.last.max(to);
    }

    async fn happen(&mut self, event: Event) {
        let now = self.now();
        match event {
            Event::Put(input) => self.put(input),
            Event::Start => self.start(),
            Event::Kill { .. } | Event::Stop { .. } if self.process.is_none() => {}
            Event::Kill { after, turns, end } => {
                after.into_iter().for_each(|input| self.put(input));
                for _ in 0..turns {
                    tokio::task::yield_now().await;
                }
                self.kill(end).await;
            }
            Event::Stop { pd_min, down } => {
                self.stop(down).await;
                self.setup.pd_min = pd_min;
            }
            Event::Arm { appends, side } => self.ground.disk.arm(appends, side),
            Event::Full(lasts) => {
                self.ground.disk.fill_until(now + lasts);
                self.fault(now, now + lasts + HOLDS_UP);
            }
            Event::Doubt(appends) => {
                self.ground.disk.doubt(appends);
                self.fault(now, now + HOLDS_UP);
            }
            Event::FailReads(reads) => {
                self.ground.disk.fail_reads(reads);
                self.fault(now, now + HOLDS_UP);
            }
            Event::FailStore(times) => {
                self.ground.store.fail(times);
                self.fault(now, now + HOLDS_UP);
            }
            Event::Jump(seconds) => {
                let by = Duration::from_secs(seconds.unsigned_abs());
                let wall = self.ground.clock.now();
                self.simulation.set_wall(if seconds < 0 { wall.minus(by) } else { wall.plus(by) });
                self.fault(now, now);
            }
            Event::Reload => {
                self.setup.tells = 1 - self.setup.tells;
                self.reload();
                if let Some(process) = &self.process {
                    process.configure(&self.ground, &self.setup).await;
                }
            }
            Event::Truncate => {
                if let Some(process) = &self.process {
                    process.truncate().await;
                }
            }
        }
    }

    fn start(&mut self) {
        if self.process.is_some() {
            return;
        }
        let (now, life) = (self.now(), self.lives.len() as u32);
        self.process = Some(Process::start(&self.ground, &self.setup, life));
        self.lives.push(now);
        let down = self.down.take().unwrap_or(now);
        if life > 0 {
            self.fault(down, now + Duration::from_secs(1));
        }
        self.route();
    }

    fn route(&mut self) {
        let (at, wall_ms) = (self.now(), self.ground.clock.now().millis());
        self.routes.push(Told { at, wall_ms, fact: Fact::Routes(self.setup.routes()) });
    }

    /// Puts the Alertmanager configuration on the log.
    fn reload(&mut self) {
        let Some(row) = self.setup.routing(self.ground.clock.now()) else { return };
        let batch = Batch::of(folds::routing::KEY, &[row]).unwrap();
        if self.everywhere(&batch) {
            self.route();
        } else {
            self.setup.tells = 1 - self.setup.tells;
            let at = self.now() + AGAIN;
            self.later(at, Event::Reload);
        }
    }

    async fn kill(&mut self, end: End) {
        let Some(process) = self.process.take() else { return };
        process.confess(&self.ground);
        process.kill(&self.ground.clock).await;
        self.idle.wait().await;
        process.log.close();
        if end.tears {
            let shard = self.ground.rng.below(self.setup.shards.into()) as u32;
            let length = 1 + self.ground.rng.below(15) as usize;
            self.ground.disk.tear(shard, &self.ground.rng.bytes()[..length]);
        }
        end.loses.into_iter().for_each(|prefix| self.ground.store.lose(prefix));
        end.damages.into_iter().for_each(|prefix| self.ground.store.damage(prefix));
        self.is_down(end.down);
    }

    async fn stop(&mut self, down: Duration) {
        let Some(process) = self.process.take() else { return };
        process.shutdown.start();
        let (tasks, clock) = (process.tasks.clone(), self.ground.clock.clone());
        let mut join = std::pin::pin!(tasks.join(&clock, LONGEST));
        while futures::poll!(join.as_mut()).is_pending() {
            self.idle.wait().await;
            self.simulation.advance(self.simulation.next_in().unwrap_or(LONGEST));
        }
        self.idle.wait().await;
        process.confess(&self.ground);
        process.log.close();
        self.is_down(down);
    }

    fn is_down(&mut self, down: Duration) {
        let now = self.now();
        self.down = Some(now);
        self.last = self.last.max(now);
        self.later(now + down, Event::Start);
    }

    fn put(&mut self, input: Input) {
        let time = self.ground.clock.now();
        let taken = match &input {
            Input::Finding { cause, nth, state, severity, poisonous } => {
                let (nth, state, severity, poisonous) = (*nth, *state, *severity, *poisonous);
                self.append(input::findings(&[About { cause, nth, state, severity, poisonous }], time))
            }
            Input::Findings { cause, count, state } => {
                let about = |nth| About { cause, nth, state: *state, severity: Severity::Error, poisonous: false };
                self.append(input::findings(&(0..*count).map(about).collect::<Vec<_>>(), time))
            }
            Input::Posting { name, fires } => self.append(input::posting(name, *fires, time)),
            Input::Silence { id, cause, on } => self.everywhere(&input::silence(*id, cause, *on, time)),
            Input::Reaction { action, nth } => self.react(action, *nth, time),
            Input::ReactionAgain => self.react_again(),
            Input::Rolls { cluster, revision, on } => self.append(input::rolls(*cluster, *revision, *on, time)),
        };
        if !taken {
            let at = self.now() + AGAIN;
            self.later(at, Event::Put(input));
        }
        self.simulation.advance(APART);
    }

    fn append(&self, batch: Batch) -> bool {
        let shard = shard_of(&batch.key, self.setup.shards);
        self.process.as_ref().is_some_and(|process| process.log.put(shard, batch))
    }

    fn everywhere(&self, batch: &Batch) -> bool {
        let Some(process) = &self.process else { return false };
        (0..self.setup.shards).all(|shard| process.log.put(shard, batch.clone()))
    }

    fn react(&mut self, action: &str, nth: u64, time: Timestamp) -> bool {
        let open = self.ground.outside.open("pd");
        let Some(key) = open.get(nth as usize % open.len().max(1)) else { return true };
        self.reactions += 1;
        let reaction = input::reaction(key, action, self.reactions, time);
        self.reaction = Some(reaction.clone());
        self.everywhere(&Batch::of("reactions", &[reaction]).unwrap())
    }

    fn react_again(&self) -> bool {
        let Some(reaction) = self.reaction.clone() else { return true };
        self.everywhere(&Batch::of("reactions", &[reaction]).unwrap())
    }

    fn history(self) -> History {
        let kept = self.ground.disk.kept();
        let mut facts = facts::facts(&kept);
        facts.extend(self.routes);
        facts.sort_by_key(|told| told.at);
        self.process.iter().for_each(|process| process.confess(&self.ground));
        let broken = self.ground.broken.lock().unwrap().clone();
        let leaves = |zone: u64| (0..3).map(|n| format!("alert/leaf-{zone}-{n}")).collect();
        History {
            facts,
            seen: self.ground.outside.seen(),
            whys: facts::whys(&kept),
            receivers: self.setup.known(),
            lives: self.lives,
            faults: self.faults,
            waits: self.setup.waits(),
            window: self.setup.rollout_window,
            inhibits: (0..2).map(|zone| (format!("alert/root-{zone}"), leaves(zone))).collect(),
            recovers: RECOVERS,
            broken,
            is_clean: self.is_clean,
            end: self.ground.clock.monotonic(),
        }
    }
}
