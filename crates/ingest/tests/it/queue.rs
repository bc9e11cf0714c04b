//! A queue of others, which is read from where our own log says.

use ingest::{Content, Message, Origin};
use model::Offset;

use crate::life::Life;

pub const ORIGIN: Origin<'static> = Origin { producer: "kafka/test/orders", topic: "orders", partition: 3 };

/// The text of message `n`.
pub fn text(n: u64) -> String {
    format!("message {n}")
}

fn line(n: u64) -> String {
    // Every tenth is not what it should be.
    if n.is_multiple_of(10) { "poison".to_owned() } else { format!(r#"{{"message": "{}", "@timestamp": 1}}"#, text(n)) }
}

/// Whether message `n` becomes a row.
pub fn is_good(n: u64) -> bool {
    !n.is_multiple_of(10)
}

impl Life {
    /// The message that is taken next.
    pub async fn next_message(&self) -> u64 {
        self.ingest.taken_up_to(&ORIGIN).await.unwrap().map_or(0, |last| last.0 + 1)
    }

    /// Takes so many messages from `first` on.
    pub async fn take(&self, first: u64, count: u64) -> Result<usize, ingest::IngestError> {
        let lines: Vec<(u64, String)> = (first..first + count).map(|n| (n, line(n))).collect();
        let messages: Vec<Message<'_>> = lines.iter().map(|(n, line)| (Offset(*n), line.as_bytes())).collect();
        let done = self.ingest.messages(&ORIGIN, Content::Lines, &messages, &self.room()).await?;
        Ok(done.bad.len())
    }
}
