//! A session: messages of one client, answered in their order.

mod command;
mod copy;
mod cursor;
mod extended;

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Limit;
use query::{PgSession, PgStatement};

use crate::cancel::{Place, Statement};
use crate::encode::Output;
use crate::failure::Failure;
use crate::portal::{Portal, Prepared, Scope};
use crate::request::{Request, Target};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::users::Caller;
use crate::wire::{Ended, Wire};
use cursor::Part;

/// Statements that a client keeps, and bytes of their texts.
const PREPARED: Limit = Limit::new("postgres.prepared_statements", 500);
const PREPARED_BYTES: Limit = Limit::new("postgres.prepared_bytes", 1 << 20);
/// Statements with their values that a client keeps, cursors among them, and bytes of those values.
const PORTALS: Limit = Limit::new("postgres.portals", 64);
const PORTAL_BYTES: Limit = Limit::new("postgres.portal_bytes", 16 << 20);

/// Whether a transaction goes on. There is nothing in it that could be undone, but clients count on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transaction {
    /// None.
    Idle,
    /// It goes on.
    Open,
    /// A statement of it has failed, so that nothing but its end is taken.
    Failed,
}

/// What belongs to one client.
pub struct Session {
    shared: Arc<Shared>,
    wire: Wire,
    caller: Caller,
    settings: Settings,
    transaction: Transaction,
    prepared: BTreeMap<String, Prepared>,
    portals: BTreeMap<String, Portal>,
    place: Place,
    /// After an error everything is left out until the client is in step again.
    skipping: bool,
}

impl Session {
    /// The session of who was let in.
    pub fn new(shared: Arc<Shared>, wire: Wire, caller: Caller, settings: Settings, place: Place) -> Self {
        let (prepared, portals) = (BTreeMap::new(), BTreeMap::new());
        Self {
            shared,
            wire,
            caller,
            settings,
            transaction: Transaction::Idle,
            prepared,
            portals,
            place,
            skipping: false,
        }
    }

