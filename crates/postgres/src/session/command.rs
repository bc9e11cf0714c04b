//! Statements that give no rows of a table: they set up the session, or have nothing to do.

use query::{PgScalar, PgStatement, PgType};

use super::{Session, Transaction};
use crate::column::{Column, Format};
use crate::failure::Failure;

/// The columns of `SHOW name`.
pub(super) fn shown(name: &str) -> Vec<Column> {
    let column = |name: &str| {
        let of = PgType::scalar(PgScalar::Text);
        Column { name: name.to_owned(), of, format: Format::Text }
    };
    if name == "all" { ["name", "setting", "description"].map(column).into() } else { vec![column(name)] }
}

impl Session {
    /// Does what `statement` says, and that it is done; `describe` says whether rows need their columns.
    pub(super) fn command(&mut self, statement: &PgStatement, describe: bool) -> Result<(), Failure> {
        let done = match statement {
            PgStatement::Set { name, value } => {
                if let Some((name, value)) = self.settings.set(name, value.as_deref())? {
                    self.wire.reply.parameter_status(name, &value);
                }
                "SET".to_owned()
            }
            PgStatement::ResetAll => {
                self.reset();
                "RESET".to_owned()
            }
            PgStatement::Show(name) => self.show(name, describe)?,
            PgStatement::Begin => {
                if self.transaction == Transaction::Open {
                    self.wire.reply.warning("there is already a transaction in progress");
                }
                self.transaction = Transaction::Open;
                "BEGIN".to_owned()
            }
            PgStatement::Commit if self.transaction != Transaction::Failed => self.end("COMMIT"),
            PgStatement::Commit | PgStatement::Rollback => self.end("ROLLBACK"),
            PgStatement::Deallocate(None) => {
                self.prepared.clear();
                "DEALLOCATE ALL".to_owned()
            }
            PgStatement::Deallocate(Some(name)) => {
                let missing = || Failure::new("26000", format!("prepared statement \"{name}\" does not exist"));
                self.prepared.remove(name).ok_or_else(missing)?;
                "DEALLOCATE".to_owned()
            }
            PgStatement::DiscardAll => {
                self.reset();
                self.prepared.clear();
                self.portals.clear();
                "DISCARD ALL".to_owned()
            }
            PgStatement::Nothing(tag) => {
                // Back to a point at which nothing had failed.
                if *tag == "ROLLBACK" && self.transaction == Transaction::Failed {
                    self.transaction = Transaction::Open;
                }
                (*tag).to_owned()
            }
            PgStatement::Close(None) => {
                self.portals.clear();
                "CLOSE CURSOR ALL".to_owned()
            }
            PgStatement::Close(Some(name)) => {
                self.close(name)?;
                "CLOSE CURSOR".to_owned()
            }
            PgStatement::Refused(error) => return Err(Failure::of(error, "")),
            PgStatement::Query(_) | PgStatement::Declare(_) | PgStatement::Fetch(_) | PgStatement::Copy(_) => {
                return Err(Failure::new("XX000", "a query is no command"));
            }
        };
        self.wire.reply.complete(&done);
        Ok(())
    }

    fn end(&mut self, tag: &str) -> String {
        self.transaction = Transaction::Idle;
        self.settle(tag == "COMMIT");
        tag.to_owned()
    }

    fn reset(&mut self) {
        self.settings.reset();
        let (settings, wire) = (&self.settings, &mut self.wire);
        settings.reported().for_each(|(name, value)| wire.reply.parameter_status(name, value));
    }

    fn show(&mut self, name: &str, describe: bool) -> Result<String, Failure> {
        let columns = shown(name);
        let (settings, reply) = (&self.settings, &mut self.wire.reply);
        if name != "all" {
            let value = settings.get(name)?;
            if describe {
                reply.row_description(&columns);
            }
            reply.text_row(&[value]);
            return Ok("SHOW".to_owned());
        }
        if describe {
            reply.row_description(&columns);
        }
        settings.values().iter().for_each(|(name, value)| reply.text_row(&[name, value, ""]));
        Ok("SHOW".to_owned())
    }
}
