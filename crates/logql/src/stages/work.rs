//! The labels of the line that goes through a pipeline.

use std::fmt::Write;
use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::DefaultHashBuilder;

use super::names::{MAX_NAME, Names};
use crate::labels::Labels;
use crate::template::Fields;

/// The label that says that a stage could not do its work.
pub const ERROR: &str = "__error__";
/// The label that says why.
pub const ERROR_DETAILS: &str = "__error_details__";
/// What is added to the name of a label that the stream has already.
const SUFFIX: &str = "_extracted";
/// Labels that are taken from one line.
const MAX_LABELS: usize = 1_000;
/// Bytes of the names and values that stages give to one line.
const MAX_BYTES: usize = 4 << 20;
/// A step of a template is worth so many bytes.
const STEP: u64 = 256;

/// Where a label comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Category {
    /// The stream, or a stage that renamed one of its labels.
    Stream,
    /// Structured metadata.
    Metadata,
    /// A stage.
    Parsed,
}

#[derive(Clone, Debug)]
struct Slot {
    category: Category,
    /// Of the name, so that long ones are not compared.
    hash: u64,
    name: Range<usize>,
    value: Range<usize>,
}

/// The labels of a line as stages change them. Its buffers serve one line after the other.
#[derive(Debug, Default)]
pub struct Work {
    base: Labels,
    /// For each label of the stream whether it was taken away.
    gone: Vec<bool>,
    slots: Vec<Slot>,
    text: String,
    error: Option<&'static str>,
    details: String,
    changed: bool,
    pub(super) names: Names,
    /// Labels that are of use to the query; none for all.
    wanted: Option<Vec<String>>,
    /// How many of them parsers have found.
    found: usize,
    /// Bytes that stages have given to the line.
    given: usize,
    /// Steps of all templates of the line.
    pub(super) steps: u64,
    hasher: DefaultHashBuilder,
}

impl Work {
    /// For lines of which all labels are of use, or only those that are named.
    pub(crate) fn new(mut wanted: Option<Vec<String>>) -> Self {
        if let Some(wanted) = &mut wanted {
            wanted.sort_unstable();
            wanted.dedup();
        }
        Self { wanted, ..Self::default() }
    }

    /// Begins with a line of a stream.
    pub(crate) fn begin(&mut self, base: &Labels) {
        if !std::ptr::eq(self.base.iter().as_slice(), base.iter().as_slice()) {
            self.base = base.clone();
        }
        if self.changed || self.gone.len() != base.len() {
            self.gone.clear();
            self.gone.resize(base.len(), false);
        }
        self.slots.clear();
        self.text.clear();
        self.details.clear();
        (self.error, self.changed) = (None, false);
        (self.found, self.given, self.steps) = (0, 0, 0);
    }

    /// What the line has cost so far, beside its reading, in bytes that were written or looked at.
    pub(crate) fn cost(&self) -> u64 {
        self.text.len() as u64 + self.steps.saturating_mul(STEP)
    }

    /// Forgets the line before.
    pub(super) fn reset(&mut self) {
        self.text.clear();
        self.slots.clear();
        self.steps = 0;
    }

