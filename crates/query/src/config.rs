use std::time::Duration;

use serde::Deserialize;

/// How deep expressions and queries may nest; the parser's recursion is bounded by it.
pub(crate) const NESTING: usize = 50;

/// The limits of queries. Each is named as the error and the documentation name it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueryConfig {
    /// Bytes that the operators of one query (sorts, joins, groups) may hold.
    pub memory_bytes: u64,
    /// Bytes that one column of one batch may reach where texts and lists are made longer, or written into each row.
    pub value_bytes: u64,
    /// From the start of a query to its last row.
    #[serde(with = "base::duration")]
    pub timeout: Duration,
    /// Rows that an answer may have, if the caller does not ask for fewer.
    pub max_rows: u64,
    /// Statements of SQL that may run at once; one more waits for its place.
    pub max_concurrent: u32,
    /// Expressions of PromQL and LogQL, and questions about labels and series, that may be evaluated at once, each with what it
    /// loads in memory; one more waits for its place. 0: two for each core.
    pub max_evaluations: u32,
    /// How long one waits for its place until it is refused; with 0 it is refused at once.
    #[serde(with = "base::duration")]
    pub max_wait: Duration,
    /// Statements that may wait, and as many evaluations; one more is refused at once.
    pub max_waiting: u32,
    /// Bytes of a query's text.
    pub max_sql_bytes: u64,
    /// Operators and keywords of a query's text; lists of values do not count.
    pub max_sql_terms: u64,
    /// Samples that one PromQL query may load, and hold.
    pub promql_samples: u64,
    /// Series that the answer to one PromQL query may have.
    pub promql_series: u64,
    /// Bytes of answers to PromQL over ranges that are kept for who asks again; 0 keeps none.
    pub cache_bytes: u64,
    /// Bytes of log records that one LogQL query may hold to bring them into order.
    pub log_bytes: u64,
}

impl Default for QueryConfig {
    fn default() -> Self {
        Self {
            memory_bytes: 256 << 20,
            value_bytes: 64 << 20,
            timeout: Duration::from_secs(30),
            max_rows: 1_000_000,
            max_concurrent: 16,
            max_evaluations: 0,
            max_wait: Duration::from_secs(10),
            max_waiting: 500,
            max_sql_bytes: 256 << 10,
            max_sql_terms: 4_000,
            promql_samples: 50_000_000,
            promql_series: 1_000_000,
            cache_bytes: 64 << 20,
            log_bytes: 256 << 20,
        }
    }
}
