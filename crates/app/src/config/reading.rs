//! One text of YAML read with all of its mistakes.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Segment, Track};

use super::Problem;
use super::places::{Places, written};
use super::sections::nearest;
use super::skipping::{Skipping, Skips, Step};

/// Mistakes of one section that are looked for: each takes another reading.
const MISTAKES: usize = 100;

/// What is wrong in a text.
pub(super) struct Mistake {
    /// The setting within the text, such as `git[0].url`; nothing if it is the whole.
    path: Vec<Step>,
    /// Of that setting, one that means nothing.
    unknown: Option<String>,
    /// Where the reader was, from 1; 0 if it does not say.
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl Mistake {
    /// The same with the whole name of the setting and its place.
    pub(super) fn problem(self, section: &str, places: &Places) -> Problem {
        let mut path = vec![Step::Key(section.to_owned())];
        path.extend(self.path);
        let message = format!("{}: {}", written(&path), self.message);
        let place = match self.unknown {
            Some(key) => {
                path.push(Step::Key(key));
                places.key(&path)
            }
            None => places.value(&path),
        };
        let place = place.map_or((self.line, self.column), |place| (place.line, place.column));
        Problem::at(place.0, place.1, message)
    }
}

/// What a text says, without what is wrong in it; nothing if that leaves nothing that makes sense.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> (Option<T>, Vec<Mistake>) {
    let (mut skips, mut mistakes) = (Skips::default(), Vec::new());
    while mistakes.len() < MISTAKES {
        let mistake = match once(text, &skips) {
            Ok(read) => return (Some(read), mistakes),
            Err(mistake) => mistake,
        };
        let mut path = mistake.path.clone();
        path.extend(mistake.unknown.clone().map(Step::Key));
        // What was passed over before is missing now, which is no mistake of its own.
        let follows = missing(&mistake.message).is_some_and(|field| {
            let field = [&path[..], &[Step::Key(field.to_owned())]].concat();
            skips.has(&field)
        });
        if !follows {
            mistakes.push(mistake);
        }
        if path.is_empty() || !skips.add(&path) {
            break;
        }
    }
    (None, mistakes)
}

/// What a text says.
pub(super) fn first<T: DeserializeOwned>(text: &str) -> Result<T, Mistake> {
    once(text, &Skips::default())
}

fn once<T: DeserializeOwned>(text: &str, skips: &Skips) -> Result<T, Mistake> {
    let mut track = Track::new();
    let read = serde_saphyr::with_deserializer_from_str(text, |deserializer| {
        let tracked = serde_path_to_error::Deserializer::new(deserializer, &mut track);
        T::deserialize(Skipping::new(tracked, skips))
    });
    read.map_err(|error| {
        let mut path = Vec::new();
        for segment in track.path().iter() {
            match segment {
                Segment::Map { key } => path.push(Step::Key(key.clone())),
                Segment::Seq { index } => path.push(Step::Index(*index)),
                // What is in a variant is passed over with it.
                Segment::Enum { .. } | Segment::Unknown => break,
            }
        }
        let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
        let message = error.without_snippet().to_string();
        // It names the position again at its end or start; ours is before it.
        let message = suggest(strip_position(&message));
        let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split('`').next());
        let unknown = unknown.map(str::to_owned);
        // Where the format itself reads the key, it is the end of the path.
        if unknown.as_ref().is_some_and(|name| path.last() == Some(&Step::Key(name.clone()))) {
            path.pop();
        }
        Mistake { path, unknown, line: line as usize, column: column as usize, message }
    })
}

fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.split('`').next()
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
