//! Cursors: portals that statements declare, and from which they fetch.

use query::{PgCursor, PgFetch, PgRows, PgStatement};

use super::{PORTAL_BYTES, PORTALS, Session, Transaction, scope};
use crate::cancel::Statement;
use crate::column::{Column, Format};
use crate::encode::Output;
use crate::failure::Failure;
use crate::portal::Portal;
use crate::wire::Ended;

/// Which part of what a `FETCH` asks for is given at once, and how.
pub(super) struct Part<'a> {
    /// The formats that the client wants; the cursor's own if it does not say.
    pub formats: &'a [Format],
    /// Whether the columns are told first.
    pub described: bool,
    /// So many rows at most, all if that is 0.
    pub max: u64,
    /// How many were given before.
    pub given: u64,
}

impl Session {
    /// Keeps the query of `cursor` under its name, as the portal `kept`, and begins to answer it. `alone` says that
    /// nothing else came with the statement.
    pub(super) async fn declare(
        &mut self,
        cursor: &PgCursor,
        mut kept: Portal,
        alone: bool,
        statement: &Statement,
    ) -> Result<(), Ended> {
        let PgCursor { name, query, hold, .. } = cursor;
        if name.is_empty() {
            return Err(Failure::new("34000", "invalid cursor name: must not be empty").into());
        }
        if !hold && alone && self.transaction == Transaction::Idle {
            let message = "DECLARE CURSOR can only be used in transaction blocks";
            return Err(Failure::new("25P01", message).into());
        }
        if self.portals.contains_key(name) {
            return Err(Failure::new("42P03", format!("cursor \"{name}\" already exists")).into());
        }
        self.check_room(&kept)?;
        let scope = scope(&self.shared, &self.caller, &self.settings, statement);
        kept.columns(query, &mut self.wire, &scope).await?;
        self.portals.insert(name.clone(), kept);
        self.wire.reply.complete("DECLARE CURSOR");
        Ok(())
    }

    /// Gives rows of a cursor, or passes them over; says how many, and whether those were all that were asked for.
    pub(super) async fn fetch(
        &mut self,
        fetch: &PgFetch,
        part: Part<'_>,
        statement: &Statement,
    ) -> Result<(u64, bool), Ended> {
        let wanted = match fetch.rows {
            PgRows::All => u64::MAX,
            PgRows::Next(count) => count.saturating_sub(part.given),
            PgRows::Back => return Err(Failure::new("55000", "cursor can only scan forward").into()),
        };
        let portal = self.portals.get_mut(&fetch.cursor).ok_or_else(|| no_cursor(&fetch.cursor))?;
        let scope = scope(&self.shared, &self.caller, &self.settings, statement);
        if let Some(PgStatement::Query(query)) = portal.statement.clone() {
            portal.columns(&query, &mut self.wire, &scope).await?;
        }
        let columns = portal.columns_as(part.formats)?;
        if part.described && !fetch.skips {
            self.wire.reply.row_description(&columns);
        }
        let output = if fetch.skips { Output::Nothing } else { Output::Rows(&columns) };
        let most = if part.max == 0 { wanted } else { wanted.min(part.max) };
        let (rows, ended) = match most {
            0 => (0, true),
            most => portal.pull(&mut self.wire, &scope, most, &output).await?,
        };
        let whole = ended || rows == wanted;
        if whole {
            let word = if fetch.skips { "MOVE" } else { "FETCH" };
            self.wire.reply.complete(&format!("{word} {}", part.given + rows));
        }
        Ok((rows, whole))
    }

    /// The columns that a `FETCH` gives, in these formats; none if it passes rows over.
    pub(super) fn fetched_columns(&self, fetch: &PgFetch, formats: &[Format]) -> Result<Option<Vec<Column>>, Failure> {
        let portal = self.portals.get(&fetch.cursor).ok_or_else(|| no_cursor(&fetch.cursor))?;
        let columns = portal.columns_as(formats)?;
        Ok((!fetch.skips).then_some(columns))
    }

    /// Forgets a cursor.
    pub(super) fn close(&mut self, name: &str) -> Result<(), Failure> {
        self.portals.remove(name).map(drop).ok_or_else(|| no_cursor(name))
    }

    /// A transaction has ended, well or not: what belongs to it goes.
    pub(super) fn settle(&mut self, well: bool) {
        self.portals.retain(|_, portal| portal.outlives(well));
    }

    /// Whether one more may be kept.
    pub(super) fn check_room(&self, portal: &Portal) -> Result<(), Failure> {
        let bytes = self.portals.values().map(Portal::bytes).sum::<u64>() + portal.bytes();
        PORTALS.check(self.portals.len() as u64 + 1)?;
        Ok(PORTAL_BYTES.check(bytes)?)
    }
}

fn no_cursor(name: &str) -> Failure {
    Failure::new("34000", format!("cursor \"{name}\" does not exist"))
}
