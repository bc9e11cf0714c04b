//! The state in parts, as JSON, each under a letter and what it is of: see [`Kind`]. The head is `{"version", "sick", "down", "direct", "look"}`.
//! Programs of before saved all of it as one JSON, in version 1: `{"version", "lanes": {incident: {receiver: lane}}, "sick", "down",
//! "direct", "digests", "names": [[receiver, name, incident]]}`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use base::Timestamp;
use fold::{PartWriter, Parts};
use model::Outcome;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::digest::{Digest, Member, SavedDigest};
use super::health::Sick;
use super::lane::Lane;
use super::packed::Packed;
use super::{Lanes, OutboxFold};

const VERSION: u32 = 2;
/// That of a state that is one JSON.
const OLD: u32 = 1;

/// What a part is of; after the letter comes its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Kind {
    /// A digest without its members: the receiver.
    Digest = b'd',
    /// What receivers were told of an incident: the incident.
    Lanes = b'l',
    /// A member of a digest: `[receiver, incident]` as JSON.
    Member = b'm',
    /// What an incident is called: `[receiver, name]` as JSON.
    Name = b'n',
    /// What is to be told of an incident that is silenced: the incident.
    Silenced = b's',
}

const KINDS: [Kind; 5] = [Kind::Digest, Kind::Lanes, Kind::Member, Kind::Name, Kind::Silenced];

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    version: u32,
    sick: BTreeMap<String, Sick>,
    down: BTreeSet<String>,
    direct: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    look: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    lanes: BTreeMap<String, BTreeMap<String, Box<Lane>>>,
    sick: BTreeMap<String, Sick>,
    down: BTreeSet<String>,
    #[serde(default)]
    direct: BTreeSet<String>,
    #[serde(default)]
    digests: BTreeMap<String, SavedDigest>,
    #[serde(default)]
    names: Vec<(String, String, String)>,
}

impl OutboxFold {
    /// Takes the JSON of a program of before.
    pub(super) fn load_old(&mut self, state: &[u8]) -> Result<(), String> {
        let saved: Saved = serde_json::from_slice(state).map_err(|error| error.to_string())?;
        if saved.version != OLD {
            return Err(format!("its format is version {}, this program reads {OLD} and {VERSION}", saved.version));
        }
        let mut fold = self.anew();
        (fold.sick, fold.down, fold.direct) = (saved.sick, saved.down, saved.direct);
        fold.names = saved.names.into_iter().map(|(receiver, name, incident)| ((receiver, name), incident)).collect();
        for (receiver, digest) in saved.digests {
            let (digest, members) = digest.split();
            members.into_iter().for_each(|(incident, it)| _ = fold.members.insert((receiver.clone(), incident), it));
            fold.digests.insert(receiver, digest);
        }
        saved.lanes.into_iter().for_each(|(incident, lanes)| _ = fold.lanes.insert(incident, lanes));
        fold.unmark();
        *self = fold.settled();
        Ok(())
    }

    fn unmark(&mut self) {
        self.digests.unmark();
        self.lanes.unmark();
        self.members.unmark();
        self.names.unmark();
        self.silenced.unmark();
    }

    /// One that has told nobody anything.
    pub(super) fn anew(&self) -> Self {
        Self { engine: self.engine.clone(), ..Self::with(self.config.clone(), self.routes.clone()) }
    }

    /// Finds what follows from what was restored. Nobody can tell a receiver anything that is no longer configured.
    fn settled(mut self) -> Self {
        let (direct, routes) = (&self.direct, &self.routes);
        let knows = |receiver: &String| routes.knows(receiver) || direct.contains(receiver);
        self.digests.retain(|receiver, _| knows(receiver));
        self.members.retain(|(receiver, _), _| knows(receiver));
        for incident in self.lanes.keys().cloned().collect::<Vec<_>>() {
            let gone =
                |it: &Self| it.lanes.get(&incident).is_some_and(|lanes| lanes.keys().any(|name| !it.follows(name)));
            if gone(&self)
                && let Some(mut lanes) = self.lanes.remove(&incident)
            {
                lanes.retain(|receiver, _| self.follows(receiver));
                if !lanes.is_empty() {
                    self.lanes.insert(incident, lanes);
                }
            }
        }
        self.open = self.lanes.values().map(|lanes| lanes.len() as u64).sum();
        let lanes = self.lanes.iter().flat_map(|(incident, lanes)| lanes.iter().map(move |lane| (incident, lane)));
        let owed = lanes.filter(|(_, (_, lane))| lane.failed == Some(Outcome::Refused) && !lane.quiet);
        self.owed = owed.map(|(incident, (receiver, _))| (receiver.clone(), incident.clone())).collect();
        self.watch_restored();
        self.react_restored();
        self.wider_restored();
        self.held_restored();
        self.quiet_restored();
        // A program of before did not say when: then it is looked at once.
        let holds_back = !self.silenced.is_empty() || !self.quiet.is_empty();
        self.look = self.look.or(holds_back.then_some(Timestamp::ZERO));
        self
    }

    fn part(&self, kind: Kind, name: &Name) -> Option<Vec<u8>> {
        match (kind, name) {
            (Kind::Digest, Name::One(receiver)) => self.digests.get(receiver).map(json),
            (Kind::Lanes, Name::One(incident)) => self.lanes.get(incident).map(json),
            (Kind::Member, Name::Two(pair)) => self.members.get(pair).map(json),
            (Kind::Name, Name::Two(pair)) => self.names.get(pair).map(json),
            (Kind::Silenced, Name::One(incident)) => self.silenced.get(incident).map(json),
            _ => None,
        }
    }

