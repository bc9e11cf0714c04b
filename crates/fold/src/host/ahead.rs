//! Documents of many records, looked up at once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use model::{Key, Record, Stream};

use super::retry::Retry;
use crate::{DocumentRef, Documents, FoldError, Found, Machine, Side};

/// Documents that are looked up ahead, at most.
const REFS: usize = 1_024;

/// What was there before a chunk of records. Which version is the newest depends on a record's
/// offset, so it holds only for resources of which the chunk itself has nothing.
#[derive(Default)]
pub(super) struct Ahead {
    asked: HashSet<DocumentRef>,
    found: HashMap<DocumentRef, Found>,
    /// What the chunk has versions of.
    touched: HashSet<(Side, Key)>,
}

impl Ahead {
    /// What the folds would ask for `chunk` as they are now. What they ask for besides is looked up
    /// when they do.
    pub fn plan(machine: &Machine, chunk: &[Record]) -> Self {
        let mut ahead = Self::default();
        if chunk.len() < 2 {
            return ahead;
        }
        chunk.iter().for_each(|record| ahead.touch(record));
        for record in chunk {
            let refs = machine.needs(record).refs();
            ahead.asked.extend(refs.into_iter().filter(|it| !ahead.touched.contains(&(it.side, it.key))));
            if ahead.asked.len() >= REFS {
                break;
            }
        }
        ahead
    }

    /// Looks up what is planned for `chunk`; nothing if the host is to end before.
    pub async fn look(
        mut self,
        documents: &Arc<dyn Documents>,
        chunk: &[Record],
        retry: &Retry,
    ) -> Result<Option<Self>, FoldError> {
        let Some(first) = chunk.first() else { return Ok(Some(self)) };
        let mut refs: Vec<DocumentRef> = self.asked.iter().copied().collect();
        refs.sort_unstable();
        let Some(found) = fetch(documents, first, &refs, retry, false).await? else { return Ok(None) };
        self.found = found;
        Ok(Some(self))
    }

    /// What `record` needs: from what was looked up, and the rest now.
    pub async fn fetch(
        &self,
        documents: &Arc<dyn Documents>,
        record: &Record,
        refs: &[DocumentRef],
        retry: &Retry,
    ) -> Result<Option<HashMap<DocumentRef, Found>>, FoldError> {
        let (known, rest): (Vec<_>, Vec<_>) = refs.iter().copied().partition(|it| self.asked.contains(it));
        let Some(mut found) = fetch(documents, record, &rest, retry, true).await? else { return Ok(None) };
        found.extend(known.iter().filter_map(|it| Some((*it, self.found.get(it)?.clone()))));
        Ok(Some(found))
    }

    fn touch(&mut self, record: &Record) {
        let side = match record.batch.stream {
            Stream::Live => Side::Live,
            Stream::Declared => Side::Declared,
            _ => return,
        };
        let keys = record.batch.data.column_by_name("key").and_then(|keys| keys.as_fixed_size_binary_opt());
        let keys = keys.into_iter().flat_map(|keys| (0..keys.len()).map(move |n| keys.value(n)));
        self.touched.extend(keys.filter_map(|key| Some((side, Key(key.try_into().ok()?)))));
    }
}

/// Looks up `refs` as of `record`, with its own versions or without.
async fn fetch(
    documents: &Arc<dyn Documents>,
    record: &Record,
    refs: &[DocumentRef],
    retry: &Retry,
    with_own: bool,
) -> Result<Option<HashMap<DocumentRef, Found>>, FoldError> {
    if refs.is_empty() {
        return Ok(Some(HashMap::new()));
    }
    let upto = if with_own { record.offset.next() } else { record.offset };
    retry.until("fetch documents", || documents.fetch(record.shard, upto, refs)).await
}
