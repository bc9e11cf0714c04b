use std::collections::HashMap;

use base::{Exceeded, Limit};
use model::rows::SetMember;
use model::{Fingerprint, Key, ResourceId};

/// Resources that one collector may have on the log.
const RESOURCES: Limit = Limit::new("collect_resources", 4_000_000);

/// Bytes of resource names kept for one collector.
const NAME_BYTES: Limit = Limit::new("collect_name_bytes", u32::MAX as u64);

/// What a collector has on the log: key -> fingerprint, and the id in pieces, so that what is gone
/// can be named. About 70 bytes a resource and the last part of its name: the part of the id up
/// to the last slash (the directory of a file) is kept once for all that share it.
#[derive(Default)]
pub(crate) struct Table {
    entries: HashMap<Key, Entry>,
    prefixes: Vec<Box<str>>,
    prefix_numbers: HashMap<Box<str>, u32>,
    names: String,
    /// Bytes of `names` that no entry uses any more.
    wasted: usize,
    generation: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    fingerprint: Fingerprint,
    generation: u32,
    name: Name,
}

/// Where an id is: its prefix, and its rest in `names`. [`Name::UNKNOWN`] if only the key is known.
#[derive(Clone, Copy)]
struct Name {
    prefix: u32,
    start: u32,
    len: u32,
}

impl Name {
    const UNKNOWN: Self = Self { prefix: u32::MAX, start: 0, len: 0 };
}

impl Table {
    /// A table of what an earlier process appended: keys and fingerprints, the ids come when the
    /// resources are seen again.
    pub(crate) fn of(known: impl IntoIterator<Item = SetMember>) -> Self {
        let entry = |member: SetMember| {
            (member.key, Entry { fingerprint: member.fingerprint, generation: 0, name: Name::UNKNOWN })
        };
        Self { entries: known.into_iter().map(entry).collect(), generation: 1, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn fingerprint(&self, key: &Key) -> Option<Fingerprint> {
        self.entries.get(key).map(|entry| entry.fingerprint)
    }

    /// Whether `more` new resources would fit.
    pub(crate) fn check(&self, more: usize) -> Result<(), Exceeded> {
        RESOURCES.check((self.entries.len() + more) as u64)?;
        NAME_BYTES.check(self.names.len() as u64 + (1 << 24))
    }

    /// A new pass begins: nothing has been seen in it.
    pub(crate) fn begin(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    /// The resource was seen in this pass, as it is on the log.
    pub(crate) fn touch(&mut self, key: &Key, id: &ResourceId) {
        let nameless = self.entries.get_mut(key).is_some_and(|entry| {
            entry.generation = self.generation;
            entry.name.prefix == u32::MAX
        });
        if nameless {
            let name = self.intern(id);
            if let Some(entry) = self.entries.get_mut(key) {
                entry.name = name;
            }
        }
    }

    /// The resource counts as seen in this pass, though its id is not known.
    pub(crate) fn stay(&mut self, key: &Key) {
        let generation = self.generation;
        if let Some(entry) = self.entries.get_mut(key) {
            entry.generation = generation;
        }
    }

    /// The resource is on the log with this fingerprint.
    pub(crate) fn put(&mut self, key: Key, id: &ResourceId, fingerprint: Fingerprint) {
        let generation = self.generation;
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.fingerprint = fingerprint;
            self.touch(&key, id);
        } else {
            let name = self.intern(id);
            self.entries.insert(key, Entry { fingerprint, generation, name });
        }
    }

    /// The resource is gone, and that is on the log.
    pub(crate) fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.entries.remove(key) {
            self.wasted += entry.name.len as usize;
        }
        if self.wasted > 1 << 16 && self.wasted > self.names.len() / 2 {
            self.compact();
        }
    }

    /// The keys that this pass has not seen.
    pub(crate) fn unseen(&self) -> Vec<Key> {
        self.entries.iter().filter(|(_, entry)| entry.generation != self.generation).map(|(key, _)| *key).collect()
    }

    /// The id behind a key, if it is known.
    pub(crate) fn id(&self, key: &Key) -> Option<ResourceId> {
        let name = self.entries.get(key)?.name;
        let prefix = self.prefixes.get(name.prefix as usize)?;
        let rest = self.names.get(name.start as usize..(name.start + name.len) as usize)?;
        format!("{prefix}{rest}").parse().ok()
    }

    /// All of it, to make a set of it.
    pub(crate) fn members(&self) -> Vec<SetMember> {
        self.entries.iter().map(|(key, entry)| SetMember { key: *key, fingerprint: entry.fingerprint }).collect()
    }

    fn intern(&mut self, id: &ResourceId) -> Name {
        let cut = id.as_str().rfind('/').map_or(0, |slash| slash + 1);
        let (prefix, rest) = id.as_str().split_at(cut);
        let number = match self.prefix_numbers.get(prefix) {
            Some(number) => *number,
            None => {
                let number = self.prefixes.len() as u32;
                self.prefixes.push(prefix.into());
                self.prefix_numbers.insert(prefix.into(), number);
                number
            }
        };
        let start = self.names.len() as u32;
        self.names.push_str(rest);
        Name { prefix: number, start, len: rest.len() as u32 }
    }

    /// Drops the names that nobody uses, and with them the prefixes.
    fn compact(&mut self) {
        let ids: Vec<(Key, ResourceId)> =
            self.entries.keys().filter_map(|key| self.id(key).map(|id| (*key, id))).collect();
        (self.names, self.wasted) = (String::new(), 0);
        self.prefixes.clear();
        self.prefix_numbers.clear();
        for (key, id) in ids {
            let name = self.intern(&id);
            if let Some(entry) = self.entries.get_mut(&key) {
                entry.name = name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> ResourceId {
        format!("host/a/file//etc/dir{}/file{n}", n % 7).parse().unwrap()
    }

    #[test]
    fn ids_come_back_after_others_are_removed() {
        let mut table = Table::of([]);
        for n in 0..20_000 {
            table.put(id(n).key(), &id(n), Fingerprint([1; 16]));
        }
        for n in 0..19_990 {
            table.remove(&id(n).key());
        }
        assert!(table.names.len() < 1 << 18, "{} bytes of names for 10 resources", table.names.len());
        for n in 19_990..20_000 {
            assert_eq!(table.id(&id(n).key()), Some(id(n)));
        }
        assert_eq!((table.len(), table.id(&id(0).key())), (10, None));
    }

    #[test]
    fn what_was_not_touched_in_a_pass_is_unseen() {
        let known = SetMember { key: id(1).key(), fingerprint: Fingerprint([1; 16]) };
        let mut table = Table::of([known]);
        assert_eq!((table.unseen(), table.id(&id(1).key())), (vec![id(1).key()], None));
        table.touch(&id(1).key(), &id(1));
        assert_eq!((table.unseen(), table.id(&id(1).key())), (vec![], Some(id(1))));
        table.begin();
        table.put(id(2).key(), &id(2), Fingerprint([2; 16]));
        assert_eq!(table.unseen(), [id(1).key()]);
    }
}
