//! Who owns which field: `metadata.managedFields`, see Kubernetes' server-side apply.

use std::fmt::Write as _;

use serde_json::Value;

use crate::controllers::{Controller, Controllers};
use crate::owner::Owner;

/// One writer and what it wrote.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) owner: Owner,
    /// What a controller of that name may write.
    pub(crate) own: Vec<&'a Controller>,
    /// FieldsV1: `f:` a member, `k:` an item by its keys, `v:` an item by its value, `.` itself.
    pub(crate) fields: &'a Value,
}

/// The writers of an object, by its managedFields; broken entries are left out.
pub(crate) fn entries<'a>(fields: &'a Value, controllers: &'a Controllers) -> Vec<Entry<'a>> {
    let entry = |entry: &'a Value| -> Option<Entry<'a>> {
        let text = |member: &str| entry.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let owner =
            Owner { manager: text("manager"), subresource: text("subresource"), time: text("time"), actor: None };
        let fields = entry.get("fieldsV1").filter(|fields| fields.is_object())?;
        let named = !owner.manager.is_empty();
        named.then(|| Entry { own: controllers.of(&owner), owner, fields })
    };
    fields.as_array().into_iter().flatten().filter_map(entry).collect()
}

/// Places in the trees of the writers: a stack, so that a step costs no memory of its own.
#[derive(Debug, Default)]
pub(crate) struct Cursors<'a> {
    at: Vec<(usize, &'a Value)>,
    name: String,
}

/// Where each writer is that wrote here: a part of [`Cursors`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here {
    from: usize,
    to: usize,
}

impl<'a> Cursors<'a> {
    /// At the root, with every writer.
    pub(crate) fn start(&mut self, entries: &[Entry<'a>]) -> Here {
        self.at.extend(entries.iter().enumerate().map(|(n, entry)| (n, entry.fields)));
        Here { from: 0, to: self.at.len() }
    }

    /// With those that wrote the member.
    pub(crate) fn member(&mut self, here: Here, name: &str) -> Here {
        self.name.clear();
        self.name.push_str("f:");
        self.name.push_str(name);
        self.step(here)
    }

    /// With those that wrote the item of that value.
    pub(crate) fn value(&mut self, here: Here, value: &Value) -> Here {
        self.name.clear();
        let _ = write!(self.name, "v:{value}");
        self.step(here)
    }

    /// With those that wrote the item that has these keys. The server writes them sorted.
    pub(crate) fn item(&mut self, here: Here, keys: &[String], item: &Value) -> Here {
        let mut sorted: Vec<&String> = keys.iter().collect();
        sorted.sort_unstable();
        self.name.clear();
        self.name.push_str("k:{");
        for (n, key) in sorted.into_iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            let _ = write!(self.name, "{comma}\"{key}\":{}", item.get(key).unwrap_or(&Value::Null));
        }
        self.name.push('}');
        self.step(here)
    }

    /// Forgets what was stepped to after `here`.
    pub(crate) fn back(&mut self, here: Here) {
        self.at.truncate(here.to);
    }

    /// Who wrote a whole (`f:rules: {}`) is there below it too; others go on where `name` leads.
    fn step(&mut self, here: Here) -> Here {
        let from = self.at.len();
        for n in here.from..here.to {
            let (writer, fields) = self.at[n];
            let whole = fields.as_object().is_some_and(serde_json::Map::is_empty);
            if let Some(next) = if whole { Some(fields) } else { fields.get(self.name.as_str()) } {
                self.at.push((writer, next));
            }
        }
        Here { from, to: self.at.len() }
    }

    /// The writers here.
    pub(crate) fn owners(&self, here: Here) -> impl Iterator<Item = usize> + '_ {
        self.at[here.from..here.to].iter().map(|(writer, _)| *writer)
    }
}
