//! The physical optimizer's rules, made safe.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::unnest::UnnestExec;

use crate::lookups::LookUpInScan;

/// Our rules and DataFusion's, of which those that push filters through plans keep off where they would
/// answer wrongly.
pub fn physical() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let careful = |rule: Arc<dyn PhysicalOptimizerRule + Send + Sync>| match rule.name().starts_with("FilterPushdown") {
        true => Arc::new(DistinctNames(rule)) as Arc<dyn PhysicalOptimizerRule + Send + Sync>,
        false => rule,
    };
    let yielding: Arc<dyn PhysicalOptimizerRule + Send + Sync> = Arc::new(YieldingJoins);
    let first: Arc<dyn PhysicalOptimizerRule + Send + Sync> = Arc::new(LookUpInScan);
    let rules = PhysicalOptimizer::new().rules.into_iter().map(careful);
    [first].into_iter().chain(rules).chain([yielding]).collect()
}

/// Lets joins give way to other tasks, and to the query's end, from time to time.
///
/// DataFusion makes the sources of a plan do so, but a join may make thousands of batches out of two.
#[derive(Debug)]
struct YieldingJoins;

impl PhysicalOptimizerRule for YieldingJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let wrapped = plan.transform_up(|node| match is_join(&node) {
            true => Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>)),
            false => Ok(Transformed::no(node)),
        })?;
        Ok(wrapped.data)
    }

    fn name(&self) -> &'static str {
        "YieldingJoins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_join(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.is::<HashJoinExec>()
        || node.is::<CrossJoinExec>()
        || node.is::<NestedLoopJoinExec>()
        || node.is::<SortMergeJoinExec>()
        || node.is::<UnnestExec>()
}

/// Applies a rule only to plans in which a name means one column at each node.
///
/// DataFusion 55.2 finds the columns of a filter that it pushes down by their names, so that of two
/// columns with one name (`a.verdict` and `b.verdict` of a join) the wrong one may be filtered and
/// rows are lost without an error: apache/datafusion#25244, mended after 55.2 by #25259.
#[derive(Debug)]
struct DistinctNames(Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for DistinctNames {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        if distinct(&plan)? { self.0.optimize(plan, config) } else { Ok(plan) }
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

fn distinct(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut distinct = true;
    plan.apply(|node| {
        let schema = node.schema();
        let mut names = HashSet::new();
        distinct &= schema.fields().iter().all(|field| names.insert(field.name()));
        if node.is::<UnionExec>() || node.is::<InterleaveExec>() {
            // Inputs are put together by place, whatever their columns are called.
            let same = |input: &&Arc<dyn ExecutionPlan>| {
                let input = input.schema();
                input.fields().iter().map(|field| field.name()).eq(schema.fields().iter().map(|field| field.name()))
            };
            distinct &= node.children().iter().all(same);
        }
        Ok(if distinct { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(distinct)
}
