use std::error::Error;

use app::{Change, Comparison, Config, Window};
use serde_json::json;

use super::print;
use crate::args::{Output, Server};
use crate::client::Client;
use crate::render;
use crate::{FINE, FOUND};

/// Shows what differs; what stays is counted.
pub(super) async fn replay(
    config: &Config,
    window: Window,
    server: &Server,
    output: Output,
) -> Result<u8, Box<dyn Error>> {
    let comparison = app::replay(config, window, &Client::new(server)).await?;
    match output {
        Output::Text => print(&text(&comparison)),
        Output::Json => {
            let mut report = serde_json::to_value(&comparison)?;
            report["from"] = json!(window.from.to_string());
            report["to"] = json!(window.to.to_string());
            print(&format!("{report}\n"));
        }
    }
    Ok(if comparison.differs() { FOUND } else { FINE })
}

fn text(comparison: &Comparison) -> String {
    let columns = ["change", "receiver", "was", "would be", "reason", "summary"].map(str::to_owned);
    let differing = comparison.pages.iter().filter(|line| line.change != Change::Same);
    let rows: Vec<_> = differing
        .map(|line| {
            let time = |time: &Option<String>| time.clone().unwrap_or_default();
            let (was, would_be) = (time(&line.was), time(&line.would_be));
            vec![
                json!(line.change),
                json!(line.receiver),
                json!(was),
                json!(would_be),
                json!(line.reason),
                json!(line.summary),
            ]
        })
        .collect();
    let mut out = if rows.is_empty() { String::new() } else { render::table(&columns, &rows) + "\n" };
    for (receiver, counts) in &comparison.receivers {
        let app::Counts { same, added, gone, moved } = counts;
        out += &format!("{}: {same} same, {added} added, {gone} gone, {moved} moved\n", render::printable(receiver));
    }
    if comparison.receivers.is_empty() {
        out += "nobody was paged, and nobody would be\n";
    }
    out
}
