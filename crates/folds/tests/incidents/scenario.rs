//! What happens in a run, drawn from its seed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::Rng;
use model::{AlertState, Severity};

use crate::weather;
use crate::world::disk::Side;
use crate::world::input::Input;
use crate::world::outside::Weather;
use crate::world::setup::Setup;

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Put(Input),
    /// The process ends so many turns after an input, wherever it is then.
    Kill {
        after: Option<Input>,
        turns: u64,
        end: End,
    },
    /// It ends at the append after so many others.
    Arm {
        appends: u32,
        side: Side,
    },
    /// It ends in order.
    Stop {
        pd_min: Severity,
        down: Duration,
    },
    Start,
    /// The disk is full for so long.
    Full(Duration),
    /// Appends that are durable say that they are not.
    Doubt(u32),
    FailReads(u32),
    FailStore(u32),
    /// The wall clock is set, by so many seconds.
    Jump(i64),
    /// Another Alertmanager configuration: somebody else is told.
    Reload,
    /// What nobody needs of the log is cut.
    Truncate,
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    pub down: Duration,
    /// Checkpoints that are lost, by what their names begin with.
    pub loses: Option<&'static str>,
    /// Those that are damaged.
    pub damages: Option<&'static str>,
    /// A write was under way.
    pub tears: bool,
}

/// Clusters in which something rolls out now and then.
const CLUSTERS: u64 = 2;

/// See the module.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub setup: Setup,
    pub weather: Vec<Weather>,
    pub events: Vec<(Duration, Event)>,
    /// Nothing goes wrong, ever.
    pub is_clean: bool,
}

impl Scenario {
    pub fn draw(seed: u64) -> Self {
        let rng = Rng::seeded(seed);
        let is_clean = seed.is_multiple_of(5);
        let setup = setup(&rng);
        let mut draw = Draw {
            rng,
            setup,
            at: Duration::from_secs(1),
            events: Vec::new(),
            fired: BTreeMap::new(),
            posted: BTreeSet::new(),
            silenced: BTreeMap::new(),
            rolling: BTreeSet::new(),
            revision: 0,
        };
        let steps = 8 + draw.rng.below(45);
        (0..steps).for_each(|_| draw.step());
        let horizon = draw.at + Duration::from_secs(5);
        let weather = if is_clean { Vec::new() } else { weather::draw(&draw.rng, &draw.setup, horizon) };
        if !is_clean {
            draw.faults(horizon);
        }
        draw.at = horizon;
        draw.end();
        draw.events.sort_by_key(|(at, _)| *at);
        Self { setup: draw.setup, weather, events: draw.events, is_clean }
    }
}

/// One receiver, and nothing else.
pub fn plain() -> Setup {
    Setup {
        shards: 1,
        group_wait: Duration::ZERO,
        pd_min: Severity::Info,
        hook_min: None,
        hook_kind: "webhook",
        fallback: None,
        again: Duration::from_secs(60),
        digest_after: 500,
        alertmanager: None,
        tells: 0,
        rollout_window: Duration::ZERO,
    }
}

fn setup(rng: &Rng) -> Setup {
    let secs = |bound: u64| Duration::from_secs(rng.below(bound));
    let alertmanager = (rng.below(2) == 0).then(|| (secs(5), Duration::from_secs(5 + rng.below(30))));
    let hook = rng.below(3);
    let rolls = alertmanager.is_none() && rng.below(2) == 0;
    Setup {
        shards: if alertmanager.is_some() { 1 } else { 1 + rng.below(2) as u32 },
        group_wait: if rng.below(3) == 0 { secs(20) } else { Duration::ZERO },
        pd_min: if rng.below(3) == 0 { Severity::Error } else { Severity::Info },
        hook_min: (hook == 0).then_some(Severity::Warning),
        hook_kind: "webhook",
        fallback: (hook == 1).then(|| Duration::from_secs(20 + rng.below(200))),
        again: Duration::from_secs(30 + rng.below(150)),
        digest_after: if rng.below(3) == 0 { 2 + rng.below(4) as usize } else { 500 },
        alertmanager,
        tells: 0,
        rollout_window: if rolls { Duration::from_secs(20 + rng.below(300)) } else { Duration::ZERO },
    }
}

struct Draw {
    rng: Rng,
    setup: Setup,
    at: Duration,
    events: Vec<(Duration, Event)>,
    /// Causes and their findings that have fired.
    fired: BTreeMap<String, BTreeSet<u64>>,
    posted: BTreeSet<String>,
    silenced: BTreeMap<u64, String>,
    /// Clusters that roll out.
    rolling: BTreeSet<u64>,
    revision: u64,
}

