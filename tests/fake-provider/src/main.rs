//! `fake-provider [ADDRESS]`: serves until it is ended; prints its URL, then every request as a
//! JSON line.

use std::io::Write;

use fake_provider::FakeProvider;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let provider = FakeProvider::start(&address).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", provider.url())?;
    out.flush()?;
    let mut shown = 0;
    loop {
        provider.changed(shown).await;
        for entry in provider.log().into_iter().skip(shown) {
            writeln!(out, "{}", serde_json::to_string(&entry)?)?;
            shown += 1;
        }
        out.flush()?;
    }
}
