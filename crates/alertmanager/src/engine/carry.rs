//! Which route of one configuration goes on as which route of the next: groups go on with it, whatever came or went around it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Engine;
use super::setup::Setup;

/// Where routes to a receiver are counted that are gone, downwards: a group of one is told to the end, and no alert comes to it.
const GONE: u32 = u32::MAX;

/// A receiver, and which of the routes to it.
type Nth = (String, u32);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Carry {
    /// The place in the new tree, and which of the routes to the same receiver it is there.
    routes: BTreeMap<Nth, (usize, u32)>,
    taken: BTreeSet<Nth>,
}

impl Carry {
    pub fn between(old: &Setup, new: &Setup) -> Self {
        let (old, new) = (by_receiver(old), by_receiver(new));
        let mut carry = Self::default();
        for (receiver, old) in old {
            let Some(new) = new.get(receiver) else { continue };
            for (before, after) in pairs(&keys(&old), &keys(new)) {
                let Some((place, _)) = new.get(after) else { continue };
                carry.routes.insert((receiver.to_owned(), nth(before)), (*place, nth(after)));
                carry.taken.insert((receiver.to_owned(), nth(after)));
            }
        }
        carry
    }

    /// As which route that one goes on.
    pub fn of(&self, receiver: &str, nth: u32) -> Option<(usize, u32)> {
        self.routes.get(&(receiver.to_owned(), nth)).copied()
    }

    /// Whether another one goes on as that one.
    pub fn takes(&self, receiver: &str, nth: u32) -> bool {
        self.taken.contains(&(receiver.to_owned(), nth))
    }
}

impl Engine {
    /// Groups become those of the routes that theirs go on as. Open incidents keep their names.
    pub(super) fn carry(&mut self, setup: &Setup) {
        let carry = Carry::between(&self.setup, setup);
        self.by_identity.clear();
        let mut gone = Vec::new();
        for (id, group) in self.groups.iter_mut() {
            let Some((route, nth)) = carry.of(&group.identity.receiver, group.identity.nth) else {
                gone.push(*id);
                continue;
            };
            group.route = route;
            if group.identity.nth != nth {
                Arc::make_mut(&mut group.identity).nth = nth;
            }
            self.by_identity.insert(Arc::clone(&group.identity), *id);
        }
        gone.into_iter().for_each(|id| self.set_aside(id, &carry));
    }

    /// A group whose route is gone makes room for one of the route that is counted so now.
    fn set_aside(&mut self, id: u64, carry: &Carry) {
        let Some(group) = self.groups.get_mut(&id) else { return };
        let mut identity = (*group.identity).clone();
        if carry.takes(&identity.receiver, identity.nth) {
            identity.nth = GONE;
        }
        while self.by_identity.contains_key(&identity) {
            identity.nth -= 1;
        }
        group.identity = Arc::new(identity);
        self.by_identity.insert(Arc::clone(&group.identity), id);
    }
}

fn nth(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The routes to each receiver, in the order of the tree: places and keys.
fn by_receiver(setup: &Setup) -> BTreeMap<&str, Vec<(usize, &str)>> {
    let mut receivers = BTreeMap::<_, Vec<_>>::new();
    for (place, route) in setup.routes() {
        receivers.entry(route.receiver.as_str()).or_default().push((place, route.key()));
    }
    receivers
}

fn keys<'a>(routes: &[(usize, &'a str)]) -> Vec<&'a str> {
    routes.iter().map(|(_, key)| *key).collect()
}

/// A route goes on as the one with the same key. One that was edited has another key: it goes on as the one that comes as
/// many places after the same route that was not.
fn pairs(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let mut of_key = BTreeMap::<_, Vec<usize>>::new();
    new.iter().enumerate().rev().for_each(|(place, key)| of_key.entry(*key).or_default().push(place));
    let same: Vec<Option<usize>> = old.iter().map(|key| of_key.get_mut(key).and_then(Vec::pop)).collect();
    let taken: BTreeSet<usize> = same.iter().flatten().copied().collect();
    let edited = places((0..new.len()).map(|place| Some(place).filter(|place| taken.contains(place))));
    let old_places = places(same.iter().copied());
    let again = old_places.into_iter().filter_map(|(place, before)| Some((before, *edited.get(&place)?)));
    let same = same.iter().enumerate().filter_map(|(before, after)| Some((before, (*after)?)));
    same.chain(again).collect()
}

/// By the route before it that goes on as it is, and how many places after that one: those of which that is not so.
fn places(routes: impl Iterator<Item = Option<usize>>) -> BTreeMap<(Option<usize>, usize), usize> {
    let (mut after, mut count, mut places) = (None, 0, BTreeMap::new());
    for (place, same) in routes.enumerate() {
        if same.is_some() {
            (after, count) = (same, 0);
        } else {
            places.insert((after, count), place);
            count += 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_known_by_its_key_or_by_what_is_before_it() {
        for (old, new, expected) in [
            ("a", "n a", "0>1"),
            ("n a", "a", "1>0"),
            ("a b", "b a", "0>1 1>0"),
            ("a", "b", "0>0"),
            ("a b", "x a c", "0>1 1>2"),
            ("a b c", "a x c", "0>0 1>1 2>2"),
            ("a a", "a", "0>0"),
            ("a", "a a", "0>0"),
            ("", "a", ""),
            ("a", "", ""),
        ] {
            let split = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
            let mut found = pairs(&split(old), &split(new));
            found.sort_unstable();
            let found: Vec<String> = found.into_iter().map(|(before, after)| format!("{before}>{after}")).collect();
            assert_eq!(found.join(" "), expected, "{old} to {new}");
        }
    }
}
