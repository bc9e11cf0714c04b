//! A YAML file read section by section, so that one mistake does not hide the next.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IgnoredAny};

use super::Problem;

/// A configuration file is no larger.
const MAX_BYTES: base::Limit = base::Limit::new("config_bytes", 1 << 20);

/// The lines of each top-level key.
pub(super) struct Sections<'a> {
    text: &'a str,
    keys: Vec<(&'a str, usize)>,
    pub problems: Vec<Problem>,
}

impl<'a> Sections<'a> {
    /// Cuts `text`; `known` are the keys that mean something.
    pub(super) fn new(text: &'a str, known: &[&str]) -> Self {
        // Some editors begin a file with a mark of its byte order.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut sections = Self { text, keys: Vec::new(), problems: Vec::new() };
        if let Err(exceeded) = MAX_BYTES.check(text.len() as u64) {
            sections.problems.push(Problem::at(1, 1, exceeded.to_string()));
            return sections;
        }
        let found = match read::<Option<BTreeMap<String, IgnoredAny>>>(text) {
            Ok(found) => found.unwrap_or_default(),
            Err(mistake) => {
                // No map in YAML, or a key twice: the parts would make no sense.
                let place = Problem::at(mistake.problem.line.max(1), mistake.problem.column.max(1), "");
                let message =
                    format!("a configuration is a map of sections, as `server:`: {}", mistake.problem.message);
                sections.problems.push(Problem { message, ..place });
                return sections;
            }
        };
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

    /// The section of that key, or its default if it is not there or wrong.
    pub(super) fn take<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        let Some(part) = self.part(name) else { return T::default() };
        read(&part).unwrap_or_else(|mistake| {
            self.problems.push(mistake.of(name));
            T::default()
        })
    }

    /// The same of a section that reads itself, from a text in which it is where it is in the file.
    pub(super) fn read<T: Default>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Vec<Problem>>) -> T {
        let Some(part) = self.part(name) else { return T::default() };
        read(&part).unwrap_or_else(|problems| {
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

/// What is wrong in a text.
struct Mistake {
    /// The setting within the text, such as `git[0].url`; `.` if it is the whole.
    path: String,
    problem: Problem,
}

impl Mistake {
    /// The same with the whole name of the setting.
    fn of(self, section: &str) -> Problem {
        let dot = if self.path.starts_with('[') { "" } else { "." };
        let path = if self.path == "." { String::new() } else { format!("{dot}{}", self.path) };
        Problem { message: format!("{section}{path}: {}", self.problem.message), ..self.problem }
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, Mistake> {
    let mut path = ".".to_owned();
    let read = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
        serde_path_to_error::deserialize(deserializer).map_err(|error| {
            path = error.path().to_string();
            error.into_inner()
        })
    });
    read.map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
        let message = error.without_snippet().to_string();
        // It names the position again at its end or start; ours is before it.
        let message = suggest(strip_position(&message));
        // The name of an unknown setting is in the message.
        if message.starts_with("unknown field") {
            let parent = path.rfind('.').unwrap_or_default();
            path.truncate(parent);
        }
        if path.is_empty() {
            path.push('.');
        }
        Mistake { path, problem: Problem::at(line as usize, column as usize, message) }
    })
}

fn strip_position(message: &str) -> &str {
    let message = message.split(" at line ").next().unwrap_or(message);
    match message.split_once(": ") {
        Some((place, rest)) if place.starts_with("error: line ") || place.starts_with("line ") => rest,
        _ => message,
    }
}

/// Adds the key that was meant to a message such as "unknown field `x`, expected one of a, b".
fn suggest(message: &str) -> String {
    let got = message.strip_prefix("unknown ").and_then(|rest| rest.split('`').nth(1));
    let known = message.split_once("expected ").map(|(_, known)| known.trim_start_matches("one of "));
    let (Some(got), Some(known)) = (got, known) else { return message.to_owned() };
    let known: Vec<&str> =
        known.split([',', ' ']).map(|word| word.trim_matches('`')).filter(|word| !word.is_empty()).collect();
    match nearest(got, &known) {
        Some(meant) => format!("{message}; did you mean `{meant}`?"),
        None => message.to_owned(),
    }
}

fn unknown(key: &str, line: usize, known: &[&str]) -> Problem {
    let meant = nearest(key, known).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    Problem::at(line, 1, format!("unknown key `{key}`{meant} Known are: {}", known.join(", ")))
}

/// The known word that differs least, if it differs little.
fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
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
