//! Who owns which field: `metadata.managedFields`, see Kubernetes' server-side apply.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use crate::controllers::{Controller, Controllers, by_hand};
use crate::owner::Owner;
use crate::tree::{Shown as _, Text, Tree, skip};

/// managedFields; what has another form says nothing.
#[derive(Debug, Default)]
pub(crate) struct Managed<'a>(Vec<Entry<'a>>);

/// One writer and what it wrote.
#[derive(Debug, Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    manager: Cow<'a, str>,
    #[serde(borrow, default)]
    subresource: Cow<'a, str>,
    #[serde(borrow, default)]
    time: Cow<'a, str>,
    #[serde(borrow, rename = "fieldsV1")]
    fields: Option<Fields<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Managed<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut entries = Option::<Vec<Entry<'a>>>::deserialize(deserializer)?.unwrap_or_default();
        entries.retain(|entry| !entry.manager.is_empty() && entry.fields.is_some());
        Ok(Self(entries))
    }
}

/// FieldsV1: `f:` a member, `k:` an item by its keys, `v:` an item by its value, `.` itself. Flat:
/// each name is followed by those beneath it, up to the place that stands beside it.
#[derive(Debug, Default)]
struct Fields<'a>(Vec<(Cow<'a, str>, usize)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Self(Vec::with_capacity(32));
        deserializer.deserialize_map(Beneath(&mut fields))?;
        Ok(fields)
    }
}

/// Adds the names of an object and of all objects in it.
struct Beneath<'f, 'a>(&'f mut Fields<'a>);

impl<'de: 'a, 'a> DeserializeSeed<'de> for Beneath<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Beneath<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let top = self.0.0.is_empty();
        while let Some(name) = map.next_key_seed(Text)? {
            let at = self.0.0.len();
            // Nobody asks who wrote the status.
            let asked = !top || name != "f:status";
            self.0.0.push((name, 0));
            if asked {
                map.next_value_seed(Beneath(self.0))?;
            } else {
                skip(&mut map)?;
            }
            self.0.0[at].1 = self.0.0.len();
        }
        Ok(())
    }
}

/// A step down, as managedFields see it.
#[derive(Clone, Debug)]
pub(crate) enum Step<'a> {
    /// To a member.
    Member(Cow<'a, str>),
    /// To the item that has these keys.
    Item(&'a [String], &'a Tree<'a>),
    /// To the item that has this key.
    Named(Cow<'a, str>, &'a Tree<'a>),
    /// To the item of that value.
    Value(&'a Tree<'a>),
    /// Into a whole that has its owners as a whole.
    Into,
}

impl Step<'_> {
    /// As FieldsV1 names it.
    fn write(&self, name: &mut String) {
        name.clear();
        match self {
            Self::Member(member) => {
                name.push_str("f:");
                name.push_str(member);
            }
            Self::Item(keys, item) => {
                // The server writes them sorted.
                let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                keys.sort_unstable();
                write_item(name, &keys, item);
            }
            Self::Named(key, item) => write_item(name, &[key], item),
            Self::Value(value) => {
                let _ = write!(name, "v:{}", value.value());
            }
            Self::Into => {}
        }
    }
}

fn write_item(name: &mut String, keys: &[&str], item: &Tree<'_>) {
    name.push_str("k:{");
    for (n, key) in keys.iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let value = item.get(key).map(Tree::value).unwrap_or_default();
        let _ = write!(name, "{comma}\"{key}\":{value}");
    }
    name.push('}');
}

/// Who wrote the field that steps lead down to. Nothing is looked for until somebody asks.
#[derive(Debug)]
pub(crate) struct Writers<'a> {
    entries: &'a [Entry<'a>],
    controllers: &'a Controllers,
    /// What a controller of that name may write, for those that were asked about.
    own: Vec<Option<Vec<&'a Controller>>>,
    steps: Vec<Step<'a>>,
    /// Those who wrote at the top, after the first step, after the second: as far as was asked.
    at: Vec<Cursor>,
    /// Where in `at` each of those begin.
    found: Vec<usize>,
    name: String,
}

