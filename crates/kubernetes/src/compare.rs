//! The comparison of two objects in canonical form: pure, without a schema.

use model::{FieldChange, FieldReason, Verdict};
use serde_json::Value;

use crate::origins::{Node, Origin, Origins, push_step};

/// An object in canonical form with the origins of its fields.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The tree.
    pub tree: &'a Value,
    /// Where each field comes from.
    pub origins: &'a Origins,
}

/// A tree and where it comes from.
#[derive(Clone, Copy)]
struct Part<'a> {
    value: &'a Value,
    node: &'a Node,
}

/// What live is against what is declared, and where they differ. `earlier`: what earlier revisions
/// declared, the newest first; what live still has of those is named as such.
pub fn judge(declared: Side<'_>, live: Side<'_>, earlier: &[Side<'_>]) -> (Verdict, Vec<FieldChange>) {
    let mut fields = compare(declared, live);
    if fields.is_empty() {
        return (Verdict::InSync, fields);
    }
    let whole = attribute(&mut fields, live, earlier, |_, _| {}).is_some();
    (verdict(&fields, whole), fields)
}

/// Gives each field that an earlier revision agrees on its reason, and to `agrees` the number of
/// the newest of these. Gives the newest that agrees with all of live.
pub fn attribute(
    fields: &mut [FieldChange],
    live: Side<'_>,
    earlier: &[Side<'_>],
    mut agrees: impl FnMut(&mut FieldChange, usize),
) -> Option<usize> {
    let mut whole = None;
    for (n, past) in earlier.iter().enumerate() {
        let differs = compare(*past, live);
        for field in fields.iter_mut().filter(|field| !is_past(field.reason)) {
            if differs.iter().any(|other| overlap(&other.path, &field.path)) {
                continue;
            }
            let undeclared = field.reason == FieldReason::Undeclared;
            field.reason = if undeclared { FieldReason::LeftOver } else { FieldReason::Behind };
            agrees(field, n);
        }
        if differs.is_empty() {
            whole = whole.or(Some(n));
        }
    }
    whole
}

/// What fields that differ, and were attributed, say together; `whole`: an earlier revision agrees with all of live.
pub fn verdict(fields: &[FieldChange], whole: bool) -> Verdict {
    let any = |reasons: &[FieldReason]| fields.iter().any(|field| reasons.contains(&field.reason));
    if whole {
        Verdict::Behind
    } else if any(&[FieldReason::Modified, FieldReason::Absent]) {
        Verdict::Modified
    } else if any(&[FieldReason::Undeclared]) || !any(&[FieldReason::Behind]) {
        Verdict::Undeclared
    } else {
        Verdict::Behind
    }
}

/// Whether an earlier revision explains the field.
pub const fn is_past(reason: FieldReason) -> bool {
    matches!(reason, FieldReason::Behind | FieldReason::LeftOver)
}

/// Whether one path is the other or lies beneath it.
fn overlap(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() < b.len() { (a, b) } else { (b, a) };
    long.strip_prefix(short).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The fields in which live is not what is declared, in order of path; none if they agree.
pub fn compare(declared: Side<'_>, live: Side<'_>) -> Vec<FieldChange> {
    let mut walk = Walk { declared: declared.origins, live: live.origins, path: String::new(), fields: Vec::new() };
    walk.both(Part::root(declared), Part::root(live));
    walk.fields
}

struct Walk<'a> {
    declared: &'a Origins,
    live: &'a Origins,
    path: String,
    fields: Vec<FieldChange>,
}

impl Walk<'_> {
    fn both(&mut self, declared: Part<'_>, live: Part<'_>) {
        match (declared.value, live.value) {
            (Value::Object(members), Value::Object(others)) => {
                for name in members.keys() {
                    let Some(member) = declared.member(name) else { continue };
                    self.below(name, |walk| match live.member(name) {
                        Some(other) => walk.both(member, other),
                        None => walk.absent(name, member),
                    });
                }
                for name in others.keys().filter(|name| !members.contains_key(*name)) {
                    let Some(other) = live.member(name) else { continue };
                    self.below(name, |walk| walk.undeclared(name, other));
                }
            }
            (a, b) if a == b => {}
            (Value::Array(items), Value::Array(others)) => {
                if !self.agree(declared, live, items.len(), others.len()) {
                    self.modified(declared, live);
                }
            }
            _ => self.modified(declared, live),
        }
    }

    /// Whether two lists say the same, item by item, but for what the server fills in.
    fn agree(&self, declared: Part<'_>, live: Part<'_>, count: usize, others: usize) -> bool {
        if count != others {
            return false;
        }
        let mut inner = Walk { declared: self.declared, live: self.live, path: String::new(), fields: Vec::new() };
        for n in 0..count {
            if let (Some(item), Some(other)) = (declared.item(n), live.item(n)) {
                inner.both(item, other);
            }
        }
        inner.fields.is_empty()
    }

    fn modified(&mut self, declared: Part<'_>, live: Part<'_>) {
        // A controller's own field: what is declared is only where it started.
        if !matches!(self.source(self.live, live.node), Some(Origin::Controller(_))) {
            self.push(FieldReason::Modified, Some(declared), Some(live));
        }
    }

    fn absent(&mut self, name: &str, declared: Part<'_>) {
        if matches!(self.source(self.declared, declared.node), Some(Origin::Default)) {
            return;
        }
        match declared.value {
            Value::Object(members) if !members.is_empty() && !is_item(name) => {
                for name in members.keys() {
                    let Some(member) = declared.member(name) else { continue };
                    self.below(name, |walk| walk.absent(name, member));
                }
            }
            _ => self.push(FieldReason::Absent, Some(declared), None),
        }
    }

    fn undeclared(&mut self, name: &str, live: Part<'_>) {
        let live_origins = self.live;
        let excused = |node: &Node| all(node, &|source| live_origins.get(source).is_excused());
        if excused(live.node) {
            return;
        }
        // An item of a keyed list is one thing, unless somebody else made most of it.
        let foreign = |node: &Node| all(node, &|source| !matches!(live_origins.get(source), Origin::Controller(_)));
        if is_item(name) && foreign(live.node) {
            return self.push(FieldReason::Undeclared, None, Some(live));
        }
        match live.value {
            Value::Object(members) if !members.is_empty() => {
                for name in members.keys() {
                    let Some(member) = live.member(name) else { continue };
                    self.below(name, |walk| walk.undeclared(name, member));
                }
            }
            _ => self.push(FieldReason::Undeclared, None, Some(live)),
        }
    }

    /// The one origin of all of it, if there is one.
    fn source<'a>(&self, origins: &'a Origins, node: &Node) -> Option<&'a Origin> {
        if let Node::One(source) = node { Some(origins.get(*source)) } else { None }
    }

    fn push(&mut self, reason: FieldReason, declared: Option<Part<'_>>, live: Option<Part<'_>>) {
        let value = |part: Option<Part<'_>>| part.map_or(Value::Null, |part| part.value.clone());
        let owner = live.and_then(|live| newest(self.live, live.node));
        self.fields.push(FieldChange {
            path: self.path.clone(),
            reason,
            declared: value(declared),
            live: value(live),
            diff: None,
            owner: owner.map(ToString::to_string),
            actor: owner.and_then(|owner| owner.actor.clone()),
            line: None,
            since: owner.map(|owner| owner.time.clone()).filter(|time| !time.is_empty()),
            commit: None,
        });
    }

    fn below(&mut self, name: &str, then: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        push_step(&mut self.path, name);
        then(self);
        self.path.truncate(length);
    }
}

impl<'a> Part<'a> {
    const fn root(side: Side<'a>) -> Self {
        Self { value: side.tree, node: side.origins.root() }
    }

    fn member(self, name: &str) -> Option<Self> {
        Some(Self { value: self.value.get(name)?, node: self.node.member(name)? })
    }

    fn item(self, n: usize) -> Option<Self> {
        Some(Self { value: self.value.get(n)?, node: self.node.member(&n.to_string())? })
    }
}

/// Whether a step is that of an item of a keyed list: `name=app`. Names of members have no `=`.
fn is_item(name: &str) -> bool {
    name.contains('=')
}

fn all(node: &Node, holds: &impl Fn(usize) -> bool) -> bool {
    match node {
        Node::One(source) => holds(*source),
        Node::Of(members) => members.values().all(|node| all(node, holds)),
    }
}

/// Who wrote last, of those who are no controllers.
fn newest<'a>(origins: &'a Origins, node: &Node) -> Option<&'a crate::Owner> {
    match node {
        Node::One(source) => match origins.get(*source) {
            Origin::Owner(owner) => Some(owner),
            _ => None,
        },
        Node::Of(members) => members.values().filter_map(|node| newest(origins, node)).max_by_key(|owner| &owner.time),
    }
}
