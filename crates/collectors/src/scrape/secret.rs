//! Texts that a configuration has, or a file that it names.

use base::{Exceeded, Limit};
use scrape::config::Text;
use tokio::io::AsyncReadExt;

/// Bytes of a file with a password, token or certificate.
const BYTES: Limit = Limit::new("scrape_secret_bytes", 1 << 20);

/// Why a text cannot be read; it names the file, and nothing of what is in it.
#[derive(Debug, thiserror::Error)]
#[error("unable to read {}: {problem}", file.display())]
pub(super) struct Unreadable {
    file: std::path::PathBuf,
    problem: String,
}

/// The text.
pub(super) async fn read(text: &Text) -> Result<String, Unreadable> {
    let path = match text {
        Text::Inline(secret) => return Ok(secret.expose().to_owned()),
        Text::File(path) => path,
    };
    let wrong = |problem: String| Unreadable { file: path.clone(), problem };
    let file = tokio::fs::File::open(path).await.map_err(|error| wrong(error.to_string()))?;
    let mut content = String::new();
    let read = file.take(BYTES.max() + 1).read_to_string(&mut content).await;
    read.map_err(|error| wrong(error.kind().to_string()))?;
    BYTES.check(content.len() as u64).map_err(|exceeded: Exceeded| wrong(exceeded.to_string()))?;
    Ok(content.trim_end().to_owned())
}
