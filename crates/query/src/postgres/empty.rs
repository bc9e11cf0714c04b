//! Views of PostgreSQL's catalogs that have no rows here, since there is nothing of what they tell: graphical clients read them
//! all the same. <https://www.postgresql.org/docs/16/views.html>

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;

/// A view and its columns: texts, unless `:` and a letter say what they are (see [`data_type`]).
type View = (&'static str, &'static str);

/// Views of `pg_catalog`.
pub(super) const PG_CATALOG: &[View] = &[
    (
        "pg_stat_activity",
        "datid:i datname pid:i leader_pid:i usesysid:i usename application_name client_addr client_hostname client_port:i \
         backend_start:z xact_start:z query_start:z state_change:z wait_event_type wait_event state backend_xid \
         backend_xmin query_id:l query backend_type",
    ),
    (
        "pg_stat_database",
        "datid:i datname numbackends:i xact_commit:l xact_rollback:l blks_read:l blks_hit:l tup_returned:l tup_fetched:l \
         tup_inserted:l tup_updated:l tup_deleted:l conflicts:l temp_files:l temp_bytes:l deadlocks:l stats_reset:z",
    ),
    (
        "pg_stat_all_tables",
        "relid:i schemaname relname seq_scan:l seq_tup_read:l idx_scan:l idx_tup_fetch:l n_tup_ins:l n_tup_upd:l \
         n_tup_del:l n_live_tup:l n_dead_tup:l last_vacuum:z last_autovacuum:z last_analyze:z last_autoanalyze:z",
    ),
    ("pg_stat_ssl", "pid:i ssl:b version cipher bits:i client_dn client_serial issuer_dn"),
    (
        "pg_locks",
        "locktype database:i relation:i page:i tuple:i virtualxid transactionid classid:i objid:i objsubid:i \
         virtualtransaction pid:i mode granted:b fastpath:b waitstart:z",
    ),
    ("pg_prepared_xacts", "transaction gid prepared:z owner database"),
    ("pg_indexes", "schemaname tablename indexname tablespace indexdef"),
    ("pg_rules", "schemaname tablename rulename definition"),
    ("pg_policies", "schemaname tablename policyname permissive roles cmd qual with_check"),
    (
        "pg_sequences",
        "schemaname sequencename sequenceowner data_type start_value:l min_value:l max_value:l increment_by:l cycle:b \
         cache_size:l last_value:l",
    ),
    ("pg_available_extensions", "name default_version installed_version comment"),
    ("pg_user", "usename usesysid:i usecreatedb:b usesuper:b userepl:b usebypassrls:b passwd valuntil:z useconfig"),
    ("pg_group", "groname grosysid:i grolist"),
    ("pg_cursors", "name statement is_holdable:b is_binary:b is_scrollable:b creation_time:z"),
    ("pg_prepared_statements", "name statement prepare_time:z parameter_types result_types from_sql:b"),
];

/// Views of `information_schema`.
pub(super) const INFORMATION: &[View] = &[
    (
        "referential_constraints",
        "constraint_catalog constraint_schema constraint_name unique_constraint_catalog unique_constraint_schema \
         unique_constraint_name match_option update_rule delete_rule",
    ),
    ("check_constraints", "constraint_catalog constraint_schema constraint_name check_clause"),
    (
        "routines",
        "specific_catalog specific_schema specific_name routine_catalog routine_schema routine_name routine_type data_type \
         routine_definition external_language",
    ),
    (
        "parameters",
        "specific_catalog specific_schema specific_name ordinal_position:i parameter_mode parameter_name data_type udt_name",
    ),
    (
        "sequences",
        "sequence_catalog sequence_schema sequence_name data_type start_value minimum_value maximum_value increment \
         cycle_option",
    ),
    (
        "triggers",
        "trigger_catalog trigger_schema trigger_name event_manipulation event_object_catalog event_object_schema \
         event_object_table action_statement action_timing",
    ),
    (
        "table_privileges",
        "grantor grantee table_catalog table_schema table_name privilege_type is_grantable with_hierarchy",
    ),
    (
        "role_table_grants",
        "grantor grantee table_catalog table_schema table_name privilege_type is_grantable with_hierarchy",
    ),
    ("view_table_usage", "view_catalog view_schema view_name table_catalog table_schema table_name"),
];

/// The view of these columns.
pub(super) fn table(columns: &str) -> Arc<dyn TableProvider> {
    let field = |column: &str| {
        let (name, kind) = column.split_once(':').unwrap_or((column, ""));
        Field::new(name, data_type(kind), true)
    };
    let fields: Vec<Field> = columns.split_whitespace().map(field).collect();
    Arc::new(EmptyTable::new(Arc::new(Schema::new(fields))))
}

fn data_type(kind: &str) -> DataType {
    match kind {
        "i" => DataType::Int32,
        "l" => DataType::Int64,
        "b" => DataType::Boolean,
        "z" => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => DataType::Utf8,
    }
}
