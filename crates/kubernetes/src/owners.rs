//! Who owns which field: `metadata.managedFields`, see Kubernetes' server-side apply.

use serde_json::Value;

/// One writer and what it wrote.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) owner: Owner,
    /// FieldsV1: `f:` a member, `k:` an item by its keys, `v:` an item by its value, `.` itself.
    fields: &'a Value,
}

/// A writer of fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Owner {
    /// The name that the client gave itself: `kubectl-edit`.
    pub manager: String,
    /// `scale` if it came through that subresource; empty otherwise.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subresource: String,
    /// When it last wrote, to the second; empty if that is not said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub time: String,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.manager)?;
        if self.subresource.is_empty() { Ok(()) } else { write!(f, " ({})", self.subresource) }
    }
}

/// The writers of an object; broken entries are left out.
pub(crate) fn entries(object: &Value) -> Vec<Entry<'_>> {
    let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
    let entry = |entry: &'_ Value| -> Option<Owner> {
        let text = |member: &str| entry.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        Some(Owner { manager: text("manager"), subresource: text("subresource"), time: text("time") })
            .filter(|owner| !owner.manager.is_empty())
    };
    let entries = entries.into_iter().flatten();
    entries
        .filter_map(|of| Some(Entry { owner: entry(of)?, fields: of.get("fieldsV1").filter(|f| f.is_object())? }))
        .collect()
}

/// A place in the trees of some writers.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    at: Vec<(usize, &'a Value)>,
}

impl<'a> Cursor<'a> {
    /// At the root, with every writer.
    pub(crate) fn new(entries: &[Entry<'a>]) -> Self {
        Self { at: entries.iter().enumerate().map(|(n, entry)| (n, entry.fields)).collect() }
    }

    /// With those that wrote the member.
    pub(crate) fn member(&self, name: &str) -> Self {
        self.step(|fields| fields.get(format!("f:{name}")))
    }

    /// With those that wrote the item of that value.
    pub(crate) fn value(&self, value: &Value) -> Self {
        self.step(|fields| fields.get(format!("v:{value}")))
    }

    /// With those that wrote the item that has these keys.
    pub(crate) fn item(&self, keys: &[String], item: &Value) -> Self {
        self.step(|fields| {
            let of = fields.as_object()?.iter().find(|(name, _)| {
                let Some(Ok(Value::Object(named))) = name.strip_prefix("k:").map(serde_json::from_str) else {
                    return false;
                };
                named.len() == keys.len()
                    && keys.iter().all(|key| named.get(key).is_some_and(|value| Some(value) == item.get(key)))
            });
            of.map(|(_, fields)| fields)
        })
    }

    /// Who owns below what it wrote as a whole (`f:rules: {}`) stays; others go on by `next`.
    fn step(&self, next: impl Fn(&'a Value) -> Option<&'a Value>) -> Self {
        let whole = |fields: &Value| fields.as_object().is_some_and(serde_json::Map::is_empty);
        let step = |(n, fields): &(usize, &'a Value)| {
            if whole(fields) { Some((*n, *fields)) } else { next(fields).map(|fields| (*n, fields)) }
        };
        Self { at: self.at.iter().filter_map(step).collect() }
    }

    /// The writers here.
    pub(crate) fn owners(&self) -> impl Iterator<Item = usize> + '_ {
        self.at.iter().map(|(n, _)| *n)
    }
}
