//! Runs `tests/cases/*.slt` over the fleet. A file is blocks, with an empty line between them:
//!
//! ```text
//! # a comment
//! query | error
//! SQL, over one or more lines
//! ----
//! of a query: the names of the columns and the rows, values joined by ` | `
//! of an error: its kind, and a text that it holds
//! ```

use std::path::Path;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use query::{Engine, QueryConfig, Rows, SqlOptions};

use super::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_case_gives_what_it_says() {
    let world = World::fleet().await;
    let engine = world.engine(QueryConfig::default());
    let mut files: Vec<_> = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let (mut cases, mut wrong) = (0, String::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for block in text.split("\n\n").filter(|block| block.lines().any(|line| !line.starts_with('#'))) {
            cases += 1;
            if let Err(problem) = run(&engine, block).await {
                wrong += &format!("{}:\n{problem}\n\n", file.file_name().unwrap().to_string_lossy());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases > 30, "only {cases} cases were found");
    world.end().await;
}

async fn run(engine: &Engine, block: &str) -> Result<(), String> {
    let lines: Vec<&str> = block.lines().filter(|line| !line.starts_with('#')).collect();
    let split = lines.iter().position(|line| *line == "----").ok_or("a case without ----")?;
    let (sql, expected) = (lines[1..split].join("\n"), lines[split + 1..].join("\n"));
    let got = engine.collect(&sql, SqlOptions::default()).await;
    let fits = match (lines[0], &got) {
        ("query", Ok(rows)) => table(rows) == expected.trim_end(),
        ("error", Err(error)) => {
            let (kind, text) = expected.split_once(": ").ok_or("an error is `kind: text`")?;
            error.kind() == kind && error.to_string().contains(text.trim_end())
        }
        _ => false,
    };
    let got = got.map(|rows| table(&rows)).unwrap_or_else(|error| format!("{}: {error}", error.kind()));
    if fits { Ok(()) } else { Err(format!("{sql}\n---- expected\n{expected}\n---- got\n{got}")) }
}

pub fn table(rows: &Rows) -> String {
    let options = FormatOptions::default().with_null("NULL").with_display_error(true);
    let names: Vec<&str> = rows.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut lines = vec![names.join(" | ")];
    for batch in &rows.batches {
        let columns: Vec<_> =
            batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
        for n in 0..batch.num_rows() {
            lines.push(columns.iter().map(|column| column.value(n).to_string()).collect::<Vec<_>>().join(" | "));
        }
    }
    lines.join("\n")
}
