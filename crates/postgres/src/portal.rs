//! Statements that a client keeps, alone and with their values.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use futures::StreamExt;
use futures::stream::BoxStream;
use query::{Answer, PgQuery, PgScalar, PgSession, PgShape, PgStatement, PgType, Postgres, QueryError};

use crate::cancel::Statement;
use crate::column::{Column, Format};
use crate::decode;
use crate::encode::{self, Rows};
use crate::failure::Failure;
use crate::request::{Bind, format_of};
use crate::wire::{Ended, Wire};

/// A kept statement.
#[derive(Debug)]
pub struct Prepared {
    /// Its text, for places in errors.
    pub text: Arc<str>,
    /// Nothing if the text is empty.
    pub statement: Option<PgStatement>,
    /// The types of parameters, 0 where the client does not say them.
    pub declared: Vec<u32>,
    /// Once somebody has asked.
    shape: Option<PgShape>,
}

impl Prepared {
    /// A statement that nobody has asked about.
    pub const fn new(text: Arc<str>, statement: Option<PgStatement>, declared: Vec<u32>) -> Self {
        Self { text, statement, declared, shape: None }
    }

    /// What it takes and gives, if it gives rows.
    pub async fn shape(&mut self, postgres: &Postgres, session: &PgSession) -> Result<Option<&PgShape>, Failure> {
        if self.shape.is_none()
            && let Some(PgStatement::Query(query)) = &self.statement
        {
            let declared = self.declared.iter().map(|oid| PgType::from_oid(*oid).map(PgType::data_type)).collect();
            let shape = postgres.describe(query, session, declared).await;
            self.shape = Some(shape.map_err(|error| Failure::of(&error, &self.text))?);
        }
        Ok(self.shape.as_ref())
    }

    /// The types of its parameters, as far as they are known by [`Self::shape`].
    pub fn parameters(&self) -> Vec<u32> {
        let inferred: &[Option<DataType>] = self.shape.as_ref().map_or(&[], |shape| &shape.parameters);
        let of = |n: usize| match self.declared.get(n) {
            Some(oid) if *oid != 0 => *oid,
            _ => inferred.get(n).and_then(Option::as_ref).map_or(PgType::scalar(PgScalar::Text), PgType::of_data).oid(),
        };
        (0..inferred.len().max(self.declared.len())).map(of).collect()
    }

    /// With the values of `bind`, once its shape is known if there are any.
    ///
    /// # Errors
    /// If there are more or fewer than it takes, or one is none of its type.
    pub fn bind(&self, bind: Bind) -> Result<Portal, Failure> {
        let types = self.parameters();
        let (given, wanted) = (bind.values.len(), types.len());
        if given != wanted || bind.formats.len() > 1 && bind.formats.len() != given {
            let message = format!("bind message supplies {given} parameters, but the statement requires {wanted}");
            return Err(Failure::new("08P01", message));
        }
        let values = bind.values.iter().zip(&types).enumerate().map(|(n, (value, oid))| {
            let unknown = || Failure::new("0A000", format!("parameters of the type with OID {oid} are not supported"));
            decode::value(value.as_deref(), PgType::from_oid(*oid).ok_or_else(unknown)?, format_of(&bind.formats, n))
        });
        Ok(Portal {
            text: Arc::clone(&self.text),
            statement: self.statement.clone(),
            values: values.collect::<Result<_, _>>()?,
            formats: bind.result_formats,
            running: None,
            state: State::Fresh,
        })
    }
}

/// Where a portal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fresh,
    Begun,
    Done,
    /// Its time was over while its client did something else.
    Late(Duration),
}

/// A statement with its values, and how far it has come.
pub struct Portal {
    /// The statement's text.
    pub text: Arc<str>,
    /// Nothing if the text is empty.
    pub statement: Option<PgStatement>,
    values: Vec<ArrayRef>,
    formats: Vec<Format>,
    running: Option<Running>,
    state: State,
}

struct Running {
    columns: Vec<Column>,
    stream: BoxStream<'static, Result<RecordBatch, QueryError>>,
    rows: Option<Rows>,
    /// When its time is over, on the clock's own time.
    until: Duration,
    limit: Duration,
}

