//! Statements that a client keeps, alone and with their values.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;
use futures::StreamExt;
use futures::stream::BoxStream;
use query::{Answer, PgCursor, PgQuery, PgScalar, PgSession, PgShape, PgStatement, PgType, Postgres, QueryError};

use crate::cancel::Statement;
use crate::column::{Column, Format};
use crate::decode;
use crate::encode::{self, Output, Rows};
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
            && let Some(query) = self.statement.as_ref().and_then(PgStatement::query)
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
            ..Portal::empty()
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

/// How long a portal stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// To the end of its transaction.
    Transaction,
    /// Beyond it, if that ends well.
    Held,
    /// Until it is closed: its transaction has ended.
    Kept,
}

/// A statement with its values, and how far it has come.
pub struct Portal {
    /// The statement's text.
    pub text: Arc<str>,
    /// Nothing if the text is empty.
    pub statement: Option<PgStatement>,
    /// In which formats the client wants the columns.
    pub formats: Vec<Format>,
    /// How long it stays.
    pub life: Life,
    /// Rows that a `FETCH` has given so far.
    pub fetched: u64,
    values: Vec<ArrayRef>,
    /// Once it has begun.
    columns: Vec<Column>,
    running: Option<Running>,
    state: State,
}

struct Running {
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
    fn empty() -> Self {
        Self {
            text: "".into(),
            statement: None,
            formats: Vec::new(),
            life: Life::Transaction,
            fetched: 0,
            values: Vec::new(),
            columns: Vec::new(),
            running: None,
            state: State::Fresh,
        }
    }

    /// One that a client does not keep, all in text.
    pub fn once(text: Arc<str>, statement: PgStatement) -> Self {
        Self { text, statement: Some(statement), ..Self::empty() }
    }

    /// The portal of a cursor that this one declares, with the same values.
    pub fn cursor(&self, cursor: &PgCursor) -> Self {
        Self {
            text: Arc::clone(&self.text),
            statement: Some(PgStatement::Query(cursor.query.clone())),
            formats: if cursor.binary { vec![Format::Binary] } else { Vec::new() },
            life: if cursor.hold { Life::Held } else { Life::Transaction },
            values: self.values.clone(),
            ..Self::empty()
        }
    }

    /// Whether it stays when a transaction has ended, well or not.
    pub fn outlives(&mut self, well: bool) -> bool {
        if self.life == Life::Held && well {
            self.life = Life::Kept;
        }
        self.life == Life::Kept
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
            self.columns = encode::columns(&answer.schema, |_| Format::Text);
            if self.columns.len() > i16::MAX as usize {
                return Err(Failure::new("54011", format!("an answer of {} columns", self.columns.len())));
            }
            self.columns = self.columns_as(&self.formats)?;
            self.running = Some(begun(answer, scope));
            self.state = State::Begun;
        }
        Ok(&self.columns)
    }

    /// Its columns in the formats that a message asks for; in its own if that asks for none.
    pub fn columns_as(&self, formats: &[Format]) -> Result<Vec<Column>, Failure> {
        let mut columns = self.columns.clone();
        if formats.len() > 1 && formats.len() != columns.len() {
            let message =
                format!("bind message has {} formats but the query has {} columns", formats.len(), columns.len());
            return Err(Failure::new("08P01", message));
        }
        if !formats.is_empty() {
            columns.iter_mut().enumerate().for_each(|(n, column)| column.format = format_of(formats, n));
        }
        Ok(columns)
    }

    /// Makes `output` of at most `max` rows, or of all if that is 0; gives how many, and whether those were the last.
    pub async fn pull(
        &mut self,
        wire: &mut Wire,
        scope: &Scope<'_>,
        max: u64,
        output: &Output<'_>,
    ) -> Result<(u64, bool), Ended> {
        if let State::Late(limit) = self.state {
            return Err(Failure::of(&QueryError::Timeout { limit }, &self.text).into());
        }
        let Some(running) = &mut self.running else { return Ok((0, true)) };
        let pulled = running.pull(wire, scope, max, output, (&self.columns, &self.text)).await;
        if !matches!(pulled, Ok((_, false))) {
            self.running = None;
            self.state = State::Done;
        }
        pulled
    }
}

fn begun(answer: Answer, scope: &Scope<'_>) -> Running {
    let until = scope.now.saturating_add(scope.limit);
    Running { stream: answer.stream, rows: None, until, limit: scope.limit }
}

impl Running {
    async fn pull(
        &mut self,
        wire: &mut Wire,
        scope: &Scope<'_>,
        max: u64,
        output: &Output<'_>,
        (columns, text): (&[Column], &str),
    ) -> Result<(u64, bool), Ended> {
        let mut sent = 0;
        loop {
            while let Some(rows) = &mut self.rows {
                if max != 0 && sent == max {
                    return Ok((sent, false));
                }
                if rows.write(output, &mut wire.reply) {
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
                    self.rows = Some(Rows::new(&batch, columns).map_err(broken)?);
                }
            }
        }
    }
}
