use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use model::LogKind;
use store::TableDef;

use crate::QueryError;
use crate::views::{self, VIEWS};

/// The column by which rows are of a scope.
pub(crate) const SCOPE: &str = "scope";

/// What a caller may read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    tables: Option<BTreeSet<String>>,
    scopes: Option<Arc<[String]>>,
}

/// A right to a table that there is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no table or view {0}")]
pub struct NoTable(pub String);

impl Rights {
    /// Only these tables and views, and of what has a scope only rows of these; without either, all. With scopes, a
    /// table whose rows have none is read only if it is named.
    ///
    /// # Errors
    /// The first table that there is not.
    pub fn new(tables: Option<&[String]>, scopes: Option<&[String]>) -> Result<Self, NoTable> {
        let known = views::names();
        if let Some(unknown) = tables.into_iter().flatten().find(|table| !known.contains(table)) {
            return Err(NoTable(unknown.clone()));
        }
        Ok(Self { tables: tables.map(|tables| tables.iter().cloned().collect()), scopes: scopes.map(Into::into) })
    }

    /// Whether nothing is held back.
    pub const fn are_all(&self) -> bool {
        self.tables.is_none() && self.scopes.is_none()
    }

    /// Whether a table or view may be read.
    pub fn reads(&self, name: &str) -> bool {
        match (&self.tables, &self.scopes) {
            (Some(tables), _) => tables.contains(name),
            (None, Some(_)) => has_scope(name),
            (None, None) => true,
        }
    }

    /// Refuses what may not be read.
    pub(crate) fn check(&self, name: &str) -> Result<(), QueryError> {
        if self.reads(name) { Ok(()) } else { Err(QueryError::Denied(name.to_owned())) }
    }

    /// The scopes that rows of a table must be of.
    pub(crate) fn cut(&self, table: &TableDef) -> Option<Arc<[String]>> {
        self.scopes.clone().filter(|_| is_scoped(table))
    }

    /// Those of our own views, over whatever tables they are.
    pub(crate) fn of_views(&self) -> Self {
        Self { tables: self.scopes.as_ref().map(|_| views::names().into_iter().collect()), ..self.clone() }
    }
}

/// Telemetry has another column of that name: what wrote it.
fn is_scoped(table: &TableDef) -> bool {
    table.stream.log() == LogKind::State && table.schema().index_of(SCOPE).is_ok()
}

fn has_scope(name: &str) -> bool {
    let table = store::tables().iter().find(|table| table.name == name);
    table.map_or_else(|| VIEWS.iter().any(|view| view.name == name && view.scoped), is_scoped)
}

/// The rows of these scopes, by the column at `place`; one without a scope is none of them.
pub(crate) fn cut(batch: &RecordBatch, place: usize, scopes: &[String]) -> Result<RecordBatch, ArrowError> {
    let column: &ArrayRef = batch.column(place);
    let texts = cast(column, &DataType::Utf8)?;
    let within = |scope: Option<&str>| Some(scope.is_some_and(|scope| scopes.iter().any(|known| known == scope)));
    let kept: BooleanArray = texts.as_string::<i32>().iter().map(within).collect();
    filter_record_batch(batch, &kept)
}
