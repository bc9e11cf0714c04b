use base::Timestamp;
use model::rows::SetMember;
use model::{Fingerprint, Key};

use crate::{Fetched, Managed, Manifest};

/// What the host last sent for one scope of one source: 48 bytes and the name a resource.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Sorted by key.
    entries: Vec<Entry>,
    /// The ids without their scope, in the order of `entries`.
    names: String,
    pub(crate) about: About,
}

/// What a revision row says besides its set.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct About {
    pub(crate) revision: String,
    pub(crate) author: Option<String>,
    pub(crate) committed: Option<Timestamp>,
    pub(crate) message: Option<String>,
    pub(crate) managed: Vec<Managed>,
}

impl About {
    pub(crate) fn of(fetched: &Fetched) -> Self {
        Self {
            revision: fetched.revision.clone(),
            author: fetched.author.clone(),
            committed: fetched.committed,
            message: fetched.message.clone(),
            managed: fetched.managed.clone(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) fingerprint: Fingerprint,
    /// A hash of file, line and whether there is a text.
    place: u64,
    /// Where its name begins; it ends where the next one begins.
    name: u64,
}

impl Entry {
    /// The entry of a manifest, its name not yet placed.
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self { key: manifest.id.key(), fingerprint: manifest.document.fingerprint(), place: place(manifest), name: 0 }
    }

    fn same(&self, other: &Self) -> bool {
        (self.fingerprint, self.place) == (other.fingerprint, other.place)
    }
}

fn place(manifest: &Manifest) -> u64 {
    let text = format!("{:?} {:?} {}", manifest.file, manifest.line, manifest.text.is_some());
    let mut low = [0; 8];
    low.copy_from_slice(&Key::of(text.as_bytes()).0[..8]);
    u64::from_le_bytes(low)
}

impl Known {
    /// From manifests and their entries, both sorted by key.
    pub(crate) fn new(about: About, manifests: &[Manifest], mut entries: Vec<Entry>) -> Self {
        let mut names = String::new();
        for (entry, manifest) in entries.iter_mut().zip(manifests) {
            entry.name = names.len() as u64;
            names.push_str(&manifest.id.as_str()[manifest.id.scope().len() + 1..]);
        }
        names.shrink_to_fit();
        Self { entries, names, about }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the set has this resource with this content at this place.
    pub(crate) fn has(&self, entry: &Entry) -> bool {
        self.find(entry.key).is_some_and(|n| self.entries[n].same(entry))
    }

    /// Names (kind, namespace, name) and fingerprints of what is in this set and not in `next`.
    pub(crate) fn gone<'a>(&'a self, next: &'a [Entry]) -> impl Iterator<Item = (&'a str, Entry)> {
        let mut rest = next.iter().peekable();
        self.entries.iter().enumerate().filter_map(move |(n, entry)| {
            while rest.next_if(|other| other.key < entry.key).is_some() {}
            let stays = rest.peek().is_some_and(|other| other.key == entry.key);
            (!stays).then(|| (self.name(n), *entry))
        })
    }

    /// The set as rows, sorted by key.
    pub(crate) fn members(&self) -> Vec<SetMember> {
        self.entries.iter().map(|entry| SetMember { key: entry.key, fingerprint: entry.fingerprint }).collect()
    }

    fn find(&self, key: Key) -> Option<usize> {
        self.entries.binary_search_by_key(&key, |entry| entry.key).ok()
    }

    fn name(&self, n: usize) -> &str {
        let end = self.entries.get(n + 1).map_or(self.names.len(), |next| next.name as usize);
        &self.names[self.entries[n].name as usize..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_costs_48_bytes_and_its_name() {
        assert_eq!(size_of::<Entry>(), 48);
    }
}
