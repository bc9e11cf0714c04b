use std::error::Error;

use super::offline::show;
use super::print;
use crate::FINE;
use crate::args::{Format, Output, Server};
use crate::client::Client;
use crate::render::{self, Style};

pub(super) async fn drift(server: &Server, watch: bool, output: Output) -> Result<u8, Box<dyn Error>> {
    let client = Client::new(server);
    let code = show(&client.drift().await?, output)?;
    if !watch {
        return Ok(code);
    }
    let style = Style::stdout();
    client
        .watch(|entry| match output {
            Output::Text => print(&render::entry(&entry, style)),
            Output::Json => print(&format!("{}\n", serde_json::to_string(&entry).unwrap_or_default())),
        })
        .await?;
    Ok(FINE)
}

pub(super) async fn sql(server: &Server, query: &str, output: Format) -> Result<u8, Box<dyn Error>> {
    let client = Client::new(server);
    let bytes = |bytes: &[u8]| print(&String::from_utf8_lossy(bytes));
    match output {
        Format::Json => client.sql_text(query, "json", bytes).await?,
        Format::Csv => client.sql_text(query, "csv", bytes).await?,
        Format::Table => {
            let rows = client.sql(query).await?;
            let columns: Vec<String> = rows.columns.into_iter().map(|column| column.name).collect();
            print(&format!("{}\n{}\n", render::table(&columns, &rows.rows), render::count(rows.rows.len(), "row")));
            rows.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        }
    }
    Ok(FINE)
}
