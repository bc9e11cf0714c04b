//! Parameters of requests, some of which may come more than once.

use std::collections::BTreeSet;

use alertmanager::engine::Setup;
use alertmanager::{Labels, Matcher};
use regex::Regex;

use super::Problem;

/// What the expression for receivers may take when it is compiled, in bytes.
const RECEIVERS: usize = 1 << 20;

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
                "active" => ask.active = flag(&value),
                "silenced" => ask.silenced = flag(&value),
                "inhibited" => ask.inhibited = flag(&value),
                "unprocessed" => ask.unprocessed = flag(&value),
                "muted" => ask.muted = flag(&value),
                "pending" => ask.pending = flag(&value),
                "expired" => ask.expired = flag(&value),
                "filter" => ask.filter.push(matcher(&value)?),
                "receiver_matchers" => ask.receiver_matchers.push(matcher(&value)?),
                "receiver" => ask.receiver = if value.is_empty() { None } else { Some(whole(&value)?) },
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

/// As go-openapi reads a flag: these words are yes, any other is no, and without one it is as if it had not been given;
/// all are yes then.
fn flag(value: &str) -> bool {
    const YES: [&str; 10] = ["true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"];
    value.is_empty() || YES.iter().any(|word| word.eq_ignore_ascii_case(value))
}

fn matcher(text: &str) -> Result<Matcher, Problem> {
    Matcher::parse(text).map_err(|error| Problem::bad(format!("bad matcher format: {text:?}: {error}")))
}

/// A regular expression that the whole text must match.
fn whole(text: &str) -> Result<Regex, Problem> {
    let built = re2::Room::new(RECEIVERS, RECEIVERS).whole(text);
    built.map_err(|error| Problem::bad(format!("failed to parse receiver param: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_yes_by_any_of_go_openapis_words_and_no_by_any_other() {
        let active = |query: &str| Ask::parse(Some(query)).unwrap().active;
        for yes in ["true", "TRUE", "True", "1", "yes", "ok", "Y", "on", "selected", "checked", "t", "enabled", ""] {
            assert!(active(&format!("active={yes}")), "{yes}");
        }
        for no in ["false", "False", "0", "no", "off", "f", "disabled", "2"] {
            assert!(!active(&format!("active={no}")), "{no}");
        }
        assert!(!active("active=true&active=false") && active("active=false&active="), "the last one counts");
    }

    #[test]
    fn an_empty_receiver_is_none_in_particular() {
        let ask = |query: &str| Ask::parse(Some(query)).unwrap();
        assert!(ask("receiver=").wants("team") && ask("receiver=other&receiver=").wants("team"));
        assert!(ask("receiver=te.*").wants("team") && !ask("receiver=te").wants("team"));
    }
}
