//! Parameters of requests, some of which may come more than once.

use std::collections::BTreeSet;

use alertmanager::engine::Setup;
use alertmanager::{Labels, Matcher};
use regex::Regex;

use super::Problem;

/// The parameters that the API knows.
#[derive(Debug)]
pub struct Ask {
    pub active: bool,
    pub silenced: bool,
    pub inhibited: bool,
    pub unprocessed: bool,
    pub muted: bool,
    pub pending: bool,
    pub expired: bool,
    pub filter: Vec<Matcher>,
    receiver: Option<Regex>,
    /// What the labels of a receiver must be.
    receiver_matchers: Vec<Matcher>,
    /// The receivers that have such labels, if any must.
    labelled: Option<BTreeSet<String>>,
}

impl Ask {
    /// Reads a query string; what it does not know is passed over.
    pub fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut ask = Self {
            active: true,
            silenced: true,
            inhibited: true,
            unprocessed: true,
            muted: true,
            pending: true,
            expired: true,
            filter: Vec::new(),
            receiver: None,
            receiver_matchers: Vec::new(),
            labelled: None,
        };
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "active" => ask.active = flag(&name, &value)?,
                "silenced" => ask.silenced = flag(&name, &value)?,
                "inhibited" => ask.inhibited = flag(&name, &value)?,
                "unprocessed" => ask.unprocessed = flag(&name, &value)?,
                "muted" => ask.muted = flag(&name, &value)?,
                "pending" => ask.pending = flag(&name, &value)?,
                "expired" => ask.expired = flag(&name, &value)?,
                "filter" => ask.filter.push(matcher(&value)?),
                "receiver_matchers" => ask.receiver_matchers.push(matcher(&value)?),
                "receiver" => ask.receiver = Some(whole(&value)?),
                _ => {}
            }
        }
        Ok(ask)
    }

    /// The same, of the receivers of a configuration.
    pub fn of(mut self, setup: &Setup) -> Self {
        if !self.receiver_matchers.is_empty() {
            let wanted = setup.receivers().filter(|(_, labels)| self.takes(labels));
            self.labelled = Some(wanted.map(|(name, _)| name.to_owned()).collect());
        }
        self
    }

    /// Whether a receiver with these labels is asked for.
    pub fn takes(&self, labels: &Labels) -> bool {
        self.receiver_matchers.iter().all(|matcher| matcher.matches(labels))
    }

    /// Whether alerts of that receiver are asked for.
    pub fn wants(&self, receiver: &str) -> bool {
        self.receiver.as_ref().is_none_or(|wanted| wanted.is_match(receiver))
            && self.labelled.as_ref().is_none_or(|labelled| labelled.contains(receiver))
    }
}

fn flag(name: &str, value: &str) -> Result<bool, Problem> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(Problem::bad(format!("{name} is true or false, not {other:?}"))),
    }
}

fn matcher(text: &str) -> Result<Matcher, Problem> {
    Matcher::parse(text).map_err(|error| Problem::bad(format!("bad matcher format: {text:?}: {error}")))
}

/// A regular expression that the whole text must match.
fn whole(text: &str) -> Result<Regex, Problem> {
    let built = regex::RegexBuilder::new(&format!("^(?:{text})$")).size_limit(1 << 20).build();
    built.map_err(|error| Problem::bad(format!("failed to parse receiver param: {error}")))
}