/// Within what a statement is run.
pub struct Scope<'a> {
    /// What answers it.
    pub postgres: &'a Postgres,
    /// Whose it is.
    pub session: PgSession,
    /// What it may take.
    pub limit: Duration,
    /// The time now, on the clock's own time.
    pub now: Duration,
    /// By what it is cancelled.
    pub statement: &'a Statement,
}

impl Portal {
    /// One that a client does not keep, all in text.
    pub fn once(text: Arc<str>, statement: PgStatement) -> Self {
        let (values, formats) = (Vec::new(), Vec::new());
        Self { text, statement: Some(statement), values, formats, running: None, state: State::Fresh }
    }

    /// Bytes that its values take.
    pub fn bytes(&self) -> u64 {
        self.values.iter().map(|value| value.get_array_memory_size() as u64).sum()
    }

    /// When the time of what runs in it is over.
    pub fn until(&self) -> Option<Duration> {
        self.running.as_ref().map(|running| running.until)
    }

    /// Gives up what it holds, if its time is over.
    pub fn expire(&mut self, now: Duration) {
        if let Some(running) = self.running.take_if(|running| running.until <= now) {
            self.state = State::Late(running.limit);
        }
    }

    /// Begins to run `query`, if that is not done, and gives the columns.
    pub async fn columns(&mut self, query: &PgQuery, wire: &mut Wire, scope: &Scope<'_>) -> Result<&[Column], Failure> {
        if self.state == State::Fresh {
            let run = scope.postgres.run(query, &scope.session, self.values.clone(), Some(scope.limit));
            let answer = scope.statement.until(run).await?.map_err(|error| Failure::of(&error, &self.text))?;
            answer.warnings.iter().for_each(|warning| wire.reply.warning(warning));
            self.running = Some(self.begun(answer, scope)?);
            self.state = State::Begun;
        }
        Ok(self.running.as_ref().map_or(&[], |running| &running.columns))
    }

    fn begun(&self, answer: Answer, scope: &Scope<'_>) -> Result<Running, Failure> {
        let columns = encode::columns(&answer.schema, |n| format_of(&self.formats, n));
        if columns.len() > i16::MAX as usize {
            return Err(Failure::new("54011", format!("an answer of {} columns", columns.len())));
        }
        if self.formats.len() > 1 && self.formats.len() != columns.len() {
            let message =
                format!("bind message has {} formats but the query has {} columns", self.formats.len(), columns.len());
            return Err(Failure::new("08P01", message));
        }
        let until = scope.now.saturating_add(scope.limit);
        Ok(Running { columns, stream: answer.stream, rows: None, until, limit: scope.limit })
    }

    /// Sends at most `max` rows, or all if that is 0; gives how many, and whether those were the last.
    pub async fn pull(&mut self, wire: &mut Wire, scope: &Scope<'_>, max: usize) -> Result<(u64, bool), Ended> {
        if let State::Late(limit) = self.state {
            return Err(Failure::of(&QueryError::Timeout { limit }, &self.text).into());
        }
        let Some(running) = &mut self.running else { return Ok((0, true)) };
        let pulled = running.pull(wire, scope, max, &self.text).await;
        if !matches!(pulled, Ok((_, false))) {
            self.running = None;
            self.state = State::Done;
        }
        pulled
    }
}

impl Running {
    async fn pull(&mut self, wire: &mut Wire, scope: &Scope<'_>, max: usize, text: &str) -> Result<(u64, bool), Ended> {
        let mut sent = 0;
        loop {
            while let Some(rows) = &mut self.rows {
                if max != 0 && sent == max as u64 {
                    return Ok((sent, false));
                }
                if rows.write(&mut wire.reply) {
                    sent += 1;
                    wire.relieve().await?;
                } else {
                    self.rows = None;
                }
            }
            match scope.statement.until(self.stream.next()).await? {
                None => return Ok((sent, true)),
                Some(Err(error)) => return Err(Failure::of(&error, text).into()),
                Some(Ok(batch)) => {
                    let broken = |error: arrow::error::ArrowError| Failure::new("22000", error.to_string());
                    self.rows = Some(Rows::new(&batch, &self.columns).map_err(broken)?);
                }
            }
        }
    }
}
