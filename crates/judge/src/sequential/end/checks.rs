//! The checks of one metric, and of all together.

use super::regression::{Memories, Pair, Regressed};
use super::shapes::{CLOSE_LEVEL, COUNTS, LEVEL, SPREAD, Shape, TOGETHER};
use super::strays::{Far, Strays, median};
use super::tally;
use crate::evidence::EndCheck;
use crate::sequential::counts::Tick;
use crate::sequential::metric::{Measured, Metric};
use crate::sequential::side::{alike, relative_beyond};

/// A difference of more than so many robust standard deviations counts as one of so many.
const CLIP: f64 = 5.0;
/// The same where what is far off shall not hide the rest: a mean of normal noise tells a hundredth less then (Huber 1964).
const CLOSE: f64 = 2.0;
/// A metric's part in all together, in standard deviations.
const CLIP_TOGETHER: f64 = 3.0;
/// Shares of spread, of levels and of counts; the rest is for shift, and for counts.
const SPREADS: (f64, f64) = (0.25, 0.1);
/// Share of the tails of all metrics, where one strayed far often enough to show something.
const TAILS: f64 = 0.35;
/// Fewer counts an interval, in the middle, have no spread to speak of.
const FEW: f64 = 5.0;
/// What one check of one direction gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    pub(super) check: EndCheck,
    pub(super) sign: f64,
    pub(super) weight: f64,
    pub(super) p: f64,
}

/// Of what is spent at the end: for a metric's tail in each direction, and for all else.
#[derive(Clone, Debug)]
pub(super) struct Share {
    tails: Vec<f64>,
    rest: f64,
}

/// What a level shows, and what it shows without what is far off: where there is nothing of that, both are one check.
struct Level {
    all: Option<Regressed>,
    close: Option<Regressed>,
}

/// A metric with what its checks are made of.
pub(super) struct Judged<'a> {
    intervals: &'a [Option<Measured>],
    memories: &'a Memories,
    metric: &'a Metric,
    strays: Option<Strays>,
    far: Vec<Far>,
    /// Of each direction what its level shows; nothing of counts.
    levels: Vec<Level>,
    /// How far each memory of the level is believed.
    posterior: Option<Vec<f64>>,
}

impl<'a> Judged<'a> {
    pub(super) fn new(intervals: &'a [Option<Measured>], memories: &'a Memories, metric: &'a Metric) -> Self {
        let (levels, posterior) = (Vec::new(), None);
        let mut out = Self { intervals, memories, metric, strays: None, far: Vec::new(), levels, posterior };
        out.regress();
        if out.has_spread() {
            let (baseline, canary): (Vec<f64>, Vec<f64>) = out.points().map(|at| (at.baseline, at.canary)).unzip();
            let strays = Strays::of(&baseline, &canary);
            out.far = metric.plan().signs.iter().map(|sign| strays.far(*sign)).collect();
            out.strays = Some(strays);
        }
        out
    }

    fn regress(&mut self) {
        let plan = self.metric.plan();
        if plan.counts() {
            return;
        }
        let of = |sign: &f64| {
            let all = self.shifts(*sign);
            let close =
                Pair { difference: clipped(all.difference.clone(), CLOSE), sum: clipped(all.sum.clone(), CLOSE) };
            Level { all: self.memories.regress(&all, &LEVEL), close: self.memories.regress(&close, &CLOSE_LEVEL) }
        };
        self.levels = plan.signs.iter().map(of).collect();
        let first = self.levels.first().and_then(|level| level.all.as_ref());
        self.posterior = first.map(|found| found.posterior(&self.memories.beliefs()));
    }

    /// How far each memory of its level is believed after the run.
    pub(super) fn posterior(&self) -> Option<&[f64]> {
        self.posterior.as_deref()
    }

    pub(super) fn share(&self) -> f64 {
        self.metric.plan().share
    }

