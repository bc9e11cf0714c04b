//! A run: what was found so far, and the judge that has seen it.

use std::collections::BTreeMap;

use base::Timestamp;
use judge::evidence::Verdict;
use judge::request::MetricSetPair;
use judge::segments::{Segment, localise};
use judge::sequential::{Look, Run as Judge, plans};
use kubernetes::rollouts::Rollout;
use model::rows::VerdictRow;

use crate::config::Kind;
use crate::definition::{Definition, Metric};
use crate::points::{Found, NOTHING, Quad, measured};
use crate::version::Version;

/// Parts of the traffic of a metric whose data are kept.
const SEGMENTS: usize = 20;
/// Points of the parts of a run; with more, later parts are not kept.
const SEGMENT_POINTS: usize = 100_000;

/// What a run is of.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Origin {
    /// The cause of the finding if it fails.
    pub cause: String,
    pub revision: Option<String>,
    pub author: Option<String>,
    pub message: Option<String>,
}

impl Origin {
    /// A rollout of the cluster of which no verdict says what is declared.
    pub fn of_rollout(scope: &str, rollout: &Rollout) -> Self {
        let Rollout { namespace, name, revision, .. } = rollout;
        let cause = format!("rollout/{scope}/{namespace}/{name}/{revision}");
        Self { cause, revision: Some(revision.clone()).filter(|it| !it.is_empty()), ..Self::default() }
    }

