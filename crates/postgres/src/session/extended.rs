//! Kept statements, their values, and their rows: the messages that belong together until `Sync`.

use query::PgStatement;

use super::command::shown;
use super::cursor::Part;
use super::{PREPARED, PREPARED_BYTES, Session, read, scope, session_of, tag};
use crate::column::Format;
use crate::encode::{self, Output};
use crate::failure::Failure;
use crate::portal::Prepared;
use crate::request::Bind;
use crate::wire::Ended;

impl Session {
    pub(super) async fn parse(&mut self, name: String, text: String, types: Vec<u32>) -> Result<(), Ended> {
        if !name.is_empty() && self.prepared.contains_key(&name) {
            return Err(Failure::new("42P05", format!("prepared statement \"{name}\" already exists")).into());
        }
        let statement = self.place.statement();
        let mut statements = read(&self.shared, &statement, &text).await?;
        if statements.len() > 1 {
            return Err(Failure::new("42601", "cannot insert multiple commands into a prepared statement").into());
        }
        let parsed = statements.pop();
        if let Some(parsed) = &parsed {
            self.permit(parsed)?;
        }
        self.prepared.remove(&name);
        let bytes = self.prepared.values().map(|kept| kept.text.len()).sum::<usize>() + text.len();
        PREPARED.check(self.prepared.len() as u64 + 1).map_err(Failure::from)?;
        PREPARED_BYTES.check(bytes as u64).map_err(Failure::from)?;
        self.prepared.insert(name, Prepared::new(text.into(), parsed, types));
        self.wire.reply.bare(b'1');
        Ok(())
    }

    pub(super) async fn bind(&mut self, bind: Bind) -> Result<(), Ended> {
        let name = bind.portal.clone();
        if !name.is_empty() && self.portals.contains_key(&name) {
            return Err(Failure::new("42P03", format!("cursor \"{name}\" already exists")).into());
        }
        let statement = self.place.statement();
        let session = session_of(&self.caller, &self.settings);
        let prepared = self.prepared.get_mut(&bind.statement).ok_or_else(|| no_statement(&bind.statement))?;
        if !(bind.values.is_empty() && prepared.declared.is_empty()) {
            statement.until(prepared.shape(&self.shared.postgres, &session)).await??;
        }
        let portal = prepared.bind(bind)?;
        self.portals.remove(&name);
        self.check_room(&portal)?;
        self.portals.insert(name, portal);
        self.wire.reply.bare(b'2');
        Ok(())
    }

    pub(super) async fn describe_statement(&mut self, name: &str) -> Result<(), Ended> {
        let statement = self.place.statement();
        let session = session_of(&self.caller, &self.settings);
        let prepared = self.prepared.get_mut(name).ok_or_else(|| no_statement(name))?;
        let schema = statement.until(prepared.shape(&self.shared.postgres, &session)).await??;
        let columns = schema.map(|shape| encode::columns(&shape.schema, |_| Format::Text));
        let (parameters, kept) = (prepared.parameters(), prepared.statement.clone());
        let columns = match &kept {
            Some(PgStatement::Query(_)) => columns,
            Some(PgStatement::Show(name)) => Some(shown(name)),
            Some(PgStatement::Fetch(fetch)) => self.fetched_columns(fetch, &[])?,
            _ => None,
        };
        self.wire.reply.parameter_description(&parameters);
        match columns {
            Some(columns) => self.wire.reply.row_description(&columns),
            None => self.wire.reply.bare(b'n'),
        }
        Ok(())
    }

    pub(super) async fn describe_portal(&mut self, name: &str) -> Result<(), Ended> {
        let statement = self.place.statement();
        let portal = self.portals.get_mut(name).ok_or_else(|| no_portal(name))?;
        match portal.statement.clone() {
            Some(PgStatement::Query(query)) => {
                let scope = scope(&self.shared, &self.caller, &self.settings, &statement);
                let columns = portal.columns(&query, &mut self.wire, &scope).await?;
                self.wire.reply.row_description(columns);
            }
            Some(PgStatement::Show(name)) => self.wire.reply.row_description(&shown(&name)),
            Some(PgStatement::Fetch(fetch)) => {
                let formats = portal.formats.clone();
                match self.fetched_columns(&fetch, &formats)? {
                    Some(columns) => self.wire.reply.row_description(&columns),
                    None => self.wire.reply.bare(b'n'),
                }
            }
            _ => self.wire.reply.bare(b'n'),
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, name: &str, max: usize) -> Result<(), Ended> {
        let statement = self.place.statement();
        let portal = self.portals.get_mut(name).ok_or_else(|| no_portal(name))?;
        let Some(kept) = portal.statement.clone() else {
            self.wire.reply.bare(b'I');
            return Ok(());
        };
        self.permit(&kept)?;
        match &kept {
            PgStatement::Query(query) => {
                let Some(portal) = self.portals.get_mut(name) else { return Ok(()) };
                let scope = scope(&self.shared, &self.caller, &self.settings, &statement);
                let columns = portal.columns(query, &mut self.wire, &scope).await?.to_vec();
                match portal.pull(&mut self.wire, &scope, max as u64, &Output::Rows(&columns)).await? {
                    (rows, true) => self.wire.reply.complete(&tag(query.tag, rows)),
                    (_, false) => self.wire.reply.bare(b's'),
                }
                Ok(())
            }
            // It is run once, and what it was bound to is not needed after that.
            PgStatement::Declare(cursor) => {
                let Some(portal) = self.portals.remove(name) else { return Ok(()) };
                self.declare(cursor, portal.cursor(cursor), true, &statement).await
            }
            PgStatement::Copy(copy) => {
                let Some(mut portal) = self.portals.remove(name) else { return Ok(()) };
                self.copy(copy, &mut portal, &statement).await
            }
            PgStatement::Fetch(fetch) => {
                let Some(portal) = self.portals.get(name) else { return Ok(()) };
                let (formats, given) = (portal.formats.clone(), portal.fetched);
                let part = Part { formats: &formats, described: false, max: max as u64, given };
                let (rows, whole) = self.fetch(fetch, part, &statement).await?;
                if let Some(portal) = self.portals.get_mut(name) {
                    portal.fetched += rows;
                }
                if !whole {
                    self.wire.reply.bare(b's');
                }
                Ok(())
            }
            other => self.command(other, false).map_err(Ended::from),
        }
    }
}

fn no_statement(name: &str) -> Failure {
    Failure::new("26000", format!("prepared statement \"{name}\" does not exist"))
}

fn no_portal(name: &str) -> Failure {
    Failure::new("34000", format!("portal \"{name}\" does not exist"))
}
