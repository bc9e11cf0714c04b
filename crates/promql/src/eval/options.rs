/// What a query may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Samples held at once.
    pub samples: usize,
    /// Steps of a query or subquery.
    pub steps: usize,
    /// Series in the answer.
    pub series: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { samples: 50_000_000, steps: 1_000_000, series: 1_000_000 }
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
