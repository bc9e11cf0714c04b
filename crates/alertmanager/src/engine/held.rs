//! An alert as it is held: its texts in one piece, since a million of them are held.

use std::sync::Arc;

use base::Timestamp;

use crate::alert::Alert;
use crate::labels::Labels;
use crate::pack::{Packer, Torn, Unpacker};

/// An alert, and the groups that it is in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub times: Times,
    texts: Texts,
    pub groups: Box<[u64]>,
    pub cause: Option<Box<Cause>>,
}

/// What is new of an alert that is posted again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub updated_at: Timestamp,
    pub timeout: bool,
}

/// Labels, annotations, and where the alert comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Texts(Box<[u8]>);

/// The incident that an alert stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cause {
    pub incident: String,
    /// What to tell of it.
    pub body: Arc<str>,
}

impl Held {
    pub fn of(alert: &Alert, groups: Vec<u64>, cause: Option<Box<Cause>>) -> Self {
        let Alert { starts_at, ends_at, updated_at, timeout, .. } = *alert;
        let times = Times { starts_at, ends_at, updated_at, timeout };
        Self { times, texts: Texts::of(alert), groups: groups.into(), cause }
    }

    /// Whether the other is the same alert with other times.
    pub fn differs_in_times_only(&self, other: &Self) -> bool {
        self.texts == other.texts && self.groups == other.groups && self.cause == other.cause
    }

    pub fn alert(&self) -> Alert {
        // It was packed here, or read once when it was restored.
        let (labels, annotations, generator_url) = self.texts.read().unwrap_or_default();
        let Times { starts_at, ends_at, updated_at, timeout } = self.times;
        Alert { labels, annotations, starts_at, ends_at, updated_at, generator_url, timeout }
    }

    /// What `newer` is merged with. Its texts are not, if they are older.
    pub fn before(&self, newer: &Alert) -> Alert {
        if newer.updated_at < self.times.updated_at {
            return self.alert();
        }
        let Times { starts_at, ends_at, updated_at, timeout } = self.times;
        let (labels, annotations, generator_url) = (Labels::new(), Labels::new(), String::new());
        Alert { labels, annotations, starts_at, ends_at, updated_at, generator_url, timeout }
    }

    pub fn labels(&self) -> Labels {
        Unpacker(&self.texts.0).labels().unwrap_or_default()
    }

    /// The value of a label; empty if it is not there.
    pub fn value(&self, name: &str) -> &str {
        Unpacker(&self.texts.0).value(name).unwrap_or_default()
    }

    pub fn is_resolved(&self, now: Timestamp) -> bool {
        self.times.ends_at <= now
    }

    /// All but the times.
    pub fn pack(&self) -> Vec<u8> {
        let mut packer = Packer::default();
        packer.number(self.groups.len() as u64);
        self.groups.iter().for_each(|group| packer.number(*group));
        packer.option(self.cause.as_ref(), |packer, cause| {
            packer.text(&cause.incident);
            packer.text(&cause.body);
        });
        packer.0.extend(&self.texts.0);
        packer.0
    }

    pub fn unpack(bytes: &[u8], times: Times) -> Result<Self, Torn> {
        let mut unpacker = Unpacker(bytes);
        let groups = (0..unpacker.number()?).map(|_| unpacker.number()).collect::<Result<_, _>>()?;
        let cause =
            unpacker.option(|it| Ok(Box::new(Cause { incident: it.text()?.to_owned(), body: it.text()?.into() })))?;
        let texts = Texts(unpacker.0.into());
        texts.read()?;
        Ok(Self { times, texts, groups, cause })
    }
}

impl Times {
    pub fn pack(self) -> Vec<u8> {
        let mut packer = Packer::default();
        [self.starts_at, self.ends_at, self.updated_at].into_iter().for_each(|time| packer.time(time));
        packer.flag(self.timeout);
        packer.0
    }

    pub fn unpack(bytes: &[u8]) -> Result<Self, Torn> {
        let mut it = Unpacker(bytes);
        let (starts_at, ends_at, updated_at) = (it.time()?, it.time()?, it.time()?);
        let times = Self { starts_at, ends_at, updated_at, timeout: it.flag()? };
        it.end().map(|()| times)
    }
}

impl Texts {
    fn of(alert: &Alert) -> Self {
        let mut packer = Packer::default();
        packer.labels(&alert.labels);
        packer.labels(&alert.annotations);
        packer.text(&alert.generator_url);
        Self(packer.0.into())
    }

    fn read(&self) -> Result<(Labels, Labels, String), Torn> {
        let mut it = Unpacker(&self.0);
        let texts = (it.labels()?, it.labels()?, it.text()?.to_owned());
        it.end().map(|()| texts)
    }
}
