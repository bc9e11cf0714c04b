//! What `docs/sql.md` shows can be asked.

use std::path::Path;

use query::{QueryConfig, SqlOptions};

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn each_example_of_the_documentation_has_an_answer() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sql.md")).unwrap();
    let blocks = text.split("```sql\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    // Macros of Grafana are not SQL.
    let examples: Vec<&str> = blocks.filter(|block| !block.contains("$__")).collect();
    assert!(examples.len() > 6, "only {} examples were found", examples.len());
    for example in examples {
        let answer = engine.collect(example, SqlOptions::default()).await;
        assert!(answer.is_ok(), "{example}\n{}", answer.unwrap_err());
    }
    world.end().await;
}
