//! Keys that are known only when the other side of a join has been read.
//!
//! A hash join tells the scan of its larger side which values the smaller one has, as a filter that
//! is filled in before the first row is asked for. For a join on a key (`metrics` is one) the scan
//! then looks these keys up instead of reading every row.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, Column, DynamicFilterPhysicalExpr, InListExpr, Literal,
};
use model::Key;

use crate::pushdown::{MAX_KEYS, bytes};

/// Filters on a scan that may hold keys later.
#[derive(Clone, Debug, Default)]
pub struct Dynamic {
    filters: Vec<Arc<dyn PhysicalExpr>>,
    /// The place of the key among the scan's columns.
    key: usize,
}

impl Dynamic {
    /// Those of `filters` that are filled in later.
    pub fn of(filters: Vec<Arc<dyn PhysicalExpr>>, key: usize) -> Self {
        let filters = filters.into_iter().filter(|filter| filter.is::<DynamicFilterPhysicalExpr>()).collect();
        Self { filters, key }
    }

    /// The filters.
    pub fn filters(&self) -> &[Arc<dyn PhysicalExpr>] {
        &self.filters
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// The keys that the filters leave by now, in order; nothing if they leave too many or say
    /// nothing of keys.
    pub fn keys(&self) -> Option<Vec<Key>> {
        let now = self.filters.iter().filter_map(|filter| filter.downcast_ref::<DynamicFilterPhysicalExpr>());
        let mut keys = now.filter_map(|filter| members(filter.current().ok()?.as_ref(), self.key)).next()?;
        keys.sort_unstable();
        keys.dedup();
        (keys.len() <= MAX_KEYS).then_some(keys)
    }
}

/// The values of column `key` of which `expr` is true for one at most.
fn members(expr: &dyn PhysicalExpr, key: usize) -> Option<Vec<Key>> {
    if let Some(list) = expr.downcast_ref::<InListExpr>() {
        let fits = !list.negated() && is_key(list.expr().as_ref(), key);
        return fits.then(|| list.list().iter().map(|value| literal(value.as_ref())).collect())?;
    }
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        let (left, right) = (binary.left().as_ref(), binary.right().as_ref());
        return match binary.op() {
            Operator::And => members(left, key).or_else(|| members(right, key)),
            Operator::Or => both(members(left, key)?, members(right, key)?),
            Operator::Eq if is_key(left, key) => literal(right).map(|key| vec![key]),
            _ => None,
        };
    }
    if let Some(case) = expr.downcast_ref::<CaseExpr>() {
        // One branch for each partition of the join.
        let branches = case.when_then_expr().iter().map(|(_, then)| then).chain(case.else_expr());
        return branches.map(|then| members(then.as_ref(), key)).try_fold(Vec::new(), |all, keys| both(all, keys?));
    }
    let never = |literal: &Literal| matches!(literal.value(), ScalarValue::Boolean(Some(false)));
    expr.downcast_ref::<Literal>().is_some_and(never).then(Vec::new)
}

fn both(mut one: Vec<Key>, other: Vec<Key>) -> Option<Vec<Key>> {
    one.extend(other);
    Some(one)
}

fn is_key(expr: &dyn PhysicalExpr, key: usize) -> bool {
    expr.downcast_ref::<Column>().is_some_and(|column| column.index() == key)
}

fn literal(expr: &dyn PhysicalExpr) -> Option<Key> {
    expr.downcast_ref::<Literal>().and_then(|literal| bytes(literal.value()))
}
