//! What can be asked, and what an answer will look like, told without computing it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::SchemaProvider;
use datafusion::sql::parser::Statement;
use store::TableKind;

use crate::deadline::Deadline;
use crate::engine::planning;
use crate::places::Work;
use crate::{Engine, QueryError, arguments, check, parameters};

/// What a statement gives and takes.
#[derive(Clone, Debug)]
pub struct Described {
    /// The columns of its answer.
    pub columns: SchemaRef,
    /// The places in it that need a value, named `$1`, `$2` and so on, or `$name`.
    pub parameters: SchemaRef,
}

/// A table or view that can be asked.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Whether it is a query with a name.
    pub is_view: bool,
    /// The columns of which each combination of values is there once at most; none if there are no such.
    pub key: &'static [&'static str],
    /// The columns.
    pub columns: SchemaRef,
}

impl Engine {
    /// What the answer to a statement will look like. With `parameters`, the one row of values for
    /// the places in it, the columns are exactly those of the answer.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn describe(&self, text: &str, parameters: Option<RecordBatch>) -> Result<Described, QueryError> {
        let limit = self.config.timeout;
        let deadline = Deadline::new(self.clock.clone(), self.clock.monotonic(), limit);
        let place = self.place(Work::Statement, limit).await?;
        let (this, text) = (self.clone(), text.to_owned());
        let work = planning(move || async move {
            let statement = check::parse(&text, &this.config)?;
            let described = this.described(statement, parameters.as_ref(), &deadline).await;
            drop(place);
            described
        });
        self.clock.timeout(limit, work).await.unwrap_or(Err(QueryError::Timeout { limit }))
    }

    async fn described(
        &self,
        mut statement: Statement,
        row: Option<&RecordBatch>,
        deadline: &Deadline,
    ) -> Result<Described, QueryError> {
        if let Some(row) = row {
            arguments::fill(&mut statement, |place| parameters::column(row, place));
        }
        let early = arguments::places(&mut statement);
        let (plan, state) = self.logical(statement, row, deadline).await?;
        let parameters = parameters::places(&plan, &early).map_err(|error| self.explain(&error))?;
        let columns = match parameters.fields().is_empty() {
            true => self.physical(&state, plan, deadline).await?.0.schema(),
            // What has no value yet cannot be planned to the end.
            false => Arc::new(plan.schema().as_arrow().clone()),
        };
        Ok(Described { columns, parameters })
    }

    /// The tables and views that may be read, in order of their names.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn tables(&self) -> Result<Vec<Table>, QueryError> {
        let catalog = self.catalog(&self.base)?;
        let mut tables = Vec::new();
        let mut names = catalog.table_names();
        names.sort_unstable();
        for name in names {
            let found = SchemaProvider::table(&catalog, &name).await.map_err(|error| self.explain(&error))?;
            let Some(found) = found else { continue };
            let stored = store::tables().iter().find(|table| table.name == name);
            let key = match stored.map(|table| table.kind) {
                Some(TableKind::Keyed { key, .. }) => key,
                _ => &[],
            };
            tables.push(Table { columns: found.schema(), is_view: stored.is_none(), key, name });
        }
        Ok(tables)
    }
}
