use query::PgCopy;

use super::{Session, scope};
use crate::cancel::Statement;
use crate::encode::{Copier, Output};
use crate::portal::Portal;
use crate::wire::Ended;

impl Session {
    /// Gives all rows of `portal` as one text.
    pub(super) async fn copy(
        &mut self,
        copy: &PgCopy,
        portal: &mut Portal,
        statement: &Statement,
    ) -> Result<(), Ended> {
        let scope = scope(&self.shared, &self.caller, &self.settings, statement);
        let columns = portal.columns(&copy.query, &mut self.wire, &scope).await?;
        let copier = Copier::new(copy, columns)?;
        copier.begin(columns, &mut self.wire.reply);
        let (rows, _) = portal.pull(&mut self.wire, &scope, 0, &Output::Copy(&copier)).await?;
        copier.end(&mut self.wire.reply);
        self.wire.reply.complete(&format!("COPY {rows}"));
        Ok(())
    }
}
