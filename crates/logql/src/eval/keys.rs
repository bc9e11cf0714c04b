//! Which series or stream a line belongs to.

use hashbrown::HashMap;

use crate::ast::Grouping;
use crate::labels::Labels;
use crate::stages::{Category, Work};

/// Bytes that a label takes beside its texts: two counted pointers, and the counts.
const LABEL: usize = 64;

/// The labels by which lines are put together.
#[derive(Clone, Debug)]
pub(super) enum By {
    /// All.
    All,
    /// Those of the stream.
    Stream,
    /// Those with these names.
    Only(Vec<String>),
    /// Those without these names.
    Without(Vec<String>),
}

impl By {
    pub(super) fn grouping(grouping: &Grouping) -> Self {
        if grouping.without { Self::Without(grouping.labels.clone()) } else { Self::Only(grouping.labels.clone()) }
    }

    fn keeps(&self, category: Category, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Stream => category == Category::Stream,
            Self::Only(names) => names.iter().any(|wanted| wanted == name),
            Self::Without(names) => !names.iter().any(|gone| gone == name),
        }
    }
}

/// Numbers of the label sets that were met.
pub(super) struct Keys {
    by: By,
    /// By the number of a stream, for lines whose labels are those of the stream.
    streams: Vec<Option<usize>>,
    /// By names and values, each with its length before it.
    known: HashMap<Vec<u8>, usize>,
    labels: Vec<Labels>,
    key: Vec<u8>,
    /// Bytes of the label sets that are new.
    news: u64,
}

impl Keys {
    pub(super) fn new(by: By) -> Self {
        Self { by, streams: Vec::new(), known: HashMap::new(), labels: Vec::new(), key: Vec::new(), news: 0 }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// What the label sets take that have come since this was asked last, in bytes.
    pub(super) fn news(&mut self) -> u64 {
        std::mem::take(&mut self.news)
    }

    pub(super) fn into_labels(self) -> Vec<Labels> {
        self.labels
    }

    /// The number of the labels that a line has, which is in stream `stream`.
    pub(super) fn number(&mut self, work: &Work, stream: usize) -> usize {
        if work.is_changed() {
            return self.number_of(work);
        }
        if let Some(Some(number)) = self.streams.get(stream) {
            return *number;
        }
        let number = self.number_of(work);
        // A source that counts its streams badly costs memory here, so that only dense numbers are kept.
        if stream <= self.streams.len() + 1_024 {
            if stream >= self.streams.len() {
                self.streams.resize(stream + 1, None);
            }
            if let Some(slot) = self.streams.get_mut(stream) {
                *slot = Some(number);
            }
        }
        number
    }

    fn number_of(&mut self, work: &Work) -> usize {
        let mut found: Vec<(&str, &str)> = Vec::new();
        let mut key = std::mem::take(&mut self.key);
        key.clear();
        if let By::Only(names) = &self.by {
            found.extend(names.iter().filter_map(|name| Some((name.as_str(), work.get(name)?))));
        } else {
            work.each(|category, name, value| {
                if self.by.keeps(category, name) {
                    found.push((name, value));
                }
            });
            found.sort_unstable();
        }
        for (name, value) in &found {
            push(&mut key, name);
            push(&mut key, value);
        }
        let number = match self.known.get(key.as_slice()) {
            Some(number) => *number,
            None => {
                let number = self.labels.len();
                // Names and values are in the key too.
                self.news += key.len() as u64 + (found.len() * LABEL) as u64;
                self.labels.push(Labels::new(found));
                self.known.insert(key.clone(), number);
                number
            }
        };
        self.key = key;
        number
    }
}

fn push(key: &mut Vec<u8>, text: &str) {
    key.extend_from_slice(&text.len().to_le_bytes());
    key.extend_from_slice(text.as_bytes());
}
