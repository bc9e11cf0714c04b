use std::cmp::Ordering;

use super::aggregate::Group;
use super::series::{Cursors, samples_in};
use super::{Evaluator, Steps};
use crate::annotations::Note;
use crate::error::QueryError;
use crate::parser::ast::{AggregateOp, Span};
use crate::value::{Point, Series, Value};

impl Evaluator<'_> {
    /// Aggregations that leave some of the series as they are.
    pub(super) fn pick(
        &self,
        op: AggregateOp,
        input: Vec<Series>,
        groups: &[Group],
        params: &[f64],
        span: Span,
        steps: Steps,
    ) -> Result<Vec<Series>, QueryError> {
        let mut picked: Vec<Vec<Point>> = vec![Vec::new(); input.len()];
        // In which order series are shown that were picked.
        let mut order: Vec<usize> = Vec::new();
        let mut group_of = vec![0; input.len()];
        for (at, group) in groups.iter().enumerate() {
            for member in &group.members {
                if let Some(group) = group_of.get_mut(*member) {
                    *group = at;
                }
            }
        }
        let mut cursors = Cursors::new(&input);
        for (t, param) in steps.times().zip(params) {
            self.check_time()?;
            let mut candidates: Vec<Vec<(usize, &Value)>> = vec![Vec::new(); groups.len()];
            for (place, value) in cursors.values(t) {
                if let Some(group) = group_of.get(place).and_then(|group| candidates.get_mut(*group)) {
                    group.push((place, value));
                }
            }
            for candidates in candidates {
                for (place, value) in self.chosen(op, candidates, *param, &input, span) {
                    let Some(points) = picked.get_mut(place) else { continue };
                    if points.is_empty() {
                        order.push(place);
                    }
                    points.push(Point { t, value });
                }
            }
        }
        let total = samples_in(&input);
        let mut out = Vec::with_capacity(order.len());
        for place in order {
            if let (Some(series), Some(points)) = (input.get(place), picked.get_mut(place)) {
                let (labels, drops_name) = (series.labels.clone(), series.drops_name);
                out.push(Series { labels, drops_name, points: std::mem::take(points) });
            }
        }
        self.release(total);
        self.hold(samples_in(&out))?;
        Ok(out)
    }

    /// Which of a group's values at one time are picked, in order.
    fn chosen(
        &self,
        op: AggregateOp,
        mut candidates: Vec<(usize, &Value)>,
        param: f64,
        input: &[Series],
        span: Span,
    ) -> Vec<(usize, Value)> {
        match op {
            AggregateOp::LimitRatio => {
                let share = |place: usize| input.get(place).map_or(0.0, |series| ratio(series.labels.digest()));
                let ratio = param.clamp(-1.0, 1.0);
                candidates.retain(|(place, _)| is_within(share(*place), ratio));
            }
            AggregateOp::Limitk => candidates.truncate(whole(param)),
            _ => {
                let before = candidates.len();
                candidates.retain(|(_, value)| matches!(value, Value::Float(_)));
                if candidates.len() < before && whole(param) > 0 {
                    self.note(Note::histogram_ignored(span, op.as_str()));
                }
                let float = |value: &Value| value.as_float().unwrap_or(f64::NAN);
                candidates.sort_by(|(_, a), (_, b)| best_first(float(a), float(b), op == AggregateOp::Topk));
                candidates.truncate(whole(param));
            }
        }
        candidates.into_iter().map(|(place, value)| (place, value.clone())).collect()
    }
}

fn whole(param: f64) -> usize {
    if param < 1.0 { 0 } else { param as usize }
}

/// What is no number is last, whichever way.
fn best_first(a: f64, b: f64, greatest: bool) -> Ordering {
    a.is_nan().cmp(&b.is_nan()).then_with(|| {
        let order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
        if greatest { order.reverse() } else { order }
    })
}

/// A digest as a number from 0 to 1.
fn ratio(digest: u64) -> f64 {
    digest as f64 / u64::MAX as f64
}

/// Whether a series belongs to a share: the lowest for a positive one, the highest for a negative one,
/// so that 0.2 and -0.8 together are all.
fn is_within(share: f64, ratio: f64) -> bool {
    if ratio >= 0.0 { share < ratio } else { share >= 1.0 + ratio }
}