    fn points(&self) -> impl Iterator<Item = &'a Measured> {
        self.intervals.iter().flatten()
    }

    /// Arms are alike in spread only where both have one weight, and counts where there are some.
    fn has_spread(&self) -> bool {
        let (mut sum, mut n, mut even) = (0.0, 0.0, true);
        for Measured { baseline, canary, exposure } in self.points() {
            sum += f64::midpoint(*baseline, *canary);
            n += 1.0;
            even &= alike(*exposure);
        }
        even && (sum >= FEW * n || !self.metric.plan().counts())
    }

    /// What its checks gave, where memories are believed so far.
    pub(super) fn findings(&self, share: Share, beliefs: &[f64]) -> Vec<Finding> {
        let plan = self.metric.plan();
        let ways = plan.signs.len() as f64;
        let spread = match (&self.strays, plan.counts()) {
            (None, _) => 0.0,
            (_, false) => SPREADS.0,
            (_, true) => SPREADS.1,
        };
        let mut out = Vec::new();
        let each = self.levels.iter().map(Some).chain(std::iter::repeat(None));
        for (sign, level) in plan.signs.iter().zip(each) {
            let weight = share.rest * (1.0 - spread) / ways;
            let ratio = (1.0 + plan.bounds.margin).powf(*sign);
            let found = if plan.counts() { self.counts(*sign, ratio) } else { levels(level, beliefs) };
            out.extend(found.into_iter().map(|(check, part, p)| Finding {
                check,
                sign: *sign,
                weight: weight * part,
                p,
            }));
        }
        let Some(strays) = &self.strays else { return out };
        let sign = plan.signs.first().copied().unwrap_or(1.0);
        let memories = Memories::of_spreads();
        let found = tails(memories.regress(&strays.spreads(), &SPREAD).as_ref(), &memories.beliefs(), &SPREAD);
        out.extend(found.map(|(_, part, p)| Finding {
            check: EndCheck::Spread,
            sign,
            weight: share.rest * spread * part,
            p,
        }));
        let far = plan.signs.iter().zip(&self.far).zip(&share.tails);
        out.extend(far.map(|((sign, far), weight)| Finding {
            check: EndCheck::Tail,
            sign: *sign,
            weight: *weight,
            p: far.tail(),
        }));
        out
    }

    /// How far the canary is beyond the margin, interval by interval, and the level of both.
    fn shifts(&self, sign: f64) -> Pair {
        let margin = self.metric.plan().bounds.margin;
        let difference = self.points().map(|at| relative_beyond(sign, at.baseline, at.canary, margin)).collect();
        let middles: Vec<f64> = self.points().map(|at| at.baseline + at.canary).collect();
        let middle = 0.5 * median(middles.clone()).abs();
        let level = |sum: f64| if middle > 0.0 { sum / middle - 2.0 } else { 0.0 };
        let sum = middles.into_iter().map(level).collect();
        Pair { difference: clipped(difference, CLIP), sum: clipped(sum, CLIP) }
    }

    fn ticks(&self) -> Vec<Tick> {
        self.points().map(tick).collect()
    }

    fn counts(&self, sign: f64, ratio: f64) -> Vec<(EndCheck, f64, f64)> {
        let ticks = self.ticks();
        let dispersion = self.metric.dispersion().unwrap_or(1.0);
        let of = |(shape, part): &(Shape, f64)| {
            let check = if *shape == Shape::Whole { EndCheck::Counts } else { EndCheck::LateCounts };
            let late = ticks.get(shape.first(ticks.len())..).unwrap_or_default();
            (check, *part, tally::tail(late, sign, ratio, dispersion))
        };
        COUNTS.iter().map(of).collect()
    }

    /// How much worse than usual each interval was, and how high both arms were, in standard deviations of the
    /// former; nothing where there is no point.
    fn usual(&self, sign: f64) -> Vec<Option<(f64, f64)>> {
        let all: Vec<(f64, f64)> = if self.metric.plan().counts() {
            self.residuals(sign)
        } else {
            let Pair { difference, sum } = self.shifts(sign);
            difference.into_iter().zip(sum).collect()
        };
        let square: f64 = all.iter().map(|(difference, _)| difference * difference).sum();
        let scale = if square > 0.0 { (square / all.len() as f64).sqrt() } else { 1.0 };
        let within = |value: f64| (value / scale).clamp(-CLIP_TOGETHER, CLIP_TOGETHER);
        let mut all = all.into_iter();
        let next = |at: &Option<Measured>| at.and_then(|_| all.next()).map(|(a, b)| (within(a), within(b)));
        self.intervals.iter().map(next).collect()
    }

    fn residuals(&self, sign: f64) -> Vec<(f64, f64)> {
        let ratio = (1.0 + self.metric.plan().bounds.margin).powf(sign);
        let events = |tick: &Tick| tick.events.0 + tick.events.1;
        let ticks = self.ticks();
        let usual = ticks.iter().map(events).sum::<f64>() / ticks.len().max(1) as f64;
        let level = |tick: &Tick| if usual > 0.0 { (events(tick) - usual) / usual.sqrt() } else { 0.0 };
        ticks.iter().map(|tick| (sign * tally::residual(tick, ratio), level(tick))).collect()
    }
}