    /// Answers until the client has gone, is idle for too long or breaks the wire, or the process ends.
    pub async fn run(mut self) {
        self.settings.reported().for_each(|(name, value)| self.wire.reply.parameter_status(name, value));
        self.wire.reply.key(self.place.process, self.place.secret);
        self.ready();
        let Err(ended) = self.serve().await;
        if let Ended::Told(failure) = ended {
            self.wire.end(&failure).await;
        }
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, Ended> {
        self.wire.flush().await?;
        loop {
            let request = self.next().await?;
            match self.answer(request).await {
                Err(Ended::Told(failure)) if !failure.fatal => self.failed(&failure).await?,
                answered => answered?,
            }
        }
    }

    /// The next message; meanwhile statements whose time is over give up what they hold.
    async fn next(&mut self) -> Result<Request, Ended> {
        let config = &self.shared.config;
        let limit = Limit::new("postgres.max_message_bytes", config.max_message_bytes);
        let idle_until = self.shared.clock.monotonic().saturating_add(config.idle_timeout);
        loop {
            let now = self.shared.clock.monotonic();
            self.portals.values_mut().for_each(|portal| portal.expire(now));
            if now >= idle_until {
                return Err(Failure::fatal("57P05", "terminating connection due to idle-session timeout").into());
            }
            let until = self.portals.values().filter_map(Portal::until).chain([idle_until]).min().unwrap_or(idle_until);
            let shutdown = self.shared.shutdown.clone();
            let Some(begun) = shutdown.or(self.wire.begins(until.saturating_sub(now))).await else {
                let message = "terminating connection due to administrator command";
                return Err(Failure::fatal("57P01", message).into());
            };
            if begun? {
                return self.wire.next(limit).await;
            }
        }
    }

    async fn answer(&mut self, request: Request) -> Result<(), Ended> {
        match request {
            Request::Terminate => Err(Ended::Gone),
            Request::Sync => self.sync().await,
            _ if self.skipping => Ok(()),
            Request::Query(text) => {
                let answered = self.query(text).await;
                let answered_well = answered.is_ok();
                if let Err(Ended::Told(failure)) = &answered
                    && !failure.fatal
                {
                    self.fail(failure);
                } else {
                    answered?;
                }
                self.settle_alone(answered_well);
                self.ready();
                self.wire.flush().await
            }
            Request::Parse { name, text, types } => self.parse(name, text, types).await,
            Request::Bind(bind) => self.bind(bind).await,
            Request::Describe(Target::Statement, name) => self.describe_statement(&name).await,
            Request::Describe(Target::Portal, name) => self.describe_portal(&name).await,
            Request::Execute(name, max) => self.execute(&name, max).await,
            Request::Close(target, name) => {
                match target {
                    Target::Statement => drop(self.prepared.remove(&name)),
                    Target::Portal => drop(self.portals.remove(&name)),
                }
                self.wire.reply.bare(b'3');
                Ok(())
            }
            Request::Flush => self.wire.flush().await,
            Request::Copy => Ok(()),
            Request::Password(_) => Err(Failure::protocol("unexpected password message").into()),
            Request::FunctionCall => {
                self.fail(&Failure::new("0A000", "function calls are not supported"));
                self.ready();
                self.wire.flush().await
            }
        }
    }

    /// Says that the next statement may come.
    fn ready(&mut self) {
        self.wire.reply.ready(match self.transaction {
            Transaction::Idle => b'I',
            Transaction::Open => b'T',
            Transaction::Failed => b'E',
        });
    }

    fn fail(&mut self, failure: &Failure) {
        self.wire.reply.failure(failure);
        if self.transaction == Transaction::Open {
            self.transaction = Transaction::Failed;
        }
    }

    /// An error between messages that belong together.
    async fn failed(&mut self, failure: &Failure) -> Result<(), Ended> {
        self.fail(failure);
        self.skipping = true;
        self.wire.flush().await
    }

    async fn sync(&mut self) -> Result<(), Ended> {
        let well = !std::mem::take(&mut self.skipping);
        self.settle_alone(well);
        self.ready();
        self.wire.flush().await
    }

    /// Ends what was a transaction by itself, well or not: no other goes on.
    fn settle_alone(&mut self, well: bool) {
        if self.transaction == Transaction::Idle {
            self.settle(well);
        }
    }

    async fn query(&mut self, text: String) -> Result<(), Ended> {
        self.portals.remove("");
        self.prepared.remove("");
        let statement = self.place.statement();
        let statements = read(&self.shared, &statement, &text).await?;
        if statements.is_empty() {
            self.wire.reply.bare(b'I');
        }
        let text: Arc<str> = text.into();
        let alone = statements.len() == 1;
        for one in statements {
            self.permit(&one)?;
            let mut portal = Portal::once(Arc::clone(&text), one.clone());
            match &one {
                PgStatement::Query(query) => {
                    let scope = scope(&self.shared, &self.caller, &self.settings, &statement);
                    let columns = portal.columns(query, &mut self.wire, &scope).await?.to_vec();
                    self.wire.reply.row_description(&columns);
                    let (rows, _) = portal.pull(&mut self.wire, &scope, 0, &Output::Rows(&columns)).await?;
                    self.wire.reply.complete(&tag(query.tag, rows));
                }
                PgStatement::Declare(cursor) => {
                    let kept = portal.cursor(cursor);
                    self.declare(cursor, kept, alone, &statement).await?;
                }
                PgStatement::Fetch(fetch) => {
                    let all = Part { formats: &[], described: true, max: 0, given: 0 };
                    self.fetch(fetch, all, &statement).await?;
                }
                PgStatement::Copy(copy) => self.copy(copy, &mut portal, &statement).await?,
                other => self.command(other, true)?,
            }
        }
        Ok(())
    }

    /// Lets a statement through that the transaction allows.
    fn permit(&self, statement: &PgStatement) -> Result<(), Failure> {
        let ends = matches!(statement, PgStatement::Commit | PgStatement::Rollback | PgStatement::Nothing("ROLLBACK"));
        if self.transaction != Transaction::Failed || ends {
            return Ok(());
        }
        let message = "current transaction is aborted, commands ignored until end of transaction block";
        Err(Failure::new("25P02", message))
    }
}

async fn read(shared: &Shared, statement: &Statement, text: &str) -> Result<Vec<PgStatement>, Failure> {
    let parsed = statement.until(shared.postgres.parse(text)).await?;
    parsed.map_err(|error| Failure::of(&error, text))
}

fn session_of(caller: &Caller, settings: &Settings) -> PgSession {
    let Caller { name: user, rights } = caller.clone();
    PgSession { user, settings: Arc::clone(settings.values()), rights }
}

fn scope<'a>(shared: &'a Shared, caller: &Caller, settings: &Settings, statement: &'a Statement) -> Scope<'a> {
    let most = shared.config.statement_timeout.min(shared.postgres.timeout());
    Scope {
        postgres: &shared.postgres,
        session: session_of(caller, settings),
        limit: settings.statement_timeout().map_or(most, |limit| limit.min(most)),
        now: shared.clock.monotonic(),
        statement,
    }
}

/// `SELECT 5`; only a query's tag counts its rows.
fn tag(word: &str, rows: u64) -> String {
    if word == "SELECT" { format!("SELECT {rows}") } else { word.to_owned() }
}