impl Draw {
    fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.rng.below(of.len() as u64) as usize]
    }

    fn put(&mut self, input: Input) {
        self.events.push((self.at, Event::Put(input.clone())));
        // Deliveries repeat, late and in another order.
        if self.rng.below(12) == 0 {
            let later = self.at + self.rng.jitter(Duration::from_secs(20));
            self.events.push((later, Event::Put(input)));
        }
    }

    fn step(&mut self) {
        let gap = self.pick(&[Duration::from_millis(20), Duration::from_secs(3), Duration::from_secs(60)]);
        self.at += Duration::from_millis(2) + self.rng.jitter(gap);
        match self.rng.below(20) {
            0..=6 => self.fire(),
            7..=10 => self.resolve(),
            11 => self.storm(),
            12 => self.flap(),
            13 => self.widen(),
            14 | 15 if self.setup.alertmanager.is_some() => self.post(),
            16 if self.setup.alertmanager.is_some() => self.silence(),
            14..=16 if self.rolls() => self.roll(),
            17 => {
                let action = self.pick(&["acknowledged", "resolved", "unacknowledged", "reopened", "annotated"]);
                let nth = self.rng.below(10);
                self.put(Input::Reaction { action, nth });
            }
            18 => self.events.push((self.at, Event::Put(Input::ReactionAgain))),
            19 if self.setup.alertmanager.is_some() => self.events.push((self.at, Event::Reload)),
            _ => self.fire(),
        }
    }

    fn rolls(&self) -> bool {
        !self.setup.rollout_window.is_zero()
    }

    fn cause(&self) -> String {
        let scope = if self.rolls() && self.rng.below(2) == 0 {
            format!("k8s/c-{}", self.rng.below(CLUSTERS))
        } else {
            format!("host/web-{}", self.rng.below(5))
        };
        if self.rng.below(4) == 0 { format!("{scope}/commit") } else { scope }
    }

    /// A cluster begins to roll out, or has done so.
    fn roll(&mut self) {
        let cluster = self.rng.below(CLUSTERS);
        let on = !self.rolling.remove(&cluster);
        if on {
            self.rolling.insert(cluster);
            self.revision += 1;
        }
        self.put(Input::Rolls { cluster, revision: self.revision, on });
    }

    fn fire(&mut self) {
        let (cause, nth) = (self.cause(), self.rng.below(4));
        let severity =
            self.pick(&[Severity::Info, Severity::Warning, Severity::Error, Severity::Error, Severity::Critical]);
        self.fire_one(cause, nth, severity);
    }

    fn fire_one(&mut self, cause: String, nth: u64, severity: Severity) {
        self.fired.entry(cause.clone()).or_default().insert(nth);
        let poisonous = self.rng.below(8) == 0;
        self.put(Input::Finding { cause, nth, state: AlertState::Firing, severity, poisonous });
    }

    fn end_one(&mut self, cause: String, nth: u64) {
        let state = if self.rng.below(6) == 0 { AlertState::Unknown } else { AlertState::Resolved };
        self.put(Input::Finding { cause, nth, state, severity: Severity::Info, poisonous: false });
    }

    fn resolve(&mut self) {
        let nth = self.rng.below(self.fired.len() as u64) as usize;
        let Some((cause, findings)) = self.fired.iter().nth(nth).map(|(cause, nths)| (cause.clone(), nths.clone()))
        else {
            return;
        };
        for nth in findings {
            self.at += Duration::from_millis(self.rng.below(300));
            self.end_one(cause.clone(), nth);
        }
    }

    /// Many causes at once, of which each is an incident. A digest names at most twenty.
    fn storm(&mut self) {
        for host in 0..12 {
            self.at += Duration::from_millis(self.rng.below(5));
            self.fire_one(format!("host/storm-{host:02}"), 0, Severity::Error);
        }
    }

    fn flap(&mut self) {
        let (cause, gap) = (self.cause(), self.pick(&[5, 400, 6000]));
        for _ in 0..self.rng.below(6) {
            self.fire_one(cause.clone(), 0, Severity::Error);
            self.at += Duration::from_millis(2 + self.rng.below(gap));
            self.end_one(cause.clone(), 0);
            self.at += Duration::from_millis(2 + self.rng.below(gap));
        }
    }

    fn widen(&mut self) {
        let cause = self.cause();
        for nth in 0..(5 + self.rng.below(20)) {
            self.at += Duration::from_millis(self.rng.below(2000));
            self.fire_one(cause.clone(), nth, Severity::Warning);
        }
    }

    fn post(&mut self) {
        let zone = self.rng.below(2);
        let root = self.rng.below(4) == 0;
        let name = if root { format!("root-{zone}") } else { format!("leaf-{zone}-{}", self.rng.below(3)) };
        let fires = !self.posted.contains(&name) || self.rng.below(2) == 0;
        self.posted.insert(name.clone());
        self.put(Input::Posting { name, fires });
    }

    fn silence(&mut self) {
        if let Some((id, cause)) = self.silenced.pop_first().filter(|_| self.rng.below(2) == 0) {
            return self.put(Input::Silence { id, cause, on: false });
        }
        let posted = self.posted.iter().nth(self.rng.below(self.posted.len() as u64) as usize);
        let cause = posted.map_or_else(|| self.cause(), |name| format!("alert/{name}"));
        let id = self.events.len() as u64;
        self.silenced.insert(id, cause.clone());
        self.put(Input::Silence { id, cause, on: true });
    }

    /// Most of what is open ends.
    fn end(&mut self) {
        for (id, cause) in std::mem::take(&mut self.silenced) {
            self.at += Duration::from_millis(5);
            self.events.push((self.at, Event::Put(Input::Silence { id, cause, on: false })));
        }
        for cluster in std::mem::take(&mut self.rolling) {
            self.at += Duration::from_millis(5);
            let input = Input::Rolls { cluster, revision: self.revision, on: false };
            self.events.push((self.at, Event::Put(input)));
        }
        for (cause, findings) in std::mem::take(&mut self.fired) {
            if self.rng.below(3) == 0 {
                continue;
            }
            for nth in findings {
                self.at += Duration::from_millis(5);
                let input = Input::Finding {
                    cause: cause.clone(),
                    nth,
                    state: AlertState::Resolved,
                    severity: Severity::Info,
                    poisonous: false,
                };
                self.events.push((self.at, Event::Put(input)));
            }
        }
        for name in std::mem::take(&mut self.posted) {
            self.at += Duration::from_millis(5);
            let fires = self.rng.below(3) == 0;
            self.events.push((self.at, Event::Put(Input::Posting { name, fires })));
        }
    }

    fn faults(&mut self, horizon: Duration) {
        let cuts = self.rng.below(2) == 0;
        for _ in 0..self.rng.below(8) {
            let at = self.rng.jitter(horizon);
            let event = self.fault(cuts);
            self.events.push((at, event));
        }
        if cuts {
            let at = self.rng.jitter(horizon);
            self.events.push((at, Event::Truncate));
        }
    }

    /// A log that was cut needs its checkpoints.
    fn fault(&mut self, cuts: bool) -> Event {
        match self.rng.below(11) {
            0 | 1 => {
                let of = [None, Some("folds"), Some("notify"), Some("")];
                let loses = self.pick(&of).filter(|_| !cuts);
                let damages = self.pick(&of).filter(|_| !cuts && loses.is_none());
                let down = self.down();
                let end = End { down, loses, damages, tears: self.rng.below(2) == 0 };
                let input = Input::Finding {
                    cause: self.cause(),
                    nth: 0,
                    state: AlertState::Firing,
                    severity: Severity::Error,
                    poisonous: false,
                };
                let after = (self.rng.below(2) == 0).then_some(input);
                if let Some(Input::Finding { cause, nth, .. }) = &after {
                    self.fired.entry(cause.clone()).or_default().insert(*nth);
                }
                Event::Kill { after, turns: self.rng.below(30), end }
            }
            2..=4 => Event::Arm { appends: self.rng.below(12) as u32, side: self.pick(&[Side::Before, Side::After]) },
            5 => Event::Stop { pd_min: self.pick(&[Severity::Info, Severity::Error]), down: self.down() },
            6 => Event::Full(self.rng.jitter(Duration::from_secs(30))),
            7 => Event::Doubt(1 + self.rng.below(3) as u32),
            8 => Event::FailReads(1 + self.rng.below(3) as u32),
            9 => Event::FailStore(1 + self.rng.below(5) as u32),
            _ if self.setup.alertmanager.is_none() && self.setup.group_wait.is_zero() && !self.rolls() => {
                Event::Jump(self.pick(&[-86_400, -240, -5, 5, 3600]))
            }
            _ => Event::Doubt(1),
        }
    }

    fn down(&self) -> Duration {
        let most = self.pick(&[Duration::from_millis(100), Duration::from_secs(5), Duration::from_secs(120)]);
        self.rng.jitter(most)
    }
}
