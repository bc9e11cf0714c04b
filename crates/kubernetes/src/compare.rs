//! The comparison of two objects in canonical form: pure, without a schema.

use std::borrow::Cow;
use std::iter;

use model::{FieldChange, FieldReason, Verdict};
use serde_json::Value;

use crate::origins::{Node, Origin, Origins, push_step};
use crate::owner::Owner;
use crate::tree::Shown;

/// An object in canonical form with the origins of its fields.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The tree.
    pub tree: &'a Value,
    /// Where each field comes from.
    pub origins: &'a Origins,
}

/// A live object whose fields come from somewhere.
pub(crate) trait Found<'a> {
    type Tree: Shown + 'a;

    /// The canonical tree.
    fn tree(&self) -> &'a Self::Tree;

    /// Where what is at that place comes from.
    fn node(&mut self, path: &[Cow<'a, str>]) -> Option<Cow<'a, Node>>;

    /// The origin of that number.
    fn origin(&self, source: usize) -> &Origin;
}

impl<'a> Found<'a> for Side<'a> {
    type Tree = Value;

    fn tree(&self) -> &'a Value {
        self.tree
    }

    fn node(&mut self, path: &[Cow<'a, str>]) -> Option<Cow<'a, Node>> {
        self.origins.at(path).map(Cow::Borrowed)
    }

    fn origin(&self, source: usize) -> &Origin {
        self.origins.get(source)
    }
}

/// What live is against what is declared, and where they differ. `earlier`: what earlier revisions
/// declared, the newest first; what live still has of those is named as such.
pub fn judge<'a>(declared: Side<'a>, mut live: Side<'a>, earlier: &[Side<'a>]) -> (Verdict, Vec<FieldChange>) {
    judge_found(declared, &mut live, earlier)
}

pub(crate) fn judge_found<'a>(
    declared: Side<'a>,
    live: &mut impl Found<'a>,
    earlier: &[Side<'a>],
) -> (Verdict, Vec<FieldChange>) {
    let mut fields = differences(declared, live);
    if fields.is_empty() {
        return (Verdict::InSync, fields);
    }
    let whole = attribute_found(&mut fields, live, earlier, &|_| false, |_, _| {}).is_some();
    (verdict(&fields, whole), fields)
}

/// Gives each field that an earlier revision agrees on its reason, and to `agrees` the number of
/// the newest of these. Gives the newest that agrees with all of live but what is `excused`.
pub fn attribute<'a>(
    fields: &mut [FieldChange],
    mut live: Side<'a>,
    earlier: &[Side<'a>],
    excused: &dyn Fn(&FieldChange) -> bool,
    agrees: impl FnMut(&mut FieldChange, usize),
) -> Option<usize> {
    attribute_found(fields, &mut live, earlier, excused, agrees)
}

fn attribute_found<'a>(
    fields: &mut [FieldChange],
    live: &mut impl Found<'a>,
    earlier: &[Side<'a>],
    excused: &dyn Fn(&FieldChange) -> bool,
    mut agrees: impl FnMut(&mut FieldChange, usize),
) -> Option<usize> {
    let mut whole = None;
    for (n, past) in earlier.iter().enumerate() {
        let mut differs = differences(*past, live);
        differs.retain(|field| !excused(field));
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
pub fn compare<'a>(declared: Side<'a>, mut live: Side<'a>) -> Vec<FieldChange> {
    differences(declared, &mut live)
}

fn differences<'a>(declared: Side<'a>, live: &mut impl Found<'a>) -> Vec<FieldChange> {
    let tree = live.tree();
    let mut walk = Walk { origins: declared.origins, live, path: Vec::with_capacity(16), fields: Vec::new() };
    walk.both(declared.tree, tree);
    walk.fields
}

/// A tree and where it comes from.
struct Part<'p, T> {
    value: &'p T,
    node: &'p Node,
}

/// A way down both trees. Where something comes from is asked only where they differ.
struct Walk<'w, 'a, L> {
    /// Of what is declared.
    origins: &'a Origins,
    live: &'w mut L,
    path: Vec<Cow<'a, str>>,
    fields: Vec<FieldChange>,
}

impl<'a, L: Found<'a>> Walk<'_, 'a, L> {
    fn both(&mut self, declared: &'a Value, live: &'a L::Tree) {
        match (declared, live.members()) {
            (Value::Object(members), Some(others)) => {
                // Both are sorted by name.
                let (mut others, mut more) = (others.peekable(), Vec::new());
                for (name, member) in members {
                    let name = name.as_str();
                    more.extend(iter::from_fn(|| others.next_if(|(other, _)| *other < name)));
                    let other = others.next_if(|(other, _)| *other == name);
                    self.below(name, |walk| match other {
                        Some((_, other)) => walk.both(member, other),
                        None => walk.only_declared(member),
                    });
                }
                for (name, other) in more.into_iter().chain(others) {
                    self.below(name, |walk| walk.only_live(other));
                }
            }
            _ if live.is(declared) => {}
            _ => match (declared, live.items()) {
                (Value::Array(items), Some(others)) if self.agree(items, others) => {}
                _ => self.modified(declared, live),
            },
        }
    }