/// What of the fields of a writer is beneath a place.
#[derive(Clone, Copy, Debug)]
struct Cursor {
    writer: usize,
    from: usize,
    to: usize,
}

impl<'a> Writers<'a> {
    pub(crate) fn new(managed: &'a Managed<'_>, controllers: &'a Controllers) -> Self {
        let entries = managed.0.as_slice();
        let own = entries.iter().map(|_| None).collect();
        let top = |(writer, entry): (usize, &Entry<'_>)| Cursor { writer, from: 0, to: entry.names().len() };
        let at = entries.iter().enumerate().map(top).collect();
        Self { entries, controllers, own, steps: Vec::with_capacity(16), at, found: vec![0], name: String::new() }
    }

    pub(crate) fn down(&mut self, step: Step<'a>) {
        self.steps.push(step);
    }

    pub(crate) fn up(&mut self) {
        self.steps.pop();
        if self.found.len() > self.steps.len() + 1
            && let Some(from) = self.found.pop()
        {
            self.at.truncate(from);
        }
    }

    /// Who wrote here that is no controller of this path, the newest, and which controller of it.
    pub(crate) fn of(&mut self, path: &str) -> (Option<usize>, Option<usize>) {
        self.find();
        let (mut owner, mut controller): (Option<usize>, Option<usize>) = (None, None);
        for n in cursors(&self.at, &self.found) {
            let entry = &self.entries[n];
            let own = self.own[n].get_or_insert_with(|| self.controllers.of(&entry.manager, &entry.subresource));
            if own.iter().any(|own| own.has(path)) {
                controller = Some(n);
            } else if owner.is_none_or(|newest| self.entries[newest].time <= entry.time) {
                owner = Some(n);
            }
        }
        (owner, controller)
    }

    /// Whether a person wrote here.
    pub(crate) fn by_hand(&mut self) -> bool {
        self.find();
        cursors(&self.at, &self.found).any(|n| by_hand(&self.entries[n].manager))
    }

    /// Whether managedFields say who wrote what.
    pub(crate) fn known(&self) -> bool {
        self.entries.iter().any(|entry| entry.subresource != "status")
    }

    /// Whether that writer is a person's tool.
    pub(crate) fn is_hand(&self, writer: usize) -> bool {
        by_hand(&self.entries[writer].manager)
    }

    pub(crate) fn owner(&self, writer: usize) -> Owner {
        let Entry { manager, subresource, time, .. } = &self.entries[writer];
        let [manager, subresource, time] = [manager, subresource, time].map(|text| text.clone().into_owned());
        Owner { manager, subresource, time, actor: None }
    }

    /// Follows the steps that were not followed yet.
    fn find(&mut self) {
        for n in self.found.len() - 1..self.steps.len() {
            let (from, to) = (self.found[n], self.at.len());
            self.steps[n].write(&mut self.name);
            for n in from..to {
                let cursor = self.at[n];
                self.at.extend(cursor.follow(self.entries[cursor.writer].names(), &self.name));
            }
            self.found.push(to);
        }
    }
}

/// The writers at the place that was found last.
fn cursors<'c>(at: &'c [Cursor], found: &[usize]) -> impl Iterator<Item = usize> + use<'c> {
    let from = found.last().copied().unwrap_or_default();
    at[from..].iter().map(|cursor| cursor.writer)
}

impl<'a> Entry<'a> {
    fn names(&self) -> &[(Cow<'a, str>, usize)] {
        self.fields.as_ref().map_or(&[], |fields| &fields.0)
    }
}

impl Cursor {
    /// Who wrote a whole (`f:rules: {}`) is there below it too; others go on where the name leads.
    fn follow(self, names: &[(Cow<'_, str>, usize)], to: &str) -> Option<Self> {
        if self.from == self.to || to.is_empty() {
            return Some(self);
        }
        let mut at = self.from;
        while at < self.to {
            let (name, next) = &names[at];
            if name == to {
                return Some(Self { from: at + 1, to: *next, ..self });
            }
            at = *next;
        }
        None
    }
}
