//! Reads what the tables keep, in the order in which it was put on the log.

use std::collections::BTreeMap;
use std::io::Cursor;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;
use base::{Limit, Timestamp};
use folds::replay::Input;
use model::rows::{Finding, Intent, Posting, Reaction, Receipt, Revision, SilenceRow, VerdictRow};
use model::{AlertState, Batch, Row};

use super::{History, Window};
use crate::AppError;

/// Rows of history, of all tables.
const ROWS: Limit = Limit::new("replay.rows", 5_000_000);

/// Findings that the folds of a replay put out themselves.
const OUTPUTS: &str = "kind NOT IN ('notify', 'alert')";

/// History, as far as it matters.
pub(super) struct Kept {
    pub inputs: Vec<Input>,
    pub intents: Vec<Intent>,
    pub receipts: Vec<Receipt>,
}

/// Reads what happened in the window, and before it from `start` on.
pub(super) async fn read(history: &dyn History, start: Timestamp, window: &Window) -> Result<Kept, AppError> {
    let mut reader = Reader { history, left: ROWS.max() };
    let (from, to) = (window.from, window.to);
    let within = format!("time >= '{start}' AND time < '{to}'");
    let before = format!(
        "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY key ORDER BY log_offset DESC) AS n FROM finding_history \
         WHERE time < '{start}' AND {OUTPUTS}) WHERE n = 1 AND state IN ('firing', 'unknown')"
    );
    let open: Vec<(i64, Finding)> = reader.rows(&before).await?;
    let findings: Vec<(i64, Finding)> =
        reader.rows(&format!("SELECT * FROM finding_history WHERE {within} AND {OUTPUTS}")).await?;
    let rolls = "(verdict = 'rolling_out' OR previous = 'rolling_out')";
    let verdicts: Vec<(i64, VerdictRow)> =
        reader.rows(&format!("SELECT * FROM drift_history WHERE {within} AND {rolls}")).await?;
    let revisions: Vec<(i64, Revision)> = reader.rows(&format!("SELECT * FROM revisions WHERE {within}")).await?;
    let postings: Vec<(i64, Posting)> = reader.rows(&format!("SELECT * FROM postings WHERE {within}")).await?;
    let silences: Vec<(i64, SilenceRow)> = reader
        .rows(&format!(
            "SELECT * FROM silence_history WHERE time < '{to}' AND (time >= '{start}' OR ends_at >= '{start}')"
        ))
        .await?;
    let reactions: Vec<(i64, Reaction)> = reader.rows(&format!("SELECT * FROM reactions WHERE {within}")).await?;
    let intents: Vec<(i64, Intent)> = reader.rows(&format!("SELECT * FROM intents WHERE {within}")).await?;
    let receipts: Vec<(i64, Receipt)> = reader.rows(&format!("SELECT * FROM receipts WHERE {within}")).await?;

    let inside = findings.iter().any(|(_, row)| row.time >= from)
        || postings.iter().any(|(_, row)| row.time >= from)
        || intents.iter().any(|(_, row)| row.time >= from);
    if !inside {
        return Err(AppError::part(
            "--from",
            format!("there is no history between {from} and {to}: {}", reader.bounds().await?),
        ));
    }
    let mut inputs = Vec::new();
    let firing = |(at, row): (i64, Finding)| (at, Finding { state: AlertState::Firing, ..row });
    inputs.extend(by_record(open.into_iter().map(firing).collect(), start, |row| (row.time, row.scope.clone()))?);
    inputs.extend(by_record(revisions, start, |row| (row.time, row.scope.clone()))?);
    inputs.extend(by_record(verdicts, start, |row| (row.time, row.scope.clone()))?);
    inputs.extend(by_record(findings, start, |row| (row.time, row.scope.clone()))?);
    inputs.extend(by_record(postings, start, |row| (row.time, folds::routing::KEY.to_owned()))?);
    inputs.extend(everywhere(silences, start, |row| row.time)?);
    inputs.extend(everywhere(reactions, start, |row| row.time)?);
    // Each table is in the order of its log; so stays what has one time.
    inputs.sort_by_key(|input| input.time);
    let rows = |rows: Vec<(i64, Intent)>| rows.into_iter().map(|(_, row)| row).collect();
    Ok(Kept { inputs, intents: rows(intents), receipts: receipts.into_iter().map(|(_, row)| row).collect() })
}

