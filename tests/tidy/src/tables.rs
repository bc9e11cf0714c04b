//! `docs/sql.md` lists every table and column that can be asked for, with the meaning that the code
//! gives it: rows in `model`, tables in `store`, views in `query`.

use std::collections::BTreeMap;

use regex::Regex;

use crate::list::List;
use crate::project::{self, File};

const LIST: List = List { page: "docs/sql.md", name: "tables" };

/// A column: name, type in Rust, meaning.
type Column = (String, String, String);

fn one_line(text: &str) -> String {
    let words = text.lines().map(|line| line.trim().trim_start_matches("///").trim());
    words.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// The columns of each stream, from the `row!` definitions.
fn rows(code: &str) -> BTreeMap<String, Vec<Column>> {
    let row = Regex::new(r"(?s)row! \{.*?\n    (?:[A-Za-z]+) in ([A-Za-z]+) \{\n(.*?)\n    \}\n\}").unwrap();
    let column = Regex::new(r"((?:\s*///[^\n]*\n)+)\s*([a-z_0-9]+): ([A-Za-z0-9<>]+),").unwrap();
    let columns = |body: &str| {
        let found = column.captures_iter(body);
        found.map(|found| (found[2].to_owned(), found[3].to_owned(), one_line(&found[1]))).collect()
    };
    row.captures_iter(code).map(|found| (found[1].to_owned(), columns(&found[2]))).collect()
}

/// How SQL sees a type of a row.
fn sql_type(rust: &str) -> String {
    match rust.strip_prefix("Option<").and_then(|inner| inner.strip_suffix('>')) {
        Some(inner) => format!("{}, or null", sql_type(inner)),
        None => match rust {
            "Timestamp" => "timestamp",
            "i64" => "bigint",
            "f64" => "double",
            "bool" => "boolean",
            "Labels" => "map",
            "Key" | "SeriesId" | "Fingerprint" => "16 bytes",
            _ => "text",
        }
        .to_owned(),
    }
}

/// The tables: name, stream, meaning.
fn tables(code: &str) -> Vec<(String, String, String)> {
    let table =
        Regex::new(r#"(?s)\b(?:keyed|append)\(\s*"([a-z_]+)",\s*Stream::([A-Za-z]+),.*?"([^"]*\.)",?\s*\)"#).unwrap();
    table.captures_iter(code).map(|found| (found[1].to_owned(), found[2].to_owned(), found[3].to_owned())).collect()
}

/// The views: name, meaning.
fn views(code: &str) -> Vec<(String, String)> {
    let view = Regex::new(r#"name: "([a-z_]+)",\s*doc: "([^"]+)""#).unwrap();
    view.captures_iter(code).map(|found| (found[1].to_owned(), found[2].to_owned())).collect()
}

fn render(
    tables: &[(String, String, String)],
    rows: &BTreeMap<String, Vec<Column>>,
    views: &[(String, String)],
) -> String {
    let mut out = String::new();
    let mut shown: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, stream, doc) in tables {
        out += &format!("\n### `{name}`\n\n{doc}\n\n");
        if let Some(first) = shown.get(stream.as_str()) {
            out += &format!("Columns as in `{first}`.\n");
            continue;
        }
        shown.insert(stream, name);
        out += "| column | type | meaning |\n|---|---|---|\n";
        for (column, kind, meaning) in rows.get(stream).into_iter().flatten() {
            // Links of rustdoc are plain code here.
            let meaning = meaning.replace("[`", "`").replace("`]", "`").replace("crate::", "");
            out += &format!("| `{column}` | {} | {meaning} |\n", sql_type(kind));
        }
    }
    out += "\n### Views\n\n| view | meaning |\n|---|---|\n";
    out.extend(views.iter().map(|(name, doc)| format!("| `{name}` | {doc} |\n")));
    out + "\n"
}

fn gaps(tables: &[(String, String, String)], rows: &BTreeMap<String, Vec<Column>>, code: &str) -> Vec<String> {
    let count = code.split("static TABLES: [TableDef; ").nth(1).and_then(|rest| rest.split(']').next());
    let mut problems = Vec::new();
    if count != Some(tables.len().to_string().as_str()) {
        problems.push(format!("tidy reads {} tables, the store has {}", tables.len(), count.unwrap_or("none")));
    }
    let bare = tables.iter().filter(|(_, stream, _)| rows.get(stream).is_none_or(Vec::is_empty));
    problems.extend(bare.map(|(name, stream, _)| format!("tidy reads no columns of {name} (stream {stream})")));
    problems
}

#[test]
fn the_page_has_every_table_and_column() {
    let joined = |files: Vec<File>, start: &str| -> String {
        files.into_iter().filter(|file| file.path.starts_with(start)).map(|file| file.text).collect()
    };
    let rows = rows(&joined(project::files(&[".rs"]), "crates/model/src/rows/"));
    let code = project::read("crates/store/src/table.rs");
    let (tables, views) = (tables(&code), views(&project::read("crates/query/src/views.rs")));
    let mut problems = gaps(&tables, &rows, &code);
    problems.extend(LIST.settle(&render(&tables, &rows, &views)));
    project::assert_none(problems);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &str = "row! {\n    /// A thing.\n    Thing in Things {\n        /// When it\n        /// was.\n        time: Timestamp,\n        /// Who, see [`crate::X`].\n        actor: Option<String>,\n    }\n}\n";
    const TABLES: &str = "static TABLES: [TableDef; 2] = [\n    keyed(\"things\", Stream::Things, KEY, Some(\"present\"), \"What is.\"),\n    append(\n        \"thing_history\",\n        Stream::Things,\n        KEY,\n        None,\n        \"What was.\",\n    ),\n];";

    #[test]
    fn columns_and_tables_are_read_from_the_code() {
        let (rows, tables) = (rows(ROWS), tables(TABLES));
        assert!(gaps(&tables, &rows, TABLES).is_empty());
        let page = render(&tables, &rows, &views("name: \"v\",\n        doc: \"A view.\""));
        for part in [
            "### `things`\n\nWhat is.\n",
            "| `time` | timestamp | When it was. |\n| `actor` | text, or null | Who, see `X`. |\n",
            "### `thing_history`\n\nWhat was.\n\nColumns as in `things`.\n",
            "| `v` | A view. |\n",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
    }

    #[test]
    fn a_table_that_cannot_be_read_is_found() {
        assert_eq!(gaps(&tables(TABLES), &rows(""), TABLES).len(), 2);
        assert_eq!(gaps(&[], &rows(ROWS), TABLES).len(), 1);
    }
}
