//! The state as bytes: a JSON header with everything but the resources, then the resources of each
//! scope as rows of 76 bytes in order of key.
//!
//! ```text
//! version u32 | header length u64 | header (JSON) | for each scope in the header's order: count u64, rows
//! row: key 16 | live 16 | declared 16 | baseline 16 | since i64 | verdict, watcher, declarer, flags
//! ```
//! All numbers are little-endian.

use std::collections::BTreeMap;

use base::Timestamp;
use model::{Fingerprint, Key};
use serde::{Deserialize, Serialize};

use super::claims::Claims;
use super::confirm::Question;
use super::neighbours::Neighbours;
use super::scope::{CODES, Party, Past, Scope, Staged};
use super::table::{Entry, Meta, Table};

const VERSION: u32 = 1;
const ROW: usize = 76;

#[derive(Serialize, Deserialize)]
struct Header {
    name: String,
    parties: Vec<Party>,
    history: Vec<(Key, Vec<Past>)>,
    staged: BTreeMap<String, (String, Vec<(Key, Fingerprint)>)>,
    said: Vec<i64>,
    rolling: Vec<Key>,
    #[serde(default)]
    later: Vec<Key>,
    #[serde(default)]
    neighbours: Neighbours,
    #[serde(default)]
    questions: Vec<(Key, Question)>,
    #[serde(default)]
    claims: Vec<(Key, Claims)>,
    /// The time of the last record, of whatever scope. An earlier release did not keep it: then it is long ago.
    #[serde(default)]
    looked: Timestamp,
}

pub(super) fn write(scopes: &BTreeMap<String, Scope>, looked: Timestamp) -> Vec<u8> {
    let headers: Vec<Header> = scopes.iter().map(|(name, scope)| header(name, scope, looked)).collect();
    // Strings and numbers only: it cannot fail.
    let header = serde_json::to_vec(&headers).unwrap_or_default();
    let rows: usize = scopes.values().map(|scope| 8 + scope.table.len() * ROW).sum();
    let mut out = Vec::with_capacity(12 + header.len() + rows);
    out.extend(VERSION.to_le_bytes());
    out.extend((header.len() as u64).to_le_bytes());
    out.extend(header);
    for scope in scopes.values() {
        out.extend((scope.table.len() as u64).to_le_bytes());
        for (key, entry) in scope.table.iter() {
            out.extend(key.0);
            out.extend(entry.live.0);
            out.extend(entry.declared.0);
            out.extend(entry.baseline.0);
            out.extend(entry.since.to_le_bytes());
            out.extend([entry.meta.verdict, entry.meta.watcher, entry.meta.declarer, entry.meta.flags]);
        }
    }
    out
}

fn header(name: &str, scope: &Scope, looked: Timestamp) -> Header {
    let staged = scope.staged.iter();
    Header {
        name: name.to_owned(),
        parties: scope.parties.clone(),
        history: scope.history.iter().map(|(key, past)| (*key, past.clone())).collect(),
        staged: staged.map(|(source, set)| (source.clone(), (set.revision.clone(), set.members.clone()))).collect(),
        said: scope.said.to_vec(),
        rolling: scope.rolling.iter().copied().collect(),
        later: scope.later.iter().copied().collect(),
        neighbours: scope.neighbours.clone(),
        questions: scope.questions.iter().map(|(key, question)| (*key, question.clone())).collect(),
        claims: scope.claims.iter().map(|(key, claims)| (*key, claims.clone())).collect(),
        looked,
    }
}

/// What is known of each scope, and the time of the last record.
pub(super) fn read(state: &[u8]) -> Result<(BTreeMap<String, Scope>, Timestamp), String> {
    let mut bytes = Bytes(state);
    let version = u32::from_le_bytes(bytes.take()?);
    if version != VERSION {
        return Err(format!("its version is {version}, not {VERSION}"));
    }
    let length = usize::try_from(u64::from_le_bytes(bytes.take()?)).map_err(|error| error.to_string())?;
    let headers: Vec<Header> = serde_json::from_slice(bytes.slice(length)?).map_err(|error| error.to_string())?;
    let looked = headers.iter().map(|header| header.looked).max().unwrap_or_default();
    let mut scopes = BTreeMap::new();
    for header in headers {
        let table = table(&mut bytes)?;
        scopes.insert(header.name.clone(), scope(header, table)?);
    }
    if bytes.0.is_empty() { Ok((scopes, looked)) } else { Err(format!("{} bytes are left over", bytes.0.len())) }
}

fn scope(header: Header, table: Table) -> Result<Scope, String> {
    let staged = header.staged.into_iter();
    let mut scope = Scope {
        parties: header.parties,
        table,
        history: header.history.into_iter().collect(),
        staged: staged.map(|(source, (revision, members))| (source, Staged { revision, members })).collect(),
        said: header.said.try_into().map_err(|_| format!("there are not {CODES} counts"))?,
        rolling: header.rolling.into_iter().collect(),
        later: header.later.into_iter().collect(),
        neighbours: header.neighbours,
        questions: header.questions.into_iter().collect(),
        claims: header.claims.into_iter().collect(),
        ..Scope::default()
    };
    let metas: Vec<Meta> = scope.table.iter().map(|(_, entry)| entry.meta).collect();
    metas.into_iter().for_each(|meta| scope.count(meta, 1));
    Ok(scope)
}

fn table(bytes: &mut Bytes<'_>) -> Result<Table, String> {
    let count = usize::try_from(u64::from_le_bytes(bytes.take()?)).map_err(|error| error.to_string())?;
    if count.saturating_mul(ROW) > bytes.0.len() {
        return Err("it is cut off".to_owned());
    }
    let mut table = Table::with_capacity(count);
    for _ in 0..count {
        let key = Key(bytes.take()?);
        let (live, declared, baseline) =
            (Fingerprint(bytes.take()?), Fingerprint(bytes.take()?), Fingerprint(bytes.take()?));
        let since = i64::from_le_bytes(bytes.take()?);
        let [verdict, watcher, declarer, flags] = bytes.take()?;
        table.push(key, Entry { live, declared, baseline, since, meta: Meta { verdict, watcher, declarer, flags } });
    }
    Ok(table)
}

struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn slice(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or_else(|| "it is cut off".to_owned())?;
        self.0 = rest;
        Ok(taken)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.slice(N)?.try_into().map_err(|_| "it is cut off".to_owned())
    }
}
