use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, Statistics, exec_err};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::{StreamExt, stream};
use store::{MapKey, ScanOptions, Share, TableSnapshot};

use crate::dynamic::Dynamic;
use crate::pushdown::Selection;
use crate::rights::{self, SCOPE};

/// Fewer rows are read by one.
const SHARED_ROWS: usize = 100_000;

/// Reads one table of a snapshot: only the columns that are asked for, and only the files that may
/// hold a row of the selection. Rows outside the selection may come; a filter above drops them.
#[derive(Clone)]
pub struct ScanExec {
    table: TableSnapshot,
    /// The columns in the answer, as places in the table's schema.
    columns: Vec<usize>,
    /// Keys in maps whose values are behind the columns.
    map_keys: Vec<MapKey>,
    selection: Selection,
    /// Where the key is among the columns.
    key: Option<usize>,
    dynamic: Dynamic,
    fetch: Option<usize>,
    /// The scopes whose rows may be seen: no condition of a query is ever asked of another row.
    scopes: Option<Arc<[String]>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    /// An upper bound of the rows that it may read, once somebody has asked: a plan asks many times, and there may be
    /// very many files.
    rows: Arc<OnceLock<usize>>,
}

impl ScanExec {
    /// A scan of those `columns`, by their places in the table's schema; `key` is the table's key.
    pub fn new(
        table: TableSnapshot,
        columns: Vec<usize>,
        key: Option<&str>,
        selection: Selection,
        fetch: Option<usize>,
    ) -> Result<Self> {
        let schema: SchemaRef = Arc::new(table.schema().project(&columns)?);
        let key = key.and_then(|key| schema.index_of(key).ok());
        let (properties, metrics) = (properties(schema, 1), ExecutionPlanMetricsSet::new());
        let (dynamic, scopes, rows, map_keys) = (Dynamic::default(), None, Arc::default(), Vec::new());
        Ok(Self { table, columns, map_keys, selection, key, dynamic, fetch, scopes, properties, metrics, rows })
    }

    /// The same scan, of rows of these scopes only.
    pub fn within(self, scopes: Option<Arc<[String]>>) -> Self {
        Self { scopes, ..self }
    }

    fn options(&self, batch_rows: usize, partition: usize) -> ScanOptions {
        let mut columns = self.columns.clone();
        columns.extend(self.scope());
        // A scan of no column has no rows to count, so the first one is read.
        if columns.is_empty() && self.map_keys.is_empty() {
            columns.push(0);
        }
        ScanOptions {
            projection: Some(columns),
            map_keys: self.map_keys.clone(),
            time: self.selection.time,
            keys: self.selection.keys.clone(),
            // Where rows are held back, nobody learns from what is left out how many there are.
            texts: if self.scopes.is_none() { self.selection.texts.clone() } else { Vec::new() },
            share: Share::new(partition, self.shares()),
            batch_rows: self.fetch.map_or(batch_rows, |fetch| fetch.clamp(1, batch_rows)),
        }
    }

    /// The same scan, read by so many at once where that is worth it: rows come in no order then, and where one may take the place
    /// of another all have to be seen.
    pub fn shared(self, many: usize) -> Self {
        if self.fetch.is_some() || self.table.def().unique() || self.rows() < SHARED_ROWS {
            return self;
        }
        Self { properties: properties(self.schema(), many.max(1)), ..self }
    }

    /// The same scan of those of its columns, by their places among them, and of values of keys in some behind them.
    /// Nothing if it already looks up some.
    pub fn looking_up(&self, columns: &[usize], keys: Vec<(usize, String)>) -> Option<Self> {
        if !self.map_keys.is_empty() {
            return None;
        }
        let schema = self.schema();
        let values = keys.iter().map(|(at, key)| store::value_field(schema.field(*at), key));
        let fields = columns.iter().map(|at| schema.field(*at).clone()).chain(values);
        let properties = properties(Arc::new(Schema::new(fields.collect::<Vec<_>>())), self.shares());
        let map_keys = keys.into_iter().map(|(at, key)| MapKey { column: self.columns[at], key }).collect();
        let key = self.key.and_then(|key| columns.binary_search(&key).ok());
        let columns = columns.iter().map(|at| self.columns[*at]).collect();
        Some(Self { columns, map_keys, key, properties, ..self.clone() })
    }

