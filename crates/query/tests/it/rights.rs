//! Who may read only some tables, or only rows of some scopes.

use std::sync::Arc;

use arrow::array::AsArray;
use query::{Engine, NoTable, QueryConfig, QueryError, Rights, Rows, SqlOptions};

use super::world::{SCOPE, World};

fn rights(tables: Option<&[&str]>, scopes: Option<&[&str]>) -> Arc<Rights> {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    Arc::new(Rights::new(tables.map(owned).as_deref(), scopes.map(owned).as_deref()).unwrap())
}

async fn count(engine: &Engine, sql: &str) -> Result<usize, QueryError> {
    let rows: Rows = engine.collect(sql, SqlOptions::default()).await?;
    Ok(rows.batches.iter().map(arrow::array::RecordBatch::num_rows).sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_other_scopes_are_not_there_whatever_is_asked() {
    let world = World::fleet().await;
    let all = world.engine(QueryConfig::default());
    let [ours, other] = [&[SCOPE][..], &["host/web-2"]].map(|scopes| all.limited(&rights(None, Some(scopes))));
    for sql in [
        "SELECT id FROM resources",
        "SELECT 1 FROM drift",
        "SELECT * FROM resource_history",
        "SELECT id FROM resource_history WHERE scope = 'host/web-1' AND kind IN ('file', 'none')",
        "SELECT summary FROM incidents",
        "SELECT id FROM resources_at(now())",
        "SELECT a.id FROM resources AS a JOIN drift AS b ON a.id = b.id",
        "WITH x AS (SELECT verdict, count(*) FROM drift GROUP BY verdict) SELECT * FROM x",
    ] {
        let everything = count(&all, sql).await.unwrap();
        assert!(everything > 0, "{sql}");
        assert_eq!(count(&ours, sql).await, Ok(everything), "{sql}");
        assert_eq!(count(&other, sql).await, Ok(0), "{sql}");
    }
    // What a condition does to a row tells of the row.
    let sql = "SELECT id FROM resources WHERE 1 / (length(id) - length(id)) = 1";
    assert!(matches!(count(&all, sql).await, Err(QueryError::Data(_))));
    assert_eq!(count(&other, sql).await, Ok(0));
    let sql = "EXPLAIN ANALYZE SELECT id FROM resources";
    let rows = other.collect(sql, SqlOptions::default()).await.unwrap();
    let plan = rows.batches[0].column(1).as_string::<i32>().value(0);
    let scan = plan.lines().find(|line| line.contains("table=resources")).unwrap();
    assert!(scan.contains("output_rows=0"), "{plan}");
    // What has no scope is nobody's who is limited to some.
    for table in ["samples", "metrics", "logs", "notifications", "intents", "prom_instant('up', now())"] {
        let refused = count(&ours, &format!("SELECT * FROM {table}")).await.unwrap_err();
        assert!(matches!(refused, QueryError::Denied(_)), "{table}: {refused}");
    }
    let named = all.limited(&rights(Some(&["drift", "metrics"]), Some(&["host/web-2"])));
    assert_eq!(count(&named, "SELECT * FROM drift").await, Ok(0));
    assert!(count(&named, "SELECT * FROM metrics").await.unwrap() > 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_not_named_are_refused_and_not_listed() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default()).limited(&rights(Some(&["drift", "metrics"]), None));
    assert!(count(&engine, "SELECT * FROM drift").await.unwrap() > 0);
    assert!(count(&engine, "SELECT * FROM metrics").await.unwrap() > 0, "a view of what may not be read itself");
    assert!(count(&engine, "SELECT * FROM prom_instant('system_cpu_time', now())").await.is_ok());
    for sql in [
        "SELECT * FROM samples",
        "EXPLAIN SELECT * FROM resources",
        "DESCRIBE resources",
        "SELECT id FROM drift WHERE id IN (SELECT id FROM resources)",
        "SELECT * FROM resources_at(now())",
        "SELECT * FROM steadfast.public.incidents",
    ] {
        let refused = count(&engine, sql).await.unwrap_err();
        assert!(refused.to_string().starts_with("permission denied for table "), "{sql}: {refused}");
    }
    let listed = engine.collect("SHOW TABLES", SqlOptions::default()).await.unwrap();
    let names = listed.batches.iter().flat_map(|batch| {
        let names = batch.column_by_name("table_name").unwrap();
        let kinds = batch.column_by_name("table_schema").unwrap();
        names.as_string::<i32>().iter().zip(kinds.as_string::<i32>()).collect::<Vec<_>>()
    });
    let ours: Vec<_> = names.filter(|(_, schema)| *schema == Some("public")).filter_map(|(name, _)| name).collect();
    assert_eq!(ours, ["drift", "metrics"]);
    let described = engine.tables().await.unwrap();
    assert_eq!(described.iter().map(|table| table.name.as_str()).collect::<Vec<_>>(), ours);
    world.end().await;
}

#[test]
fn a_right_to_a_table_that_there_is_not_is_a_mistake() {
    let unknown = Rights::new(Some(&["drift".to_owned(), "drifts".to_owned()]), None);
    assert_eq!(unknown, Err(NoTable("drifts".to_owned())));
}
