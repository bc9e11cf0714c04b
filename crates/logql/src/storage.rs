use crate::labels::Labels;
use crate::metadata::Metadata;
use crate::plan::Selection;

/// Why a selection failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StorageError(pub Box<dyn std::error::Error + Send + Sync>);

/// An entry of a stream, lent by its source until the next one is asked for.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// Which stream of the selection it is in: the same number for the same labels, counted from 0.
    pub stream: usize,
    /// The stream's labels.
    pub labels: &'a Labels,
    /// Nanoseconds since the epoch.
    pub ts: i64,
    /// The line.
    pub line: &'a str,
    /// Its structured metadata.
    pub metadata: &'a dyn Metadata,
}

/// The entries of a selection, one after the other.
pub trait Entries {
    /// The next entry, none at the end. Times ascend over all streams together, or descend where the
    /// selection is backward.
    ///
    /// # Errors
    /// What the storage cannot do; the query fails with it.
    fn next(&mut self) -> Result<Option<Row<'_>>, StorageError>;
}

/// Where entries come from.
pub trait Storage {
    /// The entries of all streams that satisfy all matchers, with a time in the selection's range. The
    /// texts of the selection may be used to leave out entries without them; they need not.
    ///
    /// # Errors
    /// What the storage cannot do.
    fn select(&self, selection: &Selection<'_>) -> Result<Box<dyn Entries + '_>, StorageError>;
}