/// Of each shape its share and its p-value: 1 of what could not be regressed.
fn tails<'a>(
    found: Option<&Regressed>,
    beliefs: &[f64],
    shapes: &'a [(Shape, f64)],
) -> impl Iterator<Item = (Shape, f64, f64)> + use<'a> {
    let found = found.map_or_else(Vec::new, |found| found.upper_tails(beliefs));
    let found = found.into_iter().chain(std::iter::repeat(1.0));
    shapes.iter().zip(found).map(|((shape, part), p)| (*shape, *part, p))
}

fn levels(level: Option<&Level>, beliefs: &[f64]) -> Vec<(EndCheck, f64, f64)> {
    let Some(Level { all, close }) = level else { return Vec::new() };
    let check = |(shape, part, p)| match shape {
        Shape::Whole => (EndCheck::Shift, part, p),
        Shape::Last(_) => (EndCheck::LateShift, part, p),
        Shape::Ramp => (EndCheck::Drift, part, p),
    };
    let close = tails(close.as_ref(), beliefs, &CLOSE_LEVEL);
    tails(all.as_ref(), beliefs, &LEVEL).chain(close).map(check).collect()
}

fn tick(at: &Measured) -> Tick {
    Tick { exposure: at.exposure, events: (at.baseline, at.canary) }
}

/// Differences, or as much of them as counts.
fn clipped(mut series: Vec<f64>, at: f64) -> Vec<f64> {
    let mut sizes: Vec<f64> = series.iter().map(|value| value.abs()).filter(|size| *size > 0.0).collect();
    sizes.sort_unstable_by(f64::total_cmp);
    let most = at * sizes.get(sizes.len() / 2).copied().unwrap_or(0.0) / 0.6745;
    series.iter_mut().for_each(|value| *value = value.clamp(-most, most));
    series
}

/// Shares what is spent at the end out. Tails have a part of it only where some metric strayed far so often
/// that its tail could show something, whichever arm it was: so that how much there is does not depend on
/// which arm is the canary.
pub(super) fn shares(judged: &[Judged<'_>], alpha: f64) -> Vec<Share> {
    let whole: f64 = judged.iter().map(Judged::share).sum();
    let can = |far: &Far| far.least() <= TAILS * alpha;
    let able: f64 = judged.iter().flat_map(|one| one.far.iter().filter(|far| can(far)).map(|_| one.share())).sum();
    let tails = if able > 0.0 { TAILS } else { 0.0 };
    let of = |one: &Judged<'_>| Share {
        tails: one
            .far
            .iter()
            .map(|far| if can(far) && able > 0.0 { tails * whole * one.share() / able } else { 0.0 })
            .collect(),
        rest: one.share() * (1.0 - tails),
    };
    judged.iter().map(of).collect()
}

/// All metrics that know what worse is, as one series: the sum of what is usual for each. Its memories are believed so
/// far.
pub(super) fn together(judged: &[Judged<'_>], weight: f64, beliefs: &[f64]) -> Vec<Finding> {
    let one_sided = judged.iter().filter(|one| one.share() > 0.0);
    let each: Vec<Vec<Option<(f64, f64)>>> = one_sided
        .filter_map(|one| match one.metric.plan().signs.as_slice() {
            [sign] => Some(one.usual(*sign)),
            _ => None,
        })
        .collect();
    let length = each.iter().map(Vec::len).max().unwrap_or(0);
    let mut series = Pair::default();
    for t in 0..length {
        let known = each.iter().filter_map(|one| one.get(t).copied().flatten());
        let (a, b, n) = known.fold((0.0, 0.0, 0.0), |(a, b, n), (next_a, next_b)| (a + next_a, b + next_b, n + 1.0));
        if n > 1.0 {
            series.difference.push(a / f64::sqrt(n));
            series.sum.push(b / f64::sqrt(n));
        }
    }
    let finding = |(_, part, p)| Finding { check: EndCheck::Together, sign: 1.0, weight: weight * part, p };
    tails(Memories::of_levels().regress(&series, &TOGETHER).as_ref(), beliefs, &TOGETHER).map(finding).collect()
}