/// Rows of one record belong together: what was found at once is told at once.
fn by_record<R: Row>(
    rows: Vec<(i64, R)>,
    start: Timestamp,
    of: impl Fn(&R) -> (Timestamp, String),
) -> Result<Vec<Input>, AppError> {
    let mut records = BTreeMap::<(i64, String), (Timestamp, Vec<R>)>::new();
    for (offset, row) in rows {
        let (time, key) = of(&row);
        let record = records.entry((offset, key)).or_insert_with(|| (time.max(start), Vec::new()));
        record.1.push(row);
    }
    // A scope's log goes on in order, whatever clocks said.
    let mut last = BTreeMap::<String, Timestamp>::new();
    let input = |((_, key), (time, rows)): ((i64, String), (Timestamp, Vec<R>))| {
        let last = last.entry(key.clone()).or_insert(time);
        *last = time.max(*last);
        let batch = Batch::of(key, &rows).map_err(|error| AppError::part("history", error))?;
        Ok(Input { time: *last, batch, everywhere: false })
    };
    records.into_iter().map(input).collect()
}

/// What is on every shard.
fn everywhere<R: Row>(
    mut rows: Vec<(i64, R)>,
    start: Timestamp,
    time: impl Fn(&R) -> Timestamp,
) -> Result<Vec<Input>, AppError> {
    rows.sort_by_key(|(offset, row)| (time(row), *offset));
    let input = |(_, row): (i64, R)| {
        let time = time(&row).max(start);
        let batch = Batch::of(folds::routing::KEY, &[row]).map_err(|error| AppError::part("history", error))?;
        Ok(Input { time, batch, everywhere: true })
    };
    rows.into_iter().map(input).collect()
}

/// Asks for rows, and counts them.
struct Reader<'a> {
    history: &'a dyn History,
    left: u64,
}

impl Reader<'_> {
    /// Rows with their offsets on the log.
    async fn rows<R: Row>(&mut self, sql: &str) -> Result<Vec<(i64, R)>, AppError> {
        let wrong = |problem: &dyn std::fmt::Display| AppError::part("history", problem);
        let counted = self.batches(&format!("SELECT count(*) AS n FROM ({sql})")).await?;
        let count = counted.first().map_or(0, |batch| number(batch, "n", 0)).unsigned_abs();
        if count > self.left {
            let problem = format!(
                "there are more rows of history than the limit {} = {}: take a shorter window or --warm-up",
                ROWS.name(),
                ROWS.max()
            );
            return Err(wrong(&problem));
        }
        self.left -= count;
        let mut rows = Vec::new();
        for batch in self.batches(sql).await? {
            let decoded = R::decode(&batch).map_err(|error| wrong(&error))?;
            rows.extend(decoded.into_iter().enumerate().map(|(n, row)| (number(&batch, "log_offset", n), row)));
        }
        if (rows.len() as u64) < count {
            let problem = format!(
                "{} of {count} rows came: the server gives no more (query.max_rows); take a shorter window or --warm-up",
                rows.len()
            );
            return Err(wrong(&problem));
        }
        Ok(rows)
    }

    /// From when to when there is any.
    async fn bounds(&self) -> Result<String, AppError> {
        let sql = "SELECT CAST(min(time) AS VARCHAR) AS first, CAST(max(time) AS VARCHAR) AS last \
                   FROM (SELECT time FROM finding_history UNION ALL SELECT time FROM postings UNION ALL SELECT time FROM intents)";
        let batches = self.batches(sql).await?;
        let text = |name: &str| {
            let column = batches.first()?.column_by_name(name)?.as_string_opt::<i32>()?;
            (column.len() == 1 && column.is_valid(0)).then(|| column.value(0).to_owned())
        };
        Ok(match (text("first"), text("last")) {
            (Some(first), Some(last)) => format!("what is kept goes from {first} to {last}"),
            _ => "nothing is kept".to_owned(),
        })
    }

    async fn batches(&self, sql: &str) -> Result<Vec<RecordBatch>, AppError> {
        let bytes = self.history.arrow(sql).await.map_err(|problem| AppError::part("history", problem))?;
        let wrong =
            |error: arrow::error::ArrowError| AppError::part("history", format!("the answer makes no sense: {error}"));
        let reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(wrong)?;
        reader.map(|batch| batch.map_err(wrong)).collect()
    }
}

fn number(batch: &RecordBatch, column: &str, n: usize) -> i64 {
    let numbers = batch.column_by_name(column).and_then(|column| column.as_primitive_opt::<Int64Type>());
    numbers.filter(|numbers| n < numbers.len()).map_or(0, |numbers| numbers.value(n))
}
