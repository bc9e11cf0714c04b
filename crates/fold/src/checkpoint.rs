use async_trait::async_trait;
use model::{Dedup, Offset};
use serde::{Deserialize, Serialize};

use crate::FoldError;
use crate::links::Links;

/// Where checkpoints are kept, by name.
#[async_trait]
pub trait Checkpoints: Send + Sync {
    /// What was last saved under `name`; nothing if nothing was.
    ///
    /// # Errors
    /// [`FoldError::Store`] if it cannot be read now; the host tries again.
    async fn load(&self, name: &str) -> Result<Option<Vec<u8>>, FoldError>;

    /// Replaces what is kept under `name` as a whole: after a crash at any point [`Self::load`]
    /// gives the old one or the new one. Durable when it returns, since the log may then drop the
    /// records before it.
    ///
    /// # Errors
    /// [`FoldError::Store`]; the old one is still there, and the host tries again.
    async fn save(&self, name: &str, state: Vec<u8>) -> Result<(), FoldError>;

    /// Drops what is kept under `name`, if anything is.
    ///
    /// # Errors
    /// [`FoldError::Store`]; the host tries again.
    async fn remove(&self, name: &str) -> Result<(), FoldError>;
}

/// A checkpoint of the folds of a shard:
///
/// ```text
/// magic "STFDFOLD" | version u32 | header length u32 | header | states, one after the other | CRC-32 of all before, u32
/// ```
///
/// Numbers are little-endian; the header is JSON: `{"shard", "next", "dedup", "folds": [{"name", "length"}]}`. Version 2 has also
/// `links`, see [`Links`]: the states of the folds that it names are only what is not in parts.
pub(crate) struct Checkpoint<'a> {
    pub(crate) shard: u32,
    pub(crate) next: Offset,
    pub(crate) dedup: Dedup,
    pub(crate) states: Vec<(String, &'a [u8])>,
    pub(crate) links: Option<Links>,
}

impl Checkpoint<'_> {
    /// Whether the state of a fold is in parts, elsewhere.
    pub(crate) fn is_in_parts(&self, fold: &str) -> bool {
        self.links.iter().any(|links| links.folds.iter().any(|name| name == fold))
    }

    /// Whether all of the state of a fold is here.
    pub(crate) fn is_whole(&self, fold: &str) -> bool {
        !self.is_in_parts(fold) && self.states.iter().any(|(name, _)| name == fold)
    }
}

const MAGIC: &[u8; 8] = b"STFDFOLD";
/// That of a checkpoint that is complete in itself.
const WHOLE: u32 = 1;
/// That of one whose parts are in segments.
const CHAIN: u32 = 2;

#[derive(Serialize)]
struct HeaderRef<'a> {
    shard: u32,
    next: Offset,
    dedup: &'a Dedup,
    folds: Vec<Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<&'a Links>,
}

#[derive(Deserialize)]
struct Header {
    shard: u32,
    next: Offset,
    dedup: Dedup,
    folds: Vec<Part>,
    #[serde(default)]
    links: Option<Links>,
}

#[derive(Serialize, Deserialize)]
struct Part {
    name: String,
    length: usize,
}

pub(crate) fn encode(
    shard: u32,
    next: Offset,
    dedup: &Dedup,
    states: &[(&str, Vec<u8>)],
    links: Option<&Links>,
) -> Result<Vec<u8>, FoldError> {
    let folds = states.iter().map(|(name, state)| Part { name: (*name).to_owned(), length: state.len() }).collect();
    let header =
        serde_json::to_vec(&HeaderRef { shard, next, dedup, folds, links }).map_err(|error| problem(&error))?;
    let length = u32::try_from(header.len()).map_err(|error| problem(&error))?;
    let mut bytes = Vec::with_capacity(header.len() + 20 + states.iter().map(|(_, state)| state.len()).sum::<usize>());
    bytes.extend(MAGIC);
    bytes.extend(if links.is_some() { CHAIN } else { WHOLE }.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(header);
    for (_, state) in states {
        bytes.extend(state);
    }
    let crc = crc32fast::hash(&bytes);
    bytes.extend(crc.to_le_bytes());
    Ok(bytes)
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Checkpoint<'_>, FoldError> {
    let cut = || problem(&format_args!("it is cut off after {} bytes", bytes.len()));
    let (body, crc) = bytes.split_last_chunk::<4>().ok_or_else(cut)?;
    let rest = body.strip_prefix(MAGIC).ok_or_else(|| problem(&"it does not begin as a checkpoint does"))?;
    let (version, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let version = u32::from_le_bytes(*version);
    if version != WHOLE && version != CHAIN {
        return Err(problem(&format_args!("its format is version {version}, this program reads {WHOLE} and {CHAIN}")));
    }
    if crc32fast::hash(body) != u32::from_le_bytes(*crc) {
        return Err(problem(&"its checksum is wrong"));
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let (header, mut rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
    let header: Header = serde_json::from_slice(header).map_err(|error| problem(&error))?;
    let mut states = Vec::with_capacity(header.folds.len());
    for part in header.folds {
        let (state, after) = rest.split_at_checked(part.length).ok_or_else(cut)?;
        states.push((part.name, state));
        rest = after;
    }
    let links = header.links.filter(|_| version == CHAIN);
    if links.is_none() && version == CHAIN {
        return Err(problem(&"it does not say where its parts are"));
    }
    Ok(Checkpoint { shard: header.shard, next: header.next, dedup: header.dedup, states, links })
}

/// What is wrong with the checkpoint as a whole, not with the state of one fold in it.
pub(crate) fn problem(problem: &dyn std::fmt::Display) -> FoldError {
    FoldError::Checkpoint { fold: "host", problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        encode(3, Offset(42), &Dedup::default(), &[("a", vec![1, 2]), ("b", Vec::new())], None).unwrap()
    }

    #[test]
    fn reads_what_it_wrote() {
        let bytes = sample();
        let read = decode(&bytes).unwrap();
        assert_eq!((read.shard, read.next), (3, Offset(42)));
        assert_eq!(read.states, [("a".to_owned(), &[1, 2][..]), ("b".to_owned(), &[][..])]);
    }

    #[test]
    fn every_damage_is_noticed() {
        let bytes = sample();
        for n in 0..bytes.len() {
            assert!(decode(&bytes[..n]).is_err(), "cut at {n}");
            let mut flipped = bytes.clone();
            flipped[n] ^= 1;
            assert!(decode(&flipped).is_err(), "flipped at {n}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = sample();
        bytes[8] = 9;
        let error = decode(&bytes).err().unwrap().to_string();
        assert!(error.contains("version 9"), "{error}");
    }
}
