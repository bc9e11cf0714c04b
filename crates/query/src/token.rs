use std::fmt;
use std::str::FromStr;

use model::{LogKind, Offset};

/// What a query must see at least: offsets that the store must have reached. Written as
/// `state:0:123,telemetry:1:7` (log, shard, offset).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token(pub Vec<(LogKind, u32, Offset)>);

/// A text that is no [`Token`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no position such as state:0:123")]
pub struct TokenError(String);

/// Positions in one token at most; there are two logs and few shards.
const MAX: usize = 256;

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (log, shard, offset)) in self.0.iter().enumerate() {
            write!(f, "{}{}:{shard}:{offset}", if n > 0 { "," } else { "" }, log.as_str())?;
        }
        Ok(())
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let parts: Vec<&str> = text.split(',').take(MAX + 1).collect();
        if parts.len() > MAX {
            return Err(TokenError(format!("{} ...", parts[0])));
        }
        parts.into_iter().map(position).collect::<Result<_, _>>().map(Self)
    }
}

fn position(text: &str) -> Result<(LogKind, u32, Offset), TokenError> {
    let wrong = || TokenError(text.chars().take(60).collect());
    let mut parts = text.trim().splitn(3, ':');
    let log = match parts.next() {
        Some("state") => LogKind::State,
        Some("telemetry") => LogKind::Telemetry,
        _ => return Err(wrong()),
    };
    let shard = parts.next().and_then(|part| part.parse().ok()).ok_or_else(wrong)?;
    let offset = parts.next().and_then(|part| part.parse().ok()).ok_or_else(wrong)?;
    Ok((log, shard, Offset(offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_is_written() {
        let token = Token(vec![(LogKind::State, 0, Offset(123)), (LogKind::Telemetry, 1, Offset(7))]);
        assert_eq!(token.to_string(), "state:0:123,telemetry:1:7");
        assert_eq!(token.to_string().parse(), Ok(token));
        for bad in ["", "state", "state:0", "state:x:1", "traces:0:1", "state:0:1,", &"state:0:1,".repeat(1000)] {
            assert!(bad.parse::<Token>().is_err(), "{bad}");
        }
    }
}