    /// Whether there is all that is of use, so that parsers have nothing more to find.
    pub(super) fn has_all(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| self.found >= wanted.len())
    }

    /// Says that a parser could not go on; of no interest behind all that is of use.
    pub(super) fn parser_fails(&mut self, error: &'static str, details: &str) {
        if !self.has_all() {
            self.fail(error, details);
        }
    }

    /// Whether the labels are no more those of the stream alone.
    pub fn is_changed(&self) -> bool {
        self.changed
    }

    /// What `__error__` says.
    pub fn error(&self) -> Option<&'static str> {
        self.error
    }

    /// Says that a stage could not do its work.
    pub(super) fn fail(&mut self, error: &'static str, details: &str) {
        self.error = Some(error);
        self.details.clear();
        self.details.push_str(details);
        self.changed = true;
    }

    pub(super) fn clear_error(&mut self) {
        self.error = None;
    }

    pub(super) fn clear_details(&mut self) {
        self.details.clear();
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    fn slot(&self, name: &str) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let hash = self.hasher.hash_one(name);
        self.slots.iter().position(|slot| slot.hash == hash && self.part(&slot.name) == name)
    }

    fn base_place(&self, name: &str) -> Option<usize> {
        self.base.iter().position(|label| *label.0 == *name)
    }

    /// The value of a label, `__error__` and its details included.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.find(name).map(|(_, value)| value)
    }

    /// The value of a label and where it comes from.
    pub(super) fn find(&self, name: &str) -> Option<(Category, &str)> {
        match name {
            ERROR => return self.error.map(|error| (Category::Parsed, error)),
            ERROR_DETAILS if !self.details.is_empty() => return Some((Category::Parsed, &self.details)),
            _ => {}
        }
        if let Some(slot) = self.slot(name).and_then(|at| self.slots.get(at)) {
            return Some((slot.category, self.part(&slot.value)));
        }
        let place = self.base_place(name).filter(|place| !self.gone.get(*place).copied().unwrap_or(false))?;
        self.base.iter().nth(place).map(|label| (Category::Stream, &*label.1))
    }

    /// Sets a label. What a stage sets goes before metadata, metadata before what the stream has.
    pub(super) fn set(&mut self, category: Category, name: &str, value: &str) {
        self.changed = true;
        if let Some(at) = self.slot(name) {
            let value = self.add_text(value);
            if let Some(slot) = self.slots.get_mut(at).filter(|slot| slot.category <= category) {
                (slot.category, slot.value) = (category, value);
            }
            return;
        }
        let hash = self.hasher.hash_one(name);
        let (name, value) = (self.add_text(name), self.add_text(value));
        self.slots.push(Slot { category, hash, name, value });
    }

    /// Sets a label that a stage has made.
    ///
    /// # Errors
    /// If what stages give to the line takes too much.
    pub(super) fn give(&mut self, category: Category, name: &str, value: &str) -> Result<(), String> {
        let given = self.given.saturating_add(name.len()).saturating_add(value.len());
        if given > MAX_BYTES {
            return Err(format!("labels of the line take more than the limit parsed_label_bytes: {MAX_BYTES}"));
        }
        self.given = given;
        self.set(category, name, value);
        Ok(())
    }

    fn add_text(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    /// Takes a label away.
    pub(super) fn remove(&mut self, name: &str) {
        self.changed = true;
        if let Some(at) = self.slot(name) {
            self.slots.remove(at);
        }
        if let Some(gone) = self.base_place(name).and_then(|place| self.gone.get_mut(place)) {
            *gone = true;
        }
    }

    /// Adds structured metadata.
    pub(crate) fn add_metadata(&mut self, name: &str, value: &str) {
        if self.base_place(name).is_some() {
            let suffixed = self.suffixed(name);
            return self.set(Category::Metadata, &suffixed, value);
        }
        self.set(Category::Metadata, name, value);
    }

    fn suffixed(&self, name: &str) -> String {
        let mut out = String::with_capacity(name.len() + SUFFIX.len());
        let _ = write!(out, "{name}{SUFFIX}");
        out
    }

    /// Sets a label that a parser found, unless one did before. One that the stream has gets a suffix.
    ///
    /// # Errors
    /// If the line has too many, or they are too long; without words if there is all that is of use.
    pub(super) fn extract(&mut self, name: &str, value: &str) -> Result<(), String> {
        if name.is_empty() {
            return Ok(());
        }
        if self.base_place(name).is_some() {
            let suffixed = self.suffixed(name);
            return self.extract_as(&suffixed, value);
        }
        self.extract_as(name, value)
    }

    fn extract_as(&mut self, name: &str, value: &str) -> Result<(), String> {
        if self.wanted.as_ref().is_some_and(|wanted| !wanted.iter().any(|wanted| wanted == name)) {
            return Ok(());
        }
        if name.len() > MAX_NAME {
            return Err(format!("a label has a name longer than the limit parsed_label_name_bytes: {MAX_NAME}"));
        }
        let known = self.slot(name).and_then(|at| self.slots.get(at));
        if known.is_some_and(|slot| slot.category == Category::Parsed) {
            return Ok(());
        }
        if self.slots.len() >= MAX_LABELS {
            return Err(format!("line has more labels than the limit parsed_labels: {MAX_LABELS}"));
        }
        self.give(Category::Parsed, name, value)?;
        self.found += usize::from(self.wanted.is_some());
        if self.has_all() { Err(String::new()) } else { Ok(()) }
    }

    /// Calls `visit` with each label, in no order.
    pub fn each<'a>(&'a self, mut visit: impl FnMut(Category, &'a str, &'a str)) {
        for (place, (name, value)) in self.base.iter().enumerate() {
            let gone = self.gone.get(place).copied().unwrap_or(false);
            if !gone && (self.slots.is_empty() || self.slot(name).is_none()) {
                visit(Category::Stream, name, value);
            }
        }
        for slot in &self.slots {
            visit(slot.category, self.part(&slot.name), self.part(&slot.value));
        }
        if let Some(error) = self.error {
            visit(Category::Parsed, ERROR, error);
        }
        if !self.details.is_empty() {
            visit(Category::Parsed, ERROR_DETAILS, &self.details);
        }
    }

    /// The labels of some categories.
    pub fn labels(&self, wanted: impl Fn(Category) -> bool) -> Labels {
        if !self.changed && wanted(Category::Stream) {
            return self.base.clone();
        }
        let mut found = Vec::new();
        self.each(|category, name, value| {
            if wanted(category) {
                found.push((name, value));
            }
        });
        Labels::new(found)
    }
}

impl Fields for Work {
    fn fields(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.each(|_, name, value| visit(name, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_the_stream_has_gets_a_suffix_and_the_first_value_counts() {
        let mut work = Work::new(None);
        work.begin(&Labels::new([("app", "a"), ("pod", "p")]));
        assert!(!work.is_changed());
        work.add_metadata("pod", "m");
        work.extract("app", "b").unwrap();
        work.extract("x", "1").unwrap();
        work.extract("x", "2").unwrap();
        work.remove("pod");
        let all = work.labels(|_| true);
        assert_eq!(all.to_string(), r#"{app="a", app_extracted="b", pod_extracted="m", x="1"}"#);
        assert_eq!(work.labels(|category| category == Category::Metadata).to_string(), r#"{pod_extracted="m"}"#);
        work.begin(&Labels::new([("app", "a"), ("pod", "p")]));
        assert_eq!(work.labels(|_| true).to_string(), r#"{app="a", pod="p"}"#);
    }

    #[test]
    fn labels_of_a_line_are_bounded() {
        let mut work = Work::new(None);
        work.begin(&Labels::empty());
        let found = (0..2_000).try_for_each(|n| work.extract(&format!("l{n}"), ""));
        assert!(found.unwrap_err().contains("parsed_labels"));
    }
}
