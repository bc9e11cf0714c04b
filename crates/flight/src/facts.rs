//! What this server can do, for drivers that ask.

use arrow::array::RecordBatch;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    CommandGetSqlInfo, SqlInfo, SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity,
    SqlSupportedGroupBy, SqlSupportedResultSetType, SqlSupportedSubqueries, SqlSupportedTransaction,
    SqlSupportedUnions, SupportedSqlGrammar,
};
use query::QueryConfig;
use tonic::Status;

use crate::catalog::FILTERS;
use crate::status;

/// The version of Arrow's format that is spoken.
const ARROW: &str = "1.5";
const NUMERIC: &[&str] = &["abs", "ceil", "floor", "ln", "log10", "power", "round", "signum", "sqrt", "trunc"];
const STRINGS: &[&str] =
    &["concat", "left", "length", "lower", "lpad", "ltrim", "replace", "right", "rtrim", "substr", "upper"];
const TIMES: &[&str] = &["date_bin", "date_part", "date_trunc", "from_unixtime", "now", "to_timestamp"];
const SYSTEM: &[&str] = &["coalesce", "nullif", "version"];
const KEYWORDS: &[&str] = &["EXPLAIN", "FILTER", "ILIKE", "LIMIT", "OFFSET", "QUALIFY", "SHOW"];

/// Numbers that have no limit of their own, or none that is known: 0 says so.
const UNKNOWN: &[SqlInfo] = &[
    SqlInfo::SqlMaxBinaryLiteralLength,
    SqlInfo::SqlMaxCharLiteralLength,
    SqlInfo::SqlMaxColumnNameLength,
    SqlInfo::SqlMaxColumnsInGroupBy,
    SqlInfo::SqlMaxColumnsInIndex,
    SqlInfo::SqlMaxColumnsInOrderBy,
    SqlInfo::SqlMaxColumnsInSelect,
    SqlInfo::SqlMaxColumnsInTable,
    SqlInfo::SqlMaxConnections,
    SqlInfo::SqlMaxCursorNameLength,
    SqlInfo::SqlMaxIndexLength,
    SqlInfo::SqlDbSchemaNameLength,
    SqlInfo::SqlMaxProcedureNameLength,
    SqlInfo::SqlMaxCatalogNameLength,
    SqlInfo::SqlMaxRowSize,
    SqlInfo::SqlMaxTableNameLength,
    SqlInfo::SqlMaxTablesInSelect,
    SqlInfo::SqlMaxUsernameLength,
    SqlInfo::SqlDefaultTransactionIsolation,
];

/// Those facts that are asked for, all if none are named.
pub fn asked(query: CommandGetSqlInfo, config: &QueryConfig) -> Result<RecordBatch, Status> {
    FILTERS.check(query.info.len() as u64).map_err(|exceeded| status::exceeded(&exceeded))?;
    query.into_builder(&all(config)?).build().map_err(status::internal)
}

fn all(config: &QueryConfig) -> Result<SqlInfoData, Status> {
    let mut facts = SqlInfoDataBuilder::new();
    server(&mut facts, config);
    names(&mut facts);
    language(&mut facts);
    let most = |limit: u64| i64::try_from(limit).unwrap_or(i64::MAX);
    UNKNOWN.iter().for_each(|fact| facts.append(*fact, 0_i64));
    facts.append(SqlInfo::SqlMaxStatementLength, most(config.max_sql_bytes));
    facts.append(SqlInfo::SqlMaxStatements, i64::from(config.max_concurrent));
    facts.build().map_err(status::internal)
}

