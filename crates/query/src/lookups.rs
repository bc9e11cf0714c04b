//! `attributes['key']` over a scan: the scan looks the key up itself, where the texts lie, and the maps are never made.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use store::{is_map_of_texts, value_field};

use crate::scan::ScanExec;

/// Lets scans look up keys for the projections over them. The first rule, so that nothing has come between yet.
#[derive(Debug)]
pub struct LookUpInScan;

impl PhysicalOptimizerRule for LookUpInScan {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = plan.transform_up(|node| match node.downcast_ref::<ProjectionExec>() {
            Some(projection) => match looked_up_below(projection)? {
                Some(plan) => Ok(Transformed::yes(plan)),
                None => Ok(Transformed::no(node)),
            },
            None => Ok(Transformed::no(node)),
        })?;
        Ok(replaced.data)
    }

    fn name(&self) -> &'static str {
        "LookUpInScan"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same projection over a scan that looks up what it needs, if there is a scan below it and something to look up.
fn looked_up_below(projection: &ProjectionExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(scan) = projection.input().downcast_ref::<ScanExec>() else { return Ok(None) };
    let Some(needed) = Needed::of(projection)? else { return Ok(None) };
    let Some(scan) = scan.looking_up(&needed.columns, needed.keys) else { return Ok(None) };
    let schema = projection.schema();
    let plan = ProjectionExec::try_new_with_schema_metadata(needed.projection, Arc::new(scan), &schema)?;
    Ok(Some(Arc::new(plan)))
}

/// What a projection needs of its input: some of the columns, and values of keys behind them.
#[derive(Debug)]
struct Needed {
    /// Columns of the input, ascending.
    columns: Vec<usize>,
    /// Columns of the input that hold maps, and the key of each whose value is wanted.
    keys: Vec<(usize, String)>,
    /// The projection over these.
    projection: Vec<ProjectionExpr>,
}

impl Needed {
    /// What `projection` needs if it looks for keys in maps.
    fn of(projection: &ProjectionExec) -> Result<Option<Self>> {
        let input = projection.input().schema();
        let width = input.fields().len();
        let mut keys: Vec<(usize, String)> = Vec::new();
        let mut found = |expr: Arc<dyn PhysicalExpr>| match lookup(&expr, &input) {
            Some(key) => {
                let name = value_field(input.field(key.0), &key.1).name().clone();
                let place = keys.iter().position(|known| *known == key).unwrap_or(keys.len());
                if place == keys.len() {
                    keys.push(key);
                }
                let column = Arc::new(Column::new(&name, width + place)) as Arc<dyn PhysicalExpr>;
                Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
            }
            None => Ok(Transformed::no(expr)),
        };
        let replaced = projection.expr().iter().map(|one| {
            let expr = Arc::clone(&one.expr).transform_down(&mut found)?.data;
            Ok(ProjectionExpr { expr, alias: one.alias.clone() })
        });
        let replaced = replaced.collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            return Ok(None);
        }
        let columns = columns_of(&replaced, width)?;
        // A column that is left out moves those behind it.
        let place = |at: usize| columns.binary_search(&at).unwrap_or_else(|_| columns.len() + at.saturating_sub(width));
        let moved = replaced.into_iter().map(|one| {
            let moved = one.expr.transform(|expr| {
                Ok(match expr.downcast_ref::<Column>() {
                    Some(column) => Transformed::yes(
                        Arc::new(Column::new(column.name(), place(column.index()))) as Arc<dyn PhysicalExpr>
                    ),
                    None => Transformed::no(expr),
                })
            });
            Ok(ProjectionExpr { expr: moved?.data, alias: one.alias })
        });
        let projection = moved.collect::<Result<_>>()?;
        Ok(Some(Self { columns, keys, projection }))
    }
}

/// The columns below `width` of expressions, in order, each once.
fn columns_of(exprs: &[ProjectionExpr], width: usize) -> Result<Vec<usize>> {
    let mut columns = Vec::new();
    for one in exprs {
        one.expr.apply(|expr| {
            columns.extend(expr.downcast_ref::<Column>().map(Column::index).filter(|at| *at < width));
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    columns.sort_unstable();
    columns.dedup();
    Ok(columns)
}

/// The column and the key, if `expr` looks one up in a column of maps of texts.
fn lookup(expr: &Arc<dyn PhysicalExpr>, input: &Schema) -> Option<(usize, String)> {
    let call = ScalarFunctionExpr::try_downcast_func::<GetFieldFunc>(expr.as_ref())?;
    let [map, key] = call.args() else { return None };
    let column = map.downcast_ref::<Column>()?.index();
    let key = key.downcast_ref::<Literal>()?.value().try_as_str().flatten()?;
    is_map_of_texts(input.fields().get(column)?.data_type()).then(|| (column, key.to_owned()))
}