    /// The rollout that a verdict is of.
    pub fn of(row: &VerdictRow) -> Self {
        Self {
            cause: format!("rollout/{}/{}", row.scope, row.revision.as_deref().unwrap_or_default()),
            revision: row.revision.clone(),
            author: row.author.clone(),
            message: row.message.clone(),
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct End {
    pub at: Timestamp,
    /// Why, if it was neither decided nor as long as it may be.
    pub why: Option<String>,
    /// The test at the end was made before the lifetime was over.
    pub tested: bool,
}

/// The data of a metric, by interval.
#[derive(Clone, Debug, Default)]
pub(crate) struct Data {
    pub whole: Vec<Quad>,
    pub segments: BTreeMap<String, Vec<Quad>>,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub id: String,
    pub started: Timestamp,
    pub origin: Origin,
    /// The version of its resource that it is of, as far as it is known.
    pub of: Option<Version>,
    /// Intervals so far.
    pub next: usize,
    pub data: Vec<Data>,
    /// Which part of the traffic the canary should have had in each interval; NaN where nobody says it.
    pub meant: Vec<f64>,
    /// When what it is of was over, and why, while intervals from before that may come.
    pub closing: Option<(Timestamp, String)>,
    /// Why the last interval of a metric could not be used.
    pub troubles: Vec<Option<String>>,
    pub end: Option<End>,
    /// Which part of the traffic carries the evidence of a metric that failed.
    pub top: Vec<Option<String>>,
    judge: Judge,
    /// The most evidence that something is worse, at any look.
    pub strongest: f64,
}

impl Run {
    pub fn new(definition: &Definition, started: Timestamp, origin: Origin) -> Self {
        let metrics = definition.metrics.len();
        Self {
            id: format!("{}/{}", definition.name, started.millis()),
            started,
            origin,
            of: None,
            next: 0,
            data: vec![Data::default(); metrics],
            meant: Vec::new(),
            closing: None,
            troubles: vec![None; metrics],
            end: None,
            top: vec![None; metrics],
            judge: Judge::new(plans(&definition.configs()), definition.settings()),
            strongest: 0.0,
        }
    }

    /// A run of which only the data were kept.
    pub fn again(definition: &Definition, run: Self) -> Self {
        let mut again =
            Self { judge: Judge::new(plans(&definition.configs()), definition.settings()), strongest: 0.0, ..run };
        for interval in 0..again.next {
            again.observe(definition, interval);
        }
        if again.end.as_ref().is_some_and(|end| end.tested) {
            again.judge.close();
        }
        again
    }

    /// Takes an interval, with the part of the traffic that the canary should have had in it; those before it that never came have
    /// no data. Nothing is taken of one that is known, or beyond the end.
    pub fn take(
        &mut self,
        definition: &Definition,
        interval: usize,
        (found, meant): (Vec<Found>, Option<f64>),
        now: Timestamp,
    ) -> bool {
        let closed = self.closing.as_ref().is_some_and(|(over, _)| definition.end(self.started, interval) >= *over);
        if interval < self.next || interval >= definition.lifetime || self.end.is_some() || closed {
            return false;
        }
        while self.next < interval {
            self.add(definition, vec![None; self.data.len()], None);
        }
        self.add(definition, found.into_iter().map(Some).collect(), meant);
        let decided = matches!(self.judge.look().verdict, Verdict::Fail | Verdict::Pass);
        if decided || self.next >= definition.lifetime {
            self.ends(definition, End { at: now, why: None, tested: false });
        }
        true
    }

    fn add(&mut self, definition: &Definition, found: Vec<Option<Found>>, meant: Option<f64>) {
        self.meant.push(meant.unwrap_or(f64::NAN));
        let room = segments(definition);
        for ((data, trouble), found) in self.data.iter_mut().zip(&mut self.troubles).zip(found) {
            data.whole.push(found.as_ref().map_or(NOTHING, |found| found.whole));
            for (name, quad) in found.iter().flat_map(|found| &found.segments) {
                if data.segments.len() < room || data.segments.contains_key(name) {
                    let kept = data.segments.entry(name.clone()).or_default();
                    kept.resize(self.next, NOTHING);
                    kept.push(*quad);
                }
            }
            *trouble = found.map_or_else(|| Some("nobody asked".to_owned()), |found| found.trouble);
        }
        self.observe(definition, self.next);
        self.next += 1;
    }

    /// Shows the judge an interval that is kept.
    fn observe(&mut self, definition: &Definition, interval: usize) {
        if interval < definition.warmup {
            return;
        }
        // Only of errors is it requests that are behind them: of others it may be pods, or their time.
        let meant = self.meant.get(interval).copied().filter(|meant| meant.is_finite());
        let weighed = |metric: &Metric| metric.kind == Kind::Errors && metric.exposure.is_some();
        self.judge.expect(definition.metrics.iter().map(|metric| meant.filter(|_| weighed(metric))));
        let metrics = self.data.iter().zip(&definition.metrics);
        let found = metrics.map(|(data, metric)| measured(metric, *data.whole.get(interval)?));
        self.judge.observe(found.collect::<Vec<_>>());
        self.strongest = self.strongest.max(self.judge.look().ln_fail);
    }

    /// Ends it before its lifetime is over, after a test of what there is, or without one.
    pub fn finish(&mut self, definition: &Definition, at: Timestamp, why: &str, test: bool) {
        if self.end.is_some() {
            return;
        }
        let tested = test && self.judge.seen() > 0;
        if tested {
            self.judge.close();
        }
        self.ends(definition, End { at, why: Some(why.to_owned()), tested });
    }

    fn ends(&mut self, definition: &Definition, end: End) {
        self.end = Some(end);
        let look = self.judge.look();
        if look.verdict != Verdict::Fail {
            return;
        }
        for (n, metric) in look.metrics.iter().enumerate() {
            if metric.verdict == Verdict::Fail
                && let Some(top) = self.top.get_mut(n)
            {
                *top = self.data.get(n).and_then(|data| carries(definition, n, data));
            }
        }
    }

    /// What the judge sees, and the judge.
    pub fn look(&self) -> (Look, &Judge) {
        (self.judge.look(), &self.judge)
    }
}

/// So many parts of the traffic are kept of a metric.
fn segments(definition: &Definition) -> usize {
    if definition.segment.is_none() {
        return 0;
    }
    SEGMENTS.min(SEGMENT_POINTS / (definition.lifetime * definition.metrics.len()).max(1))
}

/// The part of the traffic that is worse, with the most evidence.
fn carries(definition: &Definition, n: usize, data: &Data) -> Option<String> {
    let metric = definition.metrics.get(n)?;
    let pair = |quads: &Vec<Quad>| {
        let judged = || quads.iter().skip(definition.warmup);
        let of = |place: fn(&Quad) -> f64| judged().map(place).collect::<Vec<f64>>();
        // Without a query for it, what is behind sums is as the traffic is split, in each part as in the whole.
        let weighed = metric.exposure.is_some() || metric.adds_up();
        MetricSetPair {
            name: metric.name.clone(),
            control: of(|quad| quad[0]),
            experiment: of(|quad| quad[1]),
            exposures: weighed.then(|| (of(|quad| quad[2]), of(|quad| quad[3]))),
            ..MetricSetPair::default()
        }
    };
    let segments: Vec<Segment> =
        data.segments.iter().map(|(name, quads)| Segment { name: name.clone(), pair: pair(quads) }).collect();
    if segments.is_empty() {
        return None;
    }
    let settings = judge::request::Settings { warmup: Some(0), lifetime: None, ..definition.settings() };
    let found = localise(&metric.config(), &segments, settings);
    let found = found.inspect_err(
        |error| tracing::warn!(canary = definition.name, %error, "parts of the traffic cannot be told apart"),
    );
    found.ok()?.into_iter().find(|found| found.worse).map(|found| found.name)
}
