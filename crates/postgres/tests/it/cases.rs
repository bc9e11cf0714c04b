//! Files of exact queries of clients with what they are answered: see `tests/cases`.
//!
//! A case is a comment line, the query, `----`, and its rows, with `|` between values. `...` stands
//! for any rows.

use super::client::Client;
use super::port::Port;

struct Case {
    name: String,
    query: String,
    rows: Vec<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let blocks = text.split("\n\n\n").filter(|block| !block.trim().is_empty());
    let case = |block: &str| {
        let (head, rows) = block.split_once("\n----").unwrap_or_else(|| panic!("no ---- in {block}"));
        let (name, query) = head.trim_start().split_once('\n').unwrap();
        let rows = rows.trim_matches('\n').lines().map(str::to_owned).collect();
        Case { name: name.to_owned(), query: query.to_owned(), rows }
    };
    blocks.map(case).collect()
}

async fn play(text: &str) {
    let port = Port::open().await;
    let mut client = Client::connect(port.addr).await;
    let mut wrong = Vec::new();
    for Case { name, query, rows } in cases(text) {
        let answer = client.query(&query).await;
        let seen: Vec<&str> = answer.iter().filter_map(|line| line.strip_prefix("row ")).collect();
        let failed = answer.iter().any(|line| line.starts_with("error"));
        let right = if rows == ["..."] { !seen.is_empty() } else { seen == rows };
        if failed || !right {
            wrong.push(format!("{name}: expected {rows:?}, got {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    port.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grafana() {
    play(include_str!("../cases/grafana.txt")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn catalog() {
    play(include_str!("../cases/catalog.txt")).await;
}
