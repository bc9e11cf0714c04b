use base::Exceeded;

/// What went wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The object store did not do what was asked (a full disk, no network): it may later.
    #[error("{path}: {source}")]
    Objects {
        /// Which object, or prefix.
        path: String,
        /// What it said.
        source: object_store::Error,
    },
    /// An object is not what was written: short, torn, changed or gone.
    #[error("{path} is damaged: {problem}")]
    Corrupt {
        /// Which object.
        path: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process has committed rows of the same shards; ours were dropped from memory and
    /// are read again from the log.
    #[error("another process has committed version {version}: the store follows it")]
    Superseded {
        /// The version that was found.
        version: u64,
    },
    /// The inputs of a compaction or of a removal are no longer there: someone else was faster.
    #[error("version {version} no longer has {path}")]
    Conflict {
        /// The version that was found.
        version: u64,
        /// The file that it does not have.
        path: String,
    },
    /// A shard of a log is no longer read; the rows after that are not in the store.
    #[error("log {log} shard {shard} is no longer read: {problem}")]
    Stopped {
        /// Which log.
        log: &'static str,
        /// Which shard.
        shard: u32,
        /// Why.
        problem: String,
    },
    /// Another process has committed rows of another log of the same kind: ours stay in memory.
    #[error("{problem}")]
    AnotherLog {
        /// Which logs those are.
        problem: String,
    },
    /// No such table.
    #[error("there is no table `{0}`")]
    NoTable(String),
    /// The table cannot be asked for keys.
    #[error("table {0} has no key of 16 bytes")]
    NoKey(&'static str),
    /// Rows or a file do not have the table's columns.
    #[error("table {table}: {problem}")]
    Columns {
        /// Which table.
        table: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A name that cannot be an object's.
    #[error("`{0}` is not a name for a blob: letters, digits, `.`, `_`, `-` and `/` are")]
    Name(String),
    /// The bucket cannot be used.
    #[error("store.s3: bucket `{bucket}` at {server}: {problem}")]
    Bucket {
        /// Its name.
        bucket: String,
        /// Where it is.
        server: String,
        /// What went wrong, and what to do about it.
        problem: String,
    },
    /// A setting that makes no sense.
    #[error("store.{field}: {problem}")]
    Config {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Something is larger than its limit.
    #[error(transparent)]
    TooLarge(#[from] Exceeded),
    /// Arrow refused columns.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    /// Nobody waits for the answer any more.
    #[error("who asked does not wait any more")]
    GivenUp,
    /// Two things went wrong, neither because of the other.
    #[error("{first}; {second}")]
    Both {
        /// What went wrong first.
        first: Box<Self>,
        /// And then.
        second: Box<Self>,
    },
    /// The runtime is ending.
    #[error("the store is ending")]
    Ending,
}

impl StoreError {
    /// For `map_err`: an error of the object store about `path`.
    pub(crate) fn objects(path: impl ToString) -> impl FnOnce(object_store::Error) -> Self {
        move |source| Self::Objects { path: path.to_string(), source }
    }

    /// What two attempts, of which neither needs the other, came to: each error that there is.
    pub(crate) fn both(first: Result<(), Self>, second: Result<(), Self>) -> Result<(), Self> {
        match (first, second) {
            (Err(first), Err(second)) => Err(Self::Both { first: Box::new(first), second: Box::new(second) }),
            (first, second) => first.and(second),
        }
    }

    /// Damage of `path`.
    pub(crate) fn corrupt(path: impl ToString, problem: impl ToString) -> Self {
        Self::Corrupt { path: path.to_string(), problem: problem.to_string() }
    }
}
