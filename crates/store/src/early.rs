//! Samples in files that are ahead of their time when a store is opened.

use std::collections::HashMap;
use std::sync::Arc;

use base::Timestamp;
use futures::TryStreamExt;
use model::SeriesId;

use crate::file::FileScan;
use crate::filter::Share;
use crate::series::{AHEAD, Columns, OF_SERIES, REMEMBERED, findable, later};
use crate::{Days, Store, StoreError, StoredLabels};

/// Rows of a batch that is read.
const ROWS: usize = 8_192;

impl Store {
    /// Has the index remember the series of such samples, if they are not too many, so that questions about other times do
    /// not look for them in files.
    ///
    /// # Errors
    /// [`StoreError::Objects`] if files cannot be read now.
    pub(crate) async fn index_early(&self) -> Result<(), StoreError> {
        let index = &self.0.series;
        let wall = self.0.clock.now();
        let newest = self.0.state.read().version.newest(&OF_SERIES);
        let (mut ahead, mut days) = (HashMap::new(), Days::default());
        for table in OF_SERIES {
            if !self.add_ahead(table, wall.plus(AHEAD), &mut ahead, &mut days).await? {
                index.holds(newest, wall);
                return Ok(());
            }
        }
        if ahead.is_empty() {
            return Ok(());
        }
        let mut rows = self.announced(&[], &days);
        while let Some(batch) = rows.try_next().await? {
            let Some(columns) = Columns::of(&batch) else { continue };
            for n in 0..columns.len() {
                let Some(until) = ahead.remove(&columns.id(n)) else { continue };
                let labels: StoredLabels = columns.labels(n).map(|(name, value)| (name.into(), value.into())).collect();
                index.remember(columns.id(n), findable(until, wall), labels);
            }
        }
        // What announced them may be on the log still.
        let left: Vec<_> = ahead.into_iter().map(|(id, until)| (id, findable(until, wall))).collect();
        index.ahead(&left, wall);
        Ok(())
    }

    /// Adds the series of rows of a table that are later than `limit`, and the days on which they may have been announced.
    /// False if there are too many.
    async fn add_ahead(
        &self,
        table: &str,
        limit: Timestamp,
        ahead: &mut HashMap<SeriesId, Timestamp>,
        days: &mut Days,
    ) -> Result<bool, StoreError> {
        let Some(table) = self.snapshot().table(table) else { return Ok(true) };
        let layout = table.layout();
        let Some(key) = layout.key else { return Ok(true) };
        for file in table.files().iter().filter(|file| file.max_ts > limit) {
            days.extend(&file.announced_from(Timestamp::MIN));
            let scan = FileScan {
                layout,
                columns: (0..layout.schema.fields().len()).collect(),
                lean: Vec::new(),
                keys: None,
                time: Some((limit, Timestamp::MAX)),
                share: Share::default(),
                texts: Arc::default(),
                batch_rows: ROWS,
            };
            let mut rows = scan.lenient(Arc::clone(&self.0), file.clone());
            while let Some(batch) = rows.try_next().await? {
                for (id, time) in later(&batch, (key, layout.time), limit) {
                    let until = ahead.entry(id).or_insert(time);
                    *until = time.max(*until);
                }
                if ahead.len() as u64 > REMEMBERED.max() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