    fn shares(&self) -> usize {
        self.properties.partitioning.partition_count()
    }

    /// The column of scopes, if it is read for their sake: after all others.
    fn scope(&self) -> Option<usize> {
        self.scopes.as_ref().and_then(|_| self.table.schema().index_of(SCOPE).ok())
    }

    /// What may be seen of rows that were read.
    fn seen(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let batch = match &self.scopes {
            Some(scopes) => rights::cut(&batch, self.columns.len(), scopes)?,
            None => batch,
        };
        // Nothing to take away, or all: what is left of no column is the number of rows.
        let values = batch.num_columns().saturating_sub(self.map_keys.len())..batch.num_columns();
        let columns: Vec<usize> = (0..self.columns.len()).chain(values).collect();
        if columns.len() == batch.num_columns() { Ok(batch) } else { Ok(batch.project(&columns)?) }
    }

    /// Rows of the files and the memory that the scan may read; an upper bound.
    fn rows(&self) -> usize {
        *self.rows.get_or_init(|| self.counted_rows())
    }

    fn counted_rows(&self) -> usize {
        let files = self.table.files().iter().filter(|file| self.selection.overlaps(file.min_ts, file.max_ts));
        let rows = files.map(|file| file.rows as usize).sum::<usize>();
        rows + self.table.memory().iter().map(RecordBatch::num_rows).sum::<usize>()
    }
}

fn properties(schema: SchemaRef, shares: usize) -> Arc<PlanProperties> {
    let properties = PlanProperties::new(
        EquivalenceProperties::new(schema),
        Partitioning::UnknownPartitioning(shares),
        EmissionType::Incremental,
        Boundedness::Bounded,
    );
    Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative))
}

impl fmt::Debug for ScanExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_as(DisplayFormatType::Default, f)
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.schema();
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "ScanExec: table={}, columns=[{}]{}", self.table.def().name, columns.join(", "), self.selection)?;
        if !self.dynamic.is_empty() {
            f.write_str(", keys=of the join")?;
        }
        if self.shares() > 1 {
            write!(f, ", shares={}", self.shares())?;
        }
        match self.fetch {
            Some(fetch) => write!(f, ", fetch={fetch}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &'static str {
        "ScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        // A join fills in only filters that it finds in its inputs.
        for filter in self.dynamic.filters() {
            if visit(filter)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { exec_err!("a scan has no inputs") }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        if partition >= self.shares() {
            return exec_err!("a scan has {} partitions, not {partition}", self.shares());
        }
        let whole = self.clone();
        let (this, mut options) = (self.clone(), self.options(context.session_config().batch_size(), partition));
        // By the first row that is asked for, the other side of a join has been read.
        let scan = stream::once(async move {
            if options.keys.is_none() && !this.dynamic.is_empty() {
                options.keys = this.dynamic.keys();
            }
            this.table.scan(options)
        });
        let read = MetricBuilder::new(&self.metrics).output_rows(partition);
        let rows = scan.flatten().map(move |batch| {
            let batch = batch.map_err(|error| DataFusionError::External(Box::new(error)))?;
            // What is counted is told by EXPLAIN.
            let batch = whole.seen(batch)?;
            read.add(batch.num_rows());
            Ok(batch)
        });
        let mut left = self.fetch.unwrap_or(usize::MAX);
        let rows = rows.take_while(move |batch| {
            let go_on = left > 0;
            left = left.saturating_sub(batch.as_ref().map_or(0, RecordBatch::num_rows));
            futures::future::ready(go_on)
        });
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows))))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        pushed: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters: Vec<_> = pushed.parent_filters.into_iter().map(|parent| parent.filter).collect();
        // Rows are looked up, not filtered: whoever has the filter goes on to apply it.
        let kept = filters.iter().map(|_| PushedDown::No).collect();
        let result = FilterPushdownPropagation::with_parent_pushdown_result(kept);
        match self.key {
            Some(key) if phase == FilterPushdownPhase::Post => {
                let dynamic = Dynamic::of(filters, key);
                Ok(result.with_updated_node(Arc::new(Self { dynamic, ..self.clone() })))
            }
            _ => Ok(result),
        }
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], _: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema());
        statistics.num_rows = Precision::Inexact(self.rows().min(self.fetch.unwrap_or(usize::MAX)));
        Ok(Arc::new(statistics))
    }
}