    fn next_change(&mut self) -> Option<(Kind, Name)> {
        let one = |kind| move |name| (kind, Name::One(name));
        let two = |kind| move |pair| (kind, Name::Two(pair));
        let digest = self.digests.next_mark().map(one(Kind::Digest));
        digest
            .or_else(|| self.lanes.next_mark().map(one(Kind::Lanes)))
            .or_else(|| self.members.next_mark().map(two(Kind::Member)))
            .or_else(|| self.names.next_mark().map(two(Kind::Name)))
            .or_else(|| self.silenced.next_mark().map(one(Kind::Silenced)))
    }

    /// Gives `out` the parts of one kind after a name.
    fn rest_of(&self, kind: Kind, after: Option<Name>, out: &mut PartWriter) {
        let (one, two) = match after {
            None => (Bound::Unbounded, Bound::Unbounded),
            Some(Name::One(name)) => (Bound::Excluded(name), Bound::Unbounded),
            Some(Name::Two(pair)) => (Bound::Unbounded, Bound::Excluded(pair)),
        };
        let names: Box<dyn Iterator<Item = Name> + '_> = match kind {
            Kind::Digest => {
                Box::new(self.digests.range((one, Bound::Unbounded)).map(|(name, _)| Name::One(name.clone())))
            }
            Kind::Lanes => Box::new(self.lanes.range((one, Bound::Unbounded)).map(|(name, _)| Name::One(name.clone()))),
            Kind::Member => {
                Box::new(self.members.range((two, Bound::Unbounded)).map(|(pair, _)| Name::Two(pair.clone())))
            }
            Kind::Name => Box::new(self.names.range((two, Bound::Unbounded)).map(|(pair, _)| Name::Two(pair.clone()))),
            Kind::Silenced => {
                Box::new(self.silenced.range((one, Bound::Unbounded)).map(|(name, _)| Name::One(name.clone())))
            }
        };
        for name in names {
            if out.is_full() {
                return;
            }
            out.put(&name.key(kind), &self.part(kind, &name).unwrap_or_default());
        }
    }
}

/// What a part is called.
enum Name {
    One(String),
    Two((String, String)),
}

impl Name {
    fn key(&self, kind: Kind) -> Vec<u8> {
        let name = match self {
            Self::One(name) => name.clone().into_bytes(),
            Self::Two(pair) => json(pair),
        };
        [&[kind as u8][..], &name].concat()
    }

    fn read(key: &[u8]) -> Result<(Kind, Self), String> {
        let (kind, name) = key.split_first().ok_or("a part has no key")?;
        let kind = KINDS.into_iter().find(|it| *it as u8 == *kind);
        let kind = kind.ok_or_else(|| format!("the key {} is of no kind", key.escape_ascii()))?;
        let name = match kind {
            Kind::Digest | Kind::Lanes | Kind::Silenced => {
                Self::One(String::from_utf8(name.to_vec()).map_err(|error| error.to_string())?)
            }
            Kind::Member | Kind::Name => Self::Two(read(name)?),
        };
        Ok((kind, name))
    }
}

/// Strings and numbers only: it cannot fail.
fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    serde_json::from_slice(text).map_err(|error| error.to_string())
}

impl Parts for OutboxFold {
    fn head(&self) -> Vec<u8> {
        let Self { sick, down, direct, look, .. } = self;
        json(&Head { version: VERSION, sick: sick.clone(), down: down.clone(), direct: direct.clone(), look: *look })
    }

    fn changed(&mut self, out: &mut PartWriter) {
        while !out.is_full()
            && let Some((kind, name)) = self.next_change()
        {
            match self.part(kind, &name) {
                Some(part) => out.put(&name.key(kind), &part),
                None => out.gone(&name.key(kind)),
            }
        }
    }

    fn rest(&self, after: &[u8], out: &mut PartWriter) {
        let mut after = Name::read(after).ok();
        for kind in KINDS {
            match after.take() {
                Some((at, name)) if at == kind => self.rest_of(kind, Some(name), out),
                Some(later) if later.0 > kind => after = Some(later),
                _ => self.rest_of(kind, None, out),
            }
        }
    }

    fn begin(&mut self, head: &[u8]) -> Result<(), String> {
        let Head { version, sick, down, direct, look } = read(head)?;
        if version != VERSION {
            return Err(format!("its format is version {version}, this program reads {OLD} and {VERSION}"));
        }
        *self = Self { sick, down, direct, look, ..self.anew() };
        Ok(())
    }

    fn take(&mut self, key: &[u8], text: &[u8]) -> Result<(), String> {
        let bad = |error: String| format!("the part {}: {error}", key.escape_ascii());
        match Name::read(key)? {
            (Kind::Digest, Name::One(receiver)) => {
                _ = self.digests.insert(receiver, read::<Digest>(text).map_err(bad)?)
            }
            (Kind::Lanes, Name::One(incident)) => _ = self.lanes.insert(incident, read::<Lanes>(text).map_err(bad)?),
            (Kind::Member, Name::Two(pair)) => _ = self.members.insert(pair, read::<Member>(text).map_err(bad)?),
            (Kind::Name, Name::Two(pair)) => _ = self.names.insert(pair, read::<String>(text).map_err(bad)?),
            (Kind::Silenced, Name::One(incident)) => {
                _ = self.silenced.insert(incident, read::<Packed>(text).map_err(bad)?)
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let anew = self.anew();
        let mut restored = std::mem::replace(self, anew);
        restored.unmark();
        *self = restored.settled();
        Ok(())
    }
}
