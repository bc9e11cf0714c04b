//! A YAML file read section by section, so that one mistake does not hide the next.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{DeserializeOwned, IgnoredAny};

use super::Problem;
use super::places::Places;
use super::reading::{Mistake, first, read};

/// A configuration file is no larger.
const MAX_BYTES: base::Limit = base::Limit::new("config_bytes", 1 << 20);

/// The lines of each top-level key.
pub(super) struct Sections<'a> {
    text: &'a str,
    keys: Vec<(&'a str, usize)>,
    /// Where each setting is.
    pub places: Places,
    /// Sections that could not be read as a whole.
    pub broken: BTreeSet<String>,
    pub problems: Vec<Problem>,
}

impl<'a> Sections<'a> {
    /// Cuts `text`; `known` are the keys that mean something.
    pub(super) fn new(text: &'a str, known: &[&str]) -> Self {
        // Some editors begin a file with a mark of its byte order.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (places, broken) = (Places::default(), BTreeSet::new());
        let mut sections = Self { text, keys: Vec::new(), places, broken, problems: Vec::new() };
        if let Err(exceeded) = MAX_BYTES.check(text.len() as u64) {
            sections.problems.push(Problem::at(1, 1, exceeded.to_string()));
            return sections;
        }
        let found = match first::<Option<BTreeMap<String, IgnoredAny>>>(text) {
            Ok(found) => found.unwrap_or_default(),
            Err(mistake) => {
                // No map in YAML, or a key twice: the parts would make no sense.
                let Mistake { line, column, message, .. } = mistake;
                let message = format!("a configuration is a map of sections, as `server:`: {message}");
                sections.problems.push(Problem::at(line.max(1), column.max(1), message));
                return sections;
            }
        };
        sections.places = Places::of(text);
        for (n, line) in text.lines().enumerate() {
            let Some(key) = key(line) else { continue };
            if known.contains(&key) {
                sections.keys.push((key, n));
            } else {
                sections.problems.push(unknown(key, n + 1, known));
            }
        }
        // What is there and has no line of its own would be left out without a word.
        let own: Vec<&str> = text.lines().filter_map(key).collect();
        for name in found.keys().filter(|name| !own.contains(&name.as_str())) {
            let line = text.lines().position(|line| line.contains(name.as_str())).unwrap_or_default();
            let message = format!("`{name}` must begin a line, in the first column: each section has lines of its own");
            sections.problems.push(Problem::at(line + 1, 1, message));
        }
        sections
    }

    /// The section of that key without what is wrong in it, or its default if it is not there.
    pub(super) fn take<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        let Some(part) = self.part(name) else { return T::default() };
        let (section, mistakes) = read(&part);
        for mistake in mistakes {
            self.broken.insert(name.to_owned());
            let problem = mistake.problem(name, &self.places);
            self.problems.push(problem);
        }
        section.unwrap_or_default()
    }

    /// The same of a section that reads itself, from a text in which it is where it is in the file.
    pub(super) fn read<T: Default>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Vec<Problem>>) -> T {
        let Some(part) = self.part(name) else { return T::default() };
        read(&part).unwrap_or_else(|problems| {
            self.broken.insert(name.to_owned());
            self.problems.extend(problems.into_iter().map(|problem| problem.under(name)));
            T::default()
        })
    }

    /// The text of a section that says something.
    fn part(&self, name: &str) -> Option<String> {
        let place = self.keys.iter().position(|(key, _)| *key == name)?;
        let start = self.keys[place].1;
        let next = self.text.lines().enumerate().skip(start + 1).find(|(_, line)| is_top(line)).map(|(n, _)| n);
        let lines = self.text.lines().take(next.unwrap_or(usize::MAX)).skip(start + 1);
        let first = self.text.lines().nth(start).unwrap_or_default();
        // The lines before stay as empty ones, so that positions are those of the file; the key's
        // own is blanked out.
        let value = first.split_once(':').map(|(_, value)| value).unwrap_or_default();
        let mut part = "\n".repeat(start);
        part.push_str(&" ".repeat(first.len() - value.len()));
        part.push_str(value);
        part.push('\n');
        lines.for_each(|line| {
            part.push_str(line);
            part.push('\n');
        });
        let says = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        part.lines().any(says).then_some(part)
    }
}

/// Whether a line begins something at the top level.
fn is_top(line: &str) -> bool {
    line.starts_with(|c: char| !c.is_whitespace() && c != '#') && !line.starts_with("- ")
}

fn key(line: &str) -> Option<&str> {
    let top = is_top(line) && !line.starts_with("---") && !line.starts_with("...");
    top.then(|| line.split_once(':')).flatten().map(|(key, _)| key.trim().trim_matches(['"', '\'']))
}

fn unknown(key: &str, line: usize, known: &[&str]) -> Problem {
    let meant = nearest(key, known).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    Problem::at(line, 1, format!("unknown key `{key}`{meant} Known are: {}", known.join(", ")))
}

/// The known word that differs least, if it differs little.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let best = known.iter().map(|other| (distance(word, other), *other)).min()?;
    (best.0 <= word.len().max(3) / 2).then_some(best.1)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