    /// Whether two lists say the same, item by item, but for what the server fills in.
    fn agree(&mut self, declared: &'a [Value], live: &'a [L::Tree]) -> bool {
        if declared.len() != live.len() {
            return false;
        }
        let outside = std::mem::take(&mut self.fields);
        for (n, (item, other)) in declared.iter().zip(live).enumerate() {
            self.below(n.to_string(), |walk| walk.both(item, other));
        }
        std::mem::replace(&mut self.fields, outside).is_empty()
    }

    fn modified(&mut self, declared: &Value, live: &L::Tree) {
        let Some(node) = self.live.node(&self.path) else { return };
        // A controller's own field: what is declared is only where it started.
        let controlled = one(&node).is_some_and(|source| matches!(self.live.origin(source), Origin::Controller(_)));
        if !controlled {
            self.push(FieldReason::Modified, Some(declared), Some(Part { value: live, node: &node }));
        }
    }

    fn only_declared(&mut self, value: &'a Value) {
        if let Some(node) = self.origins.at(&self.path) {
            self.absent(Part { value, node });
        }
    }

    fn absent(&mut self, declared: Part<'a, Value>) {
        if one(declared.node).is_some_and(|source| *self.origins.get(source) == Origin::Default) {
            return;
        }
        match declared.value {
            Value::Object(members) if !members.is_empty() && !self.is_item() => {
                for (name, value) in members {
                    let Some(node) = declared.node.member(name) else { continue };
                    self.below(name, |walk| walk.absent(Part { value, node }));
                }
            }
            value => self.push(FieldReason::Absent, Some(value), None),
        }
    }

    fn only_live(&mut self, value: &'a L::Tree) {
        if let Some(node) = self.live.node(&self.path) {
            self.undeclared(value, &node);
        }
    }

    fn undeclared(&mut self, value: &'a L::Tree, node: &Node) {
        let live = &*self.live;
        if all(node, &|source| live.origin(source).is_excused()) {
            return;
        }
        // An item of a keyed list is one thing, unless somebody else made most of it.
        let foreign = || all(node, &|source| !matches!(live.origin(source), Origin::Controller(_)));
        let whole = self.is_item() && foreign();
        match value.members() {
            Some(members) if !whole && !value.is_empty() => {
                for (name, member) in members {
                    let Some(node) = node.member(name) else { continue };
                    self.below(name, |walk| walk.undeclared(member, node));
                }
            }
            _ => self.push(FieldReason::Undeclared, None, Some(Part { value, node })),
        }
    }

    fn push(&mut self, reason: FieldReason, declared: Option<&Value>, live: Option<Part<'_, L::Tree>>) {
        let owner = live.as_ref().and_then(|live| newest(&*self.live, live.node));
        let owner = owner.cloned();
        let mut path = String::new();
        self.path.iter().for_each(|step| push_step(&mut path, step));
        self.fields.push(FieldChange {
            path,
            reason,
            declared: declared.cloned().unwrap_or_default(),
            live: live.map(|live| live.value.value()).unwrap_or_default(),
            diff: None,
            owner: owner.as_ref().map(ToString::to_string),
            actor: owner.as_ref().and_then(|owner| owner.actor.clone()),
            line: None,
            since: owner.map(|owner| owner.time).filter(|time| !time.is_empty()),
            commit: None,
        });
    }

    /// Whether this is an item of a keyed list: `name=app`. Names of members have no `=`.
    fn is_item(&self) -> bool {
        self.path.last().is_some_and(|step| step.contains('='))
    }

    fn below(&mut self, step: impl Into<Cow<'a, str>>, then: impl FnOnce(&mut Self)) {
        self.path.push(step.into());
        then(self);
        self.path.pop();
    }
}

/// The one origin of all of it, if there is one.
const fn one(node: &Node) -> Option<usize> {
    if let Node::One(source) = node { Some(*source) } else { None }
}

fn all(node: &Node, holds: &impl Fn(usize) -> bool) -> bool {
    match node {
        Node::One(source) => holds(*source),
        Node::Of(members) => members.values().all(|node| all(node, holds)),
    }
}

/// Who wrote last, of those who are no controllers.
fn newest<'l, 'a>(live: &'l impl Found<'a>, node: &Node) -> Option<&'l Owner> {
    match node {
        Node::One(source) => match live.origin(*source) {
            Origin::Owner(owner) => Some(owner),
            _ => None,
        },
        Node::Of(members) => members.values().filter_map(|node| newest(live, node)).max_by_key(|owner| &owner.time),
    }
}
