//! `generate_series` and `range` as tables, of whole numbers of any size, and with arguments whose values come later.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::{TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{Expr, ExprSchemable};

/// The functions of tables that count.
pub fn functions() -> Vec<Arc<TableFunction>> {
    let known = SessionStateDefaults::default_table_functions().into_iter();
    known.map(|known| Arc::new(TableFunction::new(known.name().to_owned(), Arc::new(Counting(known))))).collect()
}

/// One of DataFusion's, which takes no number but of 64 bits, and no place such as `$1`.
#[derive(Debug)]
struct Counting(Arc<TableFunction>);

impl TableFunctionImpl for Counting {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let known = args.exprs().iter().map(known).collect::<Result<Vec<_>>>()?;
        self.0.create_table_provider_with_args(TableFunctionArgs::new(&known, args.session()))
    }
}

/// The argument; one without a value yet is null, of which nothing is counted, but the column has its type.
fn known(expr: &Expr) -> Result<Expr> {
    let value = match expr {
        Expr::Literal(value, _) => value.clone(),
        other if other.exists(|part| Ok(matches!(part, Expr::Placeholder(_))))? => {
            let data_type = other.get_type(&DFSchema::empty()).unwrap_or(DataType::Null);
            ScalarValue::try_from(&data_type)?
        }
        other => return Ok(other.clone()),
    };
    let value = match (value.data_type().is_integer(), value.is_null()) {
        (true, true) => ScalarValue::Null,
        (true, false) => value.cast_to(&DataType::Int64)?,
        (false, _) => value,
    };
    Ok(Expr::Literal(value, None))
}
