use hashbrown::HashSet;

use super::matching::Signatures;
use super::series::{Cursors, merged, samples_in};
use super::{Evaluator, Steps};
use crate::error::QueryError;
use crate::parser::ast::{Binary, BinaryOp};
use crate::value::{Point, Series, Value};

impl Evaluator<'_> {
    /// `and`, `or` and `unless`: which series remain is decided at each step anew.
    pub(super) fn eval_set(
        &self,
        binary: &Binary,
        left: Vec<Series>,
        right: Vec<Series>,
        steps: Steps,
    ) -> Result<Vec<Series>, QueryError> {
        let signatures = Signatures::new(&left, &right, &binary.matching);
        let mut kept_left: Vec<Vec<Point>> = vec![Vec::new(); left.len()];
        let mut kept_right: Vec<Vec<Point>> = vec![Vec::new(); right.len()];
        let (mut left_cursors, mut right_cursors) = (Cursors::new(&left), Cursors::new(&right));
        for t in steps.times() {
            self.check_time()?;
            let left_values: Vec<_> = left_cursors.values(t).collect();
            let right_values: Vec<_> = right_cursors.values(t).collect();
            let in_left = present(&left_values, &signatures.left);
            let in_right = present(&right_values, &signatures.right);
            let keeps_left = |group: usize| match binary.op {
                BinaryOp::And => in_right.contains(&group),
                BinaryOp::Unless => !in_right.contains(&group),
                _ => true,
            };
            keep(&left_values, &signatures.left, &mut kept_left, t, keeps_left);
            let keeps_right = |group: usize| binary.op == BinaryOp::Or && !in_left.contains(&group);
            keep(&right_values, &signatures.right, &mut kept_right, t, keeps_right);
        }
        let before = samples_in(&left) + samples_in(&right);
        let kept = kept_left.into_iter().chain(kept_right);
        let out = left.into_iter().chain(right).zip(kept).map(|(series, points)| Series { points, ..series });
        let out = merged(out.collect())?;
        self.release(before);
        self.hold(samples_in(&out))?;
        Ok(out)
    }
}

fn present(values: &[(usize, &Value)], groups: &[usize]) -> HashSet<usize> {
    values.iter().filter_map(|(place, _)| groups.get(*place).copied()).collect()
}

fn keep(values: &[(usize, &Value)], groups: &[usize], kept: &mut [Vec<Point>], t: i64, keeps: impl Fn(usize) -> bool) {
    for (place, value) in values {
        if groups.get(*place).is_some_and(|group| keeps(*group))
            && let Some(points) = kept.get_mut(*place)
        {
            points.push(Point { t, value: (*value).clone() });
        }
    }
}