fn server(facts: &mut SqlInfoDataBuilder, config: &QueryConfig) {
    facts.append(SqlInfo::FlightSqlServerName, "Steadfast");
    facts.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    facts.append(SqlInfo::FlightSqlServerArrowVersion, ARROW);
    facts.append(SqlInfo::FlightSqlServerReadOnly, true);
    facts.append(SqlInfo::FlightSqlServerSql, true);
    facts.append(SqlInfo::FlightSqlServerSubstrait, false);
    facts.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    facts.append(SqlInfo::FlightSqlServerCancel, false);
    facts.append(SqlInfo::FlightSqlServerBulkIngestion, false);
    facts.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    let timeout = i32::try_from(config.timeout.as_millis()).unwrap_or(i32::MAX);
    facts.append(SqlInfo::FlightSqlServerStatementTimeout, timeout);
    facts.append(SqlInfo::FlightSqlServerTransactionTimeout, 0);
    for never in [
        SqlInfo::SqlDdlCatalog,
        SqlInfo::SqlDdlSchema,
        SqlInfo::SqlDdlTable,
        SqlInfo::SqlTransactionsSupported,
        SqlInfo::SqlBatchUpdatesSupported,
        SqlInfo::SqlSavepointsSupported,
        SqlInfo::SqlSelectForUpdateSupported,
        SqlInfo::SqlStoredProceduresSupported,
        SqlInfo::SqlSupportsIntegrityEnhancementFacility,
        SqlInfo::SqlMaxRowSizeIncludesBlobs,
        SqlInfo::SqlDataDefinitionCausesTransactionCommit,
        SqlInfo::SqlDataDefinitionsInTransactionsIgnored,
        SqlInfo::SqlLocatorsUpdateCopy,
        SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported,
    ] {
        facts.append(never, false);
    }
    // No level, nowhere a schema or a catalog, no cursor that writes: each is the number of a choice, or a mask without one.
    for none in [
        SqlInfo::SqlSupportedTransactionsIsolationLevels,
        SqlInfo::SqlSchemasSupportedActions,
        SqlInfo::SqlCatalogsSupportedActions,
        SqlInfo::SqlSupportedPositionedCommands,
    ] {
        facts.append(none, 0);
    }
    let forward = bits(&[SqlSupportedResultSetType::SqlResultSetTypeForwardOnly as i32]);
    facts.append(SqlInfo::SqlSupportedResultSetTypes, forward);
    facts.append(SqlInfo::SqlProcedureTerm, "");
}

fn names(facts: &mut SqlInfoDataBuilder) {
    let lower = SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32;
    let exact = SqlSupportedCaseSensitivity::SqlCaseSensitivityUnknown as i32;
    facts.append(SqlInfo::SqlIdentifierCase, lower);
    facts.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    facts.append(SqlInfo::SqlQuotedIdentifierCase, exact);
    facts.append(SqlInfo::SqlAllTablesAreSelectable, true);
    facts.append(SqlInfo::SqlSearchStringEscape, "\\");
    facts.append(SqlInfo::SqlExtraNameCharacters, "");
    facts.append(SqlInfo::SqlSchemaTerm, "schema");
    facts.append(SqlInfo::SqlCatalogTerm, "catalog");
    facts.append(SqlInfo::SqlCatalogAtStart, true);
}

fn language(facts: &mut SqlInfoDataBuilder) {
    facts.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32);
    facts.append(SqlInfo::SqlKeywords, KEYWORDS);
    facts.append(SqlInfo::SqlNumericFunctions, NUMERIC);
    facts.append(SqlInfo::SqlStringFunctions, STRINGS);
    facts.append(SqlInfo::SqlDatetimeFunctions, TIMES);
    facts.append(SqlInfo::SqlSystemFunctions, SYSTEM);
    for can in [
        SqlInfo::SqlSupportsColumnAliasing,
        SqlInfo::SqlNullPlusNullIsNull,
        SqlInfo::SqlSupportsTableCorrelationNames,
        SqlInfo::SqlSupportsExpressionsInOrderBy,
        SqlInfo::SqlSupportsOrderByUnrelated,
        SqlInfo::SqlSupportsLikeEscapeClause,
        SqlInfo::SqlSupportsNonNullableColumns,
        SqlInfo::SqlCorrelatedSubqueriesSupported,
        SqlInfo::SqlNamedParametersSupported,
    ] {
        facts.append(can, true);
    }
    facts.append(SqlInfo::SqlSupportsDifferentTableCorrelationNames, false);
    let group =
        bits(&[SqlSupportedGroupBy::SqlGroupByUnrelated as i32, SqlSupportedGroupBy::SqlGroupByBeyondSelect as i32]);
    facts.append(SqlInfo::SqlSupportedGroupBy, group);
    let grammar = bits(&[SupportedSqlGrammar::SqlMinimumGrammar as i32, SupportedSqlGrammar::SqlCoreGrammar as i32]);
    facts.append(SqlInfo::SqlSupportedGrammar, grammar);
    facts.append(SqlInfo::SqlOuterJoinsSupportLevel, SqlOuterJoinsSupportLevel::SqlFullOuterJoins as i32);
    let subqueries = bits(&[
        SqlSupportedSubqueries::SqlSubqueriesInComparisons as i32,
        SqlSupportedSubqueries::SqlSubqueriesInExists as i32,
        SqlSupportedSubqueries::SqlSubqueriesInIns as i32,
    ]);
    facts.append(SqlInfo::SqlSupportedSubqueries, subqueries);
    let unions = bits(&[SqlSupportedUnions::SqlUnion as i32, SqlSupportedUnions::SqlUnionAll as i32]);
    facts.append(SqlInfo::SqlSupportedUnions, unions);
}

/// The places of a mask that are set.
fn bits(places: &[i32]) -> i32 {
    places.iter().fold(0, |mask, place| mask | (1 << place))
}
