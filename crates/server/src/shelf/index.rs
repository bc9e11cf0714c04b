//! What is kept, without the documents: to list, to bound, and to find what was under way.

use std::collections::BTreeMap;

use base::Limit;
use model::Key;
use serde::{Deserialize, Serialize};

/// Configurations; they stay until somebody deletes them.
const CONFIGS: Limit = Limit::new("kayenta.configs", 1_000);
/// Executions and analyses under way.
const UNDER_WAY: Limit = Limit::new("kayenta.under_way", 200);
/// Executions, analyses and lists of pairs; beyond it the oldest go.
const KEPT: Limit = Limit::new("kayenta.kept", 5_000);
/// Their bytes.
const KEPT_BYTES: Limit = Limit::new("kayenta.kept_bytes", 512 << 20);

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Config,
    Pairs,
    Canary,
    Analysis,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Config, Self::Pairs, Self::Canary, Self::Analysis];

    /// As in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "canary_config",
            Self::Pairs => "metric_set_pair_list",
            Self::Canary => "canary",
            Self::Analysis => "analysis",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// As Kayenta's messages call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Config => "Canary config",
            Self::Pairs => "Metric set pair list",
            Self::Canary => "Canary execution",
            Self::Analysis => "Canary analysis execution",
        }
    }

    pub fn key(self, id: &str) -> Key {
        Key::of(format!("{}/{id}", self.as_str()).as_bytes())
    }
}

/// What lists show of an object. Times in milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    pub name: String,
    pub applications: Vec<String>,
    pub created: i64,
    pub updated: i64,
    /// In orca's words; empty of what does not run.
    pub status: String,
    /// Whether it is under way.
    pub open: bool,
}

/// An object without its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub summary: Summary,
    pub bytes: u64,
}

/// Everything that is kept.
#[derive(Debug, Default)]
pub struct Index(BTreeMap<(Kind, String), Known>);

impl Index {
    pub fn get(&self, kind: Kind, id: &str) -> Option<&Known> {
        self.0.get(&(kind, id.to_owned()))
    }

    /// Those of a kind, in order of their ids.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = (&str, &Summary)> {
        let of_kind = self.0.iter().filter(move |((other, _), _)| *other == kind);
        of_kind.map(|((_, id), known)| (id.as_str(), &known.summary))
    }

    /// Takes a row in: what is there with its summary and bytes, or its end. What cannot be read of it is as if it
    /// were not there.
    pub fn apply(&mut self, kind: &str, id: &str, there: Option<(&str, i64)>) {
        let Some(kind) = Kind::named(kind) else { return };
        let at = (kind, id.to_owned());
        match there {
            Some((summary, bytes)) => {
                let summary = serde_json::from_str(summary).unwrap_or_default();
                self.0.insert(at, Known { summary, bytes: u64::try_from(bytes).unwrap_or(0) });
            }
            None => {
                self.0.remove(&at);
            }
        }
    }

    /// Whether one more of that kind may come.
    pub fn has_room(&self, kind: Kind) -> Result<(), base::Exceeded> {
        let count = |of: &dyn Fn(&Kind, &Known) -> bool| {
            1 + self.0.iter().filter(|((kind, _), known)| of(kind, known)).count() as u64
        };
        match kind {
            Kind::Config => CONFIGS.check(count(&|kind, _| *kind == Kind::Config)),
            Kind::Canary | Kind::Analysis => UNDER_WAY.check(count(&|_, known| known.summary.open)),
            Kind::Pairs => Ok(()),
        }
    }

    /// The oldest objects that go, so that `more` objects with so many bytes fit. What is under way stays.
    pub fn surplus(&self, more: usize, bytes: u64) -> Vec<(Kind, String)> {
        let kept = || self.0.iter().filter(|((kind, _), _)| *kind != Kind::Config);
        let mut count = (kept().count() + more) as u64;
        let mut total = kept().map(|(_, known)| known.bytes).sum::<u64>() + bytes;
        if count <= KEPT.max() && total <= KEPT_BYTES.max() {
            return Vec::new();
        }
        let mut ended: Vec<_> = kept().filter(|(_, known)| !known.summary.open).collect();
        ended.sort_by_key(|(at, known)| (known.summary.updated, *at));
        let mut out = Vec::new();
        for (at, known) in ended {
            if count <= KEPT.max() && total <= KEPT_BYTES.max() {
                break;
            }
            (count, total) = (count - 1, total - known.bytes);
            out.push(at.clone());
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(index: &mut Index, kind: Kind, n: u64, bytes: i64, open: bool) {
        let summary = Summary { updated: n as i64, open, ..Summary::default() };
        let summary = serde_json::to_string(&summary).unwrap();
        index.apply(kind.as_str(), &format!("{n:05}"), Some((&summary, bytes)));
    }

    #[test]
    fn the_oldest_that_have_ended_go_and_configurations_stay() {
        let mut index = Index::default();
        (0..KEPT.max()).for_each(|n| put(&mut index, Kind::Canary, n, 10, n == 0));
        (0..10).for_each(|n| put(&mut index, Kind::Config, n, 10, false));
        assert_eq!(index.surplus(0, 0), []);
        let gone = index.surplus(2, 20);
        assert_eq!(gone, [(Kind::Canary, "00001".to_owned()), (Kind::Canary, "00002".to_owned())]);
        let large = index.surplus(1, KEPT_BYTES.max() - 10 * (KEPT.max() - 5));
        assert_eq!(large.len(), 5, "as many as make room");
        index.apply(Kind::Canary.as_str(), "00003", None);
        assert!(index.get(Kind::Canary, "00003").is_none());
    }

    #[test]
    fn what_is_full_says_which_limit() {
        let mut index = Index::default();
        (0..UNDER_WAY.max()).for_each(|n| put(&mut index, Kind::Analysis, n, 1, true));
        assert_eq!(index.has_room(Kind::Canary).unwrap_err().name, "kayenta.under_way");
        assert_eq!(index.has_room(Kind::Config), Ok(()));
        (0..CONFIGS.max()).for_each(|n| put(&mut index, Kind::Config, n, 1, false));
        assert_eq!(index.has_room(Kind::Config).unwrap_err().name, "kayenta.configs");
    }
}
