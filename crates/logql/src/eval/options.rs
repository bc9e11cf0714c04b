use crate::plan::Direction;

/// What a query may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries that are read.
    pub entries: u64,
    /// Bytes of lines that are read.
    pub bytes: u64,
    /// Numbers that are held at once.
    pub samples: u64,
    /// Series of a range aggregation, and streams of an answer.
    pub series: u64,
    /// Bytes of the labels of series and streams that are held.
    pub label_bytes: u64,
    /// Steps of a query.
    pub steps: u64,
    /// Bytes of the lines of an answer, with what each has beside it.
    pub answer_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 100_000_000,
            bytes: 100 << 30,
            samples: 20_000_000,
            series: 100_000,
            label_bytes: 128 << 20,
            steps: 100_000,
            answer_bytes: 128 << 20,
        }
    }
}

/// How queries are evaluated.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// What a query may take.
    pub limits: Limits,
    /// Asked now and then whether the query may go on.
    pub go_on: &'a dyn Fn() -> bool,
    /// What `now` is in templates, in nanoseconds since the epoch.
    pub now: i64,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { limits: Limits::default(), go_on: &|| true, now: 0 }
    }
}

/// Which lines are answered. Times in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug)]
pub struct LogQuery {
    /// The first time.
    pub start: i64,
    /// The time after the last.
    pub end: i64,
    /// Lines of all streams together.
    pub limit: usize,
    /// In which order; of more lines than the limit the first are answered.
    pub direction: Direction,
    /// The least time between two lines, in nanoseconds; 0 for all lines.
    pub interval: i64,
    /// Labels of streams, metadata and parsers are told apart.
    pub categorize: bool,
}
