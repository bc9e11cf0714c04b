use std::sync::LazyLock;

use md5::{Digest, Md5};
use yaml::{Fields, Node};

use super::Action;
use super::pattern::{Pattern, expand};
use crate::Labels;
use crate::labels::set;
use crate::mistakes::Mistakes;

const KEYS: [&str; 7] = ["source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action"];
const SEPARATOR: &str = ";";
const REPLACEMENT: &str = "$1";
const EVERYTHING: &str = "(.*)";

/// Compiled once: nearly every rule has it.
static EVERY: LazyLock<Option<Pattern>> = LazyLock::new(|| Pattern::new(EVERYTHING).ok());

/// One step of relabelling.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Labels whose values are joined, and matched.
    pub source_labels: Vec<String>,
    /// What stands between them.
    pub separator: String,
    /// What is looked for in the joined values, or in names of labels.
    pub regex: Pattern,
    /// Of `hashmod`.
    pub modulus: u64,
    /// The label that is written, or compared with.
    pub target_label: String,
    /// What is written, with `$1` or `${name}` for what was captured.
    pub replacement: String,
    /// What is done.
    pub action: Action,
}

impl Rule {
    /// Does it; gives whether the labels are kept.
    pub fn apply(&self, labels: &mut Labels) -> bool {
        match self.action {
            Action::Keep => return self.regex.is_match(&self.value(labels)),
            Action::Drop => return !self.regex.is_match(&self.value(labels)),
            Action::KeepEqual => return self.value(labels) == self.target(labels),
            Action::DropEqual => return self.value(labels) != self.target(labels),
            Action::Replace => self.replace(labels),
            Action::Lowercase => set(labels, &self.target_label, lower(&self.value(labels))),
            Action::Uppercase => set(labels, &self.target_label, upper(&self.value(labels))),
            Action::HashMod => {
                let hash = hash(&self.value(labels)).checked_rem(self.modulus).unwrap_or_default();
                set(labels, &self.target_label, hash.to_string());
            }
            Action::LabelMap => self.map(labels),
            Action::LabelDrop => labels.retain(|name, _| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name, _| self.regex.is_match(name)),
        }
        true
    }

    fn value(&self, labels: &Labels) -> String {
        let values: Vec<&str> =
            self.source_labels.iter().map(|name| labels.get(name).map_or("", String::as_str)).collect();
        values.join(&self.separator)
    }

    fn target<'l>(&self, labels: &'l Labels) -> &'l str {
        labels.get(&self.target_label).map_or("", String::as_str)
    }

    fn replace(&self, labels: &mut Labels) {
        let value = self.value(labels);
        let Some(captures) = self.regex.captures(&value) else { return };
        let target = expand(&self.target_label, &captures);
        // A name that comes out empty is none: nothing is replaced.
        if !target.is_empty() {
            set(labels, &target, expand(&self.replacement, &captures));
        }
    }

    fn map(&self, labels: &mut Labels) {
        let copies: Vec<(String, String)> = labels
            .iter()
            .filter_map(|(name, value)| Some((expand(&self.replacement, &self.regex.captures(name)?), value.clone())))
            .collect();
        for (name, value) in copies {
            set(labels, &name, value);
        }
    }
}

/// The last 8 bytes of MD5.
fn hash(text: &str) -> u64 {
    let digest: [u8; 16] = Md5::digest(text.as_bytes()).into();
    u64::from_be_bytes(digest.last_chunk().copied().unwrap_or_default())
}

/// Letter by letter, as Go does it: no letter becomes two.
fn upper(text: &str) -> String {
    let one = |c: char| {
        let mut upper = c.to_uppercase();
        upper.next().filter(|_| upper.len() == 0).unwrap_or(c)
    };
    text.chars().map(one).collect()
}

fn lower(text: &str) -> String {
    text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

/// Reads a list of rules.
pub(crate) fn rules(fields: &Fields<'_>, key: &str, mistakes: &mut Mistakes) -> Vec<Rule> {
    let nodes = mistakes.read(fields, key, Node::list).unwrap_or_default();
    let mut rules = Vec::new();
    for (node, n) in nodes.iter().zip(0_usize..) {
        rules.extend(mistakes.within(format!("{key}[{n}]"), |mistakes| rule(node, mistakes)));
    }
    rules
}

fn rule(node: &Node, mistakes: &mut Mistakes) -> Option<Rule> {
    if node.is_null() {
        mistakes.add(node.place, "", "empty or null relabeling rule");
        return None;
    }
    let fields = mistakes.fields(node, "a relabel rule", &KEYS, &[])?;
    let regex = match mistakes.read(&fields, "regex", Node::text) {
        None => EVERY.clone()?,
        Some(text) => match Pattern::new(&text) {
            Ok(pattern) => pattern,
            Err(problem) => {
                mistakes.of(&fields, "regex", format!("{problem}: {text:?}"));
                return None;
            }
        },
    };
    let action = match mistakes.read(&fields, "action", Node::text) {
        None => Action::Replace,
        Some(name) => match Action::of(&name) {
            Some(action) => action,
            None => {
                mistakes.of(&fields, "action", format!("unknown relabel action {name:?}"));
                return None;
            }
        },
    };
    let text = |mistakes: &mut Mistakes, key, default: &str| {
        mistakes.read_even_empty(&fields, key).unwrap_or_else(|| default.to_owned())
    };
    let rule = Rule {
        source_labels: mistakes.texts(&fields, "source_labels"),
        separator: text(mistakes, "separator", SEPARATOR),
        regex,
        modulus: mistakes.read(&fields, "modulus", Node::whole).unwrap_or_default() as u64,
        target_label: text(mistakes, "target_label", ""),
        replacement: text(mistakes, "replacement", REPLACEMENT),
        action,
    };
    match rule.check() {
        Ok(()) => Some(rule),
        Err((key, problem)) => {
            mistakes.of(&fields, key, problem);
            None
        }
    }
}

impl Rule {
    /// The key that is wrong, and why.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let action = self.action.name();
        if self.action == Action::HashMod && self.modulus == 0 {
            return Err(("modulus", "relabel configuration for hashmod requires non-zero modulus".to_owned()));
        }
        if self.action.has_target() && self.target_label.is_empty() {
            let problem = format!("relabel configuration for {action} action requires 'target_label' value");
            return Err(("target_label", problem));
        }
        if self.action == Action::LabelMap && self.replacement.is_empty() {
            let problem = format!("{:?} is invalid 'replacement' for {action} action", self.replacement);
            return Err(("replacement", problem));
        }
        if self.action.refuses_replacement() && self.replacement != REPLACEMENT {
            return Err(("replacement", format!("'replacement' can not be set for {action} action")));
        }
        let plain = self.separator == SEPARATOR && self.replacement == REPLACEMENT && self.modulus == 0;
        match self.action {
            Action::KeepEqual | Action::DropEqual if !plain || self.regex.text() != EVERYTHING => {
                let only = "requires only 'source_labels' and 'target_label', and no other fields";
                Err(("action", format!("{action} action {only}")))
            }
            Action::LabelDrop | Action::LabelKeep
                if !plain || !self.source_labels.is_empty() || !self.target_label.is_empty() =>
            {
                Err(("action", format!("{action} action requires only 'regex', and no other fields")))
            }
            _ => Ok(()),
        }
    }
}
