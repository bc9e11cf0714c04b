/// What a query may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Samples held at once.
    pub samples: usize,
    /// Steps of a query or subquery.
    pub steps: usize,
    /// Series in the answer.
    pub series: usize,
    /// Bytes of the name and value of one label that is made.
    pub one_label_bytes: usize,
    /// Bytes of all labels that are made, or copied from one series to others.
    pub label_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            samples: 50_000_000,
            steps: 1_000_000,
            series: 1_000_000,
            one_label_bytes: 64 << 10,
            label_bytes: 256 << 20,
        }
    }
}

/// How queries are evaluated. Times in milliseconds.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// How old the last sample may be that counts as the value of a series.
    pub lookback: i64,
    /// The step of subqueries that have none.
    pub subquery_step: i64,
    /// What a query may use.
    pub limits: Limits,
    /// Asked from time to time whether the query may go on.
    pub may_continue: &'a dyn Fn() -> bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { lookback: 5 * 60_000, subquery_step: 60_000, limits: Limits::default(), may_continue: &|| true }
    }
}
